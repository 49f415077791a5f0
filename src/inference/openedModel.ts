/** A fine-tuned model folder with a head of any kind, opened for use: texts go in, outputs come out. */
import { MedTextError, words } from '../base/errors';
import { readOnnxFile } from '../models/checkpoint/onnxWeights';
import { openCheckpoint } from '../models/checkpoint/openCheckpoint';
import { isObject, type JsonObject } from '../models/configJson';
import { bertNetwork, networkParameterSpecs } from '../models/encoder';
import { refuseNaN } from '../models/graphClassifier';
import type { Head } from '../models/heads/head';
import { bertWeights } from '../models/loadNetwork';
import { openModelFolder, planLoad, readTokenizerFiles, storedShape, type ModelFolder } from '../models/modelFolder'; // prettier-ignore
import { encoderParameterSpecs, MASKED_LM_HEAD } from '../models/parameterNames';
import { readStoredWeights } from '../models/storedWeights';
import type { LaterTensor } from '../onnx/model';
import {
  describeTask,
  findTask,
  secondTextOf,
  taskOfProblem,
  TASKS,
  type SecondText,
  type Task,
} from '../protocol/tasks';
import { loadTokenizer, type EncodedExample, type Tokenizer } from '../tokenization/tokenizer';
import { ClassifierRunner, type EachOutput, type RunOptions } from './classifierRunner';
import { executionDevice } from './device';
import type { FedOptions } from './fedNetwork';
import { GraphRunner } from './graphRunner';
import { openNetwork, PackedNetwork } from './packedNetwork';
import { SHORT_REQUEST } from './precedence';
import { lacksWeights, PackedSession, refusePrecision, type ScoringPrecision } from './packedSession';
import type { ExecutionDevice } from './session';

export interface ModelOptions {
  /** The device: `auto`, `cpu`, `webgpu`, ... Absent: `auto`. */
  readonly device?: string;
  /** The number of threads. Absent or 0: the number of the machine's cores. */
  readonly threads?: number;
  /** The precision of matrix products: int8 on the CPU, float16 on GPUs. Absent: float32. */
  readonly precision?: ScoringPrecision;
  readonly signal?: AbortSignal;
}

/** The longest input in tokens, where neither training nor the model gives one. */
const USUAL_MAX_LENGTH = 512;

/** Lets `use` read the weights one by one, while their file is open. */
type WithWeights = <T>(use: (weights: ReadonlyMap<string, LaterTensor>) => Promise<T>) => Promise<T>;

/** The parts of an opened model. */
export interface ModelParts {
  readonly folder: ModelFolder;
  readonly head: Head;
  /** The names of the head's columns in order: labels, or tags. */
  readonly columns: readonly string[];
  /** Undefined where the folder does not name the task (a classifier trained elsewhere). */
  readonly task: Task | undefined;
  /** The largest number of tokens of an input. */
  readonly maxLength: number;
  /** The values that training stored for the use of the model: `medtext` in config.json. */
  readonly usage: JsonObject;
  readonly device: ExecutionDevice;
  /** Reads the weights. Undefined where the model is an ONNX graph with weights of its own. */
  readonly withWeights: WithWeights | undefined;
  readonly tokenizer: Tokenizer;
  readonly runner: Runner;
}

/** Computes outputs of encoded examples. */
type Runner = Pick<ClassifierRunner, 'outputs' | 'close' | 'callsMayOverlap'>;

export class OpenedModel {
  readonly folder: ModelFolder;
  readonly head: Head;
  readonly columns: readonly string[];
  readonly task: Task | undefined;
  readonly maxLength: number;
  readonly usage: JsonObject;
  readonly device: ExecutionDevice;
  readonly withWeights: ModelParts['withWeights'];
  readonly tokenizer: Tokenizer;
  private readonly runner: Runner;
  /** Ends when the calls so far have ended. Calls wait for each other, because they share the runner's sessions. */
  private last: Promise<unknown> = Promise.resolve();
  private closing: Promise<void> | undefined;

  constructor(parts: ModelParts) {
    this.folder = parts.folder;
    this.head = parts.head;
    this.columns = parts.columns;
    this.task = parts.task;
    this.maxLength = parts.maxLength;
    this.usage = parts.usage;
    this.device = parts.device;
    this.withWeights = parts.withWeights;
    this.tokenizer = parts.tokenizer;
    this.runner = parts.runner;
  }

  /**
   * Gives each example's output, without its padding. The order is not fixed.
   * @throws MedTextError CANCELLED, RUNTIME or OUT_OF_MEMORY.
   */
  outputs(examples: readonly EncodedExample[], each: EachOutput, options: RunOptions = {}): Promise<void> {
    return this.queued(() => this.runner.outputs(examples, each, options), examples.length <= SHORT_REQUEST);
  }

  /** Whether the model reads a second text. Undefined where its task is not known. */
  get second(): SecondText | undefined {
    return this.task && secondTextOf(describeTask(this.task), this.usage.reads_pairs);
  }

  /**
   * Raw value → label as in training; null: the row is left out. Entries for labels that the model lacks are ignored,
   * because a person may have edited them.
   */
  mappingTo(labels: readonly string[]): Readonly<Record<string, string | null>> {
    const entries = isObject(this.usage.label_mapping) ? Object.entries(this.usage.label_mapping) : [];
    const isTarget = (target: unknown) => target === null || labels.includes(target as string);
    return Object.fromEntries(entries.filter(([, target]) => isTarget(target))) as Record<string, string | null>;
  }

  /** May be called again. */
  close(): Promise<void> {
    return (this.closing ??= this.last.then(() => this.runner.close()));
  }

  /** Runs calls one after another. A short request does not wait for a long one where calls may overlap. */
  private queued<T>(run: () => Promise<T>, isShort: boolean): Promise<T> {
    const { last } = this;
    const result = isShort && this.runner.callsMayOverlap ? run() : last.then(run);
    this.last = Promise.all([last, result.catch(() => undefined)]);
    return result;
  }
}

/**
 * Opens the parts of a model folder with a head.
 * @throws MedTextError CHECKPOINT_MISMATCH for an encoder without a head, and when parameters are missing; UNSUPPORTED
 * for a model that fills in masks; NOT_FOUND, MODEL_CONFIG, TOKENIZER, USAGE (the device), and the errors of reading
 * weights.
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
      words`${folder.path}: the tokenizer knows ${tokenizer.vocabSize} tokens, but config.json's vocab_size is ${config.vocabSize}. They do not belong to the same model.`,
      { file: folder.path },
    );
  }
  const { columns, withWeights, runner } = await openRunner(folder, {
    device,
    threads: options.threads || undefined,
    precision: options.precision,
    padTokenId: config.padTokenId,
    signal: options.signal,
  });
  const usage = isObject(folder.rawConfig.medtext) ? folder.rawConfig.medtext : {};
  const maxLength = maxLengthOf(folder, tokenizer, usage.max_length);
  return { folder, head, columns, task: taskOf(folder, usage.task), maxLength, usage, device, withWeights, tokenizer, runner }; // prettier-ignore
}

interface OpenedRunner {
  readonly columns: readonly string[];
  readonly withWeights: ModelParts['withWeights'];
  readonly runner: Runner;
}

/**
 * Opens weights in this program's own graph. An ONNX file whose parameters have unknown names runs by its own graph.
 */
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
      if (precision !== undefined && precision !== 'float32') throw new MedTextError('UNSUPPORTED', words`${folder.path} is an ONNX graph that runs unchanged, so its precision cannot be chosen.`, { file: folder.path }); // prettier-ignore
      const runner = await GraphRunner.open(weightsPath, model, {
        ...options,
        output: (columns) => head.output(columns),
        maxPositions: config.maxPositions,
        vocabSize: config.vocabSize,
        exactLengths: exactLengthsOf(folder),
      });
      return { columns: columnNames(folder, runner.labelCount), withWeights: undefined, runner };
    }
  }
  const columns = columnNames(folder, await headColumns(folder));
  const specs = networkParameterSpecs(config, head, columns.length);
  const network = bertNetwork(config, head, columns.length);
  const withWeights: WithWeights = async (use) => {
    const read = await readStoredWeights(folder, specs, signal, use);
    if ('missing' in read) throw lacksWeights(folder, read.missing);
    return read.result;
  };
  const packed = await PackedSession.open(folder, openNetwork(network, specs), { ...options, precision, signal });
  if (!(packed instanceof PackedSession)) throw lacksWeights(folder, packed);
  const session = new PackedNetwork(packed, config.padTokenId, 'logits', options.device === 'cpu');
  return { columns, withWeights, runner: new ClassifierRunner(network, session) };
}

/** Whether the graph needs exact lengths. The import of the graph stored it; undefined where it did not. */
function exactLengthsOf({ rawConfig }: ModelFolder): boolean | undefined {
  const stored = isObject(rawConfig.medtext) ? rawConfig.medtext.exact_lengths : undefined;
  return typeof stored === 'boolean' ? stored : undefined;
}

/** The names of the head's columns, from the folder's label names. */
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

/** Whether the folder's weights have a head. An ONNX graph is assumed to have one. */
export async function hasHead(folder: ModelFolder): Promise<boolean> {
  return folder.weightsPath === undefined || folder.weightsPath.endsWith('.onnx') || (await storedColumns(folder)) !== undefined; // prettier-ignore
}

async function headColumns(folder: ModelFolder): Promise<number> {
  if (folder.weightsPath === undefined) throw lacksWeights(folder, []);
  const columns = await storedColumns(folder);
  if (columns !== undefined) return columns;
  if (await fillsMasks(folder.weightsPath)) {
    throw new MedTextError(
      'UNSUPPORTED',
      words`${folder.path} has the head of a masked language model: it fills masks in and gives no labels for texts. Fine-tune it for a task first (medtext finetune --model ${folder.path} …). What it knows of texts is measured while it is pretrained (perplexity).`,
      { file: folder.path },
    );
  }
  throw new MedTextError(
    'CHECKPOINT_MISMATCH',
    words`${folder.path} is an encoder without a classifier: it gives no labels yet. Fine-tune it first (medtext finetune --model ${folder.path} …).`,
    { file: folder.path },
  );
}

async function fillsMasks(weightsPath: string): Promise<boolean> {
  const checkpoint = await openCheckpoint(weightsPath);
  try {
    return [...checkpoint.tensors.keys()].some((name) => MASKED_LM_HEAD.test(name));
  } finally {
    await checkpoint.close();
  }
}

/** The number of the head's columns in the folder's weights file. Undefined where it has no head. */
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
 * The task that training wrote, else the task of the head. A sequence head's task comes from the problem type, else
 * from ModelScope's configuration. (The rule that one label means a regression holds for training data only. A stored
 * head with one logit that is not marked as a regression is a cross-encoder's.)
 */
function taskOf(folder: ModelFolder, stored: unknown): Task | undefined {
  const named = TASKS.find(({ id }) => id === stored);
  if (named) return named.id;
  const ofHead = TASKS.filter(({ head }) => head === folder.head.id);
  if (ofHead.length === 1) return ofHead[0].id;
  const ofProblem = taskOfProblem(folder.problemType);
  if (ofProblem) return ofProblem;
  // transformers writes "text-classification" for every classifier; ModelScope writes it for single sentences.
  const configured = findTask(folder.configuration?.task);
  return configured?.second === 'required' ? configured.id : undefined;
}

function maxLengthOf(folder: ModelFolder, tokenizer: Tokenizer, stored: unknown): number {
  const { maxPositions } = folder.config;
  if (typeof stored === 'number' && Number.isInteger(stored) && stored >= 4) return Math.min(stored, maxPositions);
  return Math.min(USUAL_MAX_LENGTH, maxPositions, tokenizer.modelMaxLength ?? Infinity);
}
