/** A run's `metrics.jsonl`: the run writes it, and the editor reads it while it grows. */
export const METRICS_FILE = 'metrics.jsonl';

/** One line of a metrics log. */
export interface MetricsRecord {
  /** Optimiser steps done when it was written; never falls from line to line. */
  readonly step: number;
  readonly [field: string]: unknown;
}

/** The record of a line; undefined for one that is torn or of another kind. */
export function parseMetricsLine(line: string): MetricsRecord | undefined {
  try {
    const value = JSON.parse(line) as Partial<MetricsRecord> | null;
    return Number.isInteger(value?.step) && value!.step! >= 0 ? (value as MetricsRecord) : undefined;
  } catch {
    return undefined;
  }
}
