/** A fine-tuned model folder, opened for use: texts in, logits out. */
import { MedTextError } from '../base/errors';
import { openCheckpoint } from '../models/checkpoint/openCheckpoint';
import { isObject } from '../models/configJson';
import { bertClassifier } from '../models/encoder';
import { loadParameters, openModelFolder, planLoad, readTokenizerFiles, type ModelFolder } from '../models/modelFolder';
import { classifierParameterSpecs, encoderParameterSpecs } from '../models/parameterNames';
import type { Parameters } from '../models/parameters';
import { loadTokenizer, type Tokenizer } from '../tokenization/tokenizer';
import { ClassifierRunner, type RunOptions } from './classifierRunner';
import { executionDevice } from './device';
import { labelScores, type ScoredPair } from './labelScores';
import type { ExecutionDevice } from './session';

export interface ClassifierOptions {
  /** `auto`, `cpu`, `webgpu`, ...; absent: `auto`. */
  readonly device?: string;
  /** Absent or 0: as many as the machine has cores. */
  readonly threads?: number;
  readonly signal?: AbortSignal;
}

export type ClassifierTask = 'sentence-similarity' | 'text-classification' | 'regression';

/** The longest input where neither training nor the model says one. */
const USUAL_MAX_LENGTH = 512;

export class Classifier {
  /** Calls queue: the runner's sessions are shared. */
  private last: Promise<unknown> = Promise.resolve();

  constructor(
    readonly folder: ModelFolder,
    /** In the order of the logits. */
    readonly labels: readonly string[],
    /** Undefined where the folder does not say (a classifier trained elsewhere). */
    readonly task: ClassifierTask | undefined,
    /** Tokens; longer inputs are cut. */
    readonly maxLength: number,
    /** In label order. */
    readonly labelScores: readonly number[],
    readonly device: ExecutionDevice,
    readonly parameters: Parameters,
    readonly tokenizer: Tokenizer,
    /** Raw values to labels (null: left out) as in training, besides the labels themselves. */
    readonly labelMapping: Readonly<Record<string, string | null>>,
    private readonly runner: ClassifierRunner,
  ) {}

  get isRegression(): boolean {
    return this.task === 'regression';
  }

  /**
   * The logits, [pairs, labels] row after row in the given order; [pairs] predictions for a regression.
   * @throws MedTextError CANCELLED, RUNTIME or OUT_OF_MEMORY.
   */
  logits(pairs: readonly ScoredPair[], options: RunOptions = {}): Promise<Float32Array> {
    const run = async (): Promise<Float32Array> => {
      const encoded = await this.tokenizer.encodeAll(
        pairs.map(({ first, second }) => ({ a: first, b: second })),
        this.maxLength,
        undefined,
        options.signal,
      );
      return this.runner.logits(encoded, options);
    };
    const result = this.last.then(run);
    this.last = result.catch(() => undefined);
    return result;
  }

  async close(): Promise<void> {
    await this.last;
    await this.runner.close();
  }
}

/**
 * Opens a model folder that has a classifier; a run's folder opens the model in it.
 * @throws MedTextError CHECKPOINT_MISMATCH for an encoder without a classifier, and when parameters are missing;
 * NOT_FOUND, MODEL_CONFIG, TOKENIZER, UNSUPPORTED, USAGE (the device) and what reading weights throws.
 */
export async function openClassifier(path: string, options: ClassifierOptions = {}): Promise<Classifier> {
  const device = executionDevice(options.device);
  const folder = await openModelFolder(path);
  const labels = await classifierLabels(folder);
  const { config } = folder;
  if (folder.problemType === 'multi_label_classification') {
    throw new MedTextError(
      'UNSUPPORTED',
      `${folder.path} gives several labels at once; supported is one label a text.`,
    );
  }
  const tokenizer = loadTokenizer(await readTokenizerFiles(folder), folder.path);
  if (tokenizer.vocabSize > config.vocabSize) {
    throw new MedTextError(
      'TOKENIZER',
      `${folder.path}: the tokenizer knows ${tokenizer.vocabSize} tokens, but config.json's vocab_size is ${config.vocabSize}. They are not of one model.`,
      { file: folder.path },
    );
  }
  const specs = [...encoderParameterSpecs(config), ...classifierParameterSpecs(config, labels.length)];
  const { parameters, report } = await loadParameters(folder, specs, { seed: 0, signal: options.signal });
  if (report.missing.length > 0) {
    throw new MedTextError(
      'CHECKPOINT_MISMATCH',
      `${folder.path} lacks ${report.missing.map(({ name }) => name).join(', ')}; without trained weights its answers would mean nothing.`,
      { missing: report.missing.map(({ name }) => name) },
    );
  }
  const runner = new ClassifierRunner(bertClassifier(config, labels.length), parameters, {
    device,
    threads: options.threads || undefined,
    padTokenId: config.padTokenId,
  });
  const usage = isObject(folder.rawConfig.medtext) ? folder.rawConfig.medtext : {};
  return new Classifier(
    labelMappingOf(labels, usage.label_mapping),
    folder,
    labels,
    taskOf(folder, labels, usage.task),
    maxLengthOf(folder, tokenizer, usage.max_length),
    labelScores(labels, usage.label_scores, folder.path),
    device,
    parameters,
    tokenizer,
    runner,
  );
}

/** The labels of the classifier's rows, by the folder's names for them. */
async function classifierLabels(folder: ModelFolder): Promise<readonly string[]> {
  const rows = await classifierRows(folder);
  if (rows === undefined) {
    throw new MedTextError(
      'CHECKPOINT_MISMATCH',
      `${folder.path} is an encoder without a classifier: it gives no labels yet. Fine-tune it first (medtext finetune --model ${folder.path} …).`,
      { file: folder.path },
    );
  }
  const { labels } = folder;
  if (!labels) return Array.from({ length: rows }, (_, id) => `LABEL_${id}`);
  if (labels.length === rows) return labels;
  throw new MedTextError(
    'CHECKPOINT_MISMATCH',
    `${folder.path}: the classifier has ${rows} rows, but its files name ${labels.length} labels (${labels.join(', ')}).`,
    { rows, labels },
  );
}

async function classifierRows(folder: ModelFolder): Promise<number | undefined> {
  if (folder.weightsPath === undefined) return undefined;
  const checkpoint = await openCheckpoint(folder.weightsPath);
  try {
    const { mapping } = planLoad(checkpoint, encoderParameterSpecs(folder.config), folder);
    const from = mapping.fromOurs.get('classifier.weight');
    return from === undefined ? undefined : checkpoint.tensors.get(from)?.shape[0];
  } finally {
    await checkpoint.close();
  }
}

/** What training wrote, else the problem type, else ModelScope's task. */
function taskOf(folder: ModelFolder, labels: readonly string[], stored: unknown): ClassifierTask | undefined {
  const known: readonly ClassifierTask[] = ['sentence-similarity', 'text-classification', 'regression'];
  const named = (name: unknown) => known.find((task) => task === name);
  if (named(stored)) return named(stored);
  if (folder.problemType === 'regression' || labels.length === 1) return 'regression';
  // transformers writes "text-classification" for whatever has a classifier, ModelScope for one sentence.
  return folder.configuration?.task === 'sentence-similarity' ? 'sentence-similarity' : undefined;
}

function maxLengthOf(folder: ModelFolder, tokenizer: Tokenizer, stored: unknown): number {
  const { maxPositions } = folder.config;
  if (typeof stored === 'number' && Number.isInteger(stored) && stored >= 4) return Math.min(stored, maxPositions);
  return Math.min(USUAL_MAX_LENGTH, maxPositions, tokenizer.modelMaxLength ?? Infinity);
}
/** What training wrote; an entry that leads to no label of the model (somebody edited it) does not count. */
function labelMappingOf(labels: readonly string[], stored: unknown): Readonly<Record<string, string | null>> {
  const entries = isObject(stored) ? Object.entries(stored) : [];
  const isTarget = (target: unknown) => target === null || labels.includes(target as string);
  return Object.fromEntries(entries.filter(([, target]) => isTarget(target))) as Record<string, string | null>;
}

