import type { Disposable } from '../base/disposables';
import { hugePages, memoryTunables } from '../base/hugePages';
import type { UnderstoodData } from '../protocol/fieldGuess';
import {
  trainerContract,
  type EvaluationProgress,
  type PreparationProgress,
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
  /** Called when the process runs, before its training begins, so that the caller can note the process id. */
  onProcess?(pid: number): void;
  /** Called when the process gives no sign of life, and with undefined when it does again. */
  onSilence?(silence: Silence | undefined): void;
  /** Called with the device that `device: auto` chose, and why. */
  onChosenDevice?(choice: ChosenDevice): void;
  /** Called with a description of how the training data were read. */
  onUnderstoodData?(data: UnderstoodData): void;
  /** Called while a corpus is prepared. */
  onPreparation?(progress: PreparationProgress): void;
  /** Called with the memory estimate, before the first step. */
  onMemoryPlan?(plan: MemoryPlan): void;
  /** Called when another window or program has asked the run to stop. The run finishes its step and saves. */
  onStopAsked?(): void;
  onReport(report: TrainingReport): void;
  onEvaluation(evaluation: EvaluationReport): void;
  /** Called while the training waits for an evaluation. */
  onEvaluationProgress?(progress: EvaluationProgress): void;
}

/** The host's side of a run in its own process. */
export class TrainerClient implements Disposable {
  private constructor(
    private readonly worker: WorkerProcess<TrainerContract>,
    /** The run's result. It rejects with the training's error, or with CLOSED when the process died. */
    readonly result: Promise<TrainingResult>,
  ) {}

  /** Starts the process and the run. It rejects only if the process cannot start. */
  static async start(
    launch: WorkerLaunch,
    params: Params<TrainerContract, 'train'>,
    listeners: TrainingListeners,
  ): Promise<TrainerClient> {
    // A variable that the person has set is kept.
    const env = { ...(process.env[memoryTunables] ? {} : hugePages()), ...launch.env };
    const worker = await WorkerProcess.start(trainerContract, { ...launch, env });
    worker.onSilence((silence) => listeners.onSilence?.(silence));
    worker.channel.on('stopAsked', () => listeners.onStopAsked?.());
    worker.channel.on('chosenDevice', (choice) => listeners.onChosenDevice?.(choice));
    worker.channel.on('understoodData', (data) => listeners.onUnderstoodData?.(data));
    worker.channel.on('preparationProgress', (progress) => listeners.onPreparation?.(progress));
    worker.channel.on('memoryPlan', (plan) => listeners.onMemoryPlan?.(plan));
    worker.channel.on('report', (report) => listeners.onReport(report));
    worker.channel.on('evaluation', (evaluation) => listeners.onEvaluation(evaluation));
    worker.channel.on('evaluationProgress', (progress) => listeners.onEvaluationProgress?.(progress));
    listeners.onProcess?.(worker.pid);
    const result = worker.channel.request('train', params).finally(() => void worker.end(saveGraceMs));
    // The caller may listen later. Until then a failure must not count as an unhandled rejection.
    result.catch(() => undefined);
    return new TrainerClient(worker, result);
  }

  get pid(): number {
    return this.worker.pid;
  }

  /** Asks the run to finish its step, save a checkpoint and end. `result` settles at the end. */
  async stop(): Promise<void> {
    await this.worker.channel.request('stop', undefined);
  }

  /** Ends the process now. `result` rejects with CLOSED. The run can resume from its last checkpoint. */
  kill(): void {
    this.worker.kill();
  }

  /** Detaches the process when the window closes. The run then does what `onHostGone` says. */
  release(): void {
    this.worker.release();
  }

  /** Resolves when the process has ended. */
  async exited(): Promise<void> {
    await this.worker.exited;
  }

  dispose(): void {
    this.release();
  }
}
