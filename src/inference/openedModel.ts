/** A fine-tuned model folder, opened for use, whatever its head answers: texts in, outputs out. */
import { MedTextError, words } from '../base/errors';
import { readOnnxFile } from '../models/checkpoint/onnxWeights';
import { openCheckpoint } from '../models/checkpoint/openCheckpoint';
import { isObject, type JsonObject } from '../models/configJson';
import { bertNetwork, networkParameterSpecs } from '../models/encoder';
import { refuseNaN } from '../models/graphClassifier';
import type { Head } from '../models/heads/head';
import { bertWeights } from '../models/loadNetwork';
import { loadParameters, openModelFolder, planLoad, readTokenizerFiles, storedShape, type ModelFolder } from '../models/modelFolder'; // prettier-ignore
import { encoderParameterSpecs } from '../models/parameterNames';
import type { Parameters } from '../models/parameters';
import { findTask, TASKS, type Task } from '../protocol/tasks';
import { loadTokenizer, type EncodedExample, type Tokenizer } from '../tokenization/tokenizer';
import { ClassifierRunner, type EachOutput, type NetworkSession, type RunOptions } from './classifierRunner';
import { executionDevice } from './device';
import { FedNetwork, type FedOptions } from './fedNetwork';
import { GraphRunner } from './graphRunner';
import { openNetwork, PackedNetwork } from './packedNetwork';
import { SHORT_REQUEST } from './precedence';
import { lacksWeights, PackedSession, refusePrecision, type ScoringPrecision } from './packedSession';
import type { ExecutionDevice } from './session';

export interface ModelOptions {
  /** `auto`, `cpu`, `webgpu`, ...; absent: `auto`. */
  readonly device?: string;
  /** Absent or 0: as many as the machine has cores. */
  readonly threads?: number;
  /** Of linear layers, on the CPU; absent: float32. */
  readonly precision?: ScoringPrecision;
  readonly signal?: AbortSignal;
}

/** The longest input where neither training nor the model says one. */
const USUAL_MAX_LENGTH = 512;

/** What an opened model consists of. */
export interface ModelParts {
  readonly folder: ModelFolder;
  readonly head: Head;
  /** What the head tells apart, in the order of its columns: labels, or tags. */
  readonly columns: readonly string[];
  /** Undefined where the folder does not say (a classifier trained elsewhere). */
  readonly task: Task | undefined;
  /** Tokens of an input, at most. */
  readonly maxLength: number;
  /** What training wrote for the use of the model: config.json's `medtext`. */
  readonly usage: JsonObject;
  readonly device: ExecutionDevice;
  /** Reads the weights; undefined where the model is an ONNX graph whose weights are its own. */
  readonly loadParameters: (() => Promise<Parameters>) | undefined;
  readonly tokenizer: Tokenizer;
  readonly runner: Runner;
}

/** Computes outputs. */
type Runner = Pick<ClassifierRunner, 'outputs' | 'close' | 'callsMayOverlap'>;

export class OpenedModel {
  readonly folder: ModelFolder;
  readonly head: Head;
  readonly columns: readonly string[];
  readonly task: Task | undefined;
  readonly maxLength: number;
  readonly usage: JsonObject;
  readonly device: ExecutionDevice;
  readonly loadParameters: ModelParts['loadParameters'];
  readonly tokenizer: Tokenizer;
  private readonly runner: Runner;
  /** What goes on: the runner's sessions are shared. */
  private last: Promise<unknown> = Promise.resolve();

  constructor(parts: ModelParts) {
    this.folder = parts.folder;
    this.head = parts.head;
    this.columns = parts.columns;
    this.task = parts.task;
    this.maxLength = parts.maxLength;
    this.usage = parts.usage;
    this.device = parts.device;
    this.loadParameters = parts.loadParameters;
    this.tokenizer = parts.tokenizer;
    this.runner = parts.runner;
  }

  /**
   * Gives each example's output, without its padding, in no order.
   * @throws MedTextError CANCELLED, RUNTIME or OUT_OF_MEMORY.
   */
  outputs(examples: readonly EncodedExample[], each: EachOutput, options: RunOptions = {}): Promise<void> {
    return this.queued(() => this.runner.outputs(examples, each, options), examples.length <= SHORT_REQUEST);
  }

  /** Raw values to labels (null: left out) as in training; an entry that leads to none of the labels (somebody edited it) does not count. */
  mappingTo(labels: readonly string[]): Readonly<Record<string, string | null>> {
    const entries = isObject(this.usage.label_mapping) ? Object.entries(this.usage.label_mapping) : [];
    const isTarget = (target: unknown) => target === null || labels.includes(target as string);
    return Object.fromEntries(entries.filter(([, target]) => isTarget(target))) as Record<string, string | null>;
  }

  async close(): Promise<void> {
    await this.last;
    await this.runner.close();
  }

  /** A short request does not wait for a long one, where calls may overlap. */
  private queued<T>(run: () => Promise<T>, isShort: boolean): Promise<T> {
    const { last } = this;
    const result = isShort && this.runner.callsMayOverlap ? run() : last.then(run);
    this.last = Promise.all([last, result.catch(() => undefined)]);
    return result;
  }
}

/**
 * Opens what a model folder with a head consists of.
 * @throws MedTextError CHECKPOINT_MISMATCH for an encoder without a head, and when parameters are missing; NOT_FOUND,
 * MODEL_CONFIG, TOKENIZER, UNSUPPORTED, USAGE (the device) and what reading weights throws.
 */
export async function openParts(path: string, options: ModelOptions): Promise<ModelParts> {
  const device = executionDevice(options.device);
  refusePrecision(options.precision, device);
  const folder = await openModelFolder(path);
  const { config, head } = folder;
  const tokenizer = loadTokenizer(await readTokenizerFiles(folder), folder.path);
  if (tokenizer.vocabSize > config.vocabSize) {
    throw new MedTextError(
      'TOKENIZER',
      words`${folder.path}: the tokenizer knows ${tokenizer.vocabSize} tokens, but config.json's vocab_size is ${config.vocabSize}. They are not of one model.`,
      { file: folder.path },
    );
  }
  const { columns, loadParameters, runner } = await openRunner(folder, {
    device,
    threads: options.threads || undefined,
    precision: options.precision,
    padTokenId: config.padTokenId,
    signal: options.signal,
  });
  const usage = isObject(folder.rawConfig.medtext) ? folder.rawConfig.medtext : {};
  const maxLength = maxLengthOf(folder, tokenizer, usage.max_length);
  return { folder, head, columns, task: taskOf(folder, usage.task), maxLength, usage, device, loadParameters, tokenizer, runner }; // prettier-ignore
}

interface OpenedRunner {
  readonly columns: readonly string[];
  readonly loadParameters: ModelParts['loadParameters'];
  readonly runner: Runner;
}

/** Weights go into this program's own graph; an ONNX file whose weights do not tell their names runs as it is. */
async function openRunner(
  folder: ModelFolder,
  { signal, precision, ...options }: FedOptions & Pick<ModelOptions, 'precision' | 'signal'>,
): Promise<OpenedRunner> {
  const { config, head, weightsPath } = folder;
  if (weightsPath?.endsWith('.onnx')) {
    const { model } = await readOnnxFile(weightsPath);
    refuseNaN(model, weightsPath);
    const source = bertWeights(model, folder);
    const weights = source && planLoad(source, encoderParameterSpecs(config, head.readsPooler(config)), folder);
    if (!weights || head.columnsOf(storedShape(source, weights.mapping)) === undefined || weights.missing.length > 0) {
      if (precision === 'int8') throw new MedTextError('UNSUPPORTED', words`${folder.path} is an ONNX graph that runs as it is: its precision is its own.`, { file: folder.path }); // prettier-ignore
      const runner = await GraphRunner.open(weightsPath, model, {
        ...options,
        output: (columns) => head.output(columns),
        maxPositions: config.maxPositions,
        vocabSize: config.vocabSize,
        exactLengths: exactLengthsOf(folder),
      });
      return { columns: columnNames(folder, runner.labelCount), loadParameters: undefined, runner };
    }
  }
  const columns = columnNames(folder, await headColumns(folder));
  const specs = networkParameterSpecs(config, head, columns.length);
  const network = bertNetwork(config, head, columns.length);
  const loadAll = async () => (await loadParameters(folder, specs, { seed: 0, signal })).parameters;
  const session = async (): Promise<NetworkSession> => {
    if (options.device !== undefined && options.device !== 'cpu') {
      const { parameters, report } = await loadParameters(folder, specs, { seed: 0, signal });
      if (report.missing.length > 0) throw lacksWeights(folder, report.missing);
      return new FedNetwork(network, parameters, options);
    }
    const packed = await PackedSession.open(folder, openNetwork(network, specs), { ...options, precision, signal });
    if (packed instanceof PackedSession) return new PackedNetwork(packed, config.padTokenId, 'logits');
    throw lacksWeights(folder, packed);
  };
  return { columns, loadParameters: loadAll, runner: new ClassifierRunner(network, await session()) };
}

/** What importing the graph found out. */
function exactLengthsOf({ rawConfig }: ModelFolder): boolean | undefined {
  const stored = isObject(rawConfig.medtext) ? rawConfig.medtext.exact_lengths : undefined;
  return typeof stored === 'boolean' ? stored : undefined;
}

/** The names of the head's columns, by the folder's names for them. */
function columnNames(folder: ModelFolder, count: number): readonly string[] {
  const { labels } = folder;
  if (!labels) return Array.from({ length: count }, (_, id) => `LABEL_${id}`);
  if (labels.length === count) return labels;
  throw new MedTextError(
    'CHECKPOINT_MISMATCH',
    words`${folder.path}: the classifier has ${count} rows, but its files name ${labels.length} labels (${labels.join(', ')}).`,
    { rows: count, labels },
  );
}

/** Whether the folder's weights have a head; an ONNX graph is taken to. */
export async function hasHead(folder: ModelFolder): Promise<boolean> {
  return folder.weightsPath === undefined || folder.weightsPath.endsWith('.onnx') || (await storedColumns(folder)) !== undefined; // prettier-ignore
}

async function headColumns(folder: ModelFolder): Promise<number> {
  const columns = folder.weightsPath === undefined ? undefined : await storedColumns(folder);
  if (columns !== undefined) return columns;
  throw new MedTextError(
    'CHECKPOINT_MISMATCH',
    words`${folder.path} is an encoder without a classifier: it gives no labels yet. Fine-tune it first (medtext finetune --model ${folder.path} …).`,
    { file: folder.path },
  );
}

/** Of the head in the folder's weights file; undefined where it has none. */
async function storedColumns(folder: ModelFolder): Promise<number | undefined> {
  const checkpoint = await openCheckpoint(folder.weightsPath!);
  try {
    const { mapping } = planLoad(checkpoint, encoderParameterSpecs(folder.config), folder);
    return folder.head.columnsOf(storedShape(checkpoint, mapping));
  } finally {
    await checkpoint.close();
  }
}

/**
 * What training wrote, else the task of the head, and of a head of texts what the problem type says, else ModelScope's task.
 * (That one label means a regression is a rule for training data: a stored head of one logit that does not call itself a
 * regression is a cross-encoder's.)
 */
function taskOf(folder: ModelFolder, stored: unknown): Task | undefined {
  const named = TASKS.find(({ id }) => id === stored);
  if (named) return named.id;
  const ofHead = TASKS.filter(({ head }) => head === folder.head.id);
  if (ofHead.length === 1) return ofHead[0].id;
  const ofProblem = TASKS.filter((task) => folder.problemType && 'problemType' in task && task.problemType === folder.problemType); // prettier-ignore
  if (ofProblem.length === 1) return ofProblem[0].id;
  // transformers writes "text-classification" for whatever has a classifier, ModelScope for one sentence.
  const configured = findTask(folder.configuration?.task);
  return configured?.second === 'required' ? configured.id : undefined;
}

function maxLengthOf(folder: ModelFolder, tokenizer: Tokenizer, stored: unknown): number {
  const { maxPositions } = folder.config;
  if (typeof stored === 'number' && Number.isInteger(stored) && stored >= 4) return Math.min(stored, maxPositions);
  return Math.min(USUAL_MAX_LENGTH, maxPositions, tokenizer.modelMaxLength ?? Infinity);
}
