import '@vscode-elements/elements/dist/vscode-button/index.js';
import '@vscode-elements/elements/dist/vscode-progress-bar/index.js';
import '@vscode-elements/elements/dist/vscode-textfield/index.js';
import { render } from 'lit';
import { asMedTextError } from '../../src/base/errors';
import { trainingViewContract } from '../../src/protocol/trainingView';
import { Charts } from '../shared/chart';
import { pageMemory } from '../shared/host';
import '../shared/page.css';
import { onThemeChange } from '../shared/theme';
import { startPage } from '../shared/startPage';
import { showRun } from './runCharts';
import { reduce, remembered, restored, type TrainingViewEvent } from './state';
import './style.css';
import { trainingView, type TrainingViewActions } from './view';

const { host, root, t, ask } = startPage(trainingViewContract, {
  paint,
  show: (snapshot) => dispatch({ type: 'snapshot', snapshot }),
  setTrouble: (error) => dispatch({ type: 'trouble', error }),
});
const charts = new Charts<'loss' | 'metric'>();
let state = restored(pageMemory.read());
/** Whether the buttons disappeared while one had the focus. Between two snapshots there may be none. */
let isFocusDue = false;

const actions: TrainingViewActions = {
  dispatch,
  act(action) {
    ask(host.request('act', { action }));
  },
  showRun: (id) => ask(host.request('showRun', { id })),
  commit(field, value) {
    const { recipe, knobs } = state.snapshot?.recipe
      ? { recipe: state.snapshot.recipe.id, knobs: state.snapshot.recipe.knobs }
      : { recipe: '', knobs: [] };
    const known = knobs.find((knob) => knob.field === field)?.value;
    if (value === known) return dispatch({ type: 'reverted', field });
    dispatch({ type: 'typed', field, value });
    host.request('editRecipe', { recipe, field, value }).then(
      () => dispatch({ type: 'written', field, value }),
      (error: unknown) => dispatch({ type: 'refused', field, value, error: asMedTextError(error) }),
    );
  },
  chart: (name, element) => charts.place(name, element),
};

host.on('snapshot', (snapshot) => dispatch({ type: 'snapshot', snapshot }));
onThemeChange(() => charts.draw());

function dispatch(event: TrainingViewEvent): void {
  state = reduce(state, event);
  if (event.type !== 'snapshot') pageMemory.write(remembered(state));
  paint();
  // The reason for the refusal may be outside the visible part.
  if (event.type === 'refused') document.querySelector('.knob .problem')?.scrollIntoView({ block: 'center' });
}

function paint(): void {
  const wasAtActions = isFocusDue || (actionsGroup()?.contains(document.activeElement) ?? false);
  render(trainingView(state, actions, t), root);
  // A pressed button disappears. The focus moves to a button that replaced it, but never to Stop Now.
  const group = actionsGroup();
  const isLost = wasAtActions && (document.activeElement === document.body || isDisabled(document.activeElement));
  if (isLost && group) {
    const isStopping = state.snapshot?.run?.phase === 'stopping';
    (isStopping ? group : (group.querySelector<HTMLElement>('vscode-button:not([disabled])') ?? group)).focus();
  }
  isFocusDue = isLost && !group;
  const run = state.snapshot?.run;
  if (run) showRun(charts, run, state, t);
}

const actionsGroup = (): HTMLElement | null => root.querySelector('.actions');
const isDisabled = (element: Element | null): boolean => element?.hasAttribute('disabled') ?? false;
