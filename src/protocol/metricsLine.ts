/** The log of a run's metrics. The run appends to it, and the editor reads it meanwhile. */
export const METRICS_FILE = 'metrics.jsonl';

/** One line of a metrics log. */
export interface MetricsRecord {
  /** Optimiser steps done when the line was written. Steps never decrease from line to line. */
  readonly step: number;
  readonly [field: string]: unknown;
}

/** The record of a line; undefined for an incomplete line and for other JSON. */
export function parseMetricsLine(line: string): MetricsRecord | undefined {
  try {
    const value = JSON.parse(line) as Partial<MetricsRecord> | null;
    return Number.isInteger(value?.step) && value!.step! >= 0 ? (value as MetricsRecord) : undefined;
  } catch {
    return undefined;
  }
}
