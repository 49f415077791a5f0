import { answerMeasured, metricsMeasured } from '../../protocol/evaluation';
import type { Measurement } from '../../protocol/runPage';
import { baselineField } from '../../protocol/tasks';
import { finite } from './runHistory';

const maxRows = 300;
/** Wider matrices nobody reads; their classes stand in the table. */
const maxLabels = 40;

/**
 * A report of any task as numbers and tables: its metrics in the order of the tasks, the first of its fields that has numbers by
 * name, and a confusion matrix where there is one.
 */
export function measurementOf(
  report: Readonly<Record<string, unknown>>,
  { split, file, canOpen }: Pick<Measurement, 'split' | 'file'> & { readonly canOpen: boolean },
): Measurement {
  const metrics = metricsMeasured(report).map((name) => {
    const interval: unknown = report[`${name}Interval`];
    const [low, high] = Array.isArray(interval) ? interval.map(finite) : [];
    return { name, value: finite(report[name]), low: low ?? null, high: high ?? null };
  });
  return {
    split,
    file,
    rows: Math.max(0, finite(report.rows) ?? 0),
    answer: answerMeasured(report) ?? null,
    metrics,
    baseline: baselineOf(report),
    table: tableOf(report),
    matrix: matrixOf(report, canOpen),
  };
}

/** What a constant answer would reach, of the first metric of which the report says it. */
function baselineOf(report: Readonly<Record<string, unknown>>): Measurement['baseline'] {
  for (const name of metricsMeasured(report)) {
    const value = finite(report[baselineField(name) ?? '']);
    if (value !== null) return { name, value };
  }
  return null;
}

function tableOf(report: Readonly<Record<string, unknown>>): Measurement['table'] {
  const found = Object.values(report).find(isTable);
  if (!found) return null;
  const entries = Object.entries(found).slice(0, maxRows);
  const columns = [...new Set(entries.flatMap(([, numbers]) => Object.keys(numbers)))];
  const rows = entries.map(([name, numbers]) => ({ name, values: columns.map((column) => finite(numbers[column])) }));
  return { columns, rows };
}

/** Numbers by name, of each of some names. */
function isTable(value: unknown): value is Record<string, Record<string, unknown>> {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return false;
  const rows = Object.values(value);
  const isRow = (row: unknown): boolean =>
    typeof row === 'object' && row !== null && Object.values(row).some((number) => typeof number === 'number');
  return rows.length > 0 && rows.every(isRow);
}

function matrixOf(
  { confusionMatrix, labels }: Readonly<Record<string, unknown>>,
  canOpen: boolean,
): Measurement['matrix'] {
  if (!Array.isArray(confusionMatrix) || !Array.isArray(labels) || labels.length > maxLabels) return null;
  const counts = confusionMatrix.map((row) =>
    Array.isArray(row) ? row.map((one) => Math.max(0, finite(one) ?? 0)) : [],
  );
  // A matrix of spans has a further row and column, for spurious and missed spans. It counts spans, so no cell has a list of rows.
  const hasNone = counts.length === labels.length + 1;
  const size = labels.length + (hasNone ? 1 : 0);
  const isSquare = counts.length === size && counts.every((row) => row.length === size);
  return isSquare ? { labels: labels.map(String), counts, canOpen: canOpen && !hasNone, hasNone } : null;
}
