import type { Disposable } from '../base/disposables';
import { asMedTextError, MedTextError, words } from '../base/errors';
import type { Event } from '../base/events';
import type { Params, RequestName, Result } from '../protocol/contract';
import {
  dataProcessContract,
  type DataProcessContract,
  type PreviewOpening,
  type PreviewOverview,
} from '../protocol/dataProcess';
import type { Findings, Insights, PreviewState } from '../protocol/datasetPreview';
import { OnDemandWorker } from './onDemandWorker';
import { names, overrunFile, unlessForOtherFile } from './otherFiles';
import type { WorkerExit, WorkerLaunch } from './workerProcess';

type SessionRequest = Exclude<RequestName<DataProcessContract>, 'initialize' | 'open' | 'close'>;
type SessionParams<K extends SessionRequest> = Omit<Params<DataProcessContract, K>, 'session'>;

const mostEndsWhileRead = 2;

export interface PreviewListener {
  onState(state: PreviewState): void;
  onInsights(insights: Insights): void;
  onFindings(findings: Findings): void;
  onExportProgress(progress: { readonly done: number; readonly total: number }): void;
  /** Called when the file is read again by a new process, which knows nothing of what the earlier one was told. */
  onReopening(): void;
  /** Called when the process ended and the preview could not be reopened. */
  onLost(error: MedTextError): void;
}

/**
 * The host's side of the data process. The first preview starts the process. After a crash it is started again with its open
 * previews, unless it crashes repeatedly.
 */
export class DataClient implements Disposable {
  private readonly previews = new Map<number, PreviewClient>();
  private readonly worker: OnDemandWorker<DataProcessContract>;
  private nextSession = 1;
  private idle: NodeJS.Timeout | undefined;

  /**
   * @param launch computed at each start, so that a changed setting counts from the next start on
   * @param idleMs how long the process outlives its last preview
   */
  constructor(
    launch: () => WorkerLaunch,
    private readonly idleMs = 60_000,
  ) {
    this.worker = new OnDemandWorker(dataProcessContract, launch, ({ channel }) => {
      const of = ({ session }: { session: number }) => this.previews.get(session);
      channel.on('state', (event) => of(event)?.heard(event.state));
      channel.on('insights', (event) => of(event)?.listener.onInsights(event.insights));
      channel.on('findings', (event) => of(event)?.listener.onFindings(event.findings));
      channel.on('exportProgress', (event) => of(event)?.listener.onExportProgress(event));
    });
    this.worker.onCrash(({ overrun }) => {
      for (const preview of this.previews.values()) preview.processEnded(overrun);
    });
  }

  /** Fires when the process ended unexpectedly. Open previews are being reopened. */
  get onCrash(): Event<WorkerExit> {
    return this.worker.onCrash;
  }

  /** Fires when the process gives no sign of life, and with undefined when it does again. */
  get onSilence(): OnDemandWorker<DataProcessContract>['onSilence'] {
    return this.worker.onSilence;
  }

  /** Ends the process and reopens the previews in a new process. */
  async restart(): Promise<void> {
    await this.worker.restart();
    for (const preview of this.previews.values()) void preview.reopen();
  }

  /** The id of the running process; undefined before the first request and after a crash. */
  pid(): Promise<number | undefined> {
    return this.worker.pid();
  }

  /**
   * Opens a preview and resolves when the first rows can be read. Events may arrive earlier.
   * @throws CLOSED · PROTOCOL · NOT_FOUND when `shown` is not the name of a split
   */
  async openPreview(opening: PreviewOpening, listener: PreviewListener): Promise<PreviewClient> {
    const session = this.nextSession++;
    const preview = new PreviewClient(this.worker, session, opening, listener, () => this.forget(session));
    clearTimeout(this.idle);
    this.previews.set(session, preview);
    try {
      await preview.open();
      return preview;
    } catch (error) {
      this.forget(session);
      throw error;
    }
  }

  private forget(session: number): void {
    this.previews.delete(session);
    if (this.previews.size > 0) return;
    clearTimeout(this.idle);
    this.idle = setTimeout(() => void this.worker.restart(), this.idleMs).unref();
  }

  dispose(): void {
    clearTimeout(this.idle);
    this.previews.clear();
    this.worker.dispose();
  }
}

/** One preview in the data process. After a crash the preview is reopened in a new process. */
export class PreviewClient implements Disposable {
  private ready: Promise<PreviewOverview> | undefined;
  private lastState: PreviewState | undefined;
  private closed = false;
  private endsWhileRead = 0;

  constructor(
    private readonly worker: OnDemandWorker<DataProcessContract>,
    private readonly session: number,
    private opening: PreviewOpening,
    readonly listener: PreviewListener,
    private readonly forget: () => void,
  ) {}

  open(): Promise<PreviewOverview> {
    const { session, opening } = this;
    const ready = this.worker
      .running()
      .then(({ channel }) => channel.request('open', { session, opening }))
      .then((overview) => {
        this.lastState = overview.state;
        return overview;
      });
    this.ready = ready;
    ready.catch(() => undefined);
    return ready;
  }

  /** The overview of the last opening. Events report later changes. */
  overview(): Promise<PreviewOverview> {
    return this.ready!;
  }

  /**
   * Sends a request on this preview.
   * @throws the errors of the process · CANCELLED · CLOSED when the process has ended meanwhile
   */
  async request<K extends SessionRequest>(
    name: K,
    params: SessionParams<K>,
    signal?: AbortSignal,
  ): Promise<Result<DataProcessContract, K>> {
    const asked = { session: this.session, ...params } as Params<DataProcessContract, K>;
    const answer = await unlessForOtherFile(this.opening, async () => {
      if (this.closed) throw new MedTextError('CLOSED', words`The preview is closed.`);
      await this.ready;
      return (await this.worker.running()).channel.request(name, asked, signal);
    });
    this.remember(name, params);
    return answer;
  }

  /** @internal Handles an event of the process. */
  heard(state: PreviewState): void {
    this.lastState = state;
    this.listener.onState(state);
  }

  /**
   * @internal Handles the end of the process. The preview is given up if its own file was the reason, or if its file was being
   * read at several ends, because it would end the next process too.
   */
  processEnded(overrun: MedTextError | undefined): void {
    const isBeingRead = this.lastState !== undefined && this.lastState.index.fraction < 1;
    if (!overrun && isBeingRead) this.endsWhileRead++;
    const isOwn = overrun && names(this.opening, overrunFile(overrun));
    if (isOwn) this.lose(overrun);
    else if (this.endsWhileRead >= mostEndsWhileRead)
      this.lose(new MedTextError('DATA_FORMAT', words`The process that reads data has ended twice while it read this file.`)); // prettier-ignore
    else void this.reopen();
  }

  private lose(error: MedTextError): void {
    this.ready = Promise.reject(error);
    this.ready.catch(() => undefined);
    if (!this.closed && this.lastState) this.listener.onLost(error);
  }

  /** @internal Opens the same file with the same view in a new process. */
  async reopen(): Promise<void> {
    const state = this.lastState;
    if (this.closed || !state) return;
    this.listener.onReopening();
    const { shown, mapping, mappingSource, maxLength, recipe, view } = state;
    const firstView = view.id + 1;
    const guessed = mappingSource === 'guess' ? null : mapping;
    this.opening = { ...this.opening, shown, mapping: guessed, mappingSource, maxLength, recipe, firstView, query: view.query }; // prettier-ignore
    try {
      const overview = await this.open();
      this.listener.onState(overview.state);
      this.listener.onInsights(overview.insights);
      this.listener.onFindings(overview.findings);
    } catch (error) {
      if (!this.closed) this.listener.onLost(asMedTextError(error));
    }
  }

  dispose(): void {
    if (this.closed) return;
    this.closed = true;
    this.forget();
    void this.leave().catch(() => undefined);
  }

  /** Closes the session in the process, if the process still runs. */
  private async leave(): Promise<void> {
    await this.ready;
    if ((await this.worker.pid()) === undefined) return;
    await (await this.worker.running()).channel.request('close', { session: this.session });
  }

  /** Keeps the settings that the states lack, for reopening. */
  private remember(name: SessionRequest, params: object): void {
    if (name === 'setSplits') this.opening = { ...this.opening, ...(params as SessionParams<'setSplits'>) };
    if (name === 'setModel') this.opening = { ...this.opening, ...(params as SessionParams<'setModel'>) };
    if (name !== 'setMapping') return;
    const { labelNames } = params as SessionParams<'setMapping'>;
    this.opening = { ...this.opening, labelNames };
  }
}
