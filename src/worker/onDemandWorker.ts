import type { Disposable } from '../base/disposables';
import { MedTextError, words } from '../base/errors';
import { Emitter } from '../base/events';
import { processName } from '../protocol/channel';
import type { Contract } from '../protocol/contract';
import type { Silence } from '../protocol/silence';
import { RestartPolicy } from './restartPolicy';
import { WorkerProcess, type WorkerExit, type WorkerLaunch } from './workerProcess';

const endGraceMs = 2000;

/** A process that the first request starts, the next one starts again after a crash, and that is given up when it keeps crashing. */
export class OnDemandWorker<C extends Contract> implements Disposable {
  private worker: Promise<WorkerProcess<C>> | undefined;
  private readonly policy = new RestartPolicy();
  private readonly crash = new Emitter<WorkerExit>();
  private readonly silence = new Emitter<Silence | undefined>();
  private disposed = false;

  /** The process ended without being asked to. */
  readonly onCrash = this.crash.event;
  /** The process gives no sign of life, or with undefined does so again. */
  readonly onSilence = this.silence.event;

  /**
   * @param launch computed at each start, so that a changed setting counts from the next start on
   * @param onStart gets each new process before its first request
   */
  constructor(
    private readonly contract: C,
    private readonly launch: () => WorkerLaunch,
    private readonly onStart: (worker: WorkerProcess<C>) => void,
  ) {}

  /** The process's id while it runs; undefined before the first request and after a crash. */
  async pid(): Promise<number | undefined> {
    return (await this.worker?.catch(() => undefined))?.pid;
  }

  /** @throws CLOSED when it was given up or disposed of · what starting it throws */
  running(): Promise<WorkerProcess<C>> {
    if (this.disposed) return Promise.reject(new MedTextError('CLOSED', words`The window is closing.`));
    if (this.worker) return this.worker;
    if (!this.policy.mayStart(Date.now())) {
      return Promise.reject(
        new MedTextError(
          'CLOSED',
          words`The ${processName(this.contract.name)} process keeps crashing and was given up; the log says more.`,
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
          // A file that takes too much says nothing about the process.
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

  /** Ends the process; the next request starts a new one, crashes forgotten. */
  async restart(): Promise<void> {
    this.policy.reset();
    const worker = this.worker;
    this.worker = undefined;
    await (await worker?.catch(() => undefined))?.end(endGraceMs);
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
