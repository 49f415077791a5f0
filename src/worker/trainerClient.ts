import type { Disposable } from '../base/disposables';
import { hugePages, memoryTunables } from '../base/hugePages';
import type { UnderstoodData } from '../protocol/fieldGuess';
import {
  trainerContract,
  type EvaluationProgress,
  type EvaluationReport,
  type MemoryPlan,
  type TrainerContract,
  type TrainingReport,
  type TrainingResult,
} from '../protocol/trainer';
import type { Params } from '../protocol/contract';
import type { ChosenDevice } from '../protocol/deviceWords';
import type { Silence } from '../protocol/silence';
import { WorkerProcess, type WorkerLaunch } from './workerProcess';

const saveGraceMs = 60_000;

export interface TrainingListeners {
  /** The process runs and has not been asked to train: whoever wants to find it again notes it now. */
  onProcess?(pid: number): void;
  /** The process gives no sign of life, or with undefined does so again. */
  onSilence?(silence: Silence | undefined): void;
  /** What `device: auto` came to, and why. */
  onChosenDevice?(choice: ChosenDevice): void;
  /** The training data as they were understood. */
  onUnderstoodData?(data: UnderstoodData): void;
  /** What the run is expected to take, before its first step. */
  onMemoryPlan?(plan: MemoryPlan): void;
  onReport(report: TrainingReport): void;
  onEvaluation(evaluation: EvaluationReport): void;
  /** While the training waits for an evaluation. */
  onEvaluationProgress?(progress: EvaluationProgress): void;
}

/** One run in a process of its own, from the host's side. */
export class TrainerClient implements Disposable {
  private constructor(
    private readonly worker: WorkerProcess<TrainerContract>,
    /** Settles once: the end of the run, its coded error, or CLOSED when the process died. */
    readonly result: Promise<TrainingResult>,
  ) {}

  /** Starts the process and the run; rejects only when the process cannot start. */
  static async start(
    launch: WorkerLaunch,
    params: Params<TrainerContract, 'train'>,
    listeners: TrainingListeners,
  ): Promise<TrainerClient> {
    // A person who has set the variable keeps it.
    const env = { ...(process.env[memoryTunables] ? {} : hugePages()), ...launch.env };
    const worker = await WorkerProcess.start(trainerContract, { ...launch, env });
    worker.onSilence((silence) => listeners.onSilence?.(silence));
    worker.channel.on('chosenDevice', (choice) => listeners.onChosenDevice?.(choice));
    worker.channel.on('understoodData', (data) => listeners.onUnderstoodData?.(data));
    worker.channel.on('memoryPlan', (plan) => listeners.onMemoryPlan?.(plan));
    worker.channel.on('report', (report) => listeners.onReport(report));
    worker.channel.on('evaluation', (evaluation) => listeners.onEvaluation(evaluation));
    worker.channel.on('evaluationProgress', (progress) => listeners.onEvaluationProgress?.(progress));
    listeners.onProcess?.(worker.pid);
    const result = worker.channel.request('train', params).finally(() => void worker.end(saveGraceMs));
    // The caller may come to listen later; until then a failure is no unhandled rejection.
    result.catch(() => undefined);
    return new TrainerClient(worker, result);
  }

  get pid(): number {
    return this.worker.pid;
  }

  /** Finish the step, save a checkpoint, end. `result` tells when. */
  async stop(): Promise<void> {
    await this.worker.channel.request('stop', undefined);
  }

  /** Ends the process now; `result` rejects with CLOSED. What was saved last can be resumed. */
  kill(): void {
    this.worker.kill();
  }

  /** The window goes; the process does what the run was started with (`onHostGone`). */
  release(): void {
    this.worker.release();
  }

  /** Resolves when the process is gone. */
  async exited(): Promise<void> {
    await this.worker.exited;
  }

  dispose(): void {
    this.release();
  }
}
