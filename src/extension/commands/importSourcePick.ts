import { QuickPickItemKind, window, type QuickPickItem } from 'vscode';
import { DisposableStore } from '../../base/disposables';
import { sizeText } from '../../base/sizeText';
import type { CachedImport } from '../../protocol/library';
import type { Services } from '../services';

/** Offered first: encoders of Chinese medical text, and the pairs of questions they are often fine-tuned on. */
const offered = {
  model: {
    name: 'nlp_medical_structbert_backbone_base',
    source: 'modelscope:damo/nlp_medical_structbert_backbone_base',
  },
  dataset: { name: 'CBLUE-KUAKE-QQR', source: 'modelscope:datasets/chuanqi/CBLUE-KUAKE-QQR' },
};

interface SourceItem extends QuickPickItem {
  readonly source: string;
}

/** What to import: an offer, what is typed or pasted, a folder or file, or what the hubs' own clients have downloaded. */
export async function pickSource(
  { t, library, log }: Services,
  kind: 'model' | 'dataset',
): Promise<string | undefined> {
  const store = new DisposableStore();
  const input = store.add(window.createQuickPick<SourceItem>());
  input.title = kind === 'model' ? t('Import Model') : t('Import Data Set');
  input.placeholder =
    kind === 'model'
      ? t('Paste the address of a model page, or type modelscope:owner/name or hf:owner/name')
      : t('Paste the address of a data set page, or type modelscope:owner/name or hf:datasets/owner/name');
  input.matchOnDescription = true;
  input.ignoreFocusOut = true;
  let cached: readonly CachedImport[] = [];
  const show = (): void => {
    const typed = input.value.trim();
    input.items = [
      ...(typed ? [{ label: `$(cloud-download) ${t('Import {0}', typed)}`, source: typed, alwaysShow: true }] : []),
      {
        label: `$(star) ${offered[kind].name}`,
        description: 'ModelScope',
        detail:
          kind === 'model'
            ? t('A Chinese encoder that was trained on medical text')
            : t('Pairs of medical questions, labelled by how alike they are'),
        source: offered[kind].source,
      },
      ...(kind === 'model'
        ? [
            { label: `$(folder-opened) ${t('From a folder…')}`, source: 'folder' },
            { label: `$(file) ${t('From a weights file…')}`, source: 'file' },
          ]
        : []),
      ...(cached.length > 0 ? [separator(t('On this machine'))] : []),
      ...cached.map(({ reference, sizeBytes, folder }) => ({
        label: `$(package) ${reference}`,
        description: sizeText(sizeBytes),
        detail: folder,
        source: reference,
      })),
    ];
  };
  show();
  input.busy = true;
  library
    .request('caches', {})
    .then(
      (all) => (cached = all.filter((one) => one.kind === kind)),
      (error: Error) => log.warn(`caches: ${error.message}`),
    )
    .finally(() => {
      input.busy = false;
      show();
    });
  try {
    const source = await new Promise<string | undefined>((resolve) => {
      store.add(input.onDidChangeValue(show));
      store.add(input.onDidAccept(() => input.selectedItems[0] && resolve(input.selectedItems[0].source)));
      store.add(input.onDidHide(() => resolve(undefined)));
      input.show();
    });
    if (source !== 'folder' && source !== 'file') return source;
    input.hide();
    return await browse(source, t);
  } finally {
    store.dispose();
  }
}

async function browse(what: 'folder' | 'file', t: Services['t']): Promise<string | undefined> {
  const picked = await window.showOpenDialog({
    title: t('Import Model'),
    canSelectFolders: what === 'folder',
    canSelectFiles: what === 'file',
    openLabel: what === 'folder' ? t('Import This Folder') : t('Import This File'),
    ...(what === 'file' && { filters: { [t('Weights')]: ['safetensors', 'bin', 'pt', 'pth', 'onnx'] } }),
  });
  return picked?.[0].fsPath;
}

const separator = (label: string): SourceItem => ({ label, kind: QuickPickItemKind.Separator, source: '' });
