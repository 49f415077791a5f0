import '@vscode-elements/elements/dist/vscode-button/index.js';
import { render } from 'lit';
import { fineTuneContract, type FineTuneSnapshot } from '../../src/protocol/fineTunePage';
import { pageMemory } from '../shared/host';
import '../shared/page.css';
import '../shared/panel.css';
import { startPage } from '../shared/startPage';
import './style.css';
import { fineTunePage, type FineTuneActions } from './view';
import type { ShownError } from '../shared/errorNotice';

const { host, root, t, ask } = startPage(fineTuneContract, { paint, show, setTrouble });
let snapshot: FineTuneSnapshot | undefined;
let trouble: ShownError | undefined;

const actions: FineTuneActions = {
  choose: (field, value) => act(host.request('choose', { field, value })),
  score: (label, score) => act(host.request('score', { label, score })),
  browse: (field) => act(host.request('browse', { field })),
  importModel: () => act(host.request('importModel', undefined)),
  preview: () => act(host.request('preview', undefined)),
  measureTime: () => act(host.request('measureTime', undefined)),
  showContradictions: () => act(host.request('showContradictions', undefined)),
  write: (start) => act(host.request('write', { start })),
};

// The editor restores a page after a reload only if the page has a state.
pageMemory.write({});
host.on('snapshot', show);

function act(request: Promise<unknown>): void {
  trouble = undefined;
  ask(request);
}

function show(next: FineTuneSnapshot): void {
  snapshot = next;
  paint();
}

function setTrouble(error: ShownError | undefined): void {
  trouble = error;
  paint();
}

function paint(): void {
  render(fineTunePage(snapshot, trouble, actions, t), root);
}
