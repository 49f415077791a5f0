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
}

/** Metrics on the validation set, as `medtext evaluate --json` names them. */
export interface EvaluationReport {
  readonly step: number;
  readonly epoch: number;
  readonly evaluation: Readonly<Record<string, unknown>>;
}

/** The best evaluation of a run. */
export interface BestEvaluation {
  readonly step: number;
  readonly metric: string;
  readonly value: number;
  readonly [more: string]: unknown;
}

/** How a run ended; every path is absolute. */
export interface TrainingEnd {
  /** The run folder. */
  readonly run: string;
  /** The fine-tuned model folder; empty when a stopped run has none yet. */
  readonly model: string;
  readonly best: BestEvaluation | null;
}
