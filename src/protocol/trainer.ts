import { anything, count, nothing, nullable, number, object, oneOf, recordOf, text, flag, type Check, type Checked } from './check'; // prettier-ignore
import { defineContract, handshake, workerEvents } from './contract';
import { chosenDevice } from './deviceWords';
import { evaluationMetrics, type EvaluationMetrics } from './evaluation';
import { understoodData } from './fieldGuess';
import { bestEvaluation, said, plainError, trainingEnd } from './runRecord';

/**
 * The trainer boundary: one child process trains one run. The reports have the shape that `medtext finetune --json` prints,
 * so scripts, panels and tests read one contract.
 */

/** The progress of a run. Each report is complete, so a reader of only the last one misses nothing. */
export interface TrainingReport {
  /** The name of the run folder, which stays the same when the run is resumed. */
  readonly runId: string;
  /** Optimiser steps done; 1 after the first step. */
  readonly step: number;
  readonly totalSteps: number;
  /** Epochs done, with a fraction, such as 1.25. */
  readonly epoch: number;
  /** The mean loss of the last optimiser step. */
  readonly loss: number;
  /** The parts of a loss that is a sum: `plain`, `noise`, `adversarial`, `divergence`. */
  readonly lossParts?: Readonly<Record<string, number>>;
  readonly learningRate: number;
  readonly examplesPerSecond: number;
  readonly secondsLeft: number;
  /** The global gradient norm before clipping; absent without clipping. */
  readonly gradientNorm?: number;
  /** The padded length of the step's batch in tokens. */
  readonly sequenceLength?: number;
  /** The resident memory of the training process. */
  readonly memoryBytes?: number;
  /** The execution provider that runs the graph: `cpu`, `webgpu`, `cuda`, … */
  readonly device?: string;
  /** True if the model folder had no weights, so that the training began with random ones; absent otherwise. */
  readonly randomStart?: boolean;
}

/** The memory that a run is expected to need for its longest batches, reported before its first step. */
export const memoryPlan = object(
  {
    estimatedBytes: number,
    batchSize: count,
    /** Examples computed at a time: fewer than the batch if the memory would not hold the batch. */
    microBatchSize: count,
  },
  /** Absent if the device does not report its free memory. */
  { availableBytes: number },
);
export type MemoryPlan = Checked<typeof memoryPlan>;

/** The progress of preparing a corpus, before the first step. */
export const preparationProgress = object({
  doneBytes: count,
  totalBytes: count,
  secondsLeft: number,
});
export type PreparationProgress = Checked<typeof preparationProgress>;

/** The progress of an evaluation, for which the training waits. */
export const evaluationProgress = object({
  split: oneOf('validation', 'test'),
  /** The number of rows done. */
  done: count,
  total: count,
  secondsLeft: number,
});
export type EvaluationProgress = Checked<typeof evaluationProgress>;

/** Metrics on the validation data, with the names of `medtext evaluate --json`. */
export interface EvaluationReport {
  readonly step: number;
  readonly epoch: number;
  readonly evaluation: EvaluationMetrics;
}

const trainingReport: Check<TrainingReport> = object(
  {
    runId: text,
    step: count,
    totalSteps: count,
    epoch: number,
    loss: number,
    learningRate: number,
    examplesPerSecond: number,
    secondsLeft: number,
  },
  {
    lossParts: recordOf(number),
    gradientNorm: number,
    sequenceLength: count,
    memoryBytes: number,
    device: text,
    randomStart: flag,
  },
);

export const evaluationReport: Check<EvaluationReport> = object({
  step: count,
  epoch: number,
  evaluation: evaluationMetrics,
});

/** How a run ended. Every path is absolute. */
const trainingResult = object(
  {
    /** The run folder. */
    run: text,
    /** The fine-tuned model folder; empty if a stopped run has none yet. */
    model: text,
    best: nullable(bestEvaluation),
    /** `finished`: the run is complete. `stopped`: it was asked to stop and saved a checkpoint. */
    status: oneOf('finished', 'stopped'),
  },
  {
    /** Why the training has no further step: the last one is done, or it stopped early. */
    trainingEnd,
    /** Why no evaluation could choose a model. */
    noBest: said,
    /** Metrics of the model on the recipe's test data, if these have labels. */
    test: evaluationMetrics,
    /** The file with the model's predictions for test data without labels. */
    predictions: text,
    /** Why the test data were not predicted. */
    testError: plainError,
    /** The same field as in {@link TrainingReport}. */
    randomStart: flag,
  },
);
export type TrainingResult = Checked<typeof trainingResult>;

export const trainerContract = defineContract({
  name: 'trainer',
  version: 1,
  requests: {
    initialize: handshake,
    /**
     * Trains a run and settles when it ends. `recipe` is a resolved recipe (src/protocol/recipe.ts) as JSON with absolute paths.
     * @throws the errors of training
     */
    train: {
      params: object(
        { recipe: recordOf(anything), recipeFile: text, onHostGone: oneOf('stop', 'continue') },
        { resumeFrom: text, baseFolder: text, name: text },
      ),
      result: trainingResult,
    },
    /** Finishes the step, saves a checkpoint and ends; `train` then settles as `stopped`. Returns false if nothing is running. */
    stop: { params: nothing, result: flag },
  },
  events: {
    ...workerEvents,
    /** Another window has asked the run to stop. The run stops as with `stop`. */
    stopAsked: nothing,
    /** The device that `device: auto` chose; the first event. */
    chosenDevice,
    /** How the training data were read, sent before any computation. */
    understoodData,
    preparationProgress,
    memoryPlan,
    report: trainingReport,
    evaluationProgress,
    evaluation: evaluationReport,
  },
});
export type TrainerContract = typeof trainerContract;

/** The most reports that cross the channel in a second. The newest of each interval is sent, and the last one always. */
export const maxReportsPerSecond = 10;
