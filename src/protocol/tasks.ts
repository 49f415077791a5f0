import { words, type Words } from '../base/words';

/**
 * The tasks as data: what each reads, answers and is measured by. Pages, the extension host and the engine ask this table
 * and never branch on a task's name.
 */

/** Whether an example has a second text. */
export type SecondText = 'required' | 'optional' | 'none';

/** What the label column holds, and what the model answers. */
export const ANSWER_KINDS = ['class', 'number', 'labels', 'spans', 'fill'] as const;
export type AnswerKind = (typeof ANSWER_KINDS)[number];

export interface MetricDescription {
  /** As evaluation reports name it. */
  readonly name: string;
  readonly better: 'higher' | 'lower';
  readonly title: Words;
}

/** Fields of `train` that not every loss has a use for. */
export type TrainField = 'class_weights' | 'label_smoothing' | 'adversarial' | 'r_drop' | 'fgm';

/** As a recipe's `train`. */
interface TrainDefaults {
  readonly max_epochs: number;
  readonly optimizer: { readonly lr: number };
  readonly lr_scheduler: { readonly warmup: number };
  readonly masking: object;
  readonly struct_bert: null;
}

export interface TaskDescription {
  readonly id: string;
  /** Other names that a recipe may use. */
  readonly aliases: readonly string[];
  readonly second: SecondText;
  readonly answer: AnswerKind;
  /** The head on the encoder, as models/heads calls it. */
  readonly head: string;
  /** What `model_head.type` may be beside `auto`; absent: nothing. */
  readonly headTypes?: readonly string[];
  /** The head reads every token: there is nothing to pool. */
  readonly readsTokens?: boolean;
  /** How many labels a recipe may list, and why not others. */
  readonly labels: { readonly least: number; readonly most: number; readonly why: Words };
  /** A row has one class, of which a model can doubt whether it is right: confident learning ranks suspect labels. */
  readonly findsSuspects?: true;
  /** Fields of `train` that mean nothing here, and why. */
  readonly refuses: Readonly<Partial<Record<TrainField, Words>>>;
  /** Files and folders of text, of which documents are held out, in place of labelled rows; absent: rows. */
  readonly reads?: 'corpus';
  /** Fields of `train` whose defaults are not everybody's; where they are from stands in docs. */
  readonly defaults?: TrainDefaults;
  /** Fields of a recipe that only tasks read which name them: `train.x`, or `dataset.x` of every split. */
  readonly own?: readonly string[];
  /** What transformers calls it in config.json. */
  readonly problemType?: 'single_label_classification' | 'multi_label_classification' | 'regression';
  /** ModelScope's name of what the model does, where it is not the task's. */
  readonly hubTask?: string;
  /** In the order of tables; the first one chooses the best model where the recipe names none. */
  readonly metrics: readonly MetricDescription[];
  readonly title: Words;
  /** What the model gives, for whoever chooses a task. */
  readonly gives: Words;
}

const LOSS = { name: 'loss', better: 'lower', title: words`validation loss` } as const;

const CLASSIFICATION = [
  { name: 'accuracy', better: 'higher', title: words`accuracy` },
  { name: 'macroF1', better: 'higher', title: words`macro F1` },
  { name: 'microF1', better: 'higher', title: words`micro F1` },
  { name: 'binaryF1', better: 'higher', title: words`binary F1` },
  LOSS,
] as const;

const REGRESSION = [
  { name: 'pearson', better: 'higher', title: words`Pearson` },
  { name: 'spearman', better: 'higher', title: words`Spearman` },
  { name: 'mse', better: 'lower', title: words`mean squared error` },
  { name: 'mae', better: 'lower', title: words`mean absolute error` },
  LOSS,
] as const;

const MULTI_LABEL = [
  { name: 'averagePrecision', better: 'higher', title: words`average precision` },
  { name: 'microF1', better: 'higher', title: words`micro F1` },
  { name: 'macroF1', better: 'higher', title: words`macro F1` },
  { name: 'weightedF1', better: 'higher', title: words`weighted F1` },
  { name: 'subsetAccuracy', better: 'higher', title: words`subset accuracy` },
  LOSS,
] as const;

const SPANS = [
  { name: 'microF1', better: 'higher', title: words`micro F1` },
  { name: 'macroF1', better: 'higher', title: words`macro F1` },
  { name: 'microPrecision', better: 'higher', title: words`precision` },
  { name: 'microRecall', better: 'higher', title: words`recall` },
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
    findsSuspects: true,
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
    findsSuspects: true,
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
      adversarial: words`compares the probabilities of classes, and ${'regression'} has none`,
      r_drop: words`compares the probabilities of classes, and ${'regression'} has none`,
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
    labels: { least: 2, most: Infinity, why: words`several labels a text need at least two to choose from` },
    refuses: {
      label_smoothing: words`each label is a question of its own, without others to smooth towards`,
      adversarial: words`compares the probabilities of classes, and several labels a text have none that add up to 1`,
      r_drop: words`compares the probabilities of classes, and several labels a text have none that add up to 1`,
    },
    own: ['train.thresholds', 'dataset.label_separator'],
    problemType: 'multi_label_classification',
    metrics: MULTI_LABEL,
    title: words`Several labels a text`,
    gives: words`any number of labels`,
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
      adversarial: words`compares the probabilities of classes, and ${'token-classification'} has none`,
      r_drop: words`compares the probabilities of classes, and ${'token-classification'} has none`,
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
/** What a person may write as `task`. */
export type TaskName = Task | (typeof TASKS)[number]['aliases'][number];
/** Names as in the evaluation report. */
export type MetricName = (typeof TASKS)[number]['metrics'][number]['name'];

const DESCRIPTIONS: readonly TaskDescription[] = TASKS;
const METRICS = new Map(DESCRIPTIONS.flatMap(({ metrics }) => metrics).map((metric) => [metric.name, metric]));

/** Every metric that some task reports, each once, in the order of the tables. */
export const METRIC_NAMES = [...METRICS.keys()] as readonly MetricName[];

/** The task of a name or an alias; undefined where none has it. */
export function findTask(name: unknown): (TaskDescription & { readonly id: Task }) | undefined {
  return DESCRIPTIONS.find(({ id, aliases }) => id === name || aliases.includes(name as string)) as never;
}

/** The task of a name that a recipe's schema has let through. */
export function describeTask(name: TaskName): TaskDescription & { readonly id: Task } {
  return findTask(name)!;
}

/** The task that classifies, or predicts a number for, texts alone or pairs. */
export function taskFor(answer: AnswerKind, isPair: boolean): Task {
  return findTaskFor(answer, isPair)!;
}

/** The task of such answers for texts alone or pairs; undefined where there is none. */
export function findTaskFor(answer: AnswerKind, isPair: boolean): Task | undefined {
  const fits = ({ second }: TaskDescription) => second === 'optional' || (second === 'required') === isPair;
  return TASKS.find((task) => task.answer === answer && fits(task))?.id;
}

/** The fields of a recipe that only some tasks read, and which tasks those are. */
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

/** The metric that chooses the best model where nothing else says one; of an unknown task, accuracy. */
export function usualMetric(task: unknown): MetricName {
  return (findTask(task) ?? DESCRIPTIONS[0]).metrics[0].name as MetricName;
}

/** Losses and errors are better low; of a metric that no task knows, high is taken to be better. */
export function isLowerBetter(metric: string): boolean {
  return METRICS.get(metric)?.better === 'lower';
}

/** What a person calls a metric; undefined for one that no task reports. */
export function metricTitle(metric: string): Words | undefined {
  return METRICS.get(metric)?.title;
}
