import { anything, count, nothing, nullable, number, object, oneOf, recordOf, text, flag, type Check, type Checked } from './check'; // prettier-ignore
import { defineContract, handshake, workerEvents } from './contract';
import { chosenDevice } from './deviceWords';
import { evaluationMetrics, type EvaluationMetrics } from './evaluation';
import { understoodData } from './fieldGuess';
import { bestEvaluation, said, toldError, trainingEnd } from './runRecord';

/**
 * The trainer boundary: one child process, one run at a time. The reports are the same JSON contract that
 * `medtext finetune --json` prints, so a script, a panel and a test read one shape.
 */

/** Progress of a run. Always complete, never a delta: whoever reads only the last one knows everything. */
export interface TrainingReport {
  /** Name of the run folder; stable across stop and resume. */
  readonly runId: string;
  /** Optimiser steps done, 1-based after the first. */
  readonly step: number;
  readonly totalSteps: number;
  /** Epochs done as a fraction, e.g. 1.25. */
  readonly epoch: number;
  /** Mean loss of the optimiser step just done. */
  readonly loss: number;
  /** What it is made of, where it is made of several: `plain`, `noise`, `adversarial`, `divergence`. */
  readonly lossParts?: Readonly<Record<string, number>>;
  readonly learningRate: number;
  readonly examplesPerSecond: number;
  readonly secondsLeft: number;
  /** Global gradient norm before clipping, when clipping computed it. */
  readonly gradientNorm?: number;
  /** Padded token length of the step's bucket. */
  readonly sequenceLength?: number;
  /** Resident memory of the training process. */
  readonly memoryBytes?: number;
  /** Provider that runs the graph: `cpu`, `webgpu`, `cuda`, ... */
  readonly device?: string;
  /** The model folder had no weights: the training began with random ones. Absent otherwise. */
  readonly randomStart?: boolean;
}

/** What a run is expected to take at its longest batches, said before its first step. */
export const memoryPlan = object(
  {
    estimatedBytes: number,
    batchSize: count,
    /** Examples computed at a time; fewer than the batch where the memory would not hold it. */
    microBatchSize: count,
  },
  /** Absent where the device does not tell. */
  { availableBytes: number },
);
export type MemoryPlan = Checked<typeof memoryPlan>;

/** How far an evaluation is; the training waits for it. */
export const evaluationProgress = object({
  split: oneOf('validation', 'test'),
  /** Rows. */
  done: count,
  total: count,
  secondsLeft: number,
});
export type EvaluationProgress = Checked<typeof evaluationProgress>;

/** Metrics on the validation set, as `medtext evaluate --json` names them. */
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

/** How a run ended; every path is absolute. */
const trainingResult = object(
  {
    /** The run folder. */
    run: text,
    /** The fine-tuned model folder; empty when a stopped run has none yet. */
    model: text,
    best: nullable(bestEvaluation),
    /** Ended by itself, or was asked to stop and saved a checkpoint to resume from. */
    status: oneOf('finished', 'stopped'),
  },
  {
    /** Why no step is left: the last one is done, or it stopped early. */
    trainingEnd,
    /** Why none of the evaluations could choose a model. */
    noBest: said,
    /** Metrics of that model on the test data, where the recipe names any that has labels. */
    test: evaluationMetrics,
    /** Where test data without labels lies with that model's labels. */
    predictions: text,
    /** Why the test data were not answered. */
    testError: toldError,
    /** As in {@link TrainingReport}. */
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
     * The whole run; settles when it ends. `recipe` is a resolved recipe (src/protocol/recipe.ts) as JSON, its paths
     * absolute. Errors are those of training, coded.
     */
    train: {
      params: object(
        { recipe: recordOf(anything), recipeFile: text, onHostGone: oneOf('stop', 'continue') },
        { resumeFrom: text, baseFolder: text, name: text },
      ),
      result: trainingResult,
    },
    /** Finish the step, save a checkpoint, end; `train` then settles as `stopped`. False when nothing is running. */
    stop: { params: nothing, result: flag },
  },
  events: {
    ...workerEvents,
    /** What `device: auto` came to; first of all. */
    chosenDevice,
    /** The training data as they were understood, before anything is computed. */
    understoodData,
    memoryPlan,
    report: trainingReport,
    evaluationProgress,
    evaluation: evaluationReport,
  },
});
export type TrainerContract = typeof trainerContract;

/** At most this many reports a second cross the channel; the newest of each interval wins and the last always comes. */
export const maxReportsPerSecond = 10;
