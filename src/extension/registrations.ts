import {
  CodeActionKind,
  EventEmitter,
  commands,
  languages,
  tasks,
  window,
  workspace,
  type DocumentSelector,
  type TreeDataProvider,
  type TreeView,
} from 'vscode';
import { DisposableStore, type Disposable } from '../base/disposables';
import type { Core } from './core';
import { innerCommands, paletteCommands, panelTypes, taskType, type CustomEditorType, type ViewId } from './ids';
import type { ListedModel } from './modelStore';
import type { RunRecord } from './runStore';

const texts: DocumentSelector = [{ scheme: 'file' }, { scheme: 'untitled' }];
export const recipes: DocumentSelector = { scheme: 'file', pattern: '**/*.medtext.json' };

/**
 * Everything that VS Code must find once the extension is active, whatever the reason: a command, a view, a panel or an
 * editor that comes back, a hover. Nothing is done here: each hands on to the core, which loads at the first use.
 */
export class Registrations implements Disposable {
  private readonly store = new DisposableStore();
  /** The core follows what is selected in it and whether it is seen. */
  readonly runsView: TreeView<RunRecord>;
  /** The core names the active model beside its title, for it is collapsed at first. */
  readonly modelsView: TreeView<ListedModel>;

  constructor(private readonly core: () => Promise<Core>) {
    for (const id of [...paletteCommands, ...innerCommands]) {
      this.add(commands.registerCommand(id, async (...given: unknown[]) => (await core()).runCommand(id, given)));
    }
    this.registerViews();
    this.registerEditors();
    this.registerLanguageFeatures();
    this.add(
      tasks.registerTaskProvider(taskType, {
        provideTasks: async (token) => (await core()).tasks.provideTasks(token),
        resolveTask: async (task, token) => (await core()).tasks.resolveTask(task, token),
      }),
    );
    this.modelsView = this.tree('medtext.models', ({ modelsTree }) => modelsTree);
    this.runsView = this.tree('medtext.runs', ({ runsTree }) => runsTree);
  }

  dispose(): void {
    this.store.dispose();
  }

  private registerViews(): void {
    const { core } = this;
    const training: ViewId = 'medtext.training';
    this.add(
      window.registerWebviewViewProvider(training, {
        resolveWebviewView: async (...view) => (await core()).trainingView.resolveWebviewView(...view),
      }),
    );
    for (const type of panelTypes) {
      this.add(
        window.registerWebviewPanelSerializer(type, {
          deserializeWebviewPanel: async (...panel) => (await core()).panels[type].deserializeWebviewPanel(...panel),
        }),
      );
    }
  }

  private registerEditors(): void {
    const { core } = this;
    const options = { supportsMultipleEditorsPerDocument: true };
    const labels: readonly CustomEditorType[] = ['medtext.labelMapping', 'medtext.labelsFile'];
    for (const type of labels) {
      const resolve = async (...editor: Parameters<Core['labelMappingEditor']['resolveCustomTextEditor']>) =>
        (await core()).labelMappingEditor.resolveCustomTextEditor(...editor);
      this.add(window.registerCustomEditorProvider(type, { resolveCustomTextEditor: resolve }, options));
    }
    const previews: readonly CustomEditorType[] = ['medtext.datasetPreview', 'medtext.tablePreview'];
    for (const type of previews) {
      this.add(
        window.registerCustomEditorProvider(
          type,
          {
            openCustomDocument: async (...file) => (await core()).datasetPreview.openCustomDocument(...file),
            resolveCustomEditor: async (...editor) => (await core()).datasetPreview.resolveCustomEditor(...editor),
          },
          options,
        ),
      );
    }
  }

  private registerLanguageFeatures(): void {
    const { core } = this;
    this.add(
      languages.registerHoverProvider(texts, {
        provideHover: async (...at) => (await core()).hover.provideHover(...at),
      }),
    );
    // Lenses and fixes may be switched off; recipes are checked all the same.
    this.add(workspace.onDidOpenTextDocument((document) => void (languages.match(recipes, document) > 0 && core())));
    this.add(
      languages.registerCodeLensProvider(recipes, {
        provideCodeLenses: async (...recipe) => (await core()).recipeLenses.provideCodeLenses(...recipe),
      }),
    );
    this.add(
      languages.registerCodeActionsProvider(
        recipes,
        { provideCodeActions: async (...at) => (await core()).recipeFixes.provideCodeActions(...at) },
        { providedCodeActionKinds: [CodeActionKind.QuickFix] },
      ),
    );
  }

  /** A tree asks for rows once it is seen: only then is there anything to repaint. */
  private tree<T>(id: ViewId, treeOf: (core: Core) => TreeDataProvider<T>): TreeView<T> {
    const changed = this.add(new EventEmitter<void>());
    let known: Promise<TreeDataProvider<T>> | undefined;
    const tree = (): Promise<TreeDataProvider<T>> =>
      (known ??= this.core().then((core) => {
        const loaded = treeOf(core);
        loaded.onDidChangeTreeData?.(() => changed.fire());
        return loaded;
      }));
    const treeDataProvider: TreeDataProvider<T> = {
      onDidChangeTreeData: changed.event,
      getChildren: async (parent) => (await tree()).getChildren(parent),
      getTreeItem: async (row) => (await tree()).getTreeItem(row),
      resolveTreeItem: async (...row) => (await tree()).resolveTreeItem?.(...row),
    };
    return this.add(window.createTreeView(id, { treeDataProvider, canSelectMany: id === 'medtext.runs' }));
  }

  private add<T extends Disposable>(registration: T): T {
    return this.store.add(registration);
  }
}
