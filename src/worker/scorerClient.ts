import type { Disposable } from '../base/disposables';
import { MedTextError } from '../base/errors';
import { Emitter } from '../base/events';
import type { Params, Payload, RequestName, Result } from '../protocol/contract';
import {
  scorerContract,
  type LoadedModel,
  type PairScore,
  type ScorerContract,
  type TextPair,
} from '../protocol/scorer';
import type { Silence } from './lifeSigns';
import { RestartPolicy } from './restartPolicy';
import { WorkerProcess, type WorkerExit, type WorkerLaunch } from './workerProcess';

const endGraceMs = 2000;

export interface ScorerModel {
  readonly folder: string;
  readonly device: string;
  readonly threads?: number;
}

/**
 * The scorer process from the host's side: started by the first request, started again by the next request after a
 * crash, given up when it keeps crashing. The loaded model follows it through restarts.
 */
export class ScorerClient implements Disposable {
  private worker: Promise<WorkerProcess<ScorerContract>> | undefined;
  private readonly policy = new RestartPolicy();
  private readonly progress = new Emitter<Payload<ScorerContract, 'progress'>>();
  private readonly crash = new Emitter<WorkerExit>();
  private readonly silence = new Emitter<Silence | undefined>();
  private disposed = false;

  readonly onProgress = this.progress.event;
  /** The process ended without being asked to. */
  readonly onCrash = this.crash.event;
  /** The process gives no sign of life, or with undefined does so again. */
  readonly onSilence = this.silence.event;

  /** @param launch computed at each start, so that a changed setting counts from the next start on */
  constructor(private readonly launch: () => WorkerLaunch) {}

  /** The process's id while it runs; undefined before the first request and after a crash. */
  async pid(): Promise<number | undefined> {
    return (await this.worker?.catch(() => undefined))?.pid;
  }

  /** Scores with the model, loading it first if another one or none is loaded. */
  async scorePairs(
    model: ScorerModel,
    pairs: readonly TextPair[],
    signal?: AbortSignal,
  ): Promise<readonly PairScore[]> {
    const worker = await this.running();
    // The child answers a repeated load at once; both messages go out together, so nothing comes in between.
    const loaded = worker.channel.request('load', model, signal);
    loaded.catch(() => undefined);
    const scores = worker.channel.request('scorePairs', { pairs }, signal);
    scores.catch(() => undefined);
    await loaded;
    return scores;
  }

  async load(model: ScorerModel, signal?: AbortSignal): Promise<LoadedModel> {
    return (await this.running()).channel.request('load', model, signal);
  }

  async request<K extends Exclude<RequestName<ScorerContract>, 'initialize' | 'load' | 'scorePairs'>>(
    name: K,
    params: Params<ScorerContract, K>,
    signal?: AbortSignal,
  ): Promise<Result<ScorerContract, K>> {
    return (await this.running()).channel.request(name, params, signal);
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
    this.progress.dispose();
    this.crash.dispose();
    this.silence.dispose();
  }

  private running(): Promise<WorkerProcess<ScorerContract>> {
    if (this.disposed) return Promise.reject(new MedTextError('CLOSED', 'The window is closing.'));
    if (this.worker) return this.worker;
    if (!this.policy.mayStart(Date.now())) {
      return Promise.reject(
        new MedTextError('CLOSED', 'The scorer process keeps crashing and was given up; the log says more.', {
          givenUp: true,
        }),
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
          this.policy.crashed(Date.now());
          this.crash.fire(exit);
        }),
      () => {
        forget();
        this.policy.crashed(Date.now());
      },
    );
    return starting;
  }

  private async start(): Promise<WorkerProcess<ScorerContract>> {
    const worker = await WorkerProcess.start(scorerContract, this.launch());
    worker.channel.on('progress', (progress) => this.progress.fire(progress));
    worker.onSilence((silence) => this.silence.fire(silence));
    return worker;
  }
}
