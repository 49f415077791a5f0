import { words, type Words } from '../base/words';

/**
 * The tasks as data: what each reads, predicts and is measured by. Pages, the extension host and the engine read this table
 * and never branch on a task's name.
 */

/** Whether an example has a second text. */
export type SecondText = 'required' | 'optional' | 'none';

/** What the label column holds and the model predicts. */
export const ANSWER_KINDS = ['class', 'number', 'labels', 'rank', 'spans', 'fill'] as const;
export type AnswerKind = (typeof ANSWER_KINDS)[number];

export interface MetricDescription {
  /** The metric's field in evaluation reports. */
  readonly name: string;
  readonly better: 'higher' | 'lower';
  readonly title: Words;
  /** The report's field with the metric of a constant prediction; absent: the report has none. */
  readonly baseline?: string;
}

/** Fields of `train` that some losses cannot use. */
export type TrainField = 'class_weights' | 'label_smoothing' | 'adversarial' | 'r_drop' | 'fgm' | 'drop_last';

/** A task's defaults for fields of a recipe's `train`. */
interface TrainDefaults {
  readonly max_epochs?: number;
  readonly optimizer?: { readonly lr: number };
  readonly lr_scheduler?: { readonly warmup: number };
  readonly masking?: object;
  readonly struct_bert?: null;
  readonly ranking_loss?: 'listwise';
  readonly max_candidates?: 'auto';
}

export interface TaskDescription {
  readonly id: string;
  /** Other names that a recipe may use. */
  readonly aliases: readonly string[];
  readonly second: SecondText;
  readonly answer: AnswerKind;
  /** The name in src/models/heads of the head on the encoder. */
  readonly head: string;
  /** The values of `model_head.type` besides `auto`; absent: only `auto`. */
  readonly headTypes?: readonly string[];
  /** The head reads every token, so `model_head.pooling` has no meaning. */
  readonly readsTokens?: boolean;
  /** How many labels a recipe may list, and the reason for these bounds. */
  readonly labels: { readonly least: number; readonly most: number; readonly why: Words };
  /** Fields of `train` that a recipe of this task may not set, with the reason. */
  readonly refuses: Readonly<Partial<Record<TrainField, Words>>>;
  /** `corpus`: the task reads files and folders of text and holds documents out. Absent: it reads labelled rows. */
  readonly reads?: 'corpus';
  /** Rows with equal values in this field stay in one split and in one batch. Absent: rows are independent. */
  readonly groups?: 'first_sequence';
  /** Defaults that differ from the schema's. The docs name their source. */
  readonly defaults?: TrainDefaults;
  /** Fields that only the tasks read that list them here: `train.x`, or `dataset.x` of every split. */
  readonly own?: readonly string[];
  /** The value of `problem_type` in transformers' config.json. */
  readonly problemType?: 'single_label_classification' | 'multi_label_classification' | 'regression';
  /** ModelScope's name of the task, where it differs from the task's id. */
  readonly hubTask?: string;
  /** The metrics in the order of tables. The first one chooses the best model if the recipe names none. */
  readonly metrics: readonly MetricDescription[];
  readonly title: Words;
  /** What the model predicts, shown to a person who chooses a task. */
  readonly gives: Words;
}

const LOSS = { name: 'loss', better: 'lower', title: words`validation loss` } as const;

const CLASSIFICATION = [
  { name: 'accuracy', better: 'higher', title: words`accuracy`, baseline: 'majorityBaseline' },
  { name: 'macroF1', better: 'higher', title: words`macro F1` },
  { name: 'microF1', better: 'higher', title: words`micro F1` },
  { name: 'binaryF1', better: 'higher', title: words`binary F1` },
  LOSS,
] as const;

const REGRESSION = [
  { name: 'pearson', better: 'higher', title: words`Pearson` },
  { name: 'spearman', better: 'higher', title: words`Spearman` },
  { name: 'mse', better: 'lower', title: words`mean squared error`, baseline: 'meanBaseline' },
  { name: 'mae', better: 'lower', title: words`mean absolute error` },
  LOSS,
] as const;

const MULTI_LABEL = [
  { name: 'averagePrecision', better: 'higher', title: words`average precision` },
  { name: 'microF1', better: 'higher', title: words`micro F1` },
  { name: 'macroF1', better: 'higher', title: words`macro F1` },
  { name: 'weightedF1', better: 'higher', title: words`weighted F1` },
  { name: 'subsetAccuracy', better: 'higher', title: words`subset accuracy`, baseline: 'majorityBaseline' },
  LOSS,
] as const;

const SPANS = [
  { name: 'microF1', better: 'higher', title: words`micro F1` },
  { name: 'macroF1', better: 'higher', title: words`macro F1` },
  { name: 'microPrecision', better: 'higher', title: words`precision` },
  { name: 'microRecall', better: 'higher', title: words`recall` },
  LOSS,
] as const;

/** `@k` counts the first k texts of a ranking. */
const RANKING = [
  { name: 'ndcg@10', better: 'higher', title: words`NDCG@10`, baseline: 'constantBaseline' },
  { name: 'ndcg@1', better: 'higher', title: words`NDCG@1` },
  { name: 'mrr', better: 'higher', title: words`mean reciprocal rank` },
  { name: 'map', better: 'higher', title: words`mean average precision` },
  { name: 'recall@10', better: 'higher', title: words`recall@10` },
  { name: 'recall@1', better: 'higher', title: words`recall@1` },
  LOSS,
] as const;

const CLASSES = { least: 2, most: Infinity, why: words`a classification needs at least two labels` };

const PRETRAINING = [
  { name: 'perplexity', better: 'lower', title: words`perplexity` },
  { name: 'maskedAccuracy', better: 'higher', title: words`masked accuracy` },
  LOSS,
] as const;

const NO_CLASSES = words`predicts tokens, and has no labels`;

export const TASKS = [
  {
    id: 'sentence-similarity',
    aliases: ['pair-classification'],
    second: 'required',
    answer: 'class',
    head: 'sequence',
    labels: CLASSES,
    refuses: {},
    problemType: 'single_label_classification',
    metrics: CLASSIFICATION,
    title: words`Sentence similarity`,
    gives: words`a label for a pair`,
  },
  {
    id: 'text-classification',
    aliases: [],
    second: 'none',
    answer: 'class',
    head: 'sequence',
    labels: CLASSES,
    refuses: {},
    problemType: 'single_label_classification',
    metrics: CLASSIFICATION,
    title: words`Text classification`,
    gives: words`a label for a text`,
  },
  {
    id: 'regression',
    aliases: [],
    second: 'optional',
    answer: 'number',
    head: 'sequence',
    labels: { least: 0, most: 0, why: words`a regression has no labels, the column holds numbers` },
    refuses: {
      class_weights: words`a regression has no classes`,
      label_smoothing: words`a regression has no labels to smooth`,
      adversarial: words`compares class probabilities, but ${'regression'} has no classes`,
      r_drop: words`compares class probabilities, but ${'regression'} has no classes`,
    },
    problemType: 'regression',
    metrics: REGRESSION,
    title: words`Regression`,
    gives: words`a number`,
  },
  {
    id: 'multi-label-classification',
    aliases: [],
    second: 'optional',
    answer: 'labels',
    head: 'sequence',
    labels: { least: 2, most: Infinity, why: words`a task of several labels a text needs at least two labels` },
    refuses: {
      label_smoothing: words`each label is predicted by itself, so there are no other labels to smooth towards`,
      adversarial: words`compares class probabilities, but those of several labels a text do not add up to 1`,
      r_drop: words`compares class probabilities, but those of several labels a text do not add up to 1`,
    },
    own: ['train.thresholds', 'dataset.label_separator'],
    problemType: 'multi_label_classification',
    metrics: MULTI_LABEL,
    title: words`Several labels a text`,
    gives: words`any number of labels`,
  },
  {
    id: 'ranking',
    aliases: ['text-ranking'],
    second: 'required',
    answer: 'rank',
    head: 'sequence',
    labels: { least: 0, most: 0, why: words`a ranking has no labels, the column holds grades of relevance` },
    refuses: {
      class_weights: words`a ranking has grades, and no classes`,
      label_smoothing: words`a ranking has grades, and no labels to smooth`,
      adversarial: words`compares class probabilities, but ${'ranking'} has no classes`,
      r_drop: words`compares class probabilities, but ${'ranking'} has no classes`,
      drop_last: words`batches hold whole queries, and few of them are full`,
    },
    groups: 'first_sequence',
    own: ['train.ranking_loss', 'train.max_candidates'],
    defaults: { ranking_loss: 'listwise', max_candidates: 'auto' },
    hubTask: 'text-ranking',
    // transformers has no problem type for a ranking. A config.json with one logit and no problem type is a cross-encoder, as in sentence-transformers.
    metrics: RANKING,
    title: words`Ranking`,
    gives: words`a score by which the texts of a query are ranked`,
  },
  {
    id: 'token-classification',
    aliases: ['named-entity-recognition'],
    second: 'none',
    answer: 'spans',
    head: 'token',
    headTypes: ['bio', 'spans'],
    readsTokens: true,
    labels: { least: 1, most: Infinity, why: words`at least one type of entity is needed` },
    refuses: {
      class_weights: words`weighs the classes of a text, and ${'token-classification'} has none`,
      adversarial: words`compares class probabilities, but ${'token-classification'} has no classes`,
      r_drop: words`compares class probabilities, but ${'token-classification'} has no classes`,
    },
    metrics: SPANS,
    title: words`Entity recognition`,
    gives: words`the entities of a text`,
  },
  {
    id: 'masked-language-modeling',
    aliases: ['fill-mask'],
    second: 'none',
    answer: 'fill',
    head: 'maskedLanguage',
    labels: { least: 0, most: 0, why: NO_CLASSES },
    refuses: {
      class_weights: NO_CLASSES,
      label_smoothing: NO_CLASSES,
      adversarial: NO_CLASSES,
      r_drop: NO_CLASSES,
      fgm: NO_CLASSES,
    },
    own: ['train.masking', 'train.struct_bert', 'dataset.files', 'dataset.document'],
    reads: 'corpus',
    hubTask: 'fill-mask',
    // Learning rate: transformers' run_mlm.py. Warm-up: RoBERTa's, kept by Don't Stop Pretraining (arXiv 2004.10964, table 13). Masks: BERT's
    // (arXiv 1810.04805, 3.1), whole words: BERT-wwm's (arXiv 1906.08101).
    defaults: {
      max_epochs: 3,
      optimizer: { lr: 5e-5 },
      lr_scheduler: { warmup: 0.06 },
      masking: {},
      struct_bert: null,
    },
    metrics: PRETRAINING,
    title: words`Continued pretraining`,
    gives: words`an encoder that knows the language of the texts`,
  },
] as const satisfies readonly TaskDescription[];

export type Task = (typeof TASKS)[number]['id'];
/** A value of the recipe's `task`: an id or an alias. */
export type TaskName = Task | (typeof TASKS)[number]['aliases'][number];
/** A metric's field in evaluation reports. */
export type MetricName = (typeof TASKS)[number]['metrics'][number]['name'];

const DESCRIPTIONS: readonly TaskDescription[] = TASKS;
const METRICS = new Map(DESCRIPTIONS.flatMap(({ metrics }) => metrics).map((metric) => [metric.name, metric]));

/** Every metric that some task reports, each once, in the order of the tables. */
export const METRIC_NAMES = [...METRICS.keys()] as readonly MetricName[];

/** The task with this id or alias; undefined if there is none. */
export function findTask(name: unknown): (TaskDescription & { readonly id: Task }) | undefined {
  return DESCRIPTIONS.find(({ id, aliases }) => id === name || aliases.includes(name as string)) as never;
}

/** The task of a name that has passed the recipe's schema. */
export function describeTask(name: TaskName): TaskDescription & { readonly id: Task } {
  return findTask(name)!;
}

/** The task with this kind of label for single texts or pairs. */
export function taskFor(answer: AnswerKind, isPair: boolean): Task {
  return findTaskFor(answer, isPair)!;
}

/** The task with this kind of label for single texts or pairs; undefined if there is none. */
export function findTaskFor(answer: AnswerKind, isPair: boolean): Task | undefined {
  const fits = ({ second }: TaskDescription) => second === 'optional' || (second === 'required') === isPair;
  return TASKS.find((task) => task.answer === answer && fits(task))?.id;
}

/**
 * Whether a model of the task reads a second text. Where the task leaves that open, the model reads what its training rows had.
 * @param readsPairs `medtext.reads_pairs` of the model's config.json
 */
export function secondTextOf({ second }: Pick<TaskDescription, 'second'>, readsPairs: unknown): SecondText {
  if (second !== 'optional' || typeof readsPairs !== 'boolean') return second;
  return readsPairs ? 'required' : 'none';
}

/** The task with this `problem_type` of transformers; undefined if no task or several have it. */
export function taskOfProblem(problemType: unknown): Task | undefined {
  const found = DESCRIPTIONS.filter((task) => problemType !== undefined && task.problemType === problemType);
  return found.length === 1 ? (found[0].id as Task) : undefined;
}

/** The fields of a recipe that only some tasks read, each with these tasks. */
export function ownFields(): readonly { field: string; ids: readonly string[]; titles: readonly Words[] }[] {
  const fields = new Set(DESCRIPTIONS.flatMap(({ own = [] }) => own));
  return [...fields].map((field) => {
    const owners = DESCRIPTIONS.filter(({ own }) => own?.includes(field));
    return { field, ids: owners.map(({ id }) => id), titles: owners.map(({ title }) => title) };
  });
}

/** The names of the metrics that an evaluation of the task reports. */
export function metricsOf(task: TaskName): readonly MetricName[] {
  return describeTask(task).metrics.map(({ name }) => name as MetricName);
}

/** The metric that chooses the best model by default. For an unknown task it is accuracy. */
export function usualMetric(task: unknown): MetricName {
  return (findTask(task) ?? DESCRIPTIONS[0]).metrics[0].name as MetricName;
}

/** Whether lower values are better, as for losses and errors. False for a metric that no task has. */
export function isLowerBetter(metric: string): boolean {
  return METRICS.get(metric)?.better === 'lower';
}

/** The report's field with this metric of a constant prediction. */
export function baselineField(metric: string): string | undefined {
  return METRICS.get(metric)?.baseline;
}

/** The metric's title for people; undefined for a metric that no task reports. */
export function metricTitle(metric: string): Words | undefined {
  return METRICS.get(metric)?.title;
}
