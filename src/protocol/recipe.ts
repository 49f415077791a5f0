import type { ErrorObject, ValidateFunction } from 'ajv';
import { MedTextError, words } from '../base/errors';
import type { CleanOperation } from '../base/cleanText';
import { untranslated, type Translate } from '../base/translate';
import { joined, translated, type Words } from '../base/words';
import { firstRepeated, type LabelDetails } from './labelScheme';
import schema from './recipe.schema.json';
import { describeTask, findTaskFor, metricsOf, ownFields, usualMetric, type MetricName, type Task, type TaskName, type TrainField } from './tasks'; // prettier-ignore

/** The recipe's JSON schema, which the editor also uses for completion and hovers. */
export const recipeSchema = schema;

/** A column's name, or its position from 0 in a file without a header. */
export type Column = string | number;

export interface RecipeSplit {
  file: string;
  /** More files and folders of a corpus, besides `file`. */
  files?: readonly string[];
  document?: 'auto' | 'file' | 'blank-line' | 'line';
  /** Absent: recognised from the data. */
  first_sequence?: Column;
  /** Absent: recognised from the data. Null: the rows have no second text. */
  second_sequence?: Column | null;
  /** Absent: recognised from the data. */
  label?: Column;
  /** Whether an entity's end is its last character or the one after it. Absent: recognised from the data, or an error. */
  span_end?: 'inclusive' | 'exclusive';
  /** The separator between the labels of a row. Null: a cell is one label. Absent: recognised from the data. */
  label_separator?: string | null;
  /** The labels in the order of their ids. Absent: inferred from the data. */
  labels?: readonly (string | number)[];
  /** Maps a raw value to a label. Null drops its rows. */
  label_mapping?: Readonly<Record<string, string | null>>;
  /** The description, colour and similarity score of each label. */
  label_details?: Readonly<Record<string, LabelDetails>>;
  /** A `*.labels.json` that holds `labels`, `label_mapping` and `label_details` instead. */
  labels_file?: string;
  /** A `*.corrections.json` whose labels replace those of the file. */
  corrections?: string;
  format?: 'auto' | 'json' | 'jsonl' | 'csv' | 'tsv' | 'text' | 'conll';
  encoding?: 'auto' | 'utf-8' | 'utf-16le' | 'utf-16be' | 'gb18030';
  header?: 'auto' | boolean;
  /** The sheet of a workbook. Absent: the first visible one. */
  sheet?: string;
  on_bad_row?: 'stop' | 'skip';
}

/** Settings of the data set that apply to all of its files. */
export interface RecipeCleaning {
  /** The cleaning of texts. Absent: the starting model's own. */
  clean?: readonly CleanOperation[];
  /** Whether only the first of several training rows with the same texts and label is kept. */
  drop_duplicates?: boolean;
}

/** The part of the training data that is held out as validation data. */
export interface RecipeHoldOut {
  /** The share of the examples that is held out, between 0 and 1. */
  validation: number;
  seed?: number;
  /** Whether both parts get the same share of every label. */
  stratify?: boolean;
  /** The column whose equal values stay in one part: `first_sequence`, `second_sequence` or a column's name. Null: examples are independent. */
  group_by?: string | null;
}

export type ResolvedHoldOut = Required<RecipeHoldOut>;

export interface RecipeOptimizer {
  type?: 'AdamW';
  lr?: number;
  weight_decay?: number;
  betas?: readonly [number, number];
  eps?: number;
  /** Parts of parameter names. Parameters whose name contains one of them get no weight decay. */
  no_decay?: readonly string[];
}

export interface RecipeScheduler {
  type?: 'linear' | 'constant' | 'cosine';
  /** The length of the warm-up: below 1 a share of all steps, from 1 on a number of steps. */
  warmup?: number;
  /** The step at which the decay ends, warm-up included. Null: the last step of the training. */
  total_iters?: number | null;
  warmup_type?: 'linear' | 'constant' | 'exponential';
  /** The learning rate at the start of the warm-up, as a share of the peak. */
  warmup_start?: number;
  /** The lowest learning rate of the decay. */
  eta_min?: number;
  decay_from?: 'warmup' | 'start';
}

export type Trainable = 'all' | 'head' | 'no-embeddings' | { last_layers: number };

/** Settings of adversarial training, with ModelScope's field names. */
export interface RecipeAdversarial {
  adv_grad_factor: number;
  adv_bound: number;
  sigma: number;
}

/** Settings of masked language modelling. */
export interface RecipeMasking {
  share?: number;
  mask_share?: number;
  random_share?: number;
  whole_word?: boolean;
  /** The path of a list of terms. Null: none. */
  terms?: string | null;
}

/** Settings of StructBERT's objectives. */
export interface RecipeStructBert {
  shuffled_share?: number;
  weights?: { masked?: number; shuffled?: number; sentence?: number };
}
/** One threshold for all labels or one for each label, chosen on the validation data; or a fixed probability. */
export type LabelThresholds = 'one' | 'by_label' | number;

/** Whether the loss compares the texts of a query with one another, or takes each text by itself. */
export type RankingLoss = 'listwise' | 'pointwise';

export interface RecipeTrain {
  max_epochs?: number;
  batch_size?: number;
  max_length?: 'auto' | number;
  optimizer?: RecipeOptimizer;
  lr_scheduler?: RecipeScheduler;
  /** Null: no clipping. */
  max_grad_norm?: number | null;
  gradient_accumulation?: number;
  /** Examples computed at a time. */
  micro_batch_size?: 'auto' | number;
  /** Null: the model's own dropout. */
  dropout?: number | null;
  label_smoothing?: number;
  /** Absent: on for the classification task of a StructBERT, as in ModelScope. Null: off. */
  adversarial?: RecipeAdversarial | null;
  fgm?: { epsilon: number } | null;
  r_drop?: { alpha: number } | null;
  masking?: RecipeMasking;
  struct_bert?: RecipeStructBert | null;
  /** A list has one weight for each label, in the order of the labels. */
  class_weights?: null | 'balanced' | readonly number[];
  /** For several labels: the thresholds of the probabilities. Absent: `one`. */
  thresholds?: LabelThresholds;
  /** The loss of a ranking. */
  ranking_loss?: RankingLoss;
  /** The most texts of one query in a batch. */
  max_candidates?: 'auto' | number;
  seed?: number;
  /** False: examples are read in the order of the file. */
  shuffle?: boolean;
  /** Whether an epoch's last batch is dropped if examples do not fill it. */
  drop_last?: boolean;
  /** Evaluation after each epoch, or after this number of steps. */
  evaluate_every?: 'epoch' | number;
  metric_for_best?: MetricName;
  /** Null: no early stopping. */
  early_stopping?: { patience?: number; min_delta?: number } | null;
  trainable?: Trainable;
  precision?: 'float32' | 'tf32' | 'float16';
  length_buckets?: 'auto' | 'none' | readonly number[];
}

/** The head on the encoder. */
export interface RecipeHead {
  /** The form of a head for entities: tags or spans. */
  type?: 'auto' | 'bio' | 'spans';
  /** The head's input. `auto`: the setting in the model's folder. */
  pooling?: 'auto' | 'pooler' | 'cls' | 'mean';
}

export type Device = 'auto' | 'cpu' | 'webgpu' | 'cuda' | 'dml' | 'coreml';

/** A recipe as a person writes it. Everything but task, model and training data is optional. */
export interface Recipe {
  $schema?: string;
  task: TaskName;
  model: string;
  dataset: { train: RecipeSplit; validation?: RecipeSplit; test?: RecipeSplit; split?: RecipeHoldOut } & RecipeCleaning;
  model_head?: RecipeHead;
  train?: RecipeTrain;
  device?: Device;
  threads?: 'auto' | number;
  work_dir?: string;
}

/** Any part of a recipe, such as defaults for another recipe. */
export type PartialRecipe = DeepPartial<Recipe>;

type DeepPartial<T> = T extends readonly unknown[] ? T : T extends object ? { [K in keyof T]?: DeepPartial<T[K]> } : T;

/** A split with its defaults. Columns, labels and mapping stay absent if they are to be recognised from the data. */
export type ResolvedSplit = Omit<RecipeSplit, 'labels'> &
  Required<Pick<RecipeSplit, 'format' | 'encoding' | 'header' | 'on_bad_row'>> & { labels?: readonly string[] };

export type ResolvedTrain = Required<
  Omit<
    RecipeTrain,
    | 'optimizer'
    | 'lr_scheduler'
    | 'early_stopping'
    | 'adversarial'
    | 'thresholds'
    | 'ranking_loss'
    | 'max_candidates'
    | 'masking'
    | 'struct_bert'
  >
> & {
  /** Set for a task that masks tokens. */
  masking?: Required<RecipeMasking>;
  struct_bert?: { shuffled_share: number; weights: { masked: number; shuffled: number; sentence: number } } | null;
  /** Absent until the model is known, because a StructBERT has its own default. */
  adversarial?: RecipeAdversarial | null;
  thresholds?: LabelThresholds;
  ranking_loss?: RankingLoss;
  max_candidates?: 'auto' | number;
  optimizer: Required<RecipeOptimizer>;
  lr_scheduler: Required<RecipeScheduler>;
  early_stopping: { patience: number; min_delta: number } | null;
};

/** A recipe with every default filled in. A run folder keeps it. */
export interface ResolvedRecipe {
  task: Task;
  model: string;
  dataset: {
    train: ResolvedSplit;
    validation?: ResolvedSplit;
    test?: ResolvedSplit;
    split?: ResolvedHoldOut;
  } & RecipeCleaning;
  model_head: Required<RecipeHead>;
  train: ResolvedTrain;
  device: Device;
  threads: 'auto' | number;
  work_dir: string;
}

/** One problem in a recipe. `pointer` is the JSON pointer (RFC 6901) of the value, '' for the whole recipe. */
export interface RecipeProblem {
  pointer: string;
  message: string;
  /** For an unknown field: the nearest known name, if any is similar. */
  nearest?: string;
}

/** A problem before its translation. */
export interface FoundProblem extends Omit<RecipeProblem, 'message'> {
  message: Words;
}

type Json = null | boolean | number | string | Json[] | { [key: string]: Json };
type JsonObject = Record<string, unknown>;

/** The keywords of JSON Schema that the recipe's schema uses. */
interface Schema {
  $ref?: string;
  type?: string | readonly string[];
  enum?: readonly unknown[];
  anyOf?: readonly Schema[];
  properties?: Readonly<Record<string, Schema>>;
  additionalProperties?: boolean | Schema;
  required?: readonly string[];
  items?: Schema;
  default?: unknown;
  minimum?: number;
  maximum?: number;
  exclusiveMinimum?: number;
  exclusiveMaximum?: number;
  minLength?: number;
  pattern?: string;
  minItems?: number;
  maxItems?: number;
}

const rootSchema = schema as Schema;
const usualBatchSize = schema.properties.train.properties.batch_size.default;
const definitions = schema.definitions as Readonly<Record<string, Schema>>;

/**
 * Checks that the value is a recipe and returns it.
 * @param where the value's source for messages: a file, or 'the command line'
 * @throws RECIPE with every problem and its JSON pointer; `detail.problems` has them as data
 */
export function validateRecipe(json: unknown, where: string): Recipe {
  const problems = problemsFound(json);
  if (problems.length === 0) return json as Recipe;
  const lines = problemLines(problems, words`(recipe)`);
  const count = problems.length === 1 ? words`one problem` : words`${problems.length} problems`;
  throw new MedTextError('RECIPE', words`${where} is not a valid recipe, ${count}:\n${lines}`, {
    where,
    problems: problems.map((problem) => wordedProblem(problem, untranslated)),
  });
}

/** Words with one problem a line. @param whole the name for the whole value, whose pointer is empty */
export function problemLines(problems: readonly FoundProblem[], whole: Words): Words {
  return joined(
    problems.map(({ pointer, message }) => words`  ${pointer === '' ? whole : pointer}: ${message}`),
    '\n',
  );
}

/** The problem in the language of `t`. */
export function wordedProblem({ message, ...problem }: FoundProblem, t: Translate): RecipeProblem {
  return { ...problem, message: translated(message, t) };
}

/** Every problem of the value as a recipe, in the order of the fields; empty if the recipe is valid. */
export function recipeProblems(json: unknown, t: Translate = untranslated): RecipeProblem[] {
  return problemsFound(json).map((problem) => wordedProblem(problem, t));
}

/** The problems of {@link recipeProblems} before their translation. */
export function problemsFound(json: unknown): FoundProblem[] {
  const validate = compiledSchema();
  return validate(json) ? contradictions(json as Recipe) : schemaProblems(validate.errors ?? []);
}

/** The problems that the schema cannot express, for an editor that checks the schema by itself; none while the schema fails. */
export function recipeContradictions(json: unknown, t: Translate = untranslated): RecipeProblem[] {
  return compiledSchema()(json) ? contradictions(json as Recipe).map((problem) => wordedProblem(problem, t)) : [];
}

let compiled: ValidateFunction | undefined;

/** The schema's validator, compiled at first use so that a window without a recipe does not load ajv. */
function compiledSchema(): ValidateFunction {
  if (compiled === undefined) {
    // A static import would run at the window's activation, and a dynamic one would make every check asynchronous.
    const { Ajv } = require('ajv') as typeof import('ajv');
    const ajv = new Ajv({ allErrors: true, verbose: true, allowUnionTypes: true });
    ajv.addVocabulary(['enumDescriptions']);
    compiled = ajv.compile(schema);
  }
  return compiled;
}

function schemaProblems(errors: readonly ErrorObject[]): FoundProblem[] {
  const problems = new Map<string, FoundProblem & { missing?: string }>();
  for (const error of withoutAlternatives(errors)) {
    const problem = problemOf(error);
    // Each value gets one sentence: the description of the expected value covers every keyword.
    const key = error.keyword === 'additionalProperties' || error.keyword === 'required' ? error.params : '';
    const id = `${problem.pointer}\n${JSON.stringify(key)}`;
    if (!problems.has(id)) problems.set(id, problem);
  }
  const misspelt = new Set(
    [...problems.values()].map(({ pointer, nearest }) => `${parentPointer(pointer)}\n${nearest}`),
  );
  return [...problems.values()]
    .filter(({ pointer, missing }) => missing === undefined || !misspelt.has(`${pointer}\n${missing}`))
    .map(({ missing: _, ...problem }) => problem);
}

/**
 * Reduces the errors of alternatives. A value that fits none of them yields an error for each. If one alternative accepts the
 * value's object or array and fails inside, its errors are kept; otherwise the error that names all alternatives is.
 */
function withoutAlternatives(errors: readonly ErrorObject[]): ErrorObject[] {
  const dropped = new Set<ErrorObject>();
  for (const any of errors.filter((error) => error.keyword === 'anyOf')) {
    const branches = errors.filter(
      (error) => error.schemaPath.startsWith(`${any.schemaPath}/`) && error.instancePath.startsWith(any.instancePath),
    );
    const inside = branches.filter(
      (error) =>
        error.instancePath.length > any.instancePath.length ||
        error.keyword === 'additionalProperties' ||
        error.keyword === 'required',
    );
    for (const error of inside.length > 0 ? [any, ...branches] : branches) dropped.add(error);
    for (const error of inside) dropped.delete(error);
  }
  return errors.filter((error) => !dropped.has(error));
}

function problemOf(error: ErrorObject): FoundProblem & { missing?: string } {
  const parent = error.parentSchema as Schema;
  if (error.keyword === 'additionalProperties') {
    const name = error.params.additionalProperty as string;
    return { pointer: `${error.instancePath}/${escapePointer(name)}`, ...unknownField(name, parent) };
  }
  if (error.keyword === 'required') {
    const name = error.params.missingProperty as string;
    const expected = expectation(resolveReference(parent.properties?.[name] ?? {}));
    return {
      pointer: error.instancePath,
      message: words`the field "${name}" is missing (${expected})`,
      missing: name,
    };
  }
  const message = words`expected ${expectation(parent)}, found ${shown(error.data)}`;
  return { pointer: error.instancePath, message };
}

function parentPointer(pointer: string): string {
  return pointer.slice(0, Math.max(0, pointer.lastIndexOf('/')));
}

function unknownField(name: string, parent: Schema): Pick<FoundProblem, 'message' | 'nearest'> {
  const known = Object.keys(parent.properties ?? {}).filter((key) => key !== '$schema');
  const nearest = nearestName(name, known);
  const message =
    nearest === undefined
      ? words`unknown field "${name}"; known here: ${known.join(', ')}`
      : words`unknown field "${name}"; did you mean "${nearest}"?`;
  return { message, nearest };
}

/** A description of the values that a schema accepts. */
function expectation(schema: Schema): string | Words {
  const or = words` or `;
  if (schema.anyOf)
    return joined(
      schema.anyOf.map((branch) => expectation(resolveReference(branch))),
      or,
    );
  if (schema.enum) {
    const values = schema.enum.map((value) => JSON.stringify(value));
    return values.length === 1 ? values[0] : words`one of ${values.join(', ')}`;
  }
  const types = schema.type === undefined ? [] : [schema.type].flat();
  if (types.length === 0) return words`another value`;
  return joined(
    types.map((type) => typeInWords(type as string, schema)),
    or,
  );
}

function typeInWords(type: string, schema: Schema): string | Words {
  switch (type) {
    case 'integer':
      return joined([words`a whole number`, ...range(schema)], ' ');
    case 'number':
      return joined([words`a number`, ...range(schema)], ' ');
    case 'string':
      return schema.pattern === undefined ? words`a text` : words`a text of the form ${schema.pattern}`;
    case 'boolean':
      return words`true or false`;
    case 'array': {
      const { minItems, maxItems, items } = schema;
      const list =
        minItems === undefined
          ? words`a list`
          : minItems === maxItems
            ? words`a list of ${minItems}`
            : words`a list of at least ${minItems}`;
      return items ? words`${list}, each ${expectation(items)}` : list;
    }
    case 'object': {
      const fields = Object.keys(schema.properties ?? {});
      return fields.length > 0
        ? words`an object with ${fields.map((field) => `"${field}"`).join(', ')}`
        : words`an object`;
    }
    default:
      return type;
  }
}

/** The schema's numeric bounds as one entry of a list, or no entry. */
function range({ minimum, maximum, exclusiveMinimum, exclusiveMaximum }: Schema): Words[] {
  const bounds: Words[] = [];
  if (minimum !== undefined) bounds.push(words`at least ${minimum}`);
  else if (exclusiveMinimum !== undefined) bounds.push(words`above ${exclusiveMinimum}`);
  if (maximum !== undefined) bounds.push(words`at most ${maximum}`);
  else if (exclusiveMaximum !== undefined) bounds.push(words`below ${exclusiveMaximum}`);
  return bounds.length === 0 ? [] : [joined(bounds, words` and `)];
}

function shown(value: unknown): string {
  const text = JSON.stringify(value) ?? String(value);
  return text.length <= 60 ? text : `${text.slice(0, 57)}...`;
}

/** The most labels that a message names. */
const MAX_NAMED_LABELS = 50;

/** The first labels, for a message: the list may be as long as a catalogue of diagnoses. */
function excerptOfLabels(labels: readonly string[]): string {
  const named = labels.slice(0, MAX_NAMED_LABELS).map((label) => `"${label}"`);
  return [...named, ...(labels.length > named.length ? ['…'] : [])].join(', ');
}

/** The problems that the schema cannot express: fields that contradict each other. */
function contradictions(recipe: Recipe): FoundProblem[] {
  const problems: FoundProblem[] = [];
  const report = (pointer: string, message: Words): void => void problems.push({ pointer, message });
  const { dataset, train = {} } = recipe;
  const {
    answer,
    second,
    labels: allowed,
    refuses,
    reads,
    groups,
    headTypes = [],
    readsTokens,
  } = describeTask(recipe.task);
  const labels = dataset.train.labels?.map(String);
  const isLabel = new Set(labels);
  const listed = excerptOfLabels(labels ?? []);

  const { split: heldOut } = dataset;
  const files = filesOf(dataset);
  for (const [name, split] of Object.entries(files)) {
    const pointer = `/dataset/${name}`;
    const own = split.labels?.map(String);
    const twice = firstRepeated(own ?? []);
    if (twice !== undefined) report(`${pointer}/labels`, words`the label "${twice}" is listed twice`);
    if (own && name !== 'train' && labels?.join('\n') !== own.join('\n')) {
      report(
        `${pointer}/labels`,
        words`differs from /dataset/train/labels; leave it out, the order there gives the ids`,
      );
    }
    if (own && (own.length < allowed.least || own.length > allowed.most)) report(`${pointer}/labels`, allowed.why);
    for (const [raw, label] of Object.entries(split.label_mapping ?? {})) {
      if (label !== null && labels && !isLabel.has(label)) {
        report(`${pointer}/label_mapping/${escapePointer(raw)}`, words`"${label}" is not among the labels ${listed}`);
      }
    }
    for (const name of Object.keys(split.label_details ?? {})) {
      if (labels && !isLabel.has(name)) {
        report(`${pointer}/label_details/${escapePointer(name)}`, words`"${name}" is not among the labels ${listed}`);
      }
    }
    if (split.labels_file !== undefined) {
      const own = (['labels', 'label_mapping', 'label_details'] as const).find((field) => split[field] !== undefined);
      if (own) report(`${pointer}/labels_file`, words`the labels are in a file of their own; leave out "${own}" here`);
    }
    if (second === 'required' && split.second_sequence === null) {
      report(`${pointer}/second_sequence`, words`the task ${recipe.task} needs a second sentence`);
    }
    if (second === 'none' && split.second_sequence != null) {
      const ofPairs = findTaskFor(answer, true);
      report(
        `${pointer}/second_sequence`,
        ofPairs
          ? words`${recipe.task} reads one sentence; for pairs use ${ofPairs}`
          : words`${recipe.task} reads one sentence`,
      );
    }
  }

  for (const { field, ids, titles } of ownFields()) {
    if (ids.includes(describeTask(recipe.task).id)) continue;
    const [section, name] = field.split('.');
    const places = section === 'dataset' ? Object.entries(files).map(([split, fields]) => [`/dataset/${split}`, fields] as const) : [[`/${section}`, train] as const]; // prettier-ignore
    const why = words`is a field of ${joined(titles, words` and `)}; ${recipe.task} does not read it`;
    for (const [pointer, fields] of places) {
      // Null switches a field off, so it contradicts nothing.
      if ((fields as JsonObject)[name] != null) report(`${pointer}/${name}`, why);
    }
  }
  if (reads === 'corpus' && dataset.drop_duplicates) {
    report('/dataset/drop_duplicates', words`texts have no rows; of documents that are equal, all are read`);
  }
  if (reads === 'corpus' && dataset.test) {
    report('/dataset/test', words`texts have no test rows: a part of the documents is held out`);
  }
  const { mask_share = 0.8, random_share = 0.1 } = train.masking ?? {};
  if (mask_share + random_share > 1)
    report('/train/masking', words`mask_share and random_share are more than 1 together`);
  const { type = 'auto', pooling = 'auto' } = recipe.model_head ?? {};
  if (type !== 'auto' && !headTypes.includes(type)) {
    report('/model_head/type', words`${recipe.task} has no head of this type`);
  }
  if (pooling !== 'auto' && readsTokens)
    report('/model_head/pooling', words`the head of ${recipe.task} reads every token`);
  for (const [field, why] of Object.entries(refuses)) {
    // 0 and null switch a field off, so they contradict nothing.
    if (train[field as TrainField]) report(`/train/${field}`, why);
  }
  const disturbances = (['adversarial', 'fgm', 'r_drop'] as const).filter((field) => train[field]);
  if (disturbances.length > 1) {
    report(`/train/${disturbances[1]}`, words`there is "${disturbances[0]}" already: leave one of the two out`);
  }
  if (heldOut && dataset.validation) {
    report('/dataset/split', words`there is a validation file already: leave one of the two out`);
  }
  if (groups && heldOut?.group_by != null && heldOut.group_by !== groups) {
    report('/dataset/split/group_by', words`${recipe.task} groups by ${groups}: leave the field out`);
  }
  const { batch_size = usualBatchSize, max_candidates = 'auto' } = train;
  if (max_candidates !== 'auto' && max_candidates > batch_size) {
    report('/train/max_candidates', words`more texts of one query than a batch has (batch_size ${batch_size})`);
  }
  if (labels && Array.isArray(train.class_weights) && train.class_weights.length !== labels.length) {
    report('/train/class_weights', words`${train.class_weights.length} weights for ${labels.length} labels`);
  }
  if (Array.isArray(train.class_weights) && train.class_weights.every((weight: number) => weight === 0)) {
    report('/train/class_weights', words`all weights are 0: nothing would be learned`);
  }
  const metric = train.metric_for_best;
  if (metric !== undefined && !metricsOf(recipe.task).includes(metric)) {
    report(
      '/train/metric_for_best',
      words`"${metric}" does not exist for ${recipe.task}: one of ${metricsOf(recipe.task).join(', ')}`,
    );
  }
  if (metric === 'binaryF1' && labels && labels.length !== 2) {
    report('/train/metric_for_best', words`"binaryF1" needs exactly two labels, there are ${labels.length}`);
  }
  const { warmup_type, warmup_start = 0, eta_min = 0 } = train.lr_scheduler ?? {};
  if (warmup_type === 'exponential' && warmup_start === 0) {
    report(
      '/train/lr_scheduler/warmup_type',
      words`an exponential warm-up cannot start at 0: set "warmup_start" to a value above 0`,
    );
  }
  if (eta_min > (train.optimizer?.lr ?? 3e-5)) {
    report('/train/lr_scheduler/eta_min', words`above the learning rate, so the rate would rise`);
  }
  const buckets = train.length_buckets;
  if (
    Array.isArray(buckets) &&
    buckets.some((length: number, index: number) => index > 0 && length <= buckets[index - 1])
  ) {
    report('/train/length_buckets', words`the lengths must ascend`);
  }
  return problems;
}

/**
 * The recipe with every default of the schema filled in and its fields in the schema's order. Validation and test splits
 * take absent columns, labels and mappings from the training split.
 */
export function resolveRecipe(given: Recipe): ResolvedRecipe {
  const { defaults, groups } = describeTask(given.task);
  const recipe = mergeRecipes({ train: defaults }, given);
  const { train: rows, validation, test, split: heldOut, ...others } = recipe.dataset;
  const dataset = {
    train: rows,
    ...(validation && { validation: { ...sharedFields(rows), ...validation } }),
    ...(test && { test: { ...sharedFields(rows), ...test } }),
    ...(heldOut && { split: groups ? { ...heldOut, group_by: groups } : heldOut }),
    ...others,
  };
  const { $schema: _, ...filled } = withDefaults(rootSchema, { ...recipe, dataset }) as Recipe;
  const resolved = filled as ResolvedRecipe;
  resolved.task = describeTask(recipe.task).id;
  // The field stands last whether it was given or not, because a resumed run resolves its recipe again and must get the same text.
  const { metric_for_best: metric = usualMetric(resolved.task), ...train } = resolved.train;
  resolved.train = { ...train, metric_for_best: metric };
  for (const split of Object.values(filesOf(resolved.dataset)))
    if (split.labels) split.labels = split.labels.map(String);
  return resolved;
}

/** The most examples of one group in a batch. */
export function mostOfGroup({ batch_size, max_candidates = 'auto' }: ResolvedTrain): number {
  return max_candidates === 'auto' ? batch_size : Math.min(max_candidates, batch_size);
}

/** The splits of a data set by name. */
function filesOf<Split>({ train, validation, test }: { train: Split; validation?: Split; test?: Split }) {
  return { train, ...(validation && { validation }), ...(test && { test }) } as Readonly<Record<string, Split>>;
}

/** The fields of a split that describe the data set, not one file. */
function sharedFields(split: RecipeSplit): Partial<RecipeSplit> {
  const { file: _file, format: _format, encoding: _encoding, header: _header, sheet: _sheet, corrections: _rows, ...shared } = split; // prettier-ignore
  return shared;
}

function withDefaults(reference: Schema, value: unknown): unknown {
  const schema = resolveReference(reference);
  if (value === undefined) {
    if (schema.default !== undefined) return structuredClone(schema.default);
    // An absent object is filled in if all its fields have defaults. One with required fields stays absent.
    if (schema.properties === undefined || schema.required !== undefined) return undefined;
    value = {};
  }
  if (!isObject(value) || schema.properties === undefined) return structuredClone(value);
  const filled: JsonObject = {};
  for (const [name, property] of Object.entries(schema.properties)) {
    const field = withDefaults(property, value[name]);
    if (field !== undefined) filled[name] = field;
  }
  return filled;
}

/**
 * Merges `over` into `base`: objects field by field, while lists, null and other values replace. A label mapping is one value
 * and replaces as a whole.
 */
export function mergeRecipes<T extends PartialRecipe>(base: PartialRecipe, over: T): T {
  return merged(rootSchema, base, over) as T;
}

function merged(reference: Schema, base: unknown, over: unknown): unknown {
  const schema = resolveReference(reference);
  if (over === undefined) return structuredClone(base);
  if (!isObject(base) || !isObject(over) || schema.properties === undefined) return structuredClone(over);
  const result: JsonObject = {};
  for (const name of new Set([...Object.keys(base), ...Object.keys(over)])) {
    result[name] = merged(schema.properties[name] ?? {}, base[name], over[name]);
  }
  return result;
}

/**
 * A copy of the recipe with one field set, as by `--set train.optimizer.lr=3e-5`. The value is parsed as JSON if it is JSON
 * that fits the field, otherwise it is a text. The recipe may be incomplete, so the caller validates it afterwards.
 * @throws USAGE without '=' · RECIPE for an unknown path, with the nearest known name
 */
export function setPath<T extends PartialRecipe>(recipe: T, assignment: string): T {
  const equals = assignment.indexOf('=');
  if (equals < 1) {
    throw new MedTextError(
      'USAGE',
      words`"${assignment}" sets nothing: write a field, "=" and a value (train.batch_size=32).`,
    );
  }
  const path = assignment.slice(0, equals).trim();
  const { keys, schema } = fieldAt(path);
  const copy = structuredClone(recipe) as JsonObject;
  let parent = copy;
  for (const key of keys.slice(0, -1)) {
    if (!isObject(parent[key])) parent[key] = {};
    parent = parent[key] as JsonObject;
  }
  parent[keys[keys.length - 1]] = valueFor(schema, assignment.slice(equals + 1));
  return copy as T;
}

/** The keys along a dotted path and the schema at its end. */
function fieldAt(path: string): { keys: string[]; schema: Schema } {
  const segments = path.split('.');
  const keys: string[] = [];
  let schema = rootSchema;
  while (segments.length > 0) {
    const object = objectSchema(schema);
    const segment = segments[0];
    if (typeof object?.additionalProperties === 'object' && segments.join('.') !== '__proto__') {
      // A mapping's keys are raw values, which may contain dots.
      return { keys: [...keys, segments.join('.')], schema: object.additionalProperties };
    }
    const next = ownProperty(object?.properties, segment);
    if (next === undefined) throw unknownPath(path, keys, segment, object);
    keys.push(segment);
    segments.shift();
    schema = next;
  }
  return { keys, schema: resolveReference(schema) };
}

function ownProperty(properties: Schema['properties'], name: string): Schema | undefined {
  return properties && Object.hasOwn(properties, name) ? properties[name] : undefined;
}

function objectSchema(reference: Schema): Schema | undefined {
  const schema = resolveReference(reference);
  if (schema.properties || typeof schema.additionalProperties === 'object') return schema;
  return schema.anyOf?.map(objectSchema).find((branch) => branch !== undefined);
}

function unknownPath(path: string, keys: readonly string[], segment: string, parent: Schema | undefined): MedTextError {
  const inside = keys.length === 0 ? words`a recipe` : `"${keys.join('.')}"`;
  const known = Object.keys(parent?.properties ?? {}).filter((key) => key !== '$schema');
  if (known.length === 0) {
    return new MedTextError('RECIPE', words`"${path}" is not a recipe field: ${inside} has no fields.`, { path });
  }
  // A bare name often means a nested field: "lr" means "train.optimizer.lr".
  const deeper = keys.length === 0 ? allPaths().filter((known) => known.endsWith(`.${path}`)) : [];
  const near = nearestName(segment, known);
  const nearest = deeper[0] ?? (near && [...keys, near].join('.'));
  const help = nearest === undefined ? words`known there: ${known.join(', ')}` : words`did you mean "${nearest}"?`;
  return new MedTextError('RECIPE', words`"${path}" is not a recipe field: ${inside} has no "${segment}"; ${help}`, {
    path,
    ...(nearest !== undefined && { nearest }),
  });
}

function allPaths(schema: Schema = rootSchema, prefix = ''): string[] {
  return Object.entries(objectSchema(schema)?.properties ?? {}).flatMap(([name, property]) => [
    `${prefix}${name}`,
    ...allPaths(property, `${prefix}${name}.`),
  ]);
}

function valueFor(schema: Schema, text: string): unknown {
  const types = acceptedTypes(schema);
  try {
    const value = JSON.parse(text) as Json;
    if (!types.has('string') || [...types].some((type) => isOfType(type, value))) return value;
  } catch {
    // The value is not JSON, so it is a text.
  }
  return text;
}

function acceptedTypes(reference: Schema): Set<string> {
  const schema = resolveReference(reference);
  return new Set([
    ...[schema.type ?? []].flat(),
    ...(schema.anyOf ?? []).flatMap((branch) => [...acceptedTypes(branch)]),
  ]);
}

function isOfType(type: string, value: Json): boolean {
  switch (type) {
    case 'null':
      return value === null;
    case 'integer':
      return Number.isInteger(value);
    case 'array':
      return Array.isArray(value);
    case 'object':
      return isObject(value);
    default:
      return typeof value === type;
  }
}

function resolveReference(schema: Schema): Schema {
  return schema.$ref === undefined ? schema : definitions[schema.$ref.replace('#/definitions/', '')];
}

function isObject(value: unknown): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function escapePointer(key: string): string {
  return key.replaceAll('~', '~0').replaceAll('/', '~1');
}

/** The candidate with the smallest edit distance, if it is small enough for a typing error. */
export function nearestName(name: string, candidates: readonly string[]): string | undefined {
  const plain = (text: string): string => text.toLowerCase().replaceAll(/[-_ ]/g, '');
  let nearest: string | undefined;
  let fewest = Infinity;
  for (const candidate of candidates) {
    const [a, b] = [plain(name), plain(candidate)];
    const contained = a.length >= 4 && (b.includes(a) || (b.length >= 4 && a.includes(b)));
    const distance = contained ? 1.5 : editDistance(a, b);
    if (distance < fewest && distance <= Math.max(1, Math.max(a.length, b.length) * 0.4)) {
      nearest = candidate;
      fewest = distance;
    }
  }
  return nearest;
}

/** Optimal string alignment distance: insertions, deletions, substitutions and swaps of neighbours. */
function editDistance(a: string, b: string): number {
  if (Math.abs(a.length - b.length) > 20) return Infinity;
  let before: number[] = [];
  let above = Array.from({ length: b.length + 1 }, (_, j) => j);
  for (let i = 1; i <= a.length; i++) {
    const row = [i];
    for (let j = 1; j <= b.length; j++) {
      row[j] = Math.min(above[j] + 1, row[j - 1] + 1, above[j - 1] + (a[i - 1] === b[j - 1] ? 0 : 1));
      const swapped = i > 1 && j > 1 && a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1];
      if (swapped) row[j] = Math.min(row[j], before[j - 2] + 1);
    }
    [before, above] = [above, row];
  }
  return above[b.length];
}
