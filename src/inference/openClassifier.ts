/** A fine-tuned model folder with a sequence head: texts go in, logits come out. */
import { MedTextError, words } from '../base/errors';
import { sequenceHead } from '../models/heads/sequence';
import { thresholdsIn } from '../protocol/labelThresholds';
import { headMeasure, MEASURES, type HeadMeasure, type LabelRange, type LogitFacts } from '../protocol/scores';
import { describeTask, findTask, type AnswerKind } from '../protocol/tasks';
import { gathered, type RunOptions } from './classifierRunner';
import { labelRange, labelScores, type ScoredPair } from './labelScores';
import { OpenedModel, openParts, type ModelOptions, type ModelParts } from './openedModel';

export class Classifier extends OpenedModel implements LogitFacts {
  readonly measure: HeadMeasure;
  /** The score of each label in label order. Undefined where it is not known what the labels say of likeness. */
  readonly labelScores: readonly number[] | undefined;
  /** The range of a regression's labels. Undefined where the folder does not give it. */
  readonly labelRange: LabelRange | undefined;
  /** The threshold of each label in label order, for a model of several labels. */
  readonly thresholds: readonly number[] | undefined;

  /** @throws MedTextError MODEL_CONFIG for scores, a range or thresholds that are not valid. */
  constructor(parts: ModelParts) {
    super(parts);
    const { columns, task, usage, folder } = parts;
    this.labelScores = labelScores(columns, usage.label_scores, folder.path);
    this.measure = headMeasure(findTask(task)?.answer, columns.length, this.labelScores !== undefined);
    this.labelRange = labelRange(usage.label_range, folder.path);
    this.thresholds = MEASURES[this.measure].saysSeveral && thresholdsIn(usage, columns);
  }

  /** The labels in the order of the logits. */
  get labels(): readonly string[] {
    return this.columns;
  }

  /** Whether a prediction is a number and not a label. */
  get givesNumber(): boolean {
    return MEASURES[this.measure].number !== undefined;
  }

  /** The kind of prediction that the task names. Where the task is not known, the kind that the head can give. */
  get answer(): AnswerKind {
    return MEASURES[this.measure].answer!;
  }

  /** The number that a logit stands for: a regression's prediction, or a probability. */
  numberOf(logit: number): number {
    return MEASURES[this.measure].number!.of(logit);
  }

  /**
   * The logits, [pairs, labels], row after row in the given order. They are [pairs] where the model gives one number.
   * @throws MedTextError CANCELLED, RUNTIME or OUT_OF_MEMORY.
   */
  async logits(pairs: readonly ScoredPair[], options: RunOptions = {}): Promise<Float32Array> {
    const encoded = await this.tokenizer.encodeAll(
      pairs.map(({ first, second }) => ({ a: first, b: second })),
      this.maxLength,
      undefined,
      options.signal,
    );
    return gathered(encoded.length, this.columns.length, (each) => this.outputs(encoded, each, options));
  }
}

/**
 * Opens a model folder with a sequence head. For a run's folder it opens the model in it.
 * @throws MedTextError UNSUPPORTED for a model with another head; the errors of {@link openParts}.
 */
export async function openClassifier(path: string, options: ModelOptions = {}): Promise<Classifier> {
  return classifierOf(await openParts(path, options));
}

/** Makes a classifier of an opened model. @throws MedTextError as {@link openClassifier}; the model is then closed. */
export async function classifierOf(parts: ModelParts): Promise<Classifier> {
  try {
    const { folder, head, columns, task } = parts;
    if (head !== sequenceHead) {
      const gives = task ? describeTask(task).gives : head.id;
      throw new MedTextError(
        'UNSUPPORTED',
        words`${folder.path} gives ${gives}; a model that gives one label or one number for a text or a pair is needed here.`,
        { file: folder.path, task },
      );
    }
    if (MEASURES[headMeasure(findTask(task)?.answer, columns.length, false)].number && columns.length > 1) {
      throw new MedTextError(
        'UNSUPPORTED',
        words`${folder.path} predicts ${columns.length} numbers a text; only one number a text is supported.`,
      );
    }
    return new Classifier(parts);
  } catch (error) {
    await parts.runner.close();
    throw error;
  }
}
