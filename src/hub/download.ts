/** A repository of a hub: what it would take, and the taking. */
import { mkdir, statfs } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { MedTextError, words } from '../base/errors';
import { silentLog, type Log } from '../base/log';
import { chooseFiles } from './chooseFiles';
import { downloadFile, keptBytes, type WantedFile } from './downloadFile';
import { withFolderLock } from './folderLock';
import { noAccess, notFound, type Hub, type Listing, type RemoteFile } from './hub';
import { formatHubReference, type HubName, type HubReference, type RepositoryReference } from './hubReference';
import type { HubSettings } from './hubSettings';
import { HuggingFaceHub } from './huggingFace';
import { ModelScopeHub } from './modelScope';
import { placeBelow, refuseUnsafeNames } from './safeName';
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
  /** Of these, what is there from an earlier try. */
  readonly keptBytes: number;
  readonly leftOut: readonly RemoteFile[];
}

export interface DownloadedFile {
  /** From the folder, with slashes. */
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

/** Polite to the hub, and enough to fill a line. */
const PARALLEL_FILES = 3;
const REPORT_MS = 200;
/** Left free on the disk beside what is downloaded. */
const SPARE_BYTES = 64 * 2 ** 20;

/** Both hubs over one set of connections; {@link close} it. */
export class HubClient {
  private readonly transport: Transport;
  private readonly hubs: Readonly<Record<HubName, Hub>>;
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
    this.hubs = {
      modelscope: new ModelScopeHub(settings.endpoints.modelscope, this.transport),
      huggingface: new HuggingFaceHub(settings.endpoints.huggingface, this.transport),
    };
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
    { include, signal }: { readonly include?: readonly string[]; readonly signal?: AbortSignal } = {},
  ): Promise<DownloadPlan> {
    if (this.options.settings.offline) {
      throw new MedTextError('OFFLINE', words`${formatHubReference(reference)} is not on this machine, and downloads are switched off.`, {}); // prettier-ignore
    }
    const listing = await this.list(reference, signal);
    const where = formatHubReference(listing.reference);
    const { files, leftOut } = chooseFiles(listing.files, listing.reference.kind, {
      folder: reference.folder,
      include,
    });
    refuseUnsafeNames(
      files.map(({ path }) => path),
      where,
    );
    const target = resolve(folder);
    let kept = 0;
    for (const file of files) kept += await keptBytes(wanted(file, join(target, ...file.path.split('/'))));
    return {
      reference: listing.reference,
      commit: listing.commit,
      folder: target,
      root: reference.folder === undefined ? target : join(target, ...reference.folder.split('/')),
      files,
      totalBytes: files.reduce((sum, { sizeBytes }) => sum + sizeBytes, 0),
      keptBytes: kept,
      leftOut,
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
    return withFolderLock(plan.folder, () => this.bring(plan, onProgress, signal));
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
    // One that fails for good ends the others, too: what they have is kept.
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
    const sha256 = await downloadFile(this.transport, wanted(file, place), {
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

  private async list(reference: HubReference, signal: AbortSignal | undefined): Promise<Listing> {
    const hub = this.hubs[reference.hub];
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

/** Where a repository's files go below `root`; the same call finds them again, to continue. */
export function downloadFolder(root: string, reference: RepositoryReference, revision: string): string {
  const part = (text: string) => text.replace(/[^\w.-]+/g, '--');
  return join(root, reference.hub, `${reference.kind}s`, part(reference.repository), part(revision));
}

function candidatesOf(reference: HubReference): RepositoryReference[] {
  const kinds = reference.kind === undefined ? (['model', 'dataset'] as const) : [reference.kind];
  const [owner, name] = reference.repository.split('/');
  const alias = reference.hub === 'modelscope' ? { damo: 'iic', iic: 'damo' }[owner] : undefined;
  const repositories = [reference.repository, ...(alias ? [`${alias}/${name}`] : [])];
  return kinds.flatMap((kind) => repositories.map((repository) => ({ ...reference, kind, repository })));
}

function wanted({ url, sizeBytes, sha256, gitSha1 }: RemoteFile, place: string): WantedFile {
  return { url, place, sizeBytes, sha256, gitSha1 };
}

function refusalOf(reference: RepositoryReference, file: RemoteFile, status: number, answer: Answer): MedTextError {
  const name = file.path.slice(0, 200);
  const variable = reference.hub === 'huggingface' ? 'HF_TOKEN' : 'MODELSCOPE_API_TOKEN';
  if (status === 401 || status === 403) return noAccess(reference, words`the hub does not give ${name} to everyone.`, variable); // prettier-ignore
  if (status === 404 || status === 410) return notFound(reference, words`${name} is listed but not there.`);
  return network(words`${answer.shownUrl} answers HTTP ${status}.`);
}

/** Tokens go to the hub's own origin, nowhere else. */
function credentialsOf({ endpoints, tokens }: HubSettings): Map<string, Record<string, string>> {
  const credentials = new Map<string, Record<string, string>>();
  if (tokens.huggingface) {
    credentials.set(new URL(endpoints.huggingface).origin, { authorization: `Bearer ${tokens.huggingface}` });
  }
  if (tokens.modelscope) {
    // Released clients send a cookie, newer ones the header.
    const headers = { authorization: `Bearer ${tokens.modelscope}`, cookie: `m_session_id=${tokens.modelscope}` };
    credentials.set(new URL(endpoints.modelscope).origin, headers);
  }
  return credentials;
}

/** A log in which no token can stand, whatever is written to it. */
export function redacting(log: Log, secrets: readonly (string | undefined)[]): Log {
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
    words`${folder} has ${megabytes(freeBytes)} left; the download needs ${megabytes(neededBytes)}. Choose another place.`,
    { freeBytes, neededBytes },
  );
}
