import '@vscode-elements/elements/dist/vscode-button/index.js';
import { render } from 'lit';
import { modelDetailContract, type ModelDetailSnapshot } from '../../src/protocol/modelDetailPanel';
import { pageMemory } from '../shared/host';
import '../shared/page.css';
import '../shared/panel.css';
import { startPage } from '../shared/startPage';
import { maskedText, reduce, remembered, restored, type ModelDetailEvent } from './state';
import './style.css';
import { modelDetailView, type ModelDetailActions } from './view';

const candidates = 8;

const {
  host,
  root,
  t,
  ask,
  show: showTrouble,
} = startPage(modelDetailContract, {
  paint,
  show: show,
  setTrouble: (error) => dispatch({ type: 'trouble', error }),
});
let state = restored(pageMemory.read());
/** The number of the last request for tokens. Answers to earlier requests are dropped. */
let asked = 0;

const actions: ModelDetailActions = {
  dispatch,
  texts(first, second) {
    dispatch({ type: 'texts', first, second });
    tokenize();
  },
  fillMask() {
    dispatch({ type: 'filling' });
    const folder = shownFolder();
    host.request('fillMask', { folder, text: maskedText(state), top: candidates }).then(
      // An answer that comes after the page has moved to another model is dropped.
      (fills) => folder === shownFolder() && dispatch({ type: 'filled', fills }),
      (error: unknown) => {
        if (folder !== shownFolder()) return;
        dispatch({ type: 'filled', fills: undefined });
        showTrouble(error);
      },
    );
  },
  verify: () => ask(host.request('verify', undefined)),
  reveal: () => ask(host.request('reveal', undefined)),
  activate: () => ask(host.request('activate', undefined)),
};

host.on('snapshot', show);

function show(snapshot: ModelDetailSnapshot): void {
  dispatch({ type: 'snapshot', snapshot });
  if (!state.tokens) tokenize();
}

function tokenize(): void {
  if (!state.snapshot?.detail?.tokenizer) return;
  const { first, second } = state;
  const number = ++asked;
  const folder = shownFolder();
  const isAwaited = () => number === asked && folder === shownFolder();
  host.request('tokenize', { folder, first, ...(second !== '' && { second }) }).then(
    (tokens) => isAwaited() && dispatch({ type: 'tokens', tokens }),
    (error: unknown) => isAwaited() && showTrouble(error),
  );
}

const shownFolder = (): string => state.snapshot?.folder ?? '';

function dispatch(event: ModelDetailEvent): void {
  state = reduce(state, event);
  if (state.snapshot) pageMemory.write(remembered(state));
  paint();
}

function paint(): void {
  render(modelDetailView(state, actions, t), root);
}
