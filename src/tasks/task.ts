/** What a task is to the run, evaluation, prediction and card: all that differs from one task to another, as an object. */
import type { SpanEnd } from '../data/entities/spanConvention';
import type { Example, Examples } from '../data/examples';
import type { ReadSplitOptions, ResolvedFields } from '../data/recipeSplit';
import type { JsonObject } from '../models/configJson';
import type { Head } from '../models/heads/head';
import type { EvaluationMetrics } from '../protocol/evaluation';
import type { RecipeSplit, ResolvedRecipe, ResolvedSplit } from '../protocol/recipe';
import type { MetricName, Task } from '../protocol/tasks';
import type { Tokenizer } from '../tokenization/tokenizer';
import type { TaskCard } from './cards/card';
import type { Objective, OutputObjective, TrainingExample } from './objective';

/** The examples of a file, and which columns they were read from. */
export type TaskData<Label = unknown> = Examples<Label> &
  ResolvedFields & {
    /** What else a person should know of the file, a line each. */
    readonly remarks?: readonly string[];
  };

/** What a network reads at once: an example, or a window of one that is too long. */
export interface EncodedWindow<Target = unknown> extends TrainingExample<Target> {
  /** The place of its example. */
  readonly example: number;
  /** Windows of equal number are learned in one batch; absent: it is by itself. */
  readonly learnedWith?: number;
}

export interface EncodeOptions {
  /** Tokens of a window, at most. */
  readonly maxLength: number;
  readonly signal?: AbortSignal;
}

/** The network that learns or answers: its head, and what is told apart by it. */
export interface TaskNetwork {
  readonly head: Head;
  readonly labels: readonly string[];
  /** What the head's columns are called, config.json's `id2label`. */
  readonly columns: readonly string[];
}

export interface ReadOptions extends ReadSplitOptions {
  /** What the examples are for. */
  readonly head: Head;
  /** What training kept for the use of the model that is to read the file; absent: the split of a recipe is read. */
  readonly usage?: JsonObject;
}

/** Makes answers of a network's outputs; for one evaluation or prediction. */
export interface Reading<Answer> {
  /** @param output of the window without padding, of the head's axes; good until the next call */
  take(window: EncodedWindow, output: Float32Array): void;
  /** One an example, once all windows were taken. */
  answers(): readonly Answer[];
}

export interface WriteOptions {
  /** The column to fill. */
  readonly label?: string;
  readonly onBadRow?: 'stop' | 'skip';
  /** What the end of an entity is in the file, where a person says it. */
  readonly spanEnd?: SpanEnd;
  /** What training kept for the use of the model: config.json's `medtext`. */
  readonly usage?: JsonObject;
  /** The model's name, for files that say what answered. */
  readonly model?: string;
  readonly signal?: AbortSignal;
}

export interface AnswerWriter<Answer> {
  write(answers: readonly Answer[], labels: readonly string[]): Promise<Written>;
}

export interface Written {
  readonly rows: number;
  readonly badRows: number;
  /** The column that was filled. */
  readonly column: string;
  /** Annotations of other kinds that are not written, since they refer to what was there before; absent: none. */
  readonly leftOut?: number;
}

/** A loss and its parts over held-out examples: sums, not means. */
export interface LossSums<Target> {
  readonly loss: number;
  readonly parts?: Readonly<Record<string, number>>;
  readonly examples: number;
  /** A sum over the examples. */
  count(amount: (target: Target) => number): number;
}

/**
 * `Label` is what the data say of an example, `Target` what a window of it is to learn, `Answer` what the model says.
 * Methods that read texts, files or outputs throw `MedTextError`s.
 */
export interface TaskDefinition<Label = unknown, Target = unknown, Answer = unknown> {
  /** The head that a recipe asks for. */
  head(recipe: Pick<ResolvedRecipe, 'model_head' | 'train'>): Head;

  /** Reads a split of a recipe, or a file for a model that is there: then with the labels that it knows. */
  read(split: RecipeSplit, task: Task, options: ReadOptions): Promise<TaskData<Label>>;
  /** Whether any row of the split has a label; `split.label` is the column of the training data where none is named. */
  isLabelled(split: RecipeSplit, signal?: AbortSignal): Promise<boolean>;

  /** What is told apart, by the training data. @throws LABELS where there is nothing to tell apart. */
  labelsOf(data: TaskData<Label>): readonly string[];
  /** What the head's columns are called, config.json's `id2label`. */
  columnsOf(labels: readonly string[], head: Head): readonly string[];
  /** The labels of a model, by the names of its columns. @throws MODEL_CONFIG for names that are no such columns */
  labelsOfColumns(columns: readonly string[], head: Head, where: string): readonly string[];

  /** Every example as what the network reads: one window, or several of a long one. Without labels, targets are of no use. */
  encode(
    tokenizer: Tokenizer,
    examples: readonly Example<Label>[],
    options: EncodeOptions & TaskNetwork,
  ): Promise<EncodedWindow<Target>[]>;
  /** The loss that a recipe asks for, before anything disturbs it. */
  objective(
    of: TaskNetwork & { readonly recipe: ResolvedRecipe; readonly data: TaskData<Label> },
  ): OutputObjective<Target> | Objective<Target>;
  /** The report of a task that is measured by its losses on held-out examples; such a task reads no answers. */
  lossReport?(sums: LossSums<Target>): EvaluationMetrics;

  reading(
    of: TaskNetwork & {
      readonly examples: readonly Example<Label>[];
      /** What training kept for the use of the model, or the recipe of a run that is going on, and what it learns from. */
      readonly by:
        { readonly usage: JsonObject } | { readonly recipe: ResolvedRecipe; readonly trainedOn: TaskData<Label> };
    },
  ): Reading<Answer>;
  /** @throws DATA_FORMAT when there are no rows */
  report(of: {
    readonly labels: readonly string[];
    readonly examples: readonly Example<Label>[];
    readonly answers: readonly Answer[];
  }): EvaluationMetrics;
  /** The probability of each label, kept for held-out rows to find suspect labels; absent: nothing is kept. */
  probabilities?(answer: Answer): readonly number[];
  /** Whether two answers say the same; absent: of numbers nobody asks. */
  saysSame?(a: Answer, b: Answer): boolean;
  /** Whether an answer is right, where the metric is the share of those that are. */
  isRight?(answer: Answer, label: Label): boolean;
  /** What `counts` counts, where it is not rows: a row has as many as there are. */
  readonly counted?: 'entities';
  /** How many answers name each label; empty where the answers name none. */
  counts(answers: readonly Answer[], labels: readonly string[]): Readonly<Record<string, number>>;
  /**
   * What writes the file again with the answers in it, everything else as it stands.
   * @throws UNSUPPORTED, NOT_FOUND, USAGE at once, where the file, the output's name or the column cannot be
   */
  writer(data: TaskData<Label>, output: string, options: WriteOptions): AnswerWriter<Answer>;

  /** What the model's folder keeps for its use, under config.json's `medtext`. */
  usage(of: {
    readonly split: ResolvedSplit;
    readonly labels: readonly string[];
    readonly data: TaskData<Label>;
    readonly recipe: ResolvedRecipe;
    /** What the model said of the validation data; absent: nothing. */
    readonly evaluation: EvaluationMetrics | undefined;
  }): JsonObject;
  /** The metric that tells two models apart at a glance. */
  readonly metric: MetricName;
  readonly card: TaskCard;
}
