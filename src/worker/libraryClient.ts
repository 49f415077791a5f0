import type { Disposable } from '../base/disposables';
import { Emitter } from '../base/events';
import type { Params, Payload, RequestName, Result } from '../protocol/contract';
import { libraryContract, type LibraryContract } from '../protocol/library';
import { OnDemandWorker } from './onDemandWorker';
import { unlessForOtherFile } from './otherFiles';
import type { WorkerLaunch } from './workerProcess';

/** A process that has nothing to do gives its memory back. */
const idleMs = 120_000;

export type LibraryRequest = Exclude<RequestName<LibraryContract>, 'initialize'>;

/** The library process from the host's side: there while there is something to do, and a while longer. */
export class LibraryClient implements Disposable {
  private readonly progress = new Emitter<Payload<LibraryContract, 'progress'>>();
  private readonly process: OnDemandWorker<LibraryContract>;
  private pending = 0;
  private idle: NodeJS.Timeout | undefined;
  private lastJob = 0;

  readonly onProgress = this.progress.event;
  /** The process gives no sign of life, or with undefined does so again. */
  readonly onSilence: OnDemandWorker<LibraryContract>['onSilence'];

  constructor(launch: () => WorkerLaunch) {
    this.process = new OnDemandWorker(libraryContract, launch, ({ channel }) =>
      channel.on('progress', (progress) => this.progress.fire(progress)),
    );
    this.onSilence = this.process.onSilence;
  }

  pid(): Promise<number | undefined> {
    return this.process.pid();
  }

  /** A number that no other request of this window has, for its progress. */
  newJob(): number {
    return ++this.lastJob;
  }

  /** The next request starts it anew, for what it was told at its start has changed; what is under way is not disturbed. */
  async restart(): Promise<void> {
    if (this.pending === 0) await this.process.restart();
  }

  async request<K extends LibraryRequest>(
    name: K,
    params: Params<LibraryContract, K>,
    signal?: AbortSignal,
  ): Promise<Result<LibraryContract, K>> {
    clearTimeout(this.idle);
    this.pending++;
    try {
      return await unlessForOtherFile(params, async () =>
        (await this.process.running()).channel.request(name, params, signal),
      );
    } finally {
      if (--this.pending === 0) this.idle = setTimeout(() => void this.process.restart(), idleMs).unref();
    }
  }

  /** Ends the process whatever it is doing: what is pending fails, the next request starts a new one. */
  restartNow(): Promise<void> {
    return this.process.restart();
  }

  dispose(): void {
    clearTimeout(this.idle);
    this.process.dispose();
    this.progress.dispose();
  }
}
