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
  PairScore,
  ScorerContract,
  SuspectRows,
  TextPair,
} from '../protocol/scorer';
import { scorerContract } from '../protocol/scorer';
import type { Params, Result } from '../protocol/contract';
import { taskFor } from '../protocol/tasks';
import { serveWorker } from './serveWorker';

const endGraceMs = 2000;

/** A model that is ready to score; `openPairScorer` of src/inference/pairScorer.ts. */
export interface OpenScorer {
  readonly labels: readonly string[];
  readonly device?: string;
  readonly precision?: string;
  score(pairs: readonly TextPair[], signal?: AbortSignal): Promise<readonly PairScore[]>;
  /** Of a model that marks entities. */
  mark?(texts: readonly string[], signal?: AbortSignal): Promise<readonly (readonly MarkedEntity[])[]>;
  close(): void | Promise<void>;
}

type FileJob = {
  device: string;
  threads?: number;
  first?: string;
  second?: string;
  label?: string;
  signal: AbortSignal;
} & {
  readonly onProgress: (done: number, total: number | null) => void;
};

/** What the scorer process needs of the engine; the same functions that the command line calls. */
export interface ScorerEngine {
  /** `precision` as it is asked for; the scorer has the one that the model bears. */
  openPairScorer(
    folder: string,
    options: { device: string; threads?: number; precision?: 'float32' | 'int8' },
  ): Promise<OpenScorer>;
  evaluate(folder: string, file: string, job: FileJob): Promise<Result<ScorerContract, 'evaluate'>>;
  predict(folder: string, file: string, output: string, job: FileJob): Promise<{ output: string; rows: number }>;
  dataInfo(file: string, signal: AbortSignal): Promise<DataInfo>;
  exampleLengths(
    of: Params<ScorerContract, 'exampleLengths'>,
    signal: AbortSignal,
  ): Promise<Result<ScorerContract, 'exampleLengths'>>;
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
  checkPrecision(folder: string, job: Pick<FileJob, 'threads' | 'signal' | 'onProgress'>): Promise<PrecisionCheck>;
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
        dataInfo: async ({ file }, signal) => (await loadEngine()).dataInfo(file, signal),
        exportModel: async ({ folder, output, ...job }, signal) =>
          (await loadEngine()).exportModel(folder, output, { ...job, signal, onProgress: progress('exportModel') }),
        checkPrecision: async ({ folder, threads }, signal) =>
          (await loadEngine()).checkPrecision(folder, { threads, signal, onProgress: progress('checkPrecision') }),
        doctor: async (options) => (await loadEngine()).doctor(options),
      };
    },
    { graceMs: endGraceMs },
  );
}

/** The split, checked by the recipe's own rules. @throws RECIPE */
function splitOf(split: Readonly<Record<string, unknown>>): RecipeSplit {
  const task = taskFor('class', split.second_sequence != null);
  return validateRecipe({ task, model: '-', dataset: { train: split } }, String(split.file)).dataset.train;
}

/** At most one model in memory. Loads queue; a model is closed only when no request uses it any more. */
class ModelSlot {
  private key = '';
  private current: Promise<{ readonly scorer: OpenScorer; readonly model: LoadedModel }> | undefined;
  private users = 0;
  private idle: (() => void)[] = [];

  constructor(
    private readonly loadEngine: () => Promise<ScorerEngine>,
    private readonly onChange: (model: LoadedModel | null) => void,
  ) {}

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
    // Two base-sized encoders at once could exhaust a small machine: the old one goes first.
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
        ...(scorer.precision !== undefined && { precision: scorer.precision }),
      },
    };
  }
}
