import type { Disposable } from '../base/disposables';
import { Emitter } from '../base/events';
import type { Params, Payload, RequestName, Result } from '../protocol/contract';
import { libraryContract, type LibraryContract } from '../protocol/library';
import { OnDemandWorker } from './onDemandWorker';
import { unlessForOtherFile } from './otherFiles';
import type { WorkerLaunch } from './workerProcess';

/** The idle time after which the process ends, to free its memory. */
const idleMs = 120_000;

export type LibraryRequest = Exclude<RequestName<LibraryContract>, 'initialize'>;

/** The host's side of the library process, which runs while it has requests and for `idleMs` afterwards. */
export class LibraryClient implements Disposable {
  private readonly progress = new Emitter<Payload<LibraryContract, 'progress'>>();
  private readonly process: OnDemandWorker<LibraryContract>;
  private pending = 0;
  private idle: NodeJS.Timeout | undefined;
  private lastJob = 0;

  readonly onProgress = this.progress.event;
  /** Fires when the process gives no sign of life, and with undefined when it does again. */
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

  /** A number that identifies a request of this window in its progress events. */
  newJob(): number {
    return ++this.lastJob;
  }

  /** Ends an idle process because its start settings have changed. A busy process is not disturbed. */
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

  /** Ends the process even if it is busy. Pending requests fail, and the next request starts a new process. */
  restartNow(): Promise<void> {
    return this.process.restart();
  }

  dispose(): void {
    clearTimeout(this.idle);
    this.process.dispose();
    this.progress.dispose();
  }
}
