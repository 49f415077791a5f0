/** A fine-tuned model folder, opened for use: texts in, logits out. */
import { MedTextError, words } from '../base/errors';
import { readOnnxFile } from '../models/checkpoint/onnxWeights';
import { openCheckpoint } from '../models/checkpoint/openCheckpoint';
import { isObject } from '../models/configJson';
import { bertClassifier } from '../models/encoder';
import { refuseNaN } from '../models/graphClassifier';
import { bertWeights } from '../models/loadClassifier';
import { loadParameters, openModelFolder, planLoad, readTokenizerFiles, type ModelFolder } from '../models/modelFolder';
import { classifierParameterSpecs, encoderParameterSpecs } from '../models/parameterNames';
import type { Parameters } from '../models/parameters';
import { type Task, findTask, TASKS, taskFor } from '../protocol/tasks';
import { loadTokenizer, type Tokenizer } from '../tokenization/tokenizer';
import { ClassifierRunner, type NetworkSession, type RunOptions } from './classifierRunner';
import { executionDevice } from './device';
import { FedNetwork, type FedOptions } from './fedNetwork';
import { GraphRunner } from './graphRunner';
import { labelRange, labelScores, sigmoid, type LabelRange, type HeadMeasure, type ScoredPair } from './labelScores';
import { openClassifierNetwork, PackedNetwork } from './packedNetwork';
import { lacksWeights, PackedSession } from './packedSession';
import type { ExecutionDevice } from './session';

export interface ClassifierOptions {
  /** `auto`, `cpu`, `webgpu`, ...; absent: `auto`. */
  readonly device?: string;
  /** Absent or 0: as many as the machine has cores. */
  readonly threads?: number;
  readonly signal?: AbortSignal;
}

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
    readonly task: Task | undefined,
    readonly measure: HeadMeasure,
    /** Tokens; longer inputs are cut. */
    readonly maxLength: number,
    /** In label order. */
    readonly labelScores: readonly number[] | undefined,
    /** Of a regression; undefined where the folder does not say. */
    readonly labelRange: LabelRange | undefined,
    /** Raw values to labels (null: left out) as in training, besides the labels themselves. */
    readonly labelMapping: Readonly<Record<string, string | null>>,
    readonly device: ExecutionDevice,
    /** Reads the weights into memory, for who needs them there; undefined where the model is an ONNX graph whose weights are its own. */
    readonly loadParameters: (() => Promise<Parameters>) | undefined,
    readonly tokenizer: Tokenizer,
    private readonly runner: Runner,
  ) {}

  /** Whether the answer to a row is one number and no label. */
  get givesNumber(): boolean {
    return this.measure === 'sigmoid' || this.measure === 'regression';
  }

  /** A row's answer of a model that gives numbers, from its logit: a regression's prediction, or a probability. */
  numberOf(logit: number): number {
    return this.measure === 'sigmoid' ? sigmoid(logit) : logit;
  }

  /**
   * The logits, [pairs, labels] row after row in the given order; [pairs] where the model gives one number.
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
  const { config } = folder;
  if (folder.problemType === 'multi_label_classification') {
    throw new MedTextError(
      'UNSUPPORTED',
      words`${folder.path} gives several labels at once; supported is one label a text.`,
    );
  }
  const tokenizer = loadTokenizer(await readTokenizerFiles(folder), folder.path);
  if (tokenizer.vocabSize > config.vocabSize) {
    throw new MedTextError(
      'TOKENIZER',
      words`${folder.path}: the tokenizer knows ${tokenizer.vocabSize} tokens, but config.json's vocab_size is ${config.vocabSize}. They are not of one model.`,
      { file: folder.path },
    );
  }
  const { labels, loadParameters, runner } = await openRunner(folder, {
    device,
    threads: options.threads || undefined,
    padTokenId: config.padTokenId,
    signal: options.signal,
  });
  const usage = isObject(folder.rawConfig.medtext) ? folder.rawConfig.medtext : {};
  const task = taskOf(folder, usage.task);
  const answer = findTask(task)?.answer;
  if (answer === 'number' && labels.length > 1) {
    await runner.close();
    throw new MedTextError(
      'UNSUPPORTED',
      words`${folder.path} predicts ${labels.length} numbers at once; supported is one number a text.`,
    );
  }
  const scores = labelScores(labels, usage.label_scores, folder.path);
  return new Classifier(
    folder,
    labels,
    task,
    answer === 'number' ? 'regression' : labels.length === 1 ? 'sigmoid' : scores ? 'label-scale' : 'classes',
    maxLengthOf(folder, tokenizer, usage.max_length),
    scores,
    labelRange(usage.label_range, folder.path),
    labelMappingOf(labels, usage.label_mapping),
    device,
    loadParameters,
    tokenizer,
    runner,
  );
}

/** Computes logits, [examples, labels] row after row in the given order. */
type Runner = Pick<ClassifierRunner, 'logits' | 'close'>;

interface OpenedRunner {
  readonly labels: readonly string[];
  /** Undefined where the model is an ONNX graph whose weights are its own. */
  readonly loadParameters: Classifier['loadParameters'];
  readonly runner: Runner;
}

/** Weights go into this program's own graph; an ONNX file whose weights do not tell their names runs as it is. */
async function openRunner(
  folder: ModelFolder,
  { signal, ...options }: FedOptions & { signal?: AbortSignal },
): Promise<OpenedRunner> {
  const { config, weightsPath } = folder;
  if (weightsPath?.endsWith('.onnx')) {
    const { model } = await readOnnxFile(weightsPath);
    refuseNaN(model, weightsPath);
    const source = bertWeights(model, folder);
    const weights = source && planLoad(source, encoderParameterSpecs(config), folder);
    if (!weights?.mapping.fromOurs.has('classifier.weight') || weights.missing.length > 0) {
      const runner = await GraphRunner.open(weightsPath, model, {
        ...options,
        maxPositions: config.maxPositions,
        vocabSize: config.vocabSize,
        exactLengths: exactLengthsOf(folder),
      });
      return { labels: classifierLabels(folder, runner.labelCount), loadParameters: undefined, runner };
    }
  }
  const labels = classifierLabels(folder, await classifierRows(folder));
  const specs = [...encoderParameterSpecs(config), ...classifierParameterSpecs(config, labels.length)];
  const classifier = bertClassifier(config, labels.length);
  const loadAll = async () => (await loadParameters(folder, specs, { seed: 0, signal })).parameters;
  const network = async (): Promise<NetworkSession> => {
    if (options.device !== undefined && options.device !== 'cpu') {
      const { parameters, report } = await loadParameters(folder, specs, { seed: 0, signal });
      if (report.missing.length > 0) throw lacksWeights(folder, report.missing);
      return new FedNetwork(classifier, parameters, options);
    }
    const session = await PackedSession.open(folder, openClassifierNetwork(classifier, specs), { ...options, signal });
    if (session instanceof PackedSession) return new PackedNetwork(session, config.padTokenId, 'logits');
    throw lacksWeights(folder, session);
  };
  return { labels, loadParameters: loadAll, runner: new ClassifierRunner(classifier, await network()) };
}

/** What importing the graph found out. */
function exactLengthsOf({ rawConfig }: ModelFolder): boolean | undefined {
  const stored = isObject(rawConfig.medtext) ? rawConfig.medtext.exact_lengths : undefined;
  return typeof stored === 'boolean' ? stored : undefined;
}

/** The labels of the classifier's rows, by the folder's names for them. */
function classifierLabels(folder: ModelFolder, rows: number): readonly string[] {
  const { labels } = folder;
  if (!labels) return Array.from({ length: rows }, (_, id) => `LABEL_${id}`);
  if (labels.length === rows) return labels;
  throw new MedTextError(
    'CHECKPOINT_MISMATCH',
    words`${folder.path}: the classifier has ${rows} rows, but its files name ${labels.length} labels (${labels.join(', ')}).`,
    { rows, labels },
  );
}

/** Whether the folder's weights have a classifier; an ONNX graph is taken for one. */
export async function hasHead(folder: ModelFolder): Promise<boolean> {
  return folder.weightsPath === undefined || folder.weightsPath.endsWith('.onnx') || (await storedRows(folder)) !== undefined; // prettier-ignore
}

async function classifierRows(folder: ModelFolder): Promise<number> {
  const rows = folder.weightsPath === undefined ? undefined : await storedRows(folder);
  if (rows !== undefined) return rows;
  throw new MedTextError(
    'CHECKPOINT_MISMATCH',
    words`${folder.path} is an encoder without a classifier: it gives no labels yet. Fine-tune it first (medtext finetune --model ${folder.path} …).`,
    { file: folder.path },
  );
}

/** Of the classifier in the folder's weights file; undefined where it has none. */
async function storedRows(folder: ModelFolder): Promise<number | undefined> {
  const checkpoint = await openCheckpoint(folder.weightsPath!);
  try {
    const { mapping } = planLoad(checkpoint, encoderParameterSpecs(folder.config), folder);
    const from = mapping.fromOurs.get('classifier.weight');
    return from === undefined ? undefined : checkpoint.tensors.get(from)?.shape[0];
  } finally {
    await checkpoint.close();
  }
}

/**
 * What training wrote, else the problem type, else ModelScope's task. (That one label means a regression is a rule for
 * training data: a stored head of one logit that does not call itself a regression is a cross-encoder's.)
 */
function taskOf(folder: ModelFolder, stored: unknown): Task | undefined {
  const named = TASKS.find(({ id }) => id === stored);
  if (named) return named.id;
  if (folder.problemType === 'regression') return taskFor('number', true);
  // transformers writes "text-classification" for whatever has a classifier, ModelScope for one sentence.
  const configured = findTask(folder.configuration?.task);
  return configured?.second === 'required' ? configured.id : undefined;
}

/** What training wrote; an entry that leads to no label of the model (somebody edited it) does not count. */
function labelMappingOf(labels: readonly string[], stored: unknown): Readonly<Record<string, string | null>> {
  const entries = isObject(stored) ? Object.entries(stored) : [];
  const isTarget = (target: unknown) => target === null || labels.includes(target as string);
  return Object.fromEntries(entries.filter(([, target]) => isTarget(target))) as Record<string, string | null>;
}

function maxLengthOf(folder: ModelFolder, tokenizer: Tokenizer, stored: unknown): number {
  const { maxPositions } = folder.config;
  if (typeof stored === 'number' && Number.isInteger(stored) && stored >= 4) return Math.min(stored, maxPositions);
  return Math.min(USUAL_MAX_LENGTH, maxPositions, tokenizer.modelMaxLength ?? Infinity);
}
