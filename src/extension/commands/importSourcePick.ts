import { QuickPickItemKind, window, type QuickPickItem } from 'vscode';
import { DisposableStore } from '../../base/disposables';
import { hubNames, hubPrefixes, hubTitles, type HubName } from '../../base/hubNames';
import { sizeText } from '../../base/sizeText';
import type { Translate } from '../../base/translate';
import { translated } from '../../base/words';
import { KNOWN_ENCODERS, type KnownEncoder } from '../../protocol/knownEncoders';
import type { CachedImport } from '../../protocol/library';
import type { Services } from '../services';
import { showInformation, showProgress } from '../messages';

/** The pairs of questions that medical encoders are often fine-tuned on. */
const offeredDataset = { name: 'CBLUE-KUAKE-QQR', source: 'modelscope:datasets/chuanqi/CBLUE-KUAKE-QQR' };

interface SourceItem extends QuickPickItem {
  readonly source: string;
  /** The hub to be asked for the words that were typed. */
  readonly search?: HubName;
}

/** What to import: an offer, what is typed or pasted, a folder or file, or what the hubs' own clients have downloaded. */
export async function pickSource(services: Services, kind: 'model' | 'dataset'): Promise<string | undefined> {
  const { t, library, log, hubs } = services;
  const store = new DisposableStore();
  const input = store.add(window.createQuickPick<SourceItem>());
  input.title = kind === 'model' ? t('Import Model') : t('Import Data Set');
  input.placeholder =
    kind === 'model'
      ? t('Paste the address of a model page, type modelscope:owner/name or hf:owner/name, or words to search for')
      : t(
          'Paste the address of a data set page, type modelscope:owner/name or hf:datasets/owner/name, or words to search for',
        );
  input.matchOnDescription = true;
  input.ignoreFocusOut = true;
  let cached: readonly CachedImport[] = [];
  let hosts: Readonly<Record<HubName, string>> | undefined;
  // Nothing is sent before Enter, and the item says to whom.
  const searchItem = (hub: HubName, typed: string): SourceItem => ({
    // The editor sorts by how labels match what is typed: these come first.
    label: `$(search) ${typed}`,
    description: t('Search {0}', hubTitles[hub]),
    detail: hosts
      ? t('Enter sends these words to {0}.', hosts[hub])
      : t('Enter sends these words to {0}.', hubTitles[hub]),
    source: typed,
    search: hub,
    alwaysShow: true,
  });
  /** @param isLate what is chosen stays chosen: the list has changed unasked */
  const show = (isLate = false): void => {
    const chosen = isLate ? input.activeItems[0] : undefined;
    const typed = input.value.trim();
    const typedItem = { label: `$(cloud-download) ${t('Import {0}', typed)}`, source: typed, alwaysShow: true };
    // An address or a path is no search.
    const searches = typed === '' || /[/\\:]/.test(typed) ? [] : hubNames.map((hub) => searchItem(hub, typed));
    input.items = [
      ...(searches.length > 0 ? searches : typed ? [typedItem] : []),
      ...(kind === 'model'
        ? [separator(t('Known to work')), ...KNOWN_ENCODERS.map((encoder) => encoderItem(encoder, t))]
        : [{ label: `$(star) ${offeredDataset.name}`, description: 'ModelScope', detail: t('Pairs of medical questions, labelled by how alike they are'), source: offeredDataset.source }]), // prettier-ignore
      ...(kind === 'model' ? [separator(t('From this machine'))] : []),
      ...(kind === 'model'
        ? [
            { label: `$(folder-opened) ${t('From a folder…')}`, source: 'folder' },
            { label: `$(file) ${t('From a weights file…')}`, source: 'file' },
          ]
        : []),
      ...(cached.length > 0 ? [separator(t('Already downloaded'))] : []),
      ...cached.map(({ reference, sizeBytes, folder }) => ({
        label: `$(package) ${reference}`,
        description: sizeText(sizeBytes),
        detail: folder,
        source: reference,
      })),
    ];
    const again =
      chosen && input.items.find(({ source, search }) => source === chosen.source && search === chosen.search);
    if (again) input.activeItems = [again];
  };
  show();
  input.busy = true;
  void hubs
    .options()
    .then((hub) => library.request('hubHosts', { hub }))
    .then(
      (found) => ((hosts = found), show(true)),
      (error: Error) => log.warn(`hosts of the hubs: ${error.message}`),
    );
  library
    .request('caches', {})
    .then(
      (all) => (cached = all.filter((one) => one.kind === kind)),
      (error: Error) => log.warn(`caches: ${error.message}`),
    )
    .finally(() => {
      input.busy = false;
      show(true);
    });
  try {
    const chosen = await new Promise<SourceItem | undefined>((resolve) => {
      store.add(input.onDidChangeValue(() => show()));
      store.add(input.onDidAccept(() => input.selectedItems[0] && resolve(input.selectedItems[0])));
      store.add(input.onDidHide(() => resolve(undefined)));
      input.show();
    });
    if (chosen?.search) {
      input.hide();
      return await searched(services, chosen.search, chosen.source, kind);
    }
    const source = chosen?.source;
    if (source !== 'folder' && source !== 'file') return source;
    input.hide();
    return await browse(source, t);
  } finally {
    store.dispose();
  }
}

/** Asks the hub, and the person which of what it found; undefined when there is nothing to import. */
async function searched(
  { t, library, hubs }: Services,
  name: HubName,
  typed: string,
  kind: 'model' | 'dataset',
): Promise<string | undefined> {
  const hub = await hubs.options();
  const title = t('Searching {0} for “{1}”', hubTitles[name], typed);
  const found = await showProgress(title, (signal) => library.request('search', { name, words: typed, kind, hub }, signal)); // prettier-ignore
  if (found.length === 0) {
    void showInformation(t('{0} has nothing for “{1}”.', hubTitles[name], typed));
    return undefined;
  }
  const items = found.map(({ repository, downloads, license, task }) => ({
    label: repository,
    description: [task, license && t('licence {0}', license), downloads !== undefined && t('{0} downloads', downloads.toLocaleString('en'))].filter(Boolean).join(' · '), // prettier-ignore
    source: `${hubPrefixes[name][0]}:${kind === 'dataset' ? 'datasets/' : ''}${repository}`,
  }));
  const question = t('{0}: what was found for “{1}”', hubTitles[name], typed);
  const choice = await window.showQuickPick(items, { title: question, matchOnDescription: true, ignoreFocusOut: true });
  return choice?.source;
}

/** What is known of it; what is not is said to be unknown. */
function encoderItem({ source, language, texts, size, license, pooling }: KnownEncoder, t: Translate): SourceItem {
  const unknown = t('unknown');
  const [prefix, repository] = [source.slice(0, source.indexOf(':')), source.slice(source.indexOf(':') + 1)];
  const hub = hubNames.find((name) => hubPrefixes[name].includes(prefix))!;
  const facts = [
    `${translated(language, t)}, ${translated(texts, t)}`,
    t('size {0}', size?.value ?? unknown),
    t('licence {0}', license?.value ?? unknown),
    t('pooling {0}', pooling?.value ?? unknown),
  ];
  return { label: `$(star) ${repository}`, description: hubTitles[hub], detail: facts.join(' · '), source };
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
