/** Several labels a row: lists, or texts in which a separator stands between labels. */
import { MedTextError, words } from '../base/errors';
import { joined } from '../base/words';
import { inferLabels } from '../protocol/labelScheme';
import type { RecipeSplit } from '../protocol/recipe';
import { labelParts, namesIn, namesInText, SEPARATORS } from '../protocol/severalLabels';
import type { TaskName } from '../protocol/tasks';
import { unusable, declaredLabels, readLabelled, type Examples, type LabelColumn, type LabelForm, type LabelReader } from './examples'; // prettier-ignore
import type { DataRow, DataValue } from './dataRow';
import { checkedLabels, LabelMap, RawLabelCounts, unmappedError, type RawLabel } from './labelMapping';
import { choicesOf } from './labelStudio';
import { readSplitWith, type ReadSplitOptions, type ResolvedFields } from './recipeSplit';

/**
 * Reads a split whose rows have any number of labels, or none. A label is its ids, ascending. A value that `label_mapping` sends
 * to null is no label of its row; the row stays.
 *
 * Errors: those of `openDataFile`, `resolveFields`, `readLabelled` and `readCorrections`; `LABELS` where the separator cannot be
 * recognised, or a value is not mapped.
 * @param usual the separator of the data that a model learned from: it counts where the file does not tell its own
 */
export function readLabelLists(
  split: RecipeSplit,
  task: TaskName,
  options: ReadSplitOptions = {},
  usual?: string,
): Promise<Examples<readonly number[]> & ResolvedFields> {
  return readSplitWith(split, task, options, (file, fields, reading) =>
    readLabelled(file, fields, task, reading, (column) => new LabelLists(column, usual)),
  );
}

/** A cell as it stands: the labels of a list, or a text that is still to be parted. */
type LabelCell = readonly string[] | { readonly text: string };

class LabelLists implements LabelReader<readonly number[], LabelCell> {
  readonly rawLabels = new RawLabelCounts();
  dropped = 0;
  private readonly known: string[] | undefined;
  private readonly map: LabelMap;
  private readonly lists = new RawLabelCounts();
  private readonly texts = new RawLabelCounts();
  /** Lengths of the lists, and whether they can be vectors: zeros and ones only, one of them twice. */
  private readonly lengths = new Set<number>();
  private isBinary = true;
  private repeats = false;
  private separator: string | null = null;

  constructor(
    private readonly of: LabelColumn,
    private readonly usual: string | undefined,
  ) {
    const { labels, labelMapping } = of.options;
    this.known = labels && checkedLabels(labels);
    this.map = new LabelMap(this.known, labelMapping);
  }

  take(cell: DataValue, row: DataRow): LabelCell | undefined {
    const { column, badRows } = this.of;
    const found = labelCellOf(cell);
    if (found === undefined) {
      badRows.add(unusable(row, 'label', column, words`is not a list of labels`));
      return undefined;
    }
    if (isEmpty(found)) {
      const none = this.map.labelOf('');
      if (none === null) {
        this.dropped++;
        return undefined;
      }
      return none === undefined ? [] : [none];
    }
    if ('text' in found) this.texts.add(found.text, row.line);
    else {
      for (const item of new Set(found)) this.lists.add(item, row.line);
      this.lengths.add(found.length);
      this.isBinary &&= found.every((item) => /^[01](\.0)?$/.test(item));
      this.repeats ||= new Set(found).size < found.length;
    }
    return found;
  }

  check(): void {
    const { file, column, options } = this.of;
    if (this.repeats && this.isBinary && this.lengths.size === 1) throw this.vectorError();
    this.separator = options.labelSeparator !== undefined ? options.labelSeparator : this.recognised();
    for (const { value, count, firstLine } of this.lists.list()) this.rawLabels.add(value, firstLine, count);
    for (const { value, count, firstLine } of this.texts.list()) {
      for (const part of this.partsOf(value)) this.rawLabels.add(part, firstLine, count);
    }
    const unmapped = this.rawLabels.list().filter(({ value }) => this.map.labelOf(value) === undefined);
    if (unmapped.length === 0) return;
    const parted = this.separator === null ? words`a text is one label; if it holds several, set their separator in label_separator` : words`labels are separated by ${JSON.stringify(this.separator)}`; // prettier-ignore
    const known = JSON.stringify(this.known);
    throw unmappedError(file.path, column, unmapped, words`these values are neither among the labels ${known} nor mapped to one (map them in label_mapping, to null to leave them out; ${parted})`); // prettier-ignore
  }

  finish(kept: readonly LabelCell[]) {
    const { file, column } = this.of;
    const named = kept.map((cell) => {
      const raw = 'text' in cell ? this.partsOf(cell.text) : cell;
      return raw.map((value) => this.map.labelOf(value) ?? undefined).filter((label) => label !== undefined);
    });
    const labels = this.known ?? inferLabels(named.flat(), declaredLabels(file, column, this.map));
    const idOf = new Map(labels.map((label, id) => [label, id]));
    const given = named.map((row) => [...new Set(row.map((label) => idOf.get(label)!))].sort((a, b) => a - b));
    const counts = labels.map(() => 0);
    for (const id of given.flat()) counts[id]++;
    const labelForm: LabelForm = this.lists.size > 0 ? 'list' : { separator: this.separator };
    return {
      labels,
      counts,
      given,
      idsOf: (ids: readonly number[]) => ids,
      labelForm,
      notes: notesOf(given, labelForm),
    };
  }

  private partsOf(text: string): readonly string[] {
    return labelParts(text, this.separator);
  }

  /** @throws LABELS where several separators are as likely */
  private recognised(): string | null {
    const isKnown = this.known && ((part: string) => this.map.labelOf(part) !== undefined);
    const found = likelySeparators(
      this.texts.list().map(({ value }) => value),
      isKnown,
    );
    if (found.length === 1) return found[0];
    if (this.usual !== undefined) return this.usual;
    if (found.length === 0) return null;
    const { file, column } = this.of;
    throw new MedTextError(
      'LABELS',
      words`${file.path}, column ${JSON.stringify(column)}: it is unclear what separates the labels, ${joined(
        found.map((one) => JSON.stringify(one)),
        words` or `,
      )}. Set it in the recipe: "label_separator": ${JSON.stringify(found[0])}, or null if a text is one label.`,
      { file: file.path, column, separators: found },
    );
  }

  private vectorError(): MedTextError {
    const { file, column } = this.of;
    return new MedTextError(
      'LABELS',
      words`${file.path}, column ${JSON.stringify(column)} has lists of zeros and ones, and their positions have no label names. Write the names of each row's labels instead.`,
      { file: file.path, column },
    );
  }
}

export interface SeveralLabels {
  /** What stands between labels; absent: they are lists. */
  readonly separator?: string;
  /** Rows whose cell can be read as labels. */
  readonly rows: number;
  readonly values: readonly RawLabel[];
  readonly withoutLabel: number;
  /** Rows by their labels, the most frequent first, at most {@link MAX_COMBINATIONS}. */
  readonly combinations: readonly { readonly labels: readonly string[]; readonly count: number }[];
  /** How many there are. */
  readonly combinationCount: number;
}

const MAX_COMBINATIONS = 100;
/** Separators that hardly stand in the name of one label: others are not enough to take a column of classes for several. */
const TELLING = new Set<string>(['|', ';', '；', '、', ',', '，']);

/**
 * Counts a column's labels where a row has several: lists, or texts with a separator that is said or tells by itself. Undefined where
 * a row has one.
 * @param cells distinct, with their counts, as {@link labelCellOf} gives them
 */
export class SeveralCounts {
  private readonly cells = new Map<string, { readonly cell: LabelCell; count: number; readonly firstLine: number }>();
  private lists = 0;
  private rows = 0;

  constructor(private readonly mostCells: number) {}

  add(value: DataValue, line: number): void {
    const cell = labelCellOf(value);
    if (cell === undefined) return;
    this.rows++;
    if (!('text' in cell) && cell.length > 0) this.lists++;
    const key = JSON.stringify(cell);
    const known = this.cells.get(key);
    if (known) known.count++;
    else if (this.cells.size < this.mostCells) this.cells.set(key, { cell, count: 1, firstLine: line });
  }

  /** @param said the recipe's `label_separator` */
  several(said?: string | null): SeveralLabels | undefined {
    const all = [...this.cells.values()];
    const texts = all.flatMap(({ cell }) => ('text' in cell && cell.text !== '' ? [cell.text] : []));
    const separator = said === undefined ? tellingSeparator(texts) : (said ?? undefined);
    if (this.lists === 0 && separator === undefined) return undefined;
    const values = new RawLabelCounts();
    const combinations = new Map<string, { labels: readonly string[]; count: number }>();
    for (const { cell, count, firstLine } of all) {
      const labels = [...new Set('text' in cell ? labelParts(cell.text, separator ?? null) : cell)];
      for (const label of labels) values.add(label, firstLine, count);
      const key = JSON.stringify([...labels].sort());
      const known = combinations.get(key);
      if (known) known.count += count;
      else combinations.set(key, { labels, count });
    }
    const withoutLabel = combinations.get('[]')?.count ?? 0;
    const sorted = [...combinations.values()].sort((a, b) => b.count - a.count);
    return {
      ...(separator !== undefined && { separator }),
      rows: this.rows,
      values: values.list(),
      withoutLabel,
      combinations: sorted.slice(0, MAX_COMBINATIONS),
      combinationCount: sorted.length,
    };
  }
}

function tellingSeparator(texts: readonly string[]): string | undefined {
  const found = likelySeparators(texts).filter((separator) => TELLING.has(separator));
  return found.length === 1 ? found[0] : undefined;
}

/**
 * The separators that texts of labels may have. By known labels: all parts are some. Else: at least half of the parts of the texts
 * that it parts stand in another text, too.
 */
export function likelySeparators(texts: readonly string[], isLabel?: (part: string) => boolean): readonly string[] {
  const found = SEPARATORS.filter((separator) => {
    const parted = texts.map((text) => labelParts(text, separator));
    const several = parted.filter((parts) => parts.length > 1);
    if (several.length === 0) return false;
    if (isLabel) return several.every((parts) => parts.every(isLabel));
    const textsOf = new Map<string, number>();
    for (const parts of parted) for (const part of new Set(parts)) textsOf.set(part, (textsOf.get(part) ?? 0) + 1);
    const parts = [...new Set(several.flat())];
    return 2 * parts.filter((part) => textsOf.get(part)! > 1).length >= parts.length;
  });
  // A blank beside another separator is how that one is written.
  return found.length > 1 ? found.filter((separator) => separator.trim() !== '' || separator === '\t') : found;
}

/** The cell's labels as they stand; undefined: the cell is neither a list of names nor a text. */
export function labelCellOf(cell: DataValue): LabelCell | undefined {
  const value = choicesOf(cell) ?? cell;
  if (value === undefined || value === null) return [];
  if (Array.isArray(value)) return namesIn(value);
  if (typeof value === 'object') return undefined;
  const text = String(value).trim();
  return namesInText(text) ?? { text };
}

function isEmpty(cell: LabelCell): boolean {
  return 'text' in cell ? cell.text === '' : cell.length === 0;
}

function notesOf(given: readonly (readonly number[])[], form: LabelForm): string[] {
  const none = given.filter((ids) => ids.length === 0).length;
  const several = given.filter((ids) => ids.length > 1).length;
  const combinations = new Set(given.map((ids) => ids.join(' '))).size;
  const written =
    form === 'list'
      ? 'each row has a list of labels'
      : form.separator === null
        ? 'each cell is one label'
        : `${JSON.stringify(form.separator)} separates the labels of a row`;
  return [`${written}; rows with several labels: ${several}, without a label: ${none}; combinations: ${combinations}`];
}
