import { MedTextError, words } from '../base/errors';
import { joined, type Words } from '../base/words';
import { firstRepeated, targetsOf } from '../protocol/labelScheme';
import { excerptOf, type DataValue } from './dataRow';
import { choicesOf } from './labelStudio';

/** Raw value in the file -> label, or null for "leave such rows out". */
export type LabelMapping = Readonly<Record<string, string | number | null>>;

/** How often a raw label value occurs and where it was met first. */
export interface RawLabel {
  readonly value: string;
  readonly count: number;
  readonly firstLine: number;
}

/**
 * A cell as a raw label: numbers, booleans and strings compare as strings (`0` is `"0"`), white space around is not part
 * of it, and a missing one is `""`. The one choice of Label Studio's `{"choices": […]}` is the label. Undefined for lists and
 * objects, which are no label.
 */
export function rawLabelOf(cell: DataValue): string | undefined {
  if (cell === undefined || cell === null) return '';
  const value = choicesOf(cell) ?? cell;
  if (typeof value === 'object') return undefined;
  return String(value).trim();
}

/** Counts the raw label values of a file, in the order they are met. */
export class RawLabelCounts {
  private readonly counts = new Map<string, { count: number; firstLine: number }>();

  add(value: string, line: number, count = 1): void {
    const known = this.counts.get(value);
    if (known) known.count += count;
    else this.counts.set(value, { count, firstLine: line });
  }

  has(value: string): boolean {
    return this.counts.has(value);
  }

  get size(): number {
    return this.counts.size;
  }

  list(): RawLabel[] {
    return [...this.counts].map(([value, { count, firstLine }]) => ({ value, count, firstLine }));
  }
}

/** The labels as strings. Errors: `LABELS` if one is empty or occurs twice, or there is none. */
export function checkedLabels(labels: readonly (string | number)[]): string[] {
  const names = labels.map((label) => String(label).trim());
  const repeated = firstRepeated(names);
  const problem =
    names.length === 0
      ? words`the list of labels is empty`
      : names.includes('')
        ? words`a label is empty`
        : repeated !== undefined
          ? words`the label ${JSON.stringify(repeated)} is listed twice`
          : undefined;
  if (problem) throw new MedTextError('LABELS', words`In "labels", ${problem}.`, { labels: names });
  return names;
}

/** What becomes of raw label values: a label, `null` (dropped) or `undefined` (not mapped). */
export class LabelMap {
  readonly labelOf: (raw: string) => string | null | undefined;

  /**
   * @param labels the labels in order, or undefined if they are still to be inferred: then every raw value is a label
   * Errors: `LABELS` if the mapping leads to a label that is not listed.
   */
  constructor(
    readonly labels: readonly string[] | undefined,
    mapping: LabelMapping = {},
  ) {
    const isLabel = new Set(labels);
    for (const [raw, target] of Object.entries(mapping)) {
      const label = target === null ? null : String(target).trim();
      if (label !== null && labels && !isLabel.has(label)) {
        throw new MedTextError(
          'LABELS',
          words`label_mapping maps ${JSON.stringify(raw)} to ${JSON.stringify(label)}, which is not one of the labels ${JSON.stringify(labels)}.`,
          { raw, label, labels },
        );
      }
    }
    this.labelOf = targetsOf({ labels, label_mapping: mapping });
  }
}

/** The error for values that no label is known for; it lists every one, the most frequent first. */
export function unmappedError(file: string, column: string, unmapped: readonly RawLabel[], what: Words): MedTextError {
  const sorted = [...unmapped].sort((a, b) => b.count - a.count);
  const shown = sorted.slice(0, 50).map(({ value, count, firstLine }) => {
    const name = value === '' ? words`(no label)` : JSON.stringify(excerptOf(value, 40));
    return count === 1
      ? words`${name} in 1 row, first on line ${firstLine}`
      : words`${name} in ${count} rows, first on line ${firstLine}`;
  });
  if (sorted.length > shown.length) shown.push(words`and ${sorted.length - shown.length} more values`);
  const list = joined(shown, words`; `);
  return new MedTextError('LABELS', words`${file}, column ${JSON.stringify(column)}: ${what}: ${list}.`, {
    file,
    column,
    unmapped: sorted.slice(0, 1000),
  });
}
