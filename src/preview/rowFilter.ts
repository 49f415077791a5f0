import { MedTextError, words } from '../base/errors';
import type { FieldMapping, Measure, RowFilter, ViewQuery } from '../protocol/datasetPreview';
import { textOf, valueIn, type DataValue } from '../data/dataRow';
import { characterCount } from '../data/statistics';
import { typesIn } from '../data/entities/annotations';
import { isMissing, labelCell, numberOf } from './cells';
import type { SeveralLabels } from './severalLabels';
import type { PredictionTable } from './predictionTable';
import { exampleTokens, type TokenCounter } from './tokenCounts';

type Values = Readonly<Record<string, DataValue>>;

/** Rows of a finding: in groups, or in the file's order. */
export interface FoundRows {
  readonly rows: Uint32Array;
  /** The group of each of `rows`. */
  readonly groups?: Uint32Array;
}

/** What a query is understood with. */
export interface QueryContext {
  readonly columns: readonly string[];
  readonly mapping: FieldMapping;
  /** How the label column holds several labels a row; undefined where it holds one. */
  readonly several: SeveralLabels | undefined;
  readonly counter: TokenCounter | undefined;
  readonly predictions: PredictionTable;
  found(finding: string): FoundRows | undefined;
}

export type RowTest = (values: Values) => boolean;

/** Errors: `USAGE` for an unknown column or finding, and for tokens without a model. */
export function checkQuery({ search, filters, sort }: ViewQuery, context: QueryContext): void {
  for (const column of search?.columns ?? []) checkColumn(column, context);
  for (const filter of filters) {
    if (filter.kind === 'value' || (filter.kind === 'range' && filter.column !== null)) checkColumn(filter.column!, context); // prettier-ignore
    if (filter.kind === 'range') checkMeasure(filter.column === null ? 'tokens' : filter.measure, context);
    if (filter.kind === 'finding' && !context.found(filter.id)) {
      throw new MedTextError('USAGE', words`The finding ${JSON.stringify(filter.id)} does not exist any more.`, {
        id: filter.id,
      });
    }
  }
  if (sort?.kind !== 'column') return;
  checkColumn(sort.column, context);
  checkMeasure(sort.measure, context);
}

function checkColumn(column: string, { columns }: QueryContext): void {
  if (columns.includes(column)) return;
  throw new MedTextError('USAGE', words`The file has no column ${JSON.stringify(column)}.`, { column, columns });
}

function checkMeasure(measure: Measure, { counter }: QueryContext): void {
  if (measure !== 'tokens' || counter) return;
  throw new MedTextError('USAGE', words`Choose a model to count tokens.`, { measure });
}

/** The test of a filter that looks at a row's content. */
export function rowTest(filter: Extract<RowFilter, { kind: 'value' | 'range' }>, context: QueryContext): RowTest {
  if (filter.kind === 'value') {
    const wanted = new Set(filter.values);
    return (values) => {
      const cell = valueIn(values, filter.column);
      const isLabel = filter.column === context.mapping.label;
      const labels = isLabel ? context.several?.of(cell) : undefined;
      if (labels?.length === 0) return filter.missing !== filter.exclude;
      if (labels?.some((label) => wanted.has(label))) return !filter.exclude;
      const types = isLabel && !labels ? typesIn(cell) : undefined;
      if (types) return types.some((type) => wanted.has(type)) !== filter.exclude;
      const value = isLabel ? labelCell(cell) : cell;
      return (isMissing(value) ? filter.missing : wanted.has(textOf(value))) !== filter.exclude;
    };
  }
  const { from, to, closed } = filter;
  const measured = filter.column === null ? wholeExample(context) : measureOf(filter.column, filter.measure, context);
  return (values) => {
    const number = measured(values);
    return number >= from && (number < to || (closed && number === to));
  };
}

/** A number of a row's cell; NaN for a cell without. */
export function measureOf(column: string, measure: Measure, { counter }: QueryContext): (values: Values) => number {
  if (measure === 'value') return (values) => numberOf(valueIn(values, column));
  const count = measure === 'characters' ? characterCount : (text: string) => counter!.countTokens(text);
  return (values) => {
    const value = valueIn(values, column);
    return isMissing(value) ? NaN : count(textOf(value));
  };
}

function wholeExample({ mapping, counter }: QueryContext): (values: Values) => number {
  return (values) => exampleTokens(values, mapping, counter!) ?? NaN;
}
