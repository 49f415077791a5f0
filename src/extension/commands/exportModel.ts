import { basename, join } from 'node:path';
import { Selection, Uri, ViewColumn, window, workspace } from 'vscode';
import type { Translate } from '../../base/translate';
import { exportCheckText, type ExportCheck } from '../../protocol/exportCheck';
import type { ModelFormat } from '../../protocol/modelFormat';
import type { ListedModel } from '../modelStore';
import type { Services } from '../services';
import { setting } from '../settings';
import { requireTrust } from './asking';
import { freeFolder, isModel, scoringModel, useFolder, withProgress } from './modelCommands';
import { revealFolder } from './runCommands';
import { showInformation } from '../messages';
import { tellErrorOf } from '../tellError';

/** A model of the list, else the active one, written for other programs: the format and a place are asked for. */
export async function exportModel(services: Services, target?: unknown): Promise<string | undefined> {
  const { t, scorer } = services;
  const model = isModel(target) ? target : await scoringModel(services);
  if (!model || !(await requireTrust(t))) return undefined;
  const choice = await window.showQuickPick(choices(t, model), {
    title: t('Export {0} as', model.name),
    matchOnDescription: true,
  });
  const parent = choice && (await chooseParent(t));
  if (!choice || !parent) return undefined;
  const { format } = choice;
  const output = freeFolder(parent.fsPath, `${model.name.replace(/[^\p{L}\p{N}._-]+/gu, '-')}-${format}`);
  const threads = setting('medtext.runtime.threads');
  const params = { folder: model.folder, output, format, ...(threads > 0 && { threads }) };
  const exported = await withProgress(services, t('Exporting {0}', model.name), 'exportModel', (signal) =>
    scorer.request('exportModel', params, signal),
  );
  services.log.info(`export of ${model.folder} as ${format}: ${exported.output}: ${exported.files.join(', ')}`);
  // The command does not wait for this: it has ended, whether or not the message is closed.
  tellErrorOf(services, 'exported model', offerToTry(services, model, format, exported));
  return exported.output;
}

interface FormatChoice {
  readonly label: string;
  readonly description: string;
  readonly format: ModelFormat;
}

/** The formats of a model. An encoder without a classifier has no logits, so it has no ONNX export. */
function choices(t: Translate, { hasHead }: ListedModel): FormatChoice[] {
  const all: FormatChoice[] = [
    { format: 'huggingface', label: t('Hugging Face folder'), description: t('safetensors, tokenizer and card, for transformers') }, // prettier-ignore
    { format: 'modelscope', label: t('ModelScope folder'), description: t('pytorch_model.bin and configuration.json, for ModelScope') }, // prettier-ignore
    { format: 'onnx', label: 'ONNX', description: t('one file for any ONNX runtime, full precision') },
    { format: 'onnx-fp16', label: t('ONNX, half precision'), description: t('half the size, for GPUs') },
    { format: 'onnx-int8', label: t('ONNX, quantised (int8)'), description: t('a quarter of the size, for CPUs; predictions may change slightly') }, // prettier-ignore
    { format: 'sentence-transformers', label: t('sentence-transformers folder'), description: t('the encoder without its classifier, for sentence embeddings') }, // prettier-ignore
  ];
  return all.filter(({ format }) => hasHead || !format.startsWith('onnx'));
}

async function chooseParent(t: Translate): Promise<Uri | undefined> {
  const uris = await window.showOpenDialog({
    title: t('Export Model'),
    canSelectFolders: true,
    canSelectFiles: false,
    defaultUri: workspace.workspaceFolders?.[0]?.uri,
    openLabel: t('Export Into This Folder'),
  });
  return uris?.[0];
}

async function offerToTry(
  services: Services,
  model: ListedModel,
  format: ModelFormat,
  { output, checked }: { output: string; checked?: ExportCheck },
): Promise<void> {
  const { t } = services;
  const tryIt = t('Try It');
  const reveal = t('Reveal in Explorer');
  const done = t('{0} is exported to {1}.', model.name, basename(output));
  const message = checked ? `${done} ${exportCheckText(checked, t)}` : done;
  const choice = await showInformation(message, tryIt, reveal);
  if (choice === reveal) await revealFolder(output);
  if (choice === tryIt) await tryExport(services, model, format, output);
}

const TEXTS = ['肺炎怎么治疗', '肺炎的治疗方法有哪些', '头痛挂什么科', '高血压能不能喝酒', '血压高可以饮酒吗'];

/** The exported files answer in the similarity panel; what gives no scores shows its card, which says how to open it. */
async function tryExport(services: Services, model: ListedModel, format: ModelFormat, output: string): Promise<void> {
  if (format === 'sentence-transformers' || !model.hasHead) {
    await window.showTextDocument(Uri.file(join(output, 'README.md')), { preview: true });
    return;
  }
  await useFolder(services, output);
  const document = await workspace.openTextDocument({ language: 'plaintext', content: `${TEXTS.join('\n')}\n` });
  const editor = await window.showTextDocument(document, ViewColumn.One);
  editor.selection = new Selection(0, 0, 0, TEXTS[0].length);
  services.similarityPanel.compare(editor);
}
