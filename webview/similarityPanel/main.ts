import '@vscode-elements/elements/dist/vscode-button/index.js';
import '@vscode-elements/elements/dist/vscode-progress-bar/index.js';
import { render } from 'lit';
import { asMedTextError } from '../../src/base/errors';
import { untranslated, type Translate } from '../../src/base/translate';
import { similarityPanelContract } from '../../src/protocol/similarityPanel';
import { connectToHost, pageMemory } from '../shared/host';
import '../shared/page.css';
import { translateWith } from '../shared/wordings';
import { initialState, reduce, type SimilarityPanelEvent } from './state';
import './style.css';
import { similarityPanel, type SimilarityPanelActions } from './view';

const root = document.getElementById('root')!;
const host = connectToHost(similarityPanelContract);
let state = initialState;
let t: Translate = untranslated;

const actions: SimilarityPanelActions = {
  dispatch,
  jump: (id) => ask(host.request('jump', { revision: revision(), id })),
  setReference: (id) => ask(host.request('setReference', { revision: revision(), id })),
  clearReference: () => ask(host.request('clearReference', undefined)),
  follow: (on) => ask(host.request('follow', { on })),
  chooseModel: () => ask(host.request('chooseModel', undefined)),
};

// Without a state the editor would not restore the panel after a reload.
pageMemory.write({});
host.on('snapshot', (snapshot) => dispatch({ type: 'snapshot', snapshot }));
paint();
host.request('initialize', undefined).then(({ language, wordings, snapshot }) => {
  document.documentElement.lang = language;
  t = translateWith(wordings);
  dispatch({ type: 'snapshot', snapshot });
}, showTrouble);

function ask(request: Promise<unknown>): void {
  dispatch({ type: 'trouble', message: '' });
  request.catch(showTrouble);
}

function revision(): number {
  return state.snapshot?.revision ?? 0;
}

function showTrouble(error: unknown): void {
  const { code, message } = asMedTextError(error);
  if (code !== 'CANCELLED') dispatch({ type: 'trouble', message });
}

function dispatch(event: SimilarityPanelEvent): void {
  state = reduce(state, event);
  paint();
}

function paint(): void {
  render(similarityPanel(state, actions, t), root);
}
