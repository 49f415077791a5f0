/** What computes the steps of a training: its options, what a step takes and gives. */
import type { SessionOptions } from '../inference/session';
import type { SequenceClassifier } from '../models/encoder';
import type { Parameters } from '../models/parameters';
import type { EncodedExample } from '../tokenization/tokenizer';
import type { AdamWOptions, Moments } from './adamW';
import type { CrossEntropyOptions } from './losses';

export interface TrainingExample {
  readonly encoded: EncodedExample;
  /** A label id or, for regression, the number. */
  readonly label: number;
}

export interface MicroBatch {
  readonly examples: readonly TrainingExample[];
  /** Tokens that every example is padded to. */
  readonly length: number;
}

export interface TrainerOptions {
  readonly classifier: SequenceClassifier;
  readonly parameters: Parameters;
  /** Names of the parameters that are trained. */
  readonly trained: ReadonlySet<string>;
  readonly objective: ({ readonly loss: 'crossEntropy' } & CrossEntropyOptions) | { readonly loss: 'squaredError' };
  readonly adamW: AdamWOptions;
  /** null: no clipping. */
  readonly maxGradientNorm: number | null;
  /** Examples of a batch, at most; a shorter one is filled with rows of no weight. */
  readonly batchSize: number;
  /** Rows of the graphs, where a whole batch would take too much memory: its parts' gradients are added up. */
  readonly microBatchSize?: number;
  /** undefined: the configuration's probabilities. */
  readonly dropout?: number;
  readonly seed: number;
  readonly padTokenId: number;
  readonly session: SessionOptions;
}

export interface StepResult {
  /** The objective's mean over the step's examples. */
  readonly loss: number;
  /** Before clipping. */
  readonly gradientNorm: number;
}

/** What computes the steps of a training, on whichever device. */
export interface TrainingSteps {
  /** The optimiser's state: zeros at first. To be filled before the first step, read after {@link synchronize}. */
  readonly moments: Moments;
  /**
   * One optimiser step over one batch, or over several whose gradients add up to those of one.
   * @param step the number of this update, from 1: the key of its randomness and of the bias correction.
   * @throws MedTextError DIVERGED when loss or gradient are no longer finite; the parameters are then as they were.
   */
  step(batches: readonly MicroBatch[], step: number, learningRate: number): Promise<StepResult>;
  /**
   * After a step that ran out of memory: from now on half as many examples at a time.
   * @returns how many; undefined when it was one already, or when the step had begun to change the parameters
   */
  halve(): Promise<number | undefined>;
  /** Brings the host's parameters and moments up to date. */
  synchronize(): Promise<void>;
  close(): Promise<void>;
}
