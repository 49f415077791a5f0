import '@vscode-elements/elements/dist/vscode-button/index.js';
import '@vscode-elements/elements/dist/vscode-progress-bar/index.js';
import { render } from 'lit';
import { runPageContract, type SeriesName } from '../../src/protocol/runPage';
import { Charts, type SeriesLook } from '../shared/chart';
import { columnOf, curvesOver } from '../shared/curves';
import { pageMemory } from '../shared/host';
import '../shared/page.css';
import '../shared/panel.css';
import { startPage } from '../shared/startPage';
import { onThemeChange } from '../shared/theme';
import { showRun } from '../trainingView/runCharts';
import { reduce, remembered, restored, tagsOf, type RunPageEvent } from './state';
import './style.css';
import { runPage, seriesText, type RunPageActions } from './view';

const { host, root, t, ask } = startPage(runPageContract, {
  paint,
  show: (snapshot) => dispatch({ type: 'snapshot', snapshot }),
  setTrouble: (error) => dispatch({ type: 'trouble', error }),
});
const charts = new Charts<'loss' | 'metric' | SeriesName>();
let state = restored(pageMemory.read());

const actions: RunPageActions = {
  dispatch,
  act: (action) => ask(host.request('act', { id: shownId(), action })),
  openRows: (measurement, given, predicted) => ask(host.request('openRows', { id: shownId(), measurement, given, predicted })), // prettier-ignore
  annotate() {
    const { snapshot, note, tags } = state;
    if (!snapshot || (note === undefined && tags === undefined)) return;
    const written = { note: note ?? snapshot.note, tags: tags === undefined ? [...snapshot.tags] : tagsOf(tags) };
    const { id } = snapshot;
    const annotated = (): void => dispatch({ type: 'annotated', id, typed: { note, tags }, written });
    ask(host.request('annotate', { id, ...written }).then(annotated));
  },
  chart: (name, element) => charts.place(name, element),
};

host.on('snapshot', (snapshot) => dispatch({ type: 'snapshot', snapshot }));
onThemeChange(() => charts.draw());

const shownId = (): string => state.snapshot?.id ?? '';

function dispatch(event: RunPageEvent): void {
  state = reduce(state, event);
  if (state.snapshot) pageMemory.write(remembered(state));
  paint();
}

function paint(): void {
  render(runPage(state, actions, t), root);
  const { snapshot } = state;
  if (!snapshot) return;
  const stepWord = (step: number): string => t('Step {0}', step);
  for (const { name, steps, values } of snapshot.series) {
    const look: SeriesLook = { label: seriesText(name, t), color: '--train', width: 1.5 };
    // The axis shows GiB, because large numbers of bytes would be labelled with powers of ten.
    const drawn = name === 'memoryBytes' ? values.map((value) => value && value / 2 ** 30) : values;
    charts.show(name, curvesOver([columnOf(steps, drawn)]), [look], stepWord);
  }
  if (snapshot.run) showRun(charts, snapshot.run, state, t);
}
