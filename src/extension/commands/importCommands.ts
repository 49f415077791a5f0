import { basename, join } from 'node:path';
import { Uri, commands, window, workspace } from 'vscode';
import { durationText } from '../../base/durationText';
import { MedTextError, words } from '../../base/errors';
import { hubNames, hubTitles } from '../../base/hubNames';
import { sizeText } from '../../base/sizeText';
import type { Translate } from '../../base/translate';
import type { FoundImport } from '../../protocol/library';
import type { ListedModel } from '../modelStore';
import { modelsFolder } from '../modelsFolder';
import type { Services } from '../services';
import { requireTrust } from './asking';
import { pickSource } from './importSourcePick';
import { askText, showInformation, showProgress } from '../messages';

/** A model from a hub, a cache, a folder or a file into the library; a name that means a data set brings that. */
export async function importModel(services: Services, target?: unknown): Promise<ListedModel | undefined> {
  return importAny(services, 'model', target);
}

export async function importDataset(services: Services, target?: unknown): Promise<void> {
  await importAny(services, 'dataset', target);
}

async function importAny(services: Services, kind: 'model' | 'dataset', target: unknown) {
  if (!(await requireTrust(services.t))) return undefined;
  const source =
    target instanceof Uri ? target.fsPath : typeof target === 'string' ? target : await pickSource(services, kind);
  if (source === undefined) return undefined;
  const wish = await wishFor(services, source, kind === 'dataset');
  const found = await look(services, wish);
  if (found.kind === 'remote' && !(await confirmDownload(services, found))) return undefined;
  if (found.what === 'model') return bringModel(services, wish, found);
  return bringDataset(services, wish, found);
}

type Wish = Awaited<ReturnType<typeof wishFor>>;

async function wishFor({ hubs }: Services, source: string, isDataset: boolean) {
  const models = modelsFolder();
  return { source, isDataset, models, downloads: join(models, '.downloads'), hub: await hubs.options() };
}

async function look({ library, t }: Services, { source, isDataset, downloads, hub }: Wish): Promise<FoundImport> {
  const title = t('Looking up {0}', basename(source));
  return showProgress(title, (signal) => library.request('find', { source, isDataset, downloads, hub }, signal));
}

const maxNamed = 6;

/** Says what would come, and how much, before anything does. */
async function confirmDownload(
  { t }: Services,
  { reference, commit, files, totalBytes, keptBytes }: FoundImport,
): Promise<boolean> {
  const kept = keptBytes > 0 ? t('{0} already downloaded', sizeText(keptBytes)) : '';
  const named = [...files].sort((a, b) => b.sizeBytes - a.sizeBytes).slice(0, maxNamed);
  const names = named.map(({ path, sizeBytes }) => `${path} (${sizeText(sizeBytes)})`).join(', ');
  const download = {
    label: `$(cloud-download) ${t('Download {0}', sizeText(totalBytes))}`,
    description: [t('{0} files', files.length), kept].filter(Boolean).join(' · '),
    detail: files.length > maxNamed ? `${names}, …` : names,
  };
  const title = commit === undefined ? reference : `${reference} · ${commit.slice(0, 12)}`;
  return (await window.showQuickPick([download], { title, ignoreFocusOut: true })) !== undefined;
}

async function bringModel(services: Services, wish: Wish, found: FoundImport): Promise<ListedModel | undefined> {
  const { t, models, library, log } = services;
  const known = models.list().map(({ folder }) => folder);
  const { folder, isNew, summary } = await withJob(services, t('Importing {0}', found.name), (job, signal) =>
    library.request('importModel', { ...wish, known, job }, signal),
  );
  log.info(`import of ${found.reference}:\n${summary}`);
  if (isNew || !known.includes(folder)) await models.add(folder, 'imported', basename(folder));
  const message = isNew ? t('{0} is imported.', basename(folder)) : t('This model is in the library already, as {0}.', basename(folder)); // prettier-ignore
  const model = models.list().find((one) => one.folder === folder);
  const details = t('Show Details');
  void showInformation(message, details).then(
    (choice) => choice === details && commands.executeCommand('medtext.showModel', model),
  );
  return model;
}

async function bringDataset(services: Services, wish: Wish, found: FoundImport): Promise<undefined> {
  const { t, library } = services;
  const parent = workspace.workspaceFolders?.[0]?.uri.fsPath;
  const inWorkspace = parent && join(parent, 'data', found.name);
  const browse = t('Choose another folder…');
  const choice =
    inWorkspace && (await window.showQuickPick([inWorkspace, browse], { title: t('Save the data set in') }));
  if (inWorkspace && !choice) return undefined;
  const picked = choice === inWorkspace ? undefined : (await window.showOpenDialog({ canSelectFolders: true, canSelectFiles: false }))?.[0]; // prettier-ignore
  const output = choice === inWorkspace ? inWorkspace : picked && join(picked.fsPath, found.name);
  if (!output) return undefined;
  const { folder, files } = await withJob(services, t('Importing {0}', found.name), (job, signal) =>
    library.request('importDataset', { ...wish, isDataset: true, output, job }, signal),
  );
  const data = files.find((file) => /\.(jsonl?|csv|tsv|xlsx|parquet)$/i.test(file));
  const preview = t('Preview Data');
  const message = t('{0} is in {1}.', found.name, folder);
  void showInformation(message, ...(data === undefined ? [] : [preview])).then(
    (asked) => asked === preview && commands.executeCommand('medtext.previewData', Uri.file(join(folder, data!))),
  );
}

/** A request's progress in a notification: share, amount, rate, time left; its button cancels. */
export async function withJob<T>(
  { library, t }: Services,
  title: string,
  work: (job: number, signal: AbortSignal) => Promise<T>,
): Promise<T> {
  const job = library.newJob();
  return showProgress(title, async (signal, report) => {
    let reached = 0;
    let phase = '';
    const subscription = library.onProgress((event) => {
      if (event.job !== job) return;
      const percent = event.total > 0 ? (100 * event.done) / event.total : 100;
      // Each phase counts from 0; the bar cannot go back, so it shows the first.
      if (phase === '') phase = event.phase;
      const increment = phase === event.phase ? percent - reached : 0;
      if (phase === event.phase) reached = percent;
      const left = event.secondsLeft !== null && event.done < event.total ? t('{0} left', durationText(event.secondsLeft, t)) : ''; // prettier-ignore
      const parts =
        event.phase === 'download'
          ? [
              t('{0} of {1}', sizeText(event.done), sizeText(event.total)),
              event.bytesPerSecond > 0 ? `${sizeText(event.bytesPerSecond)}/s` : '',
              left,
            ]
          : event.phase === 'test'
            ? [t('testing the GPU')]
            : [phaseText(event.phase, t), `${Math.floor(percent)} %`, left];
      report(increment, parts.filter(Boolean).join(' · '));
    });
    try {
      return await work(job, signal);
    } finally {
      subscription.dispose();
    }
  });
}

function phaseText(phase: string, t: Translate): string {
  if (phase === 'import') return t('writing');
  if (phase === 'count') return t('counting words');
  return phase === 'unpack' ? t('unpacking') : t('checking');
}

/** Asks for a hub's token and keeps it in the secret storage; an empty one takes it away. */
export async function setAccessToken({ t, hubs, library, log }: Services): Promise<void> {
  const items = await Promise.all(
    hubNames.map(async (hub) => ({
      label: hubTitles[hub],
      description: (await hubs.token(hub)) === undefined ? '' : t('a token is stored'),
      detail: undefined as string | undefined,
      hub,
      isLogin: false,
    })),
  );
  const logins = await library
    .request('logins', {})
    .catch((error: Error) => (log.warn(`logins: ${error.message}`), []));
  // Offered, with its place: it is another program's, and read only for a person who chooses it.
  const offers = logins.map(({ hub, command, file }) => ({ label: t('Use the token that {0} saved', command), description: hubTitles[hub], detail: file, hub, isLogin: true })); // prettier-ignore
  const choice = await window.showQuickPick([...items, ...offers], { title: t('Set Access Token') });
  if (!choice) return;
  if (choice.isLogin) {
    const { token } = await library.request('loginToken', { hub: choice.hub });
    if (token === '') throw new MedTextError('ACCESS', words`${choice.detail!} has no valid token. Log in again.`);
    return hubs.setToken(choice.hub, token);
  }
  const token = await askText({
    title: t('Access token of {0}', choice.label),
    prompt: t('It is kept in the secret storage of the editor. Leave it empty to delete the stored token.'),
    password: true,
    ignoreFocusOut: true,
    validateInput: (text) => (/^[\x21-\x7e]*$/.test(text.trim()) ? undefined : t('The token has invalid characters. Copy it again.')), // prettier-ignore
  });
  if (token === undefined) return;
  await hubs.setToken(choice.hub, token.trim() || undefined);
}
