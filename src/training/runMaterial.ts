/** Reads what a run needs: model, tokenizer and encoded examples. */
import { join } from 'node:path';
import type { CleanOperation } from '../base/cleanText';
import { MedTextError, words } from '../base/errors';
import { sizeText } from '../base/sizeText';
import { sum } from '../base/sum';
import { fingerprintFile } from '../data/fingerprint';
import { groupColumnOf } from '../data/holdOut';
import { trainingRows } from '../data/trainingRows';
import { executionDevice } from '../inference/device';
import { loadNetwork, type LoadedNetwork } from '../models/loadNetwork';
import type { Head } from '../models/heads/head';
import { modelContent, sha256OfFile } from '../models/modelContent';
import { cleaningOf, openModelFolder, readTokenizerFiles, type ModelFolder } from '../models/modelFolder';
import type { HeadPooling } from '../models/encoderConfig';
import { encoderParameterSpecs, loadReportLines } from '../models/parameterNames';
import type { Parameters } from '../models/parameters';
import { readSentenceLayout } from '../models/sentenceTransformers';
import type { UnderstoodData } from '../protocol/fieldGuess';
import type { PreparationProgress } from '../protocol/trainer';
import type { ResolvedRecipe, ResolvedSplit } from '../protocol/recipe';
import type { DataRecord } from '../protocol/runRecord';
import { describeTask, type Task } from '../protocol/tasks';
import { definitionOf } from '../tasks/definitions';
import type { EncodedWindow, TaskData, TaskDefinition, TaskNetwork } from '../tasks/task';
import { loadTokenizer, type Tokenizer } from '../tokenization/tokenizer';
import { readCorpus } from './corpus/corpusMaterial';
import { availableMemory } from './forecast/memoryPlan';
import type { EncodedSplit, Windows } from './encodedSplit';
import { understand, understoodLines, usedFields } from './understoodData';

/** Rows that the training never sees: the model that it ends with answers them once. */
export interface TestData {
  readonly data: TaskData;
  /** Without labels the rows are there to be predicted. */
  readonly isLabelled: boolean;
}

export interface RunMaterial {
  readonly folder: ModelFolder;
  readonly tokenizer: Tokenizer;
  /** What is done to every text before it is read. */
  readonly clean: readonly CleanOperation[];
  readonly labels: readonly string[];
  /** What the head's columns are called. */
  readonly columns: readonly string[];
  readonly maxLength: number;
  readonly train: EncodedSplit;
  readonly validation: EncodedSplit | undefined;
  readonly test: TestData | undefined;
  readonly definition: TaskDefinition;
  readonly model: LoadedNetwork;
  /** The model folder has no weights: all of them were drawn. */
  readonly isRandomStart: boolean;
  /** The content hash of the model that the training begins with. */
  readonly contentHash: string;
  /** SHA-256 of its files but the weights, which a checkpoint has, by name. */
  readonly fixedFiles: Readonly<Record<string, string>>;
  readonly parameters: Parameters;
  readonly records: Readonly<Record<string, DataRecord>>;
  /** Closes the files that are read during the run. */
  readonly close?: () => void;
}

type OpenedForTraining = Awaited<ReturnType<typeof openForTraining>>;

/** What the loss and the step's graph are made of; no weights. */
export type StepMaterial = Pick<RunMaterial, 'folder' | 'definition' | 'labels' | 'columns' | 'train'> & {
  readonly model: Pick<LoadedNetwork, 'network' | 'graph'>;
};

export interface MaterialOptions {
  readonly log: (line: string) => void;
  readonly onUnderstoodData?: (data: UnderstoodData) => void;
  /** While the texts of a corpus are prepared. */
  readonly onPreparation?: (progress: PreparationProgress) => void;
  readonly stopSignal: AbortSignal;
}

/** What the recipe says the head reads; `auto`: an earlier head's, else the pooling of sentence-transformers' folder. */
async function withPooling(
  folder: ModelFolder,
  { pooling }: ResolvedRecipe['model_head'],
  head: Head,
): Promise<ModelFolder> {
  if (!head.pools) return { ...folder, config: { ...folder.config, headPooling: undefined } };
  const ofFolder = async (): Promise<HeadPooling | undefined> => {
    const layout = folder.config.headPooling ? undefined : await readSentenceLayout(folder.path);
    // A first token that goes through no pooler; the maximum has no head here.
    return folder.config.headPooling ?? (layout && layout.pooling !== 'max' ? layout.pooling : undefined);
  };
  const headPooling = pooling === 'auto' ? await ofFolder() : pooling;
  return headPooling ? { ...folder, config: { ...folder.config, headPooling } } : folder;
}

/**
 * The folder that a recipe begins with, its tokenizer, and what learns; no weight is read.
 * @throws MedTextError what opening the model throws; TOKENIZER for one that is another model's, OUT_OF_MEMORY.
 */
export async function openForTraining(recipe: ResolvedRecipe, log: (line: string) => void) {
  // The runtime itself would leave an absent device out, and train on the CPU.
  executionDevice(recipe.device);
  const definition = definitionOf(recipe.task);
  const head = definition.head(recipe);
  const folder = await withPooling(await openModelFolder(recipe.model), recipe.model_head, head);
  if (folder.weightsPath === undefined) sayRandomStart(folder, log);
  const clean = recipe.dataset.clean ?? cleaningOf(folder);
  const tokenizer = loadTokenizer({ ...(await readTokenizerFiles(folder)), clean }, folder.path);
  if (tokenizer.vocabSize > folder.config.vocabSize) {
    throw new MedTextError(
      'TOKENIZER',
      words`${folder.path}: the tokenizer knows ${tokenizer.vocabSize} tokens, but config.json's vocab_size is ${folder.config.vocabSize}. They do not belong to the same model.`,
      { file: folder.path },
    );
  }
  return { folder, tokenizer, clean, definition, head };
}

/**
 * @param recipe with absolute paths
 * @throws MedTextError what opening the model and reading the data throw; LABELS, RECIPE, TOKENIZER, CANCELLED.
 */
export async function readMaterial(
  recipe: ResolvedRecipe,
  { log, onUnderstoodData, onPreparation, stopSignal: signal }: MaterialOptions, // prettier-ignore
): Promise<RunMaterial> {
  const { folder, tokenizer, clean, definition, head } = await openForTraining(recipe, log);
  if (clean.length > 0)
    log(
      `Texts are cleaned: ${clean.join(', ')} (${recipe.dataset.clean ? 'named by the recipe' : 'as the model keeps it'})`,
    );
  const content = await modelContent(folder, { signal });
  const options = { log, onUnderstoodData, onPreparation, stopSignal: signal };
  const data = describeTask(recipe.task).reads === 'corpus' ? await readTexts(recipe, folder, { tokenizer, clean }, content.files, options) : await readRows(recipe, folder, { tokenizer, clean, definition, head }, options); // prettier-ignore
  const { labels } = data;
  const columns = definition.columnsOf(labels, head);
  const model = await loadNetwork(folder, head, columns.length, {
    seed: recipe.train.seed,
    signal,
  });
  const isRandomStart = model.report.used.length === 0;
  for (const line of loadReportLines(model.report)) log(line);
  if (model.graph && recipe.model_head.pooling !== 'auto') {
    throw new MedTextError('UNSUPPORTED', words`model_head.pooling is ${recipe.model_head.pooling}, but ${folder.path} is an ONNX graph, whose head reads what the graph gives. Leave the field out.`, { field: 'model_head.pooling' }); // prettier-ignore
  }
  if (folder.config.headPooling === 'mean') log('The head reads the mean of the tokens');
  if (folder.config.headPooling === 'cls') log('The head reads the first token, without a pooler');
  if (model.graph) log(`The ONNX graph itself is trained: ${model.graph.readout}, no dropout inside it`);
  const fixed = [join(folder.path, 'config.json'), ...folder.tokenizerFiles, ...(model.graph ? [folder.weightsPath!] : [])]; // prettier-ignore
  const fixedFiles = content.files.filter(({ name }) => fixed.includes(join(folder.path, name)));
  return {
    folder,
    tokenizer,
    clean,
    definition,
    columns,
    ...data,
    model,
    isRandomStart,
    contentHash: content.contentHash,
    fixedFiles: Object.fromEntries(fixedFiles.map(({ name, sha256 }) => [name, sha256])),
    parameters: model.parameters,
  };
}

type DataOfRun = Pick<RunMaterial, 'labels' | 'maxLength' | 'train' | 'validation' | 'test' | 'records' | 'close'>;

/** Texts without labels. */
async function readTexts(
  recipe: ResolvedRecipe,
  folder: ModelFolder,
  { tokenizer, clean }: Pick<OpenedForTraining, 'tokenizer' | 'clean'>,
  files: readonly { readonly name: string; readonly sha256: string }[],
  { log, onPreparation, stopSignal: signal }: MaterialOptions,
): Promise<DataOfRun> {
  const ofTokenizer = files.filter(({ name }) => folder.tokenizerFiles.includes(join(folder.path, name)));
  // Cleaned texts have other tokens.
  const hash = JSON.stringify([...ofTokenizer.map(({ name, sha256 }) => [name, sha256]), ...clean]);
  return {
    labels: [],
    test: undefined,
    ...(await readCorpus(recipe, folder, tokenizer, hash, { log, onPreparation, signal })),
  };
}

/**
 * Labelled rows, as tokens.
 * @throws MedTextError what reading the data throws; LABELS, RECIPE, CANCELLED.
 */
export async function readRows(
  recipe: ResolvedRecipe,
  folder: ModelFolder,
  { tokenizer, clean, definition, head }: Omit<OpenedForTraining, 'folder'>,
  { log, onUnderstoodData, stopSignal: signal }: MaterialOptions,
): Promise<DataOfRun> {
  const { split: heldOut, validation } = recipe.dataset;
  const reading = { head, signal };
  const allTrainData = await definition.read(recipe.dataset.train, recipe.task, { ...reading, groupColumn: groupColumnOf(heldOut) }); // prettier-ignore
  const { train: trainData, duplicates, ...dealt } = trainingRows(allTrainData, { ...recipe.dataset, clean });
  for (const line of understoodLines(recipe.task, allTrainData)) log(line);
  onUnderstoodData?.(understand(recipe.task, allTrainData));
  const labels = definition.labelsOf(trainData);
  const network = { head, labels, columns: definition.columnsOf(labels, head) };
  if (recipe.dataset.drop_duplicates)
    log(`  left out: ${duplicates} rows with the same texts and label as an earlier row`);
  const columns = usedFields(trainData);
  // By itself, data with a single label do not show which column holds it.
  const validationData = dealt.validation ?? (validation && (await definition.read(validation, recipe.task, { ...reading, labels, columns }))); // prettier-ignore

  const test = recipe.dataset.test && (await readTest(recipe.dataset.test, recipe.task, trainData, network, signal));

  const told = allTrainData.file.warnings.map(String);
  const others = [validationData, test?.data].flatMap((data) => data?.file.warnings.map(String) ?? []);
  for (const warning of new Set(others)) if (!told.includes(warning)) log(warning);

  const everything = [trainData, ...(validationData ? [validationData] : [])].flatMap((data) => data.examples);
  const encode = (examples: TaskData['examples'], length: number) =>
    definition.encode(tokenizer, examples, { ...network, maxLength: length, signal });
  const maxLength = maxLengthOf(recipe, folder, await encode(everything, folder.config.maxPositions));
  const split = async (data: TaskData): Promise<EncodedSplit> => ({
    data,
    windows: sameInEachEpoch(await encode(data.examples, maxLength)),
  });
  const trainWindows = await encode(trainData.examples, maxLength);
  const train = { data: trainData, windows: sameInEachEpoch(trainWindows) };
  log(`${trainData.examples.length} training examples, max_length ${maxLength}${windowsLine(trainData, trainWindows)}`);
  return {
    labels,
    maxLength,
    train,
    validation: validationData && (await split(validationData)),
    test,
    records: {
      train: { ...(await dataRecord(trainData, recipe.dataset.train, signal)), ...(duplicates > 0 && { duplicates }) },
      ...(validationData && { validation: await dataRecord(validationData, validation, signal) }),
      ...(test && { test: await dataRecord(test.data, recipe.dataset.test, signal) }),
    },
  };
}

/** @throws MedTextError OUT_OF_MEMORY before the memory is taken, where it is not there. */
function sayRandomStart({ config, path }: ModelFolder, log: (line: string) => void): void {
  const count = sum(encoderParameterSpecs(config).map(({ shape }) => shape.reduce((product, size) => product * size, 1))); // prettier-ignore
  const [needed, available] = [4 * count, availableMemory()];
  if (needed > available) {
    throw new MedTextError(
      'OUT_OF_MEMORY',
      words`${path} has no weights. Its config.json describes ${count} parameters, which need ${sizeText(needed)} of memory, but only ${sizeText(available)} are free. Choose a smaller architecture, or a folder with weights.`,
      { file: path, neededBytes: needed, availableBytes: available },
    );
  }
  log(`The training starts from random weights: ${path} has none (${count} parameters, ${sizeText(needed)})`);
}

async function readTest(
  given: ResolvedSplit,
  task: Task,
  trainData: TaskData,
  { head, labels }: TaskNetwork,
  signal: AbortSignal,
): Promise<TestData> {
  const definition = definitionOf(task);
  // The label column is not recognised again: in a file without labels another column would be taken for it.
  const split = { ...given, label: given.label ?? trainData.fields.label! };
  const hasLabels = await definition.isLabelled(split, signal);
  const data = await definition.read(
    split,
    task,
    hasLabels ? { head, labels, signal } : { head, mode: 'predict', signal },
  );
  return { data, isLabelled: hasLabels };
}

function sameInEachEpoch(windows: readonly EncodedWindow[]): Windows {
  const groups = windows.flatMap(({ learnedWith }) => learnedWith ?? []);
  return {
    lengths: windows.map(({ encoded }) => encoded.length),
    at: (place) => windows[place],
    ...(groups.length > 0 && { groups }),
  };
}

/** What became of texts that are longer than the network reads. */
function windowsLine(data: TaskData, windows: readonly EncodedWindow[]): string {
  const cut = windows.filter(({ encoded }) => encoded.truncated).length;
  if (cut > 0) return ` (${cut} cut, ${((100 * cut) / windows.length).toFixed(1)} %)`;
  return windows.length > data.examples.length ? ` (${windows.length} windows)` : '';
}

/** `auto` is the longest example there is: buckets make a long maximum cost nothing where texts are short. */
function maxLengthOf(recipe: ResolvedRecipe, { config, path }: ModelFolder, windows: readonly EncodedWindow[]): number {
  const wanted = recipe.train.max_length;
  if (wanted === 'auto') return windows.reduce((longest, { encoded }) => Math.max(longest, encoded.length), 0);
  if (wanted <= config.maxPositions) return wanted;
  throw new MedTextError(
    'RECIPE',
    words`max_length is ${wanted}, but the model at ${path} has ${config.maxPositions} positions.`,
    {
      maxLength: wanted,
      maxPositions: config.maxPositions,
    },
  );
}

/** @param split absent: of rows that are dealt from the training data, whose record says with what they are read */
async function dataRecord(data: TaskData, split: ResolvedSplit | undefined, signal: AbortSignal): Promise<DataRecord> {
  const corrections = split?.corrections;
  const { file, sha256, sizeBytes } = await fingerprintFile(data.file.path, signal);
  return {
    file,
    ...(data.file.workbook && { sheet: data.file.workbook.sheet }),
    sha256,
    sizeBytes,
    rows: data.examples.length,
    fields: usedFields(data),
    ...(data.labels.length > 0 && {
      counts: Object.fromEntries(data.labels.map((label, id) => [label, data.counts[id]])),
    }),
    dropped: data.dropped,
    badRows: data.badRows.count,
    ...(corrections && { readWith: { file: corrections, sha256: await sha256OfFile(corrections, signal) } }),
  };
}
