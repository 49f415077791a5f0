import '@vscode-elements/elements/dist/vscode-button/index.js';
import '@vscode-elements/elements/dist/vscode-progress-bar/index.js';
import { render } from 'lit';
import { similarityPanelContract } from '../../src/protocol/similarityPanel';
import { pageMemory } from '../shared/host';
import '../shared/entityText.css';
import '../shared/page.css';
import { startPage } from '../shared/startPage';
import { initialState, reduce, type SimilarityPanelEvent } from './state';
import './style.css';
import { similarityPanel, type SimilarityPanelActions } from './view';

const { host, root, t, ask } = startPage(similarityPanelContract, {
  paint,
  show: (snapshot) => dispatch({ type: 'snapshot', snapshot }),
  setTrouble: (error) => dispatch({ type: 'trouble', error }),
});
let state = initialState;

const actions: SimilarityPanelActions = {
  dispatch,
  jump: (id) => ask(host.request('jump', { revision: revision(), id })),
  setReference: (id) => ask(host.request('setReference', { revision: revision(), id })),
  clearReference: () => ask(host.request('clearReference', undefined)),
  stop: () => ask(host.request('stop', { revision: revision() })),
  goOn: () => ask(host.request('goOn', { revision: revision() })),
  follow: (on) => ask(host.request('follow', { on })),
  setScale: () => ask(host.request('setScale', undefined)),
  chooseModel: () => ask(host.request('chooseModel', undefined)),
};

// The editor restores a panel after a reload only if its page has a state.
pageMemory.write({});
host.on('snapshot', (snapshot) => dispatch({ type: 'snapshot', snapshot }));

function revision(): number {
  return state.snapshot?.revision ?? 0;
}

function dispatch(event: SimilarityPanelEvent): void {
  state = reduce(state, event);
  paint();
}

function paint(): void {
  render(similarityPanel(state, actions, t), root);
}
