import { asMedTextError, MedTextError, words } from '../base/errors';
import type { ExportCheck } from '../protocol/exportCheck';
import type { ModelFormat } from '../protocol/modelFormat';
import type { PrecisionCheck } from '../protocol/precisionCheck';
import { validateRecipe, type RecipeSplit } from '../protocol/recipe';
import type {
  DataInfo,
  LabelCounts,
  LoadedModel,
  MarkedEntity,
  ScorerContract,
  SuspectRows,
  TextPair,
} from '../protocol/scorer';
import type { PairScore } from '../protocol/scores';
import { scorerContract } from '../protocol/scorer';
import type { Params, Result } from '../protocol/contract';
import { ownFields, taskFor } from '../protocol/tasks';
import type { TrainingForecast } from '../protocol/trainingForecast';
import { serveWorker } from './serveWorker';

const endGraceMs = 2000;

/** A model that is ready to score, as `openPairScorer` of src/inference/pairScorer.ts returns it. */
export interface OpenScorer {
  readonly labels: readonly string[];
  readonly device?: string;
  readonly precision?: string;
  score(pairs: readonly TextPair[], signal?: AbortSignal): Promise<readonly PairScore[]>;
  /** Set for a model that finds entities. */
  mark?(texts: readonly string[], signal?: AbortSignal): Promise<readonly (readonly MarkedEntity[])[]>;
  close(): void | Promise<void>;
}

type FileJob = {
  device: string;
  threads?: number;
  first?: string;
  second?: string;
  label?: string;
  spanEnd?: 'inclusive' | 'exclusive';
  signal: AbortSignal;
} & {
  readonly onProgress: (done: number, total: number | null) => void;
};

/** The part of the engine that the scorer process needs: the functions that the command line calls. */
export interface ScorerEngine {
  /** `precision` is the requested one. The scorer uses float32 if the precision harms the model. */
  openPairScorer(
    folder: string,
    options: { device: string; threads?: number; precision?: 'float32' | 'int8' | 'float16' },
  ): Promise<OpenScorer>;
  evaluate(folder: string, file: string, job: FileJob): Promise<Result<ScorerContract, 'evaluate'>>;
  predict(folder: string, file: string, output: string, job: FileJob): Promise<{ output: string; rows: number }>;
  dataInfo(of: Params<ScorerContract, 'dataInfo'>, signal: AbortSignal): Promise<DataInfo>;
  exampleLengths(
    of: Params<ScorerContract, 'exampleLengths'>,
    signal: AbortSignal,
  ): Promise<Result<ScorerContract, 'exampleLengths'>>;
  forecast(of: Params<ScorerContract, 'forecast'>, signal: AbortSignal): Promise<TrainingForecast>;
  labelCounts(split: RecipeSplit, signal: AbortSignal): Promise<LabelCounts>;
  suspectLabels(
    folder: string,
    split: RecipeSplit,
    job: Pick<FileJob, 'device' | 'threads' | 'signal' | 'onProgress'>,
  ): Promise<SuspectRows>;
  exportModel(
    folder: string,
    output: string,
    job: Pick<FileJob, 'threads' | 'signal' | 'onProgress'> & { readonly format: ModelFormat },
  ): Promise<{ output: string; files: readonly string[]; largestDifference?: number; checked?: ExportCheck }>;
  checkPrecision(
    folder: string,
    precision: PrecisionCheck['precision'],
    job: Pick<FileJob, 'device' | 'threads' | 'signal' | 'onProgress'>,
  ): Promise<PrecisionCheck>;
  doctor(options: { device: string; threads?: number }): Promise<Record<string, unknown>>;
}

/** Makes this process the scorer. */
export function serveScorer(loadEngine: () => Promise<ScorerEngine>): void {
  serveWorker(
    scorerContract,
    ({ emit }) => {
      const slot = new ModelSlot(loadEngine, (model) => emit('modelChanged', model));
      const progress =
        (request: 'evaluate' | 'predict' | 'exportModel' | 'suspectLabels' | 'checkPrecision') =>
        (done: number, total: number | null) =>
          emit('progress', { request, done, total });
      return {
        load: (params) => slot.load(params),
        scorePairs: ({ pairs }, signal) => slot.use((scorer) => scorer.score(pairs, signal)),
        markEntities: ({ texts }, signal) =>
          slot.use((scorer) => {
            if (scorer.mark) return scorer.mark(texts, signal);
            throw new MedTextError('UNSUPPORTED', words`The active model marks no entities. Choose one that was fine-tuned to find entities.`); // prettier-ignore
          }),
        async evaluate({ folder, file, ...job }, signal) {
          const engine = await loadEngine();
          return engine.evaluate(folder, file, { ...job, signal, onProgress: progress('evaluate') });
        },
        async predict({ folder, file, output, ...job }, signal) {
          const engine = await loadEngine();
          return engine.predict(folder, file, output, { ...job, signal, onProgress: progress('predict') });
        },
        labelCounts: async ({ split }, signal) => (await loadEngine()).labelCounts(splitOf(split), signal),
        async suspectLabels({ folder, split, ...job }, signal) {
          const engine = await loadEngine();
          return engine.suspectLabels(folder, splitOf(split), {
            ...job,
            signal,
            onProgress: progress('suspectLabels'),
          });
        },
        exampleLengths: async (of, signal) => (await loadEngine()).exampleLengths(of, signal),
        dataInfo: async (of, signal) => (await loadEngine()).dataInfo(of, signal),
        forecast: async (of, signal) => (await loadEngine()).forecast(of, signal),
        exportModel: async ({ folder, output, ...job }, signal) =>
          (await loadEngine()).exportModel(folder, output, { ...job, signal, onProgress: progress('exportModel') }),
        async checkPrecision({ folder, precision, ...job }, signal) {
          const engine = await loadEngine();
          const check = await engine.checkPrecision(folder, precision, { ...job, signal, onProgress: progress('checkPrecision') }); // prettier-ignore
          slot.outdate();
          return check;
        },
        doctor: async (options) => (await loadEngine()).doctor(options),
      };
    },
    { graceMs: endGraceMs },
  );
}

/** The split, checked by the rules for recipes. @throws RECIPE */
function splitOf(split: Readonly<Record<string, unknown>>): RecipeSplit {
  const task = taskOfSplit(split);
  return validateRecipe({ task, model: '-', dataset: { train: split } }, String(split.file)).dataset.train;
}

/** The task by whose rules a split is checked: one that reads a field which only some tasks read, otherwise a classification. */
function taskOfSplit(split: Readonly<Record<string, unknown>>): string {
  const own = ownFields().find(({ field }) => split[/^dataset\.(.+)$/.exec(field)?.[1] ?? ''] !== undefined);
  return own ? own.ids[0] : taskFor('class', split.second_sequence != null);
}

/** Holds at most one model in memory. Loads wait for each other. A model is closed only when no request uses it. */
class ModelSlot {
  private key = '';
  private current: Promise<{ readonly scorer: OpenScorer; readonly model: LoadedModel }> | undefined;
  private users = 0;
  private idle: (() => void)[] = [];

  constructor(
    private readonly loadEngine: () => Promise<ScorerEngine>,
    private readonly onChange: (model: LoadedModel | null) => void,
  ) {}

  /** The next load opens its model anew: in which precision it may score has been measured. */
  outdate(): void {
    this.key = '';
  }

  async load(params: Params<ScorerContract, 'load'>): Promise<LoadedModel> {
    const key = JSON.stringify([params.folder, params.device, params.threads, params.precision]);
    if (this.current && this.key === key) return (await this.current).model;
    const previous = this.current;
    this.key = key;
    const next = this.replace(previous, params);
    this.current = next;
    try {
      const { model } = await next;
      if (this.current === next) this.onChange(model);
      return model;
    } catch (error) {
      if (this.current === next) {
        this.current = undefined;
        this.onChange(null);
      }
      throw asMedTextError(error);
    }
  }

  async use<T>(work: (scorer: OpenScorer) => Promise<T>): Promise<T> {
    if (!this.current) throw new MedTextError('NOT_FOUND', words`No model is loaded. Choose an active model first.`);
    const { scorer } = await this.current;
    this.users++;
    try {
      return await work(scorer);
    } finally {
      if (--this.users === 0) for (const wake of this.idle.splice(0)) wake();
    }
  }

  private async replace(previous: ModelSlot['current'], { folder, ...options }: Params<ScorerContract, 'load'>) {
    const old = await previous?.catch(() => undefined);
    // The old model is closed first, because two base-sized encoders could exceed a small machine's memory.
    while (old && this.users > 0) await new Promise<void>((wake) => this.idle.push(wake));
    await old?.scorer.close();
    const { openPairScorer } = await this.loadEngine();
    const scorer = await openPairScorer(folder, options);
    return {
      scorer,
      model: {
        folder,
        labels: scorer.labels,
        device: scorer.device ?? options.device,
        memoryBytes: process.memoryUsage.rss(),
        ...(scorer.precision !== undefined && { precision: scorer.precision }),
      },
    };
  }
}
