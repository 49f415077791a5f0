/** A fine-tuned model folder whose head answers texts: texts in, logits out. */
import { MedTextError, words } from '../base/errors';
import { sequenceHead } from '../models/heads/sequence';
import { thresholdsIn } from '../protocol/labelThresholds';
import { describeTask, findTask, type AnswerKind } from '../protocol/tasks';
import { gathered, type RunOptions } from './classifierRunner';
import { labelRange, labelScores, sigmoid, type HeadMeasure, type LabelRange, type ScoredPair } from './labelScores';
import { OpenedModel, openParts, type ModelOptions, type ModelParts } from './openedModel';

export class Classifier extends OpenedModel {
  readonly measure: HeadMeasure;
  /** In label order; undefined where nobody knows what the labels say of likeness. */
  readonly labelScores: readonly number[] | undefined;
  /** Of a regression; undefined where the folder does not say. */
  readonly labelRange: LabelRange | undefined;
  /** Of several labels, in label order. */
  readonly thresholds: readonly number[] | undefined;

  /** @throws MedTextError MODEL_CONFIG for scores, a range or thresholds that are none. */
  constructor(parts: ModelParts) {
    super(parts);
    const { columns, task, usage, folder } = parts;
    const answer = findTask(task)?.answer;
    this.labelScores = labelScores(columns, usage.label_scores, folder.path);
    const ofClasses = this.labelScores ? 'label-scale' : 'classes';
    this.measure = answer === 'labels' ? 'labels' : answer === 'number' ? 'regression' : columns.length === 1 ? 'sigmoid' : ofClasses; // prettier-ignore
    this.labelRange = labelRange(usage.label_range, folder.path);
    this.thresholds = this.measure === 'labels' ? thresholdsIn(usage, columns) : undefined;
  }

  /** In the order of the logits. */
  get labels(): readonly string[] {
    return this.columns;
  }

  /** Whether the answer to a row is one number and no label. */
  get givesNumber(): boolean {
    return this.measure === 'sigmoid' || this.measure === 'regression';
  }

  /** What it answers, by its task, else by what its head can be. */
  get answer(): AnswerKind {
    if (this.measure === 'labels') return 'labels';
    return this.givesNumber ? 'number' : 'class';
  }

  /** A row's answer of a model that gives numbers, from its logit: a regression's prediction, or a probability. */
  numberOf(logit: number): number {
    return this.measure === 'sigmoid' ? sigmoid(logit) : logit;
  }

  /**
   * The logits, [pairs, labels] row after row in the given order; [pairs] where the model gives one number.
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
 * Opens a model folder that has a head of texts; a run's folder opens the model in it.
 * @throws MedTextError UNSUPPORTED for a model that answers otherwise; what {@link openParts} throws.
 */
export async function openClassifier(path: string, options: ModelOptions = {}): Promise<Classifier> {
  return classifierOf(await openParts(path, options));
}

/** A model as what answers texts. @throws MedTextError as {@link openClassifier}; the model is then closed. */
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
    if (findTask(task)?.answer === 'number' && columns.length > 1) {
      throw new MedTextError(
        'UNSUPPORTED',
        words`${folder.path} predicts ${columns.length} numbers at once; supported is one number a text.`,
      );
    }
    return new Classifier(parts);
  } catch (error) {
    await parts.runner.close();
    throw error;
  }
}
