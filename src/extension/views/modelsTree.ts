import { EventEmitter, ThemeIcon, TreeItem, window, type TreeDataProvider } from 'vscode';
import type { Disposable } from '../../base/disposables';
import type { ViewId } from '../ids';
import type { ListedModel } from '../modelStore';
import type { Services } from '../services';

const viewId: ViewId = 'medtext.models';

/** Imported and fine-tuned models, the active one marked. */
export function registerModelsTree({ models, t }: Services): Disposable {
  const changed = new EventEmitter<void>();
  const provider: TreeDataProvider<ListedModel> = {
    onDidChangeTreeData: changed.event,
    getChildren: (element) => (element ? [] : models.list()),
    getTreeItem(model) {
      const item = new TreeItem(model.name);
      item.id = model.folder;
      item.description = model.missing
        ? t('folder missing')
        : [model.active ? t('active') : '', model.description].filter(Boolean).join(' · ');
      item.tooltip = model.folder;
      item.iconPath = new ThemeIcon(
        model.missing ? 'warning' : model.active ? 'check' : model.canScore ? 'hubot' : 'package',
      );
      item.contextValue = model.active ? 'active' : model.canScore && !model.missing ? 'inactive' : 'encoder';
      item.accessibilityInformation = { label: `${model.name}, ${item.description}` };
      return item;
    },
  };
  const view = window.createTreeView(viewId, { treeDataProvider: provider });
  const subscription = models.onDidChange(() => changed.fire());
  return {
    dispose() {
      subscription.dispose();
      view.dispose();
      changed.dispose();
    },
  };
}
