import '@vscode-elements/elements/dist/vscode-button/index.js';
import { render } from 'lit';
import { fineTuneContract, type FineTuneSnapshot } from '../../src/protocol/fineTunePage';
import { pageMemory } from '../shared/host';
import '../shared/page.css';
import '../shared/panel.css';
import { startPage } from '../shared/startPage';
import './style.css';
import { fineTunePage, type FineTuneActions } from './view';

const { host, root, t, ask } = startPage(fineTuneContract, { paint, show, tell: (message) => tell(message) });
let snapshot: FineTuneSnapshot | undefined;
let trouble = '';

const actions: FineTuneActions = {
  choose: (field, value) => act(host.request('choose', { field, value })),
  score: (label, score) => act(host.request('score', { label, score })),
  browse: (field) => act(host.request('browse', { field })),
  importModel: () => act(host.request('importModel', undefined)),
  preview: () => act(host.request('preview', undefined)),
  write: (start) => act(host.request('write', { start })),
};

// Without a state the editor would not restore the page after a reload.
pageMemory.write({});
host.on('snapshot', show);

function act(request: Promise<unknown>): void {
  trouble = '';
  ask(request);
}

function show(next: FineTuneSnapshot): void {
  snapshot = next;
  paint();
}

function tell(message: string): void {
  trouble = message;
  paint();
}

function paint(): void {
  render(fineTunePage(snapshot, trouble, actions, t), root);
}
