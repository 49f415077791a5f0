import { dirname, resolve } from 'node:path';
import type { Disposable } from '../base/disposables';
import { asMedTextError, MedTextError, plainError, words } from '../base/errors';
import { Emitter } from '../base/events';
import type { Params } from '../protocol/contract';
import type { ChosenDevice } from '../protocol/deviceWords';
import type { UnderstoodData } from '../protocol/fieldGuess';
import type {
  EvaluationProgress,
  PreparationProgress,
  EvaluationReport,
  MemoryPlan,
  TrainerContract,
  TrainingReport,
  TrainingResult,
} from '../protocol/trainer';
import type { Silence } from '../protocol/silence';
import { checkpointStep, recordFromFolder } from './runFolderRecord';
import type { RunRecord, RunStatus, RunStore } from './runStore';
import { testMetric } from './testMetric';
import type { StartNotes } from './startNotes';

/** A run in a child process, as `TrainerClient` gives it. */
export interface TrainerHandle {
  readonly pid: number;
  readonly result: Promise<TrainingResult>;
  stop(): Promise<void>;
  kill(): void;
  release(): void;
}

export type StartTrainer = (
  params: Params<TrainerContract, 'train'>,
  listeners: {
    /** The process runs and has not been asked to train yet. */
    onProcess(pid: number): void;
    onStopAsked(): void;
    onChosenDevice(choice: ChosenDevice): void;
    onUnderstoodData(data: UnderstoodData): void;
    onPreparation(progress: PreparationProgress): void;
    onMemoryPlan(plan: MemoryPlan): void;
    onReport(report: TrainingReport): void;
    onEvaluation(evaluation: EvaluationReport): void;
    onEvaluationProgress(progress: EvaluationProgress): void;
    onSilence(silence: Silence | undefined): void;
  },
) => Promise<TrainerHandle>;

export interface RunRequest {
  readonly recipeFile: string;
  /** The recipe as its file has it; the trainer fills in the defaults. */
  readonly recipe: Readonly<Record<string, unknown>>;
  readonly name: string;
  readonly onHostGone: 'stop' | 'continue';
  readonly resumeFrom?: string;
}

/** Complete at every change: a view that appears late misses nothing. */
export interface TrainingState {
  readonly phase: 'idle' | 'starting' | 'running' | 'stopping';
  readonly request?: RunRequest;
  readonly runFolder?: string;
  /** The process gives no sign of life. */
  readonly silence?: Silence;
  /** What `device: auto` came to. */
  readonly chosenDevice?: ChosenDevice;
  /** The device that the run began on, and that failed in mid-run. */
  readonly lostDevice?: string;
  /** The training data as they were understood. */
  readonly understoodData?: UnderstoodData;
  /** How far the texts are prepared that the training waits for. */
  readonly preparing?: PreparationProgress;
  readonly memoryPlan?: MemoryPlan;
  readonly report?: TrainingReport;
  readonly history: readonly TrainingReport[];
  readonly evaluations: readonly EvaluationReport[];
  /** How far the evaluation is that the training waits for. */
  readonly evaluating?: EvaluationProgress;
}

export interface TrainingOutcome {
  readonly request: RunRequest;
  readonly status: Exclude<RunStatus, 'running'>;
  /** The person ended the process with Stop Now; the status is then `interrupted`. */
  readonly stoppedNow: boolean;
  readonly runFolder?: string;
  readonly result?: TrainingResult;
  readonly error?: MedTextError;
}

const maxHistory = 4000;
const idle: TrainingState = { phase: 'idle', history: [], evaluations: [] };

/** The one run of this window: starts, follows and ends it, and keeps its record. Knows no editor. */
export class TrainingService implements Disposable {
  private current: TrainingState = idle;
  private handle: TrainerHandle | undefined;
  private startedPid: number | undefined;
  private killed = false;
  private readonly change = new Emitter<TrainingState>();
  private readonly loss = new Emitter<TrainingState>();
  private readonly end = new Emitter<TrainingOutcome>();

  readonly onDidChange = this.change.event;
  /** Once for each device that a run loses; it goes on on the one of the state's report. */
  readonly onDidLoseDevice = this.loss.event;
  readonly onDidEnd = this.end.event;

  constructor(
    private readonly startTrainer: StartTrainer,
    private readonly runs: RunStore,
    private readonly starts: Pick<StartNotes, 'add' | 'remove'>,
  ) {}

  /** The process of the run under way. */
  get pid(): number | undefined {
    return this.startedPid;
  }

  get state(): TrainingState {
    return this.current;
  }

  get isActive(): boolean {
    return this.current.phase !== 'idle';
  }

  /**
   * Runs to the end; resolves with how it ended and never rejects for the run's own failure.
   * @throws USAGE when this window is training already
   */
  async run(request: RunRequest): Promise<TrainingOutcome> {
    if (this.isActive) throw new MedTextError('USAGE', words`A training is running in this window; stop it first.`);
    this.killed = false;
    this.set({ ...idle, phase: 'starting', request, runFolder: request.resumeFrom });
    const outcome = await this.follow(request);
    await this.keepEnd(outcome);
    if (this.startedPid !== undefined) this.starts.remove(this.startedPid);
    this.handle = undefined;
    this.startedPid = undefined;
    this.set(idle);
    this.end.fire(outcome);
    return outcome;
  }

  /** Finish the step, save, end. */
  async stop(): Promise<void> {
    if (!this.isActive) return;
    this.set({ ...this.current, phase: 'stopping' });
    await this.handle?.stop();
  }

  /** End now; the run can be resumed from its last checkpoint. */
  stopNow(): void {
    this.killed = true;
    this.handle?.kill();
  }

  /** The window goes: the process does what the run was started with. */
  dispose(): void {
    this.handle?.release();
    this.change.dispose();
    this.loss.dispose();
    this.end.dispose();
  }

  private async follow(request: RunRequest): Promise<TrainingOutcome> {
    try {
      const { recipe, recipeFile, name, onHostGone, resumeFrom } = request;
      const handle = await this.startTrainer(
        { recipe, recipeFile, name, onHostGone, resumeFrom, baseFolder: dirname(recipeFile) },
        {
          onProcess: (pid) => this.note(pid, request),
          onStopAsked: () => this.set({ ...this.current, phase: 'stopping' }),
          onChosenDevice: (chosenDevice) => this.set({ ...this.current, chosenDevice }),
          onUnderstoodData: (understoodData) => this.set({ ...this.current, understoodData }),
          onPreparation: (preparing) => this.set({ ...this.current, preparing }),
          onMemoryPlan: (memoryPlan) => this.set({ ...this.current, memoryPlan, preparing: undefined }),
          onReport: (report) => this.take(report),
          onEvaluation: (evaluation) =>
            this.set({
              ...this.current,
              evaluations: [...this.current.evaluations, evaluation],
              evaluating: undefined,
            }),
          onEvaluationProgress: (evaluating) => this.set({ ...this.current, evaluating }),
          onSilence: (silence) => this.set({ ...this.current, silence }),
        },
      );
      this.handle = handle;
      // Asked to stop while the process was starting.
      if (this.killed) handle.kill();
      else if (this.current.phase === 'stopping') await handle.stop();
      else this.set({ ...this.current, phase: 'running' });
      const result = await handle.result;
      return { request, status: result.status, stoppedNow: false, runFolder: result.run, result };
    } catch (caught) {
      const error = asMedTextError(caught);
      const status = error.code === 'CLOSED' && this.handle ? 'interrupted' : 'failed';
      const stoppedNow = status === 'interrupted' && this.killed;
      return { request, status, stoppedNow, runFolder: this.current.runFolder, error };
    }
  }

  private note(pid: number, { recipeFile, recipe, name, resumeFrom }: RunRequest): void {
    this.startedPid = pid;
    const workDir = workDirOf(recipeFile, recipe);
    try {
      this.starts.add({ pid, recipeFile, name, workDir, runFolder: resumeFrom, startedAtMs: Date.now() });
    } catch {
      // A run that cannot be noted is a run all the same.
    }
  }

  private take(report: TrainingReport): void {
    const { request, history } = this.current;
    const isFirst = this.current.report === undefined;
    const runFolder = this.current.runFolder ?? runFolderOf(request!, report.runId);
    // A run that lost its device begins again, or goes on from its checkpoint: what came after that is done anew.
    const isBack = report.step <= (history.at(-1)?.step ?? 0);
    const kept = <T extends { readonly step: number }>(earlier: readonly T[]): readonly T[] =>
      isBack ? earlier.filter(({ step }) => step < report.step) : earlier;
    const evaluations = kept(this.current.evaluations);
    const before = this.current.report?.device ?? this.current.chosenDevice?.device;
    const isLost = report.device !== undefined && before !== undefined && report.device !== before;
    const lostDevice = isLost ? before : this.current.lostDevice;
    this.set({ ...this.current, runFolder, report, history: thinned([...kept(history), report]), evaluations, evaluating: undefined, lostDevice }); // prettier-ignore
    if (isLost) this.loss.fire(this.current);
    if (isFirst) void this.runs.put(recordOf(this.current, this.handle?.pid ?? 0, this.runs.get(runFolder)));
  }

  private async keepEnd({ request, status, runFolder, result, error }: TrainingOutcome): Promise<void> {
    if (runFolder === undefined) return;
    const before = this.runs.get(runFolder);
    if (error && request.resumeFrom !== undefined && before && !this.current.report) {
      // It did not come to go on: it is what its folder says, not what became of the attempt.
      await this.runs.put(await recordFromFolder(before));
      return;
    }
    const started = recordOf({ ...this.current, request, runFolder }, this.handle?.pid ?? 0, this.runs.get(runFolder));
    await this.runs.put({
      ...started,
      status,
      endedAtMs: Date.now(),
      metric: result?.best ? { name: result.best.metric, value: result.best.value } : undefined,
      test: result && testMetric(result.test, result.best?.metric),
      modelFolder: result?.model || undefined,
      hasCheckpoint: checkpointStep(runFolder) !== undefined,
      stoppedEarly: result?.trainingEnd?.reason === 'earlyStop',
      error: error && status === 'failed' ? plainError(error) : undefined,
    });
  }

  private set(state: TrainingState): void {
    this.current = state;
    this.change.fire(state);
  }
}

function runFolderOf({ recipeFile, recipe }: RunRequest, runId: string): string {
  return resolve(workDirOf(recipeFile, recipe), runId);
}

/** Where the runs of a recipe lie. */
export function workDirOf(recipeFile: string, recipe: Readonly<Record<string, unknown>>): string {
  return resolve(dirname(recipeFile), typeof recipe.work_dir === 'string' ? recipe.work_dir : 'runs');
}

function recordOf({ request, runFolder, report }: TrainingState, pid: number, earlier?: RunRecord): RunRecord {
  return {
    runId: report?.runId ?? earlier?.runId ?? '',
    folder: runFolder!,
    recipeFile: request!.recipeFile,
    name: earlier?.name ?? request!.name,
    status: 'running',
    pid,
    startedAtMs: earlier?.startedAtMs ?? Date.now(),
    step: report?.step ?? earlier?.step ?? 0,
    totalSteps: report?.totalSteps ?? earlier?.totalSteps ?? 0,
  };
}

/** Every second point of the older half goes when the list grows too long: recent steps stay fine-grained. */
function thinned(history: TrainingReport[]): readonly TrainingReport[] {
  if (history.length <= maxHistory) return history;
  const half = history.length >> 1;
  return history.filter((_, index) => index >= half || index % 2 === 0);
}
