import type { ExtensionContext } from 'vscode';
import { DisposableStore } from '../base/disposables';
import { registerCommands } from './commandTable';
import { registerHover } from './hover/hoverProvider';
import { registerLabelMappingEditor } from './labelMapping/labelMappingEditor';
import { registerRecipeEditor } from './recipe/recipeEditor';
import { registerLifeWatch } from './lifeWatch';
import { registerRunWatch } from './runWatch';
import { createServices, type Services } from './services';
import { registerStatusBar } from './statusBar';
import { registerTasks } from './taskProvider';
import { registerModelsTree } from './views/modelsTree';
import { registerRunsTree } from './views/runsTree';

/** What other extensions and the integration tests get. */
export interface MedTextApi {
  readonly activationMs: number;
  readonly services: Services;
}

/** Registers everything and starts nothing: no runtime, no child process, no file is read here. */
export function activate(context: ExtensionContext): MedTextApi {
  const startMs = performance.now();
  const store = new DisposableStore();
  context.subscriptions.push(store);
  const services = createServices(context, store);
  store.add(registerCommands(services));
  store.add(registerModelsTree(services));
  store.add(registerRunsTree(services));
  store.add(registerStatusBar(services));
  store.add(registerHover(services));
  store.add(registerRecipeEditor(services));
  store.add(registerLabelMappingEditor(services));
  store.add(registerTasks(services));
  store.add(registerLifeWatch(services));
  store.add(registerRunWatch(services));
  const activationMs = performance.now() - startMs;
  services.log.info(`activated in ${activationMs.toFixed(1)} ms`);
  return { activationMs, services };
}

/** Disposing the services lets go of the trainer, which then does what its run was started with. */
export function deactivate(): void {}
