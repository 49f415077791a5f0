import { basename } from 'node:path';
import { EventEmitter, MarkdownString, ThemeIcon, TreeItem, type TreeDataProvider, type TreeView } from 'vscode';
import type { Disposable } from '../../base/disposables';
import { cutTo, withoutControls } from '../../base/plainText';
import { sizeText } from '../../base/sizeText';
import type { Translate } from '../../base/translate';
import { metricText } from '../../protocol/runWords';
import { recordOf, type ListedModel } from '../modelStore';
import { fineTuningOf, type FineTuning } from '../runFolderRecord';
import type { Services } from '../services';

/** Imported and fine-tuned models, the active one marked, and named beside the view's title. */
export function modelsTree(
  { models, t }: Services,
  view: TreeView<ListedModel>,
): TreeDataProvider<ListedModel> & Disposable {
  const changed = new EventEmitter<void>();
  const nameActive = (): void => void (view.description = models.active()?.name);
  nameActive();
  const subscription = models.onDidChange(() => {
    nameActive();
    changed.fire();
  });
  return {
    onDidChangeTreeData: changed.event,
    getChildren: (element) => (element ? [] : models.list()),
    getTreeItem(model) {
      const item = new TreeItem(model.name);
      item.id = model.folder;
      item.description = model.missing
        ? t('folder missing')
        : [model.active ? t('active') : '', model.description].filter(Boolean).join(' · ');
      item.iconPath = new ThemeIcon(
        model.missing ? 'warning' : model.active ? 'check' : model.hasHead ? 'hubot' : 'package',
      );
      const standing = model.missing ? 'missing' : model.active ? 'active' : model.hasHead ? 'inactive' : 'encoder';
      item.contextValue = model.hasHead && !model.missing ? `${standing} head` : standing;
      item.accessibilityInformation = { label: `${model.name}, ${item.description}` };
      return item;
    },
    // Read when somebody looks: of a fine-tuned model the facts stand in its run.
    async resolveTreeItem(item, model) {
      const tuning = model.record || model.missing ? undefined : await fineTuningOf(model.folder);
      item.tooltip = tooltipOf(model, tuning, t);
      return item;
    },
    dispose() {
      subscription.dispose();
      changed.dispose();
    },
  };
}

/** Names and licences are strangers' text: appended as text, never as Markdown. */
function tooltipOf(
  { name, folder, record, description }: ListedModel,
  tuning: FineTuning | undefined,
  t: Translate,
): MarkdownString {
  const tooltip = new MarkdownString();
  const line = (label: string, value: string | null | undefined): void => {
    if (value) tooltip.appendText(plain(`${label}: ${value}`)).appendMarkdown('  \n');
  };
  tooltip.appendMarkdown('**').appendText(plain(name)).appendMarkdown('**  \n');
  if (record) {
    const { modelType, layers, hiddenSize, parameterCount, sizeBytes, license, source, importedAt } = record;
    line(t('Architecture'), t('{0}, {1} layers, hidden size {2}', modelType, layers, hiddenSize));
    line(t('Parameters'), parameterCount.toLocaleString());
    line(t('Size'), sizeText(sizeBytes));
    line(t('Licence'), license);
    line(t('Source'), [source, record.commit?.slice(0, 12)].filter(Boolean).join(' · '));
    line(t('Imported'), importedAt && new Date(importedAt).toLocaleString());
    line(t('Content'), record.contentHash.slice(0, 19));
  } else line(t('Architecture'), description);
  if (tuning) {
    const { baseModel, isRandomStart, parameterCount, trainingData, rows, characters, best, endedAt } = tuning;
    if (isRandomStart) line(t('Trained from random weights, as'), basename(baseModel));
    else if (characters === undefined) line(t('Fine-tuned from'), basename(baseModel));
    else line(t('Continued on text'), t('{0} characters, from {1}', characters.toLocaleString(), basename(baseModel)));
    line(t('Licence'), recordOf(baseModel)?.license);
    line(t('Parameters'), parameterCount?.toLocaleString());
    line(t('Training data'), trainingData && [basename(trainingData), rows && (characters === undefined ? t('{0} rows', rows.toLocaleString()) : t('{0} documents', rows.toLocaleString()))].filter(Boolean).join(' · ')); // prettier-ignore
    line(t('Best on validation data'), best && `${metricText(best.metric, t)} ${best.value.toFixed(4)}`);
    line(characters === undefined ? t('Fine-tuned') : t('Trained'), endedAt && new Date(endedAt).toLocaleString());
  }
  line(t('Folder'), folder);
  return tooltip;
}

const plain = (text: string): string => withoutControls(cutTo(1000, text));
