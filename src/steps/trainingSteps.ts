/** What computes the steps of a training: its options, what a step takes and gives. */
import type { Precision } from '../inference/productStyle';
import type { SessionOptions } from '../inference/session';
import type { Network } from '../models/encoder';
import type { Parameters } from '../models/parameters';
import type { AdamWOptions, Moments } from './adamW';
import type { Objective, TrainingExample } from '../tasks/objective';

/** Examples of equal padding: all of an optimiser step, or one of its several batches. */
export interface Batch {
  readonly examples: readonly TrainingExample[];
  /** Tokens that every example is padded to. */
  readonly length: number;
}

export interface TrainerOptions {
  readonly network: Network;
  readonly parameters: Parameters;
  /** Names of the parameters that are trained. */
  readonly trained: ReadonlySet<string>;
  readonly objective: Objective;
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
  /** The precision of matrix products; by default float32. */
  readonly precision?: Precision;
  readonly padTokenId: number;
  /** The lengths that batches will have, where they are known: a device's graph for all of them is made once. */
  readonly lengths?: readonly number[];
  readonly session: SessionOptions;
  /** That the CPU's AdamW runs on; absent: as many of the session's as pay off, at most four. */
  readonly optimizerThreads?: number;
}

export interface StepResult {
  /** The objective's mean over the step's examples. */
  readonly loss: number;
  /** The objective's parts, by name: absent where it has none. */
  readonly parts?: Readonly<Record<string, number>>;
  /** Before clipping. */
  readonly gradientNorm: number;
}

/** A step to come. */
export interface PlannedStep {
  readonly batches: readonly Batch[];
  /** The number of this update, from 1: the key of its randomness and of the bias correction. */
  readonly step: number;
  readonly learningRate: number;
}

/** What computes the steps of a training, on whichever device. */
export interface TrainingSteps {
  /** The optimiser's state: zeros at first. To be filled before the first step, read after {@link synchronize}. */
  readonly moments: Moments;
  /**
   * One optimiser step over one batch, or over several whose gradients add up to those of one.
   * @param step as {@link PlannedStep}'s
   * @throws MedTextError DIVERGED when loss or gradient are no longer finite; the parameters are then as they were.
   */
  step(batches: readonly Batch[], step: number, learningRate: number): Promise<StepResult>;
  /** How many steps are best asked for at once; absent: one. */
  readonly stepsAtOnce?: number;
  /**
   * Steps that follow on one another, in one run of the device.
   * @throws MedTextError DIVERGED as {@link step}'s; the parameters are then as they were before all of them.
   */
  steps?(planned: readonly PlannedStep[]): Promise<StepResult[]>;
  /**
   * After a step that ran out of memory: from now on half as many examples at a time.
   * @returns how many; undefined when it was one already, or all that the loss compares, or when the step had begun to change the parameters
   */
  halve(): Promise<number | undefined>;
  /** Brings the host's parameters and moments up to date. */
  synchronize(): Promise<void>;
  close(): Promise<void>;
}
