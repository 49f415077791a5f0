/** What cleaning would change in a file, and the file with its texts cleaned. */
import { CLEAN_OPERATIONS, cleanText, type CleanOperation } from '../base/cleanText';
import { cutTo } from '../base/plainText';
import { guessFields } from './columns';
import type { DataFile } from './dataFile';
import { textOf, valueIn, type DataValue } from './dataRow';
import { MedTextError, words } from '../base/errors';
import { entityColumns } from './entities/readEntities';
import { pairKey } from './statistics';

/** What one operation changes, if it is the only one. */
export interface OperationEffect {
  readonly operation: CleanOperation;
  readonly rows: number;
  readonly examples: readonly { readonly before: string; readonly after: string }[];
}

export interface CleaningEffect {
  readonly rows: number;
  /** The effect of every operation, in the usual order. */
  readonly operations: readonly OperationEffect[];
  /** Rows that the chosen operations change together. */
  readonly changed: number;
  /** Rows with the texts and the label of an earlier one: as they stand, and after the chosen operations. */
  readonly duplicates: { readonly before: number; readonly after: number };
}

const maxExamples = 3;
const maxExample = 120;

/** Counts what cleaning does, row by row. */
export class CleaningCounts {
  private rows = 0;
  private changed = 0;
  private readonly duplicates = { before: 0, after: 0 };
  private readonly known = { before: new Set<string>(), after: new Set<string>() };
  private readonly effects = CLEAN_OPERATIONS.map((operation) => ({ operation, rows: 0, examples: [] as { before: string; after: string }[] })); // prettier-ignore

  constructor(private readonly chosen: readonly CleanOperation[]) {}

  /** @param texts of a row, one or two; rows without any are not to be added */
  add(texts: readonly string[], label: string | undefined): void {
    this.rows++;
    for (const effect of this.effects) {
      const at = texts.findIndex((text) => cleanText(text, [effect.operation]) !== text);
      if (at < 0) continue;
      effect.rows++;
      if (effect.examples.length < maxExamples) effect.examples.push(exampleOf(texts[at], effect.operation));
    }
    const cleaned = texts.map((text) => cleanText(text, this.chosen));
    if (cleaned.some((text, at) => text !== texts[at])) this.changed++;
    this.compare('before', texts, label);
    this.compare('after', cleaned, label);
  }

  effect(): CleaningEffect {
    const { rows, changed, duplicates, effects } = this;
    return { rows, operations: effects, changed, duplicates };
  }

  private compare(when: 'before' | 'after', [first, second]: readonly string[], label: string | undefined): void {
    const key = `${JSON.stringify(label)} ${pairKey({ first, second })}`;
    if (this.known[when].has(key)) this.duplicates[when]++;
    else this.known[when].add(key);
  }
}

/** Around the first place that changes. */
function exampleOf(text: string, operation: CleanOperation): { before: string; after: string } {
  const after = cleanText(text, [operation]);
  let same = 0;
  while (same < after.length && text[same] === after[same]) same++;
  const from = Math.max(0, same - 20);
  const shown = (whole: string) => `${from > 0 ? '…' : ''}${cutTo(maxExample, whole.slice(from))}`;
  return { before: shown(text), after: shown(after) };
}

/** The texts of a row that are there. */
export function textsOfRow(
  values: Readonly<Record<string, DataValue>>,
  columns: readonly (string | null | undefined)[],
): string[] {
  // prettier-ignore
  return columns.flatMap((column) => {
    const value = column != null && Object.hasOwn(values, column) ? values[column] : undefined;
    return typeof value === 'string' ? [value] : typeof value === 'number' ? [String(value)] : [];
  });
}

/** Rows with their texts cleaned; of those that are equal then, texts and label, the first alone where `drops` says so. */
export class RowCleaner {
  private readonly known = new Set<string>();

  constructor(
    private readonly columns: readonly string[],
    private readonly label: string | undefined,
    private readonly operations: readonly CleanOperation[],
    private readonly drops: boolean,
  ) {}

  /** Undefined: an earlier row says the same. */
  cleaned(values: Readonly<Record<string, DataValue>>): Readonly<Record<string, DataValue>> | undefined {
    const texts = this.columns.flatMap((column) => {
      const value = Object.hasOwn(values, column) ? values[column] : undefined;
      return typeof value === 'string' ? [[column, cleanText(value, this.operations)] as const] : [];
    });
    const row = Object.assign(Object.create(null), values, Object.fromEntries(texts)) as Record<string, DataValue>;
    if (!this.drops) return row;
    // As `CleaningCounts` counts: a row without a text is no duplicate.
    const shown = textsOfRow(row, this.columns);
    if (shown.length === 0) return row;
    const label = this.label === undefined ? undefined : textOf(valueIn(values, this.label));
    const key = JSON.stringify([label, ...shown]);
    if (this.known.has(key)) return undefined;
    this.known.add(key);
    return row;
  }
}

/**
 * The columns of texts and label: as named, else recognised.
 * @throws NOT_FOUND for a file whose text is not recognised
 */
export function readFields(
  file: DataFile,
  named: { readonly firstSequence?: string; readonly secondSequence?: string; readonly label?: string },
): { first_sequence: string; second_sequence: string | null; label: string | null } {
  const entities = entitiesIn(file);
  const guess = entities ? { firstSequence: entities.text, label: entities.entities } : guessFields(file.columns, file.sample.map(({ values }) => values)); // prettier-ignore
  const { firstSequence, secondSequence, label } = { ...guess, ...definedOf(named) } as typeof named;
  if (firstSequence !== undefined) return { first_sequence: firstSequence, second_sequence: secondSequence ?? null, label: label ?? null }; // prettier-ignore
  const names = file.columns.map((name) => JSON.stringify(name)).join(', ');
  throw new MedTextError('NOT_FOUND', words`${file.path}: no column was recognised as ${'first_sequence'}. Name it; the columns are: ${names}.`, { file: file.path, columns: file.columns }); // prettier-ignore
}

const definedOf = (fields: object) => Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== undefined)); // prettier-ignore

/** @throws UNSUPPORTED for texts with entities, whose places would be others. */
export function refuseCleanedCopy(file: DataFile): void {
  const column = entitiesIn(file)?.entities;
  if (column === undefined) return;
  throw new MedTextError(
    'UNSUPPORTED',
    words`${file.path} has entities (column ${JSON.stringify(column)}), and cleaning would move their positions. Name the operations in the recipe ("dataset": {"clean": …}): texts are then cleaned when they are read, and entities keep their positions.`,
    { file: file.path, column },
  );
}

function entitiesIn(file: DataFile): ReturnType<typeof entityColumns> | undefined {
  try {
    const columns = entityColumns(file);
    return columns.entities === undefined ? undefined : columns;
  } catch {
    return undefined;
  }
}
