import { languages, workspace, type ExtensionContext } from 'vscode';
import { DisposableStore } from '../base/disposables';
import type { Core } from './core';
import { Registrations, recipes } from './registrations';
import { RunStore } from './runStore';
import type { Services } from './services';
import { StartNotes } from './startNotes';
import { whenIdle } from './whenIdle';

/** What other extensions and the integration tests get. */
export interface MedTextApi {
  services(): Promise<Services>;
}

/**
 * Registers everything and does nothing. Almost every window has some text or JSON in it and so comes to this, beside
 * every other extension that starts; few of them have to do with models. What is registered stands in
 * `registrations.ts`; all the rest is the core, which loads at the first use of any of it, or once the window has come
 * to rest when there is something to do that nobody asks for.
 */
export function activate(context: ExtensionContext): MedTextApi {
  const store = new DisposableStore();
  context.subscriptions.push(store);
  let loading: Promise<Core> | undefined;
  const core = (): Promise<Core> =>
    (loading ??= import('./core').then(({ startCore }) => startCore(context, store, registrations)));
  const registrations = store.add(new Registrations(core));
  store.add(whenIdle(() => void (hasWork(context) && core())));
  return { services: async () => (await core()).services };
}

/** Runs that go on without a window are followed, and recipes that are open are checked. */
function hasWork(context: ExtensionContext): boolean {
  return (
    new RunStore(context.workspaceState).list().some(({ status }) => status === 'running') ||
    StartNotes.of(context).list().length > 0 ||
    workspace.textDocuments.some((document) => languages.match(recipes, document) > 0)
  );
}

/** Disposing the services lets go of the trainer, which then does what its run was started with. */
export function deactivate(): void {}
