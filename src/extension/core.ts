import type {
  CodeActionProvider,
  CodeLensProvider,
  CustomDocument,
  CustomReadonlyEditorProvider,
  CustomTextEditorProvider,
  ExtensionContext,
  HoverProvider,
  TaskProvider,
  TreeDataProvider,
  TreeView,
  WebviewPanelSerializer,
  WebviewViewProvider,
} from 'vscode';
import type { DisposableStore } from '../base/disposables';
import { runCommand } from './commandTable';
import { hoverProvider } from './hover/hoverProvider';
import type { CommandId, PanelType } from './ids';
import { labelMappingEditor } from './labelMapping/labelMappingEditor';
import { registerLifeWatch } from './lifeWatch';
import type { ListedModel } from './modelStore';
import { watchRecipes } from './recipe/recipeEditor';
import type { RunRecord } from './runStore';
import { registerRunWatch } from './runWatch';
import { createServices, type Services } from './services';
import { registerStatusBar } from './statusBar';
import { taskProvider } from './taskProvider';
import { modelsTree } from './views/modelsTree';
import { runsTree } from './views/runsTree';

/** What `registrations.ts` hands on to. */
export interface Core {
  readonly services: Services;
  /** Shows what the command throws; rejects for nothing. */
  runCommand(id: CommandId, parameters: readonly unknown[]): Promise<unknown>;
  readonly trainingView: WebviewViewProvider;
  readonly modelsTree: TreeDataProvider<ListedModel>;
  readonly runsTree: TreeDataProvider<RunRecord>;
  readonly panels: Readonly<Record<PanelType, WebviewPanelSerializer>>;
  readonly labelMappingEditor: CustomTextEditorProvider;
  readonly datasetPreview: CustomReadonlyEditorProvider<CustomDocument>;
  readonly hover: HoverProvider;
  readonly recipeLenses: CodeLensProvider;
  readonly recipeFixes: CodeActionProvider;
  readonly tasks: TaskProvider;
}

/**
 * The extension proper, a bundle of its own (`dist/core.js`): loaded at the first use of anything registered, or when
 * the window has come to rest. It starts what acts unasked: the watch over runs, the status bar, the check of recipes.
 * No runtime and no child process starts here.
 */
export function startCore(
  context: ExtensionContext,
  store: DisposableStore,
  { runsView, modelsView }: { readonly runsView: TreeView<RunRecord>; readonly modelsView: TreeView<ListedModel> },
): Core {
  const services = createServices(context, store);
  store.add(registerStatusBar(services));
  store.add(registerLifeWatch(services));
  store.add(registerRunWatch(services));
  const recipes = store.add(watchRecipes(services));
  const { trainingView, similarityPanel, runComparison, modelDetail, runPage, fineTune, datasetPreviews } = services;
  return {
    services,
    runCommand: (id, parameters) => runCommand(services, id, parameters),
    trainingView,
    modelsTree: store.add(modelsTree(services, modelsView)),
    runsTree: store.add(runsTree(services, runsView)),
    panels: {
      'medtext.similarity': similarityPanel.panel,
      'medtext.runComparison': runComparison.panel,
      'medtext.modelDetail': modelDetail.panel,
      'medtext.runPage': runPage.panel,
      'medtext.fineTunePage': fineTune.panel,
    },
    labelMappingEditor: labelMappingEditor(services),
    datasetPreview: datasetPreviews,
    hover: hoverProvider(services),
    recipeLenses: recipes,
    recipeFixes: recipes,
    tasks: taskProvider(services),
  };
}
