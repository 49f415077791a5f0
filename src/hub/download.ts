/** Plans and makes the download of a hub's repository. */
import { createHash } from 'node:crypto';
import { mkdir, rm, statfs } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { MedTextError, words } from '../base/errors';
import { withFileLock } from '../base/fileLock';
import { silentLog, type Log } from '../base/log';
import { chooseFiles, isTable, type Choice } from './chooseFiles';
import { downloadFile, isTaken, keptBytes, type WantedFile } from './downloadFile';
import { noAccess, notFound, type FoundRepository, type Hub, type Listing, type RemoteFile } from './hub';
import { hubNames, type HubName } from '../base/hubNames';
import {
  endpointOf,
  formatHubReference,
  repositoryName,
  type HubReference,
  type RepositoryReference,
} from './hubReference';
import { HUBS } from './hubs';
import type { HubSettings } from './hubSettings';
import { HuggingFaceHub } from './huggingFace';
import { ModelScopeHub } from './modelScope';
import { placeBelow, refuseUnsafeNames } from './safeName';
import { parseSplitMap, splitMapFile } from './splitMap';
import { TransferMeter, type TransferProgress } from './transferMeter';
import { cancelled, network, Transport, type Answer, type TransportLimits } from './transport';

/** What a download would bring, before it begins. */
export interface DownloadPlan {
  readonly reference: Listing['reference'];
  readonly commit: string | undefined;
  /** Absolute; the files lie in it by their own paths. */
  readonly folder: string;
  /** The part of `folder` that the reference names, if it names one. */
  readonly root: string;
  readonly files: readonly RemoteFile[];
  readonly totalBytes: number;
  /** The bytes of these files that an earlier attempt left here. */
  readonly keptBytes: number;
  readonly leftOut: readonly RemoteFile[];
  /** The files with rows of a data set, also those that are not planned. */
  readonly tables: readonly string[];
  /** The file of each split, by `split` and `subset/split`, where a data set has a table of splits. */
  readonly splits: Readonly<Record<string, string>>;
}

export interface PlanOptions {
  /** Patterns that choose files instead of the usual rules. */
  readonly include?: readonly string[];
  /** The paths that are needed of a data set, chosen from all paths. */
  readonly only?: (choice: Pick<DownloadPlan, 'tables' | 'splits'>) => readonly string[];
  readonly signal?: AbortSignal;
}

export interface DownloadedFile {
  /** The path relative to the folder, with slashes. */
  readonly path: string;
  readonly sizeBytes: number;
  readonly sha256: string;
}

export interface HubClientOptions {
  readonly settings: HubSettings;
  readonly log?: Log;
  readonly limits?: Partial<TransportLimits>;
  readonly userAgent?: string;
}

const APIS: Readonly<Record<HubName, new (endpoint: string, transport: Transport) => Hub>> = {
  modelscope: ModelScopeHub,
  huggingface: HuggingFaceHub,
};

/** Polite to the hub, and enough to fill a line. */
const PARALLEL_FILES = 3;
const REPORT_MS = 200;
/** Left free on the disk beside what is downloaded. */
const SPARE_BYTES = 64 * 2 ** 20;
/** A folder within the target for the lock and partial files, apart from the files' own names. It goes when all is there. */
export const WORKSHOP = '.medtext-download';

/** Both hubs over one set of connections; {@link close} it. */
export class HubClient {
  private readonly transport: Transport;
  private readonly log: Log;

  constructor(private readonly options: HubClientOptions) {
    const { settings } = options;
    this.log = redacting(options.log ?? silentLog, Object.values(settings.tokens));
    this.transport = new Transport({
      proxy: settings.proxy,
      credentials: credentialsOf(settings),
      userAgent: options.userAgent,
      log: this.log,
      limits: options.limits,
    });
  }

  /**
   * Lists the repository and chooses what is needed. A reference that does not say what it is is looked for among the
   * models first; ModelScope's `damo` and `iic` stand for one another.
   * @param folder where it would go
   * @throws MedTextError NOT_FOUND, ACCESS, OFFLINE, NETWORK, UNSAFE_NAME or CANCELLED.
   */
  async plan(
    reference: HubReference,
    folder: string,
    { include, only, signal }: PlanOptions = {},
  ): Promise<DownloadPlan> {
    if (this.options.settings.offline) {
      throw new MedTextError('OFFLINE', words`${formatHubReference(reference)} is not on this machine, and downloads are switched off.`, {}); // prettier-ignore
    }
    const listing = await this.list(reference, signal);
    const where = formatHubReference(listing.reference);
    const splits = await this.splitMapOf(listing, signal);
    const { files: chosen, leftOut } = this.choose(listing, {
      folder: reference.folder,
      include,
      without: splits && [splits.path],
    });
    const isDataset = listing.reference.kind === 'dataset';
    const tables = isDataset ? chosen.map(({ path }) => path).filter(isTable) : [];
    const choice = { tables, splits: splits?.files ?? {} };
    const wanted = only && new Set(only(choice));
    const needed = wanted ? chosen.filter(({ path }) => wanted.has(path)) : chosen;
    const files = await Promise.all(needed.map((file) => this.sized(file, listing.reference, signal)));
    refuseUnsafeNames(
      files.map(({ path }) => path),
      where,
      WORKSHOP,
    );
    const target = resolve(folder);
    let kept = 0;
    for (const file of files) kept += await keptBytes(wantedFile(file, target, join(target, ...file.path.split('/'))));
    return {
      reference: listing.reference,
      commit: listing.commit,
      folder: target,
      root: reference.folder === undefined ? target : join(target, ...reference.folder.split('/')),
      files,
      totalBytes: files.reduce((sum, { sizeBytes }) => sum + sizeBytes, 0),
      keptBytes: kept,
      leftOut,
      ...choice,
    };
  }

  /**
   * Brings the planned files. What came before an interruption is continued by the next call with the same folder.
   * @throws MedTextError CANCELLED, NETWORK, INTEGRITY, ACCESS, NOT_FOUND, DISK_FULL, UNSAFE_NAME, BUSY or IO.
   */
  async download(
    plan: DownloadPlan,
    { onProgress, signal }: { onProgress?: (progress: TransferProgress) => void; signal?: AbortSignal } = {},
  ): Promise<DownloadedFile[]> {
    await mkdir(plan.folder, { recursive: true });
    await refuseFullDisk(plan);
    const workshop = join(plan.folder, WORKSHOP);
    const busy = words`The same download is under way in another process`;
    const files = await withFileLock(join(workshop, 'lock'), busy, () => this.bring(plan, onProgress, signal));
    await rm(workshop, { recursive: true, force: true });
    return files;
  }

  /** Paths of planned files where the folder has something else, which a download would replace. */
  async taken({ folder, files }: DownloadPlan, signal?: AbortSignal): Promise<string[]> {
    const taken: string[] = [];
    for (const file of files) {
      const wanted = wantedFile(file, folder, join(folder, ...file.path.split('/')));
      if (await isTaken(wanted, { signal })) taken.push(file.path);
    }
    return taken;
  }

  close(): Promise<void> {
    return this.transport.close();
  }

  private async bring(
    plan: DownloadPlan,
    onProgress: ((progress: TransferProgress) => void) | undefined,
    signal: AbortSignal | undefined,
  ): Promise<DownloadedFile[]> {
    const meter = new TransferMeter(plan.files.map(({ sizeBytes }) => sizeBytes));
    // A file that fails for good ends the other downloads, too; what they have is kept.
    const stop = new AbortController();
    const abort = (): void => stop.abort();
    signal?.addEventListener('abort', abort, { once: true });
    if (signal?.aborted) stop.abort();
    const report = (): void => onProgress?.(meter.progress());
    const timer = onProgress && setInterval(report, REPORT_MS);
    report();
    const results: DownloadedFile[] = [];
    let next = 0;
    let failure: unknown;
    const worker = async (): Promise<void> => {
      while (next < plan.files.length && !stop.signal.aborted) {
        const index = next++;
        try {
          results[index] = await this.bringOne(plan, index, meter, stop.signal);
        } catch (error) {
          // The first failure is the reason; the others end because of it.
          failure ??= error;
          stop.abort();
        }
      }
    };
    try {
      await Promise.all(Array.from({ length: PARALLEL_FILES }, worker));
      if (signal?.aborted) throw cancelled();
      if (failure !== undefined) throw failure;
      report();
      return results;
    } finally {
      clearInterval(timer);
      signal?.removeEventListener('abort', abort);
    }
  }

  private async bringOne(
    plan: DownloadPlan,
    index: number,
    meter: TransferMeter,
    signal: AbortSignal,
  ): Promise<DownloadedFile> {
    const file = plan.files[index];
    const place = await placeBelow(plan.folder, file.path);
    let started = false;
    const sha256 = await downloadFile(this.transport, wantedFile(file, plan.folder, place), {
      signal,
      // The first report of a try is what lay there already.
      onPosition: (position) => {
        meter.moved(index, position, started);
        started = true;
      },
      refused: (status, answer) => refusalOf(plan.reference, file, status, answer),
    });
    meter.ended(index);
    return { path: file.path, sizeBytes: file.sizeBytes, sha256 };
  }

  private choose(listing: Listing, options: Parameters<typeof chooseFiles>[2]): Choice {
    try {
      return chooseFiles(listing.files, listing.reference.kind, options);
    } catch (error) {
      if (listing.isWhole || !(error instanceof MedTextError)) throw error;
      throw new MedTextError(
        error.code,
        words`${error.words ?? error.message} The repository has more files than the hub lists; name a file with --include.`,
        error.detail,
      );
    }
  }

  /** The file with the size that its server tells, where the listing is not sure. */
  private async sized(file: RemoteFile, reference: RepositoryReference, signal?: AbortSignal): Promise<RemoteFile> {
    const { unsureSize, ...sure } = file;
    if (unsureSize === undefined) return file;
    const refused = (status: number, answer: Answer) => refusalOf(reference, file, status, answer);
    const told = await this.transport.getSize(file.url, refused, signal).catch((error: unknown) => {
      // Some servers refuse to send a part of nothing.
      if (unsureSize === 'zero' && error instanceof MedTextError && error.code !== 'CANCELLED') return 0;
      throw error;
    });
    const sizeBytes = told ?? (unsureSize === 'zero' ? 0 : undefined);
    if (sizeBytes !== undefined) return { ...sure, sizeBytes };
    throw network(words`${reference.repository}: neither the file list nor the server gives the size of "${file.path.slice(0, 100)}".`); // prettier-ignore
  }

  /** The file that MsDataset reads a data set's splits from, where the repository has it. It holds no rows. */
  private async splitMapOf(
    { reference, files }: Listing,
    signal?: AbortSignal,
  ): Promise<{ readonly path: string; readonly files: Readonly<Record<string, string>> } | undefined> {
    const file = reference.kind === 'dataset' ? splitMapFile(files, repositoryName(reference)) : undefined;
    if (!file) return undefined;
    const { answer, text } = await this.transport.getText(file.url, '*/*', signal);
    const splits = answer.status < 400 ? parseSplitMap(text, new Set(files.map(({ path }) => path))) : undefined;
    return splits && { path: file.path, files: splits };
  }

  /**
   * Asks one hub for repositories; the words leave the machine.
   * @throws MedTextError OFFLINE, NETWORK or CANCELLED.
   */
  async search(
    hub: HubName,
    typed: string,
    kind: 'model' | 'dataset',
    signal?: AbortSignal,
  ): Promise<readonly FoundRepository[]> {
    if (this.options.settings.offline) {
      throw new MedTextError('OFFLINE', words`${HUBS[hub].title} was not searched: downloads are switched off.`, {});
    }
    return new APIS[hub](this.options.settings.endpoints[hub], this.transport).search(typed, kind, signal);
  }

  private async list(reference: HubReference, signal: AbortSignal | undefined): Promise<Listing> {
    const hub = new APIS[reference.hub](endpointOf(reference, this.options.settings.endpoints), this.transport);
    const candidates = candidatesOf(reference);
    let first: unknown;
    for (const candidate of candidates) {
      try {
        return await hub.list(candidate, signal);
      } catch (error) {
        // "Not found", and Hugging Face's "there is no such public …", may be a matter of the name or the kind.
        const mayBeAnother =
          error instanceof MedTextError &&
          ['NOT_FOUND', 'ACCESS'].includes(error.code) &&
          error.detail.repositoryExists !== true;
        if (!mayBeAnother) throw error;
        first ??= error;
        this.log.debug(`${formatHubReference(candidate)}: ${error.code}`);
      }
    }
    if (candidates.length > 1 && reference.kind === undefined && (first as MedTextError).code === 'NOT_FOUND') {
      throw notFound(reference, words`there is neither a model nor a data set of this name.`);
    }
    throw first;
  }
}

/** The folder of a repository's files below `root`. The same call finds it again, to continue. */
export function downloadFolder(root: string, reference: RepositoryReference, revision: string): string {
  const part = (text: string) => text.replace(/[^\w.-]+/g, '--');
  return join(root, reference.hub, `${reference.kind}s`, part(reference.repository), part(revision));
}

function candidatesOf(reference: HubReference): RepositoryReference[] {
  const kinds = reference.kind === undefined ? (['model', 'dataset'] as const) : [reference.kind];
  const [owner, name] = reference.repository.split('/');
  const alias = HUBS[reference.hub].ownerAliases[owner];
  const repositories = [reference.repository, ...(alias ? [`${alias}/${name}`] : [])];
  return kinds.flatMap((kind) => repositories.map((repository) => ({ ...reference, kind, repository })));
}

/** The partial file is named by a hash: a data set may list `a.part` beside `a`, or anything else. */
function wantedFile({ url, path, sizeBytes, sha256, gitSha1 }: RemoteFile, folder: string, place: string): WantedFile {
  const part = join(folder, WORKSHOP, createHash('sha256').update(path).digest('hex').slice(0, 32));
  return { url, place, part, sizeBytes, sha256, gitSha1 };
}

function refusalOf(reference: RepositoryReference, file: RemoteFile, status: number, answer: Answer): MedTextError {
  const name = file.path.slice(0, 200);
  if (status === 401 || status === 403) return noAccess(reference, words`access to ${name} is restricted.`); // prettier-ignore
  if (status === 404 || status === 410)
    return notFound(reference, words`${name} is in the file list but does not exist.`);
  return network(words`${answer.shownUrl} responded with HTTP ${status}.`);
}

/** Tokens go to the hub's own origin, nowhere else. */
function credentialsOf({ endpoints, tokens }: HubSettings): Map<string, Readonly<Record<string, string>>> {
  const credentials = new Map<string, Readonly<Record<string, string>>>();
  for (const hub of hubNames) {
    const token = tokens[hub];
    if (token) credentials.set(new URL(endpoints[hub]).origin, HUBS[hub].credentials(token));
  }
  return credentials;
}

/** A log that removes tokens from every line. */
function redacting(log: Log, secrets: readonly (string | undefined)[]): Log {
  const known = secrets.filter((secret): secret is string => secret !== undefined && secret !== '');
  const redact = (message: string): string => known.reduce((text, secret) => text.replaceAll(secret, '***'), message);
  return Object.fromEntries(
    (['trace', 'debug', 'info', 'warn', 'error'] as const).map((level) => [
      level,
      (message: string) => log[level](redact(message)),
    ]),
  ) as Log;
}

async function refuseFullDisk({ folder, totalBytes, keptBytes: kept }: DownloadPlan): Promise<void> {
  const space = await statfs(folder).catch(() => undefined);
  if (!space) return; // Some file systems do not say.
  const freeBytes = space.bavail * space.bsize;
  const neededBytes = totalBytes - kept + SPARE_BYTES;
  if (freeBytes >= neededBytes) return;
  const megabytes = (bytes: number): string => `${Math.ceil(bytes / 1e6)} MB`;
  throw new MedTextError(
    'DISK_FULL',
    words`${folder} has ${megabytes(freeBytes)} left; the download needs ${megabytes(neededBytes)}. Choose another folder.`,
    { freeBytes, neededBytes },
  );
}
