/** A model on disk: Hugging Face's layout, with ModelScope's files where they are there. */
import { stat } from 'node:fs/promises';
import { basename, dirname, join, resolve } from 'node:path';
import { CLEAN_OPERATIONS, isCleanOperation, type CleanOperation } from '../base/cleanText';
import { readTextFile } from '../base/textFile';
import { asMedTextError, MedTextError, words } from '../base/errors';
import { keyOf, uniformAt } from '../base/random';
import type { CheckpointSource } from './checkpoint/checkpointSource';
import { namesIn } from './checkpoint/replaceFolder';
import {
  isObject,
  modelTypeOfConfiguration,
  parseEncoderConfig,
  parseGraphConfig,
  parseLabels,
  parseProblemType,
  type JsonObject,
  type ProblemType,
} from './configJson';
import { assertFinite } from './checkpoint/finite';
import { embeddingSizeOf, type EncoderConfig } from './encoderConfig';
import { foreignWeights, isForeignWeights } from './foreignWeights';
import type { Head } from './heads/head';
import { headOf } from './heads/heads';
import { mapParameterNames, MASKED_LM_HEAD, SENTENCE_HEAD, type LoadReport, type NameMapping } from './parameterNames';
import { openWeights } from './openWeights';
import { encoderFolder } from './sentenceTransformers';
import { Parameters, type ParameterSpec } from './parameters';

export interface ModelFolder {
  /** Absolute. */
  readonly path: string;
  readonly config: EncoderConfig;
  /** Why `config` cannot be built here (DistilBERT, relative positions, ...): then only the ONNX graph can be used. */
  readonly notBuildable?: MedTextError;
  /** Labels in the order of their ids, when the model says any. */
  readonly labels: readonly string[] | undefined;
  readonly problemType: ProblemType | undefined;
  /** The head that the weights have, if they have one. */
  readonly head: Head;
  /** The weights file or shard index; undefined when the folder has none (training then starts from random weights). */
  readonly weightsPath: string | undefined;
  /** Absolute paths of the tokenizer's files that are present. */
  readonly tokenizerFiles: readonly string[];
  /** Absolute paths of README.md, LICENSE and the like. */
  readonly cardFiles: readonly string[];
  /** config.json as it stands. */
  readonly rawConfig: JsonObject;
  /** ModelScope's configuration.json, when present. */
  readonly configuration: JsonObject | undefined;
}

/** Weights in four bits (checkpoint/fourBit.ts). */
export const FOUR_BIT_WEIGHTS = 'model.q4';

/** The names of weights files, in the order of the search. */
const WEIGHTS = [
  'model.safetensors',
  'model.safetensors.index.json',
  'pytorch_model.safetensors',
  'pytorch_model.bin',
  'pytorch_model.bin.index.json',
  FOUR_BIT_WEIGHTS,
];
const TOKENIZER_FILES = [
  'vocab.txt',
  'tokenizer.json',
  'tokenizer_config.json',
  'special_tokens_map.json',
  'added_tokens.json',
  'vocab.json',
  'merges.txt',
  'sentencepiece.bpe.model',
  'sentencepiece.model',
  'spiece.model',
  'tokenizer.model',
];
const CARD = /^(readme(\.md|\.txt)?|licen[cs]e(\.md|\.txt)?|notice(\.md|\.txt)?)$/i;
const MAX_JSON_BYTES = 2 ** 24;

/**
 * Opens a model folder, a run's folder (the model in it), an older one of sentence-transformers (its 0_Transformer), or a
 * single weights file with its config.json beside it.
 * Reads no weights.
 * @throws MedTextError NOT_FOUND, MODEL_CONFIG or IO; UNSUPPORTED for weights of another framework, and where
 * {@link parseEncoderConfig} throws it.
 */
export async function openModelFolder(path: string): Promise<ModelFolder> {
  const given = resolve(path);
  const isFolder = await isDirectory(given);
  let folder = isFolder ? given : dirname(given);
  let names = await namesIn(folder);
  if (!names.some(isConfigName) && basename(folder) === 'onnx') {
    // optimum's and transformers.js' layout keeps ONNX files one folder below the configuration.
    folder = dirname(folder);
    names = await namesIn(folder);
  }
  const encoder = names.some(isConfigName) ? folder : await encoderFolder(folder);
  if (isFolder && encoder !== folder) return openModelFolder(encoder);
  const configName = names.find(isConfigName);
  if (configName === undefined && names.includes('run.json')) {
    if (names.includes('model')) return openModelFolder(join(folder, 'model'));
    throw new MedTextError(
      'NOT_FOUND',
      words`The run ${folder} has no model yet: it ended before its first evaluation.`,
      {
        file: folder,
      },
    );
  }
  if (
    configName === undefined &&
    isFolder &&
    names.includes('output') &&
    (await namesIn(join(folder, 'output'))).some(isConfigName)
  ) {
    // modelscope 1.36.3, trainers/hooks/checkpoint/checkpoint_hook.py: what can be opened again lies in `output`.
    throw new MedTextError(
      'NOT_FOUND',
      words`${folder} is a work_dir of ModelScope's trainer: its model is ${join(folder, 'output')}. Name that folder.`,
      { file: folder, model: join(folder, 'output') },
    );
  }
  const weightsPath = isFolder ? await findWeights(folder, names) : given;
  const foreign = weightsPath === undefined ? foreignWeights(folder, names) : foreignWeights(folder, [basename(given)]);
  if (foreign) throw foreign;
  if (configName === undefined) {
    throw new MedTextError('NOT_FOUND', words`${folder} has no config.json, which describes the model.`, {
      file: folder,
    });
  }

  const configPath = join(folder, configName);
  const rawConfig = await readJsonObject(configPath);
  const optional = (name: string) => (names.includes(name) ? readJsonObject(join(folder, name)) : undefined);
  const configuration = await optional('configuration.json');
  const labelMapping = await optional('label_mapping.json');
  const { config, notBuildable } = configOf(rawConfig, configPath, configuration, weightsPath);
  return {
    path: folder,
    config,
    notBuildable,
    labels: parseLabels({ config: rawConfig, configuration, labelMapping }, folder),
    problemType: parseProblemType(rawConfig),
    head: headOf(rawConfig, configuration),
    weightsPath,
    tokenizerFiles: TOKENIZER_FILES.filter((name) => names.includes(name)).map((name) => join(folder, name)),
    cardFiles: names.filter((name) => CARD.test(name)).map((name) => join(folder, name)),
    rawConfig,
    configuration,
  };
}

export interface LoadOptions {
  /** The values of parameters that the checkpoint lacks. */
  readonly seed: number;
  readonly signal?: AbortSignal;
}

/** @throws MedTextError MODEL_CONFIG; UNSUPPORTED for an architecture that is not ours, unless there is a graph of it. */
function configOf(
  rawConfig: JsonObject,
  configPath: string,
  configuration: JsonObject | undefined,
  weightsPath: string | undefined,
): Pick<ModelFolder, 'config' | 'notBuildable'> {
  try {
    const config = parseEncoderConfig(rawConfig, configPath, modelTypeOfConfiguration(configuration));
    return { config, notBuildable: undefined };
  } catch (error) {
    const isGraph = weightsPath !== undefined && weightsPath.endsWith('.onnx');
    if (!isGraph || !(error instanceof MedTextError) || error.code !== 'UNSUPPORTED') throw error;
    return { config: parseGraphConfig(rawConfig, configPath), notBuildable: error };
  }
}

/**
 * Reads the parameters that `specs` name into one flat array; what the checkpoint lacks is initialised: N(0,
 * initializer_range) with the padding token's row zero, zeros or ones, each drawn by `seed` and its own name.
 * @throws MedTextError CHECKPOINT_MISMATCH when the checkpoint's shapes or layers are not config.json's,
 * CHECKPOINT_FORMAT (a weight that is no finite number, too), CHECKPOINT_UNSAFE, UNSUPPORTED, IO or CANCELLED.
 */
export async function loadParameters(
  folder: ModelFolder,
  specs: readonly ParameterSpec[],
  options: LoadOptions,
  head = folder.head,
): Promise<{ parameters: Parameters; report: LoadReport }> {
  const parameters = new Parameters(specs);
  if (folder.weightsPath === undefined) {
    const missing = specs.map((spec) => ({
      name: spec.name,
      initializedAs: initialize(parameters, spec, folder.config, options.seed),
    }));
    return { parameters, report: { used: [], missing, leftOver: [] } };
  }
  const source = await openWeights(folder, folder.weightsPath);
  try {
    const plan = planLoad(source, specs, folder, head);
    return { parameters, report: await fillParameters(parameters, plan, source, folder.config, options) };
  } finally {
    await source.close();
  }
}

/** Reads and initialises parameters by a plan. */
export async function fillParameters(
  parameters: Parameters,
  plan: LoadPlan,
  source: Pick<CheckpointSource, 'tensors'>,
  config: EncoderConfig,
  options: LoadOptions,
): Promise<LoadReport> {
  const used: { name: string; from: string }[] = [];
  for (const { name, from } of plan.used) {
    if (options.signal?.aborted) throw new MedTextError('CANCELLED', 'Loading the model was cancelled.');
    await source.tensors.get(from)?.read(parameters.values(name));
    assertFinite(parameters.values(name), from, plan.where);
    used.push({ name, from });
  }
  const missing = plan.missing.map((spec) => ({
    name: spec.name,
    initializedAs: initialize(parameters, spec, config, options.seed),
  }));
  return { used, missing, leftOver: plan.leftOver };
}

/**
 * The texts of the tokenizer's files that are present, as the tokenization room takes them.
 * @throws MedTextError what {@link refuseOtherVocabulary} throws; IO.
 */
export async function readTokenizerFiles(folder: ModelFolder): Promise<{
  vocabTxt?: string;
  tokenizerJson?: string;
  tokenizerConfig?: string;
  specialTokensMap?: string;
  addedTokens?: string;
  typeVocabSize: number;
  vocabSize: number;
  clean: readonly CleanOperation[];
}> {
  refuseOtherVocabulary(folder);
  const text = async (name: string): Promise<string | undefined> => {
    const path = folder.tokenizerFiles.find((file) => basename(file) === name);
    if (path === undefined) return undefined;
    try {
      return await readTextFile(path);
    } catch (error) {
      throw asMedTextError(error);
    }
  };
  return {
    vocabTxt: await text('vocab.txt'),
    tokenizerJson: await text('tokenizer.json'),
    tokenizerConfig: await text('tokenizer_config.json'),
    specialTokensMap: await text('special_tokens_map.json'),
    // Some hubs keep an empty one.
    addedTokens: (await text('added_tokens.json'))?.trim() || undefined,
    typeVocabSize: folder.config.typeVocabSize,
    vocabSize: folder.config.vocabSize,
    clean: cleaningOf(folder),
  };
}

/**
 * What the folder's model has had done to its texts, and so wants done to every text: `clean` of config.json's `medtext`.
 * @throws MedTextError MODEL_CONFIG for what is no list of known operations: without one of them the model would read other texts
 * than it has learned from.
 */
export function cleaningOf({ rawConfig, path }: Pick<ModelFolder, 'rawConfig' | 'path'>): readonly CleanOperation[] {
  const { clean = [] } = isObject(rawConfig.medtext) ? rawConfig.medtext : {};
  if (Array.isArray(clean) && clean.every(isCleanOperation)) return clean;
  throw new MedTextError(
    'MODEL_CONFIG',
    words`${path}: config.json's medtext.clean is ${JSON.stringify(clean)}, but this version knows only ${CLEAN_OPERATIONS.join(', ')}. A newer version of the program may have written it.`,
    { file: path },
  );
}

/**
 * Refuses a folder whose vocabulary has only forms that are not read here (sentencepiece's, vocab.json with merges.txt).
 * @throws MedTextError TOKENIZER naming the files and what converts them.
 */
export function refuseOtherVocabulary({ path, tokenizerFiles }: ModelFolder): void {
  const names = tokenizerFiles.map((file) => basename(file));
  const others = names.filter((name) => /^(vocab\.json|merges\.txt|.*\.model)$/.test(name));
  if (others.length === 0 || names.includes('tokenizer.json') || names.includes('vocab.txt')) return;
  throw new MedTextError(
    'TOKENIZER',
    words`${path} has its vocabulary only in ${others.join(', ')}. This program reads tokenizer.json and vocab.txt. Python's transformers writes tokenizer.json: AutoTokenizer.from_pretrained(folder).save_pretrained(folder).`,
    { file: path, found: others },
  );
}

export interface LoadPlan {
  /** The weights file, for messages. */
  readonly where: string;
  readonly mapping: NameMapping;
  readonly used: readonly { readonly name: string; readonly from: string }[];
  readonly missing: readonly ParameterSpec[];
  readonly leftOver: LoadReport['leftOver'];
}

/**
 * Which tensor of the checkpoint fills which parameter. A head of another kind or for another number of labels is left over; an
 * encoder's tensor of another shape, or a layer (or the position embeddings) wholly absent, is an error: config.json describes another model.
 */
export function planLoad(
  source: Pick<CheckpointSource, 'tensors'>,
  specs: readonly ParameterSpec[],
  folder: ModelFolder,
  head = folder.head,
): LoadPlan {
  const where = folder.weightsPath ?? folder.path;
  const stored = head.id === folder.head.id ? head : undefined;
  const mapping = mapParameterNames(source.tensors.keys(), folder.config.modelType, where, stored);
  const leftOver = [...mapping.leftOver];
  const used: { name: string; from: string }[] = [];
  const missing: ParameterSpec[] = [];

  for (const spec of specs) {
    const from = mapping.fromOurs.get(spec.name);
    const shape = from === undefined ? undefined : source.tensors.get(from)?.shape;
    if (from === undefined || shape === undefined) {
      missing.push(spec);
    } else if (sameShape(shape, spec.shape)) {
      used.push({ name: spec.name, from });
    } else if (head.owns(spec.name)) {
      missing.push(spec);
      leftOver.push({
        name: from,
        reason: `a classifier of ${shape[0] ?? 1} labels; this model has ${spec.shape[0]}`,
      });
    } else {
      throw new MedTextError(
        'CHECKPOINT_MISMATCH',
        words`${where}: the shape of "${from}" is [${shape}], but according to config.json it is [${spec.shape}]. Does this config.json belong to the checkpoint?`,
        { file: where, tensor: from, shape, expected: spec.shape },
      );
    }
  }
  // Half a head would be worse than none.
  if (missing.some(({ name }) => head.owns(name))) {
    for (const half of used.filter(({ name }) => head.owns(name))) {
      used.splice(used.indexOf(half), 1);
      missing.push(...specs.filter(({ name }) => name === half.name));
      leftOver.push({ name: half.from, reason: 'half of a classifier whose other half does not fit' });
    }
  }

  const wanted = new Set(specs.map((spec) => spec.name));
  for (const [ours, name] of mapping.fromOurs) {
    if (wanted.has(ours)) continue;
    leftOver.push({ name, reason: reasonUnwanted(ours, folder.config.layerCount) });
  }
  refuseAbsentParts(missing, used, where);
  return { where, mapping, used, missing, leftOver };
}

/** The shape that a checkpoint has of a parameter, by the engine's name. */
export function storedShape(
  source: Pick<CheckpointSource, 'tensors'>,
  { fromOurs }: NameMapping,
): (name: string) => readonly number[] | undefined {
  return (name) => {
    const from = fromOurs.get(name);
    return from === undefined ? undefined : source.tensors.get(from)?.shape;
  };
}

function reasonUnwanted(ours: string, layerCount: number): string {
  if (MASKED_LM_HEAD.test(ours)) return 'a masked-language-model head, which this task does not use';
  if (SENTENCE_HEAD.test(ours)) return 'a head of the order of sentences, which this task does not use';
  if (ours.startsWith('bert.encoder.layer.')) return `config.json says that the encoder has ${layerCount} layers`;
  return 'not used by this task';
}

function refuseAbsentParts(missing: readonly ParameterSpec[], used: readonly { name: string }[], where: string): void {
  const partOf = (name: string) => /^bert\.(encoder\.layer\.\d+|embeddings\.position_embeddings)\./.exec(name)?.[0];
  // A part without any tensor would be random and useless; a single missing tensor is reported and initialised.
  const present = new Set(used.map(({ name }) => partOf(name)));
  const absent = missing.map((spec) => partOf(spec.name)).find((part) => part !== undefined && !present.has(part));
  if (absent === undefined) return;
  throw new MedTextError(
    'CHECKPOINT_MISMATCH',
    words`${where} has no "${absent.slice(0, -1)}", but the encoder in config.json has it. Does this config.json belong to the checkpoint?`,
    { file: where, part: absent.slice(0, -1) },
  );
}

/** Fills one parameter as {@link loadParameters} says; returns the words for the report. */
export function initialize(parameters: Parameters, spec: ParameterSpec, config: EncoderConfig, seed: number): string {
  const values = parameters.values(spec.name);
  if (spec.initial !== 'normal') {
    values.fill(spec.initial === 'ones' ? 1 : 0);
    return `set to ${spec.initial}`;
  }
  fillNormal(
    values,
    keyOf(seed, ...Array.from(spec.name, (character) => character.charCodeAt(0))),
    config.initializerRange,
  );
  if (spec.name === 'bert.embeddings.word_embeddings.weight') {
    const width = embeddingSizeOf(config);
    values.fill(0, config.padTokenId * width, (config.padTokenId + 1) * width);
  }
  return `drawn from N(0, ${config.initializerRange}) with seed ${seed}`;
}

/** N(0, deviation) by Box-Muller, both of each pair used: every embedding of a large vocabulary is drawn here. */
function fillNormal(values: Float32Array, key: number, deviation: number): void {
  for (let i = 0; i < values.length; i += 2) {
    const radius = deviation * Math.sqrt(-2 * Math.log(1 - uniformAt(key, i)));
    const angle = 2 * Math.PI * uniformAt(key, i + 1);
    values[i] = radius * Math.cos(angle);
    if (i + 1 < values.length) values[i + 1] = radius * Math.sin(angle);
  }
}

async function findWeights(folder: string, names: readonly string[]): Promise<string | undefined> {
  const usual = WEIGHTS.find((name) => names.includes(name));
  if (usual !== undefined) return join(folder, usual);
  const isOther = (name: string) =>
    /^(training_args|optimizer|scheduler|rng_state)/.test(name) || isForeignWeights(name);
  const usable = names.filter((name) => !isOther(name));
  const graphs = names.filter((name) => /\.onnx$/.test(name));
  // Beside a graph, a .bin file holds that graph's tensors.
  for (const pattern of [/\.safetensors$/, graphs.length > 0 ? /\.(pt|pth|ckpt)$/ : /\.(bin|pt|pth|ckpt)$/]) {
    const found = usable.filter((name) => pattern.test(name));
    if (found.length > 0) return join(folder, onlyOne(found, folder));
  }
  // Optimum and transformers.js keep several precisions of one graph, `model.onnx` being the whole one.
  const nested = names.includes('onnx')
    ? (await namesIn(join(folder, 'onnx'))).filter((name) => /\.onnx$/.test(name)).map((name) => `onnx/${name}`)
    : [];
  for (const found of [graphs, nested]) {
    const whole = found.find((name) => /(^|\/)model\.onnx$/.test(name));
    if (whole !== undefined || found.length > 0) return join(folder, whole ?? onlyOne(found, folder));
  }
  return undefined;
}

function onlyOne(found: readonly string[], folder: string): string {
  if (found.length === 1) return found[0];
  throw new MedTextError(
    'NOT_FOUND',
    words`${folder} holds several weights files (${found.join(', ')}); name the one you mean.`,
    { file: folder, found },
  );
}

function isConfigName(name: string): boolean {
  return name === 'config.json' || name === 'bert_config.json';
}

async function isDirectory(path: string): Promise<boolean> {
  try {
    return (await stat(path)).isDirectory();
  } catch (error) {
    const coded = asMedTextError(error);
    if (coded.code !== 'NOT_FOUND') throw coded;
    throw new MedTextError('NOT_FOUND', words`There is no model at ${path}.`, { file: path }, { cause: error });
  }
}

async function readJsonObject(path: string): Promise<JsonObject> {
  try {
    const { size } = await stat(path);
    if (size > MAX_JSON_BYTES)
      throw new MedTextError('MODEL_CONFIG', words`${path} is too long (${size} bytes).`, { file: path });
    const json: unknown = JSON.parse(await readTextFile(path));
    if (isObject(json)) return json;
  } catch (error) {
    if (!(error instanceof SyntaxError)) throw asMedTextError(error);
    throw new MedTextError(
      'MODEL_CONFIG',
      words`${path} is not JSON: ${error.message}`,
      { file: path },
      { cause: error },
    );
  }
  throw new MedTextError('MODEL_CONFIG', words`${path} is not a JSON object.`, { file: path });
}

function sameShape(a: readonly number[], b: readonly number[]): boolean {
  return a.length === b.length && a.every((dimension, i) => dimension === b[i]);
}
