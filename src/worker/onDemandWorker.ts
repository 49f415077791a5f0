import type { Disposable } from '../base/disposables';
import { MedTextError, words } from '../base/errors';
import { Emitter } from '../base/events';
import { processName } from '../protocol/channel';
import type { Contract } from '../protocol/contract';
import type { Silence } from '../protocol/silence';
import { RestartPolicy } from './restartPolicy';
import { WorkerProcess, type WorkerExit, type WorkerLaunch } from './workerProcess';

const endGraceMs = 2000;

/** A process that starts at the first request. After a crash the next request starts it again, unless it crashes repeatedly. */
export class OnDemandWorker<C extends Contract> implements Disposable {
  private worker: Promise<WorkerProcess<C>> | undefined;
  /** Processes that finish their work while the next request starts another. */
  private readonly finishing = new Set<Promise<WorkerProcess<C>>>();
  private readonly policy = new RestartPolicy();
  private readonly crash = new Emitter<WorkerExit>();
  private readonly silence = new Emitter<Silence | undefined>();
  private disposed = false;

  /** Fires when the process ended unexpectedly. */
  readonly onCrash = this.crash.event;
  /** Fires when the process gives no sign of life, and with undefined when it does again. */
  readonly onSilence = this.silence.event;

  /**
   * @param launch called at each start, so that a changed setting applies from the next start on
   * @param onStart called with each new process before its first request
   */
  constructor(
    private readonly contract: C,
    private readonly launch: () => WorkerLaunch,
    private readonly onStart: (worker: WorkerProcess<C>) => void,
  ) {}

  /** The id of the running process; undefined before the first request and after a crash. */
  async pid(): Promise<number | undefined> {
    return (await this.worker?.catch(() => undefined))?.pid;
  }

  /** Returns the running process, which it starts if needed. @throws CLOSED after repeated crashes or disposal · the errors of the start */
  running(): Promise<WorkerProcess<C>> {
    if (this.disposed) return Promise.reject(new MedTextError('CLOSED', words`The window is closing.`));
    if (this.worker) return this.worker;
    if (!this.policy.mayStart(Date.now())) {
      return Promise.reject(
        new MedTextError(
          'CLOSED',
          words`The ${processName(this.contract.name)} process crashes again and again and is not started any more. See the log.`,
          { givenUp: true },
        ),
      );
    }
    const starting = this.start();
    this.worker = starting;
    const forget = (): void => {
      if (this.worker === starting) this.worker = undefined;
    };
    starting.then(
      (worker) =>
        void worker.exit().then((exit) => {
          forget();
          if (exit.expected) return;
          // An end because of a file's budget does not count as a crash.
          if (!exit.overrun) this.policy.crashed(Date.now());
          this.crash.fire(exit);
        }),
      () => {
        forget();
        this.policy.crashed(Date.now());
      },
    );
    return starting;
  }

  /** Ends the process and forgets its crashes. The next request starts a new process. */
  async restart(): Promise<void> {
    this.policy.reset();
    const workers = [...this.finishing, ...(this.worker ? [this.worker] : [])];
    this.worker = undefined;
    await Promise.all(workers.map((worker) => this.end(worker)));
  }

  /** As {@link restart}, but the process ends only after `work`, which it does for earlier requests and which never rejects. */
  renewAfter(work: Promise<unknown>): void {
    this.policy.reset();
    const { worker } = this;
    this.worker = undefined;
    if (!worker) return;
    this.finishing.add(worker);
    void work.then(() => this.end(worker));
  }

  private async end(worker: Promise<WorkerProcess<C>>): Promise<void> {
    await (await worker.catch(() => undefined))?.end(endGraceMs);
    this.finishing.delete(worker);
  }

  dispose(): void {
    this.disposed = true;
    void this.restart();
    this.crash.dispose();
    this.silence.dispose();
  }

  private async start(): Promise<WorkerProcess<C>> {
    const worker = await WorkerProcess.start(this.contract, this.launch());
    worker.onSilence((silence) => this.silence.fire(silence));
    this.onStart(worker);
    return worker;
  }
}
