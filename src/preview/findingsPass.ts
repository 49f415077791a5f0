import { asMedTextError, words } from '../base/errors';
import { messageAndWords } from '../base/words';
import type { Finding } from '../protocol/datasetPreview';
import { openDataFile } from '../data/dataFile';
import { textOf, valueIn, isBadRow, type DataValue } from '../data/dataRow';
import { normalizedText } from '../data/statistics';
import { typesIn } from '../data/entities/annotations';
import { odditiesOf, type EntityOddities } from './fileEntities';
import { beginningOf, isMissing, labelCell } from './cells';
import { ValueCounts } from './columnCounts';
import { GroupTable } from './groupTable';
import { Pacer } from './pacer';
import type { FoundRows } from './rowFilter';
import { RowNumbers } from './rowNumbers';
import { isUnreadable, type StoredRow } from './rowStore';
import type { SeveralLabels } from './severalLabels';
import type { Pass, StatisticsInput } from './statisticsInput';
import { TextHash } from './textHash';

/** About 60 bytes each. */
const maxComparedRows = 4_000_000;
const MAX_LABELS = 10_000;
/** Findings whose groups hold texts that differ. */
const ALIKE: ReadonlySet<Finding['kind']> = new Set(['nearDuplicates', 'swappedPairs'] as const);
const ODDITIES = ['misplaced', 'normalized', 'overlapping', 'contradictory'] as const;
const EXAMPLES = 3;
const EXAMPLE_CHARACTERS = 120;

/** A row's inputs as hashes: letter for letter, and normalised with the sides in alphabetical order. */
class InputHashes {
  readonly exact = new TextHash();
  readonly normal = new TextHash();
  /** Whether the sides were exchanged for that. */
  isTurned = false;

  of(first: string, second: string | null): this {
    this.exact.of(first, second);
    const a = normalizedText(first);
    const b = second === null ? null : normalizedText(second);
    this.isTurned = b !== null && a > b;
    this.normal.of(this.isTurned ? b! : a, this.isTurned ? a : b);
    return this;
  }
}

/** A finding with the rows it speaks of. */
export interface FoundFinding {
  readonly finding: Finding;
  readonly found: FoundRows;
}

/** What is wrong with the rows of the split on show, by comparing hashes of their texts; other splits are read beside. */
export class FindingsPass {
  readonly coveredRows: number;
  private readonly bad = new RowNumbers();
  private readonly missingLabels = new RowNumbers();
  private readonly emptyInputs = new RowNumbers();
  private readonly equalSides = new RowNumbers();
  private readonly oddities: Readonly<Record<keyof EntityOddities, RowNumbers>> = {
    misplaced: new RowNumbers(),
    normalized: new RowNumbers(),
    overlapping: new RowNumbers(),
    contradictory: new RowNumbers(),
  };
  private readonly labels = new ValueCounts(MAX_LABELS);
  private labelled = 0;
  private readonly exact: GroupTable;
  private readonly normal: GroupTable;
  /** The number of the label's text; 0: none. */
  private readonly label: Uint32Array;
  private readonly turned: Uint8Array;
  private readonly hashes = new InputHashes();
  private readonly labelHash = new TextHash();
  private readonly several: SeveralLabels | undefined;

  constructor(private readonly input: StatisticsInput) {
    const rows = Math.min(maxComparedRows, input.file.store.rows);
    this.coveredRows = rows;
    this.several = input.file.severalIn(input.mapping.label);
    this.exact = new GroupTable(rows);
    this.normal = new GroupTable(rows);
    this.label = new Uint32Array(rows);
    this.turned = new Uint8Array(rows);
  }

  /**
   * Yields findings as they are known: those of the split itself, then the overlap with each other one.
   * Errors: `CANCELLED`, `IO`.
   */
  async *run(pass: Pass): AsyncGenerator<FoundFinding[]> {
    const { others } = this.input;
    const share = 1 / (1 + others.length);
    await this.readRows({ signal: pass.signal, onProgress: (fraction) => pass.onProgress(fraction * share) });
    yield this.ofTheSplit(pass);
    for (const [i, source] of others.entries()) {
      const matched = await this.overlapWith(source, pass, share * (i + 1));
      if (matched) yield matched;
    }
  }

  private async readRows({ signal, onProgress }: Pass): Promise<void> {
    const { file } = this.input;
    const pacer = new Pacer(signal);
    for await (const batch of file.store.scan(signal)) {
      for (const stored of batch) {
        this.addRow(stored);
        if (!pacer.isDue) continue;
        onProgress(stored.row / Math.max(1, file.store.rows));
        await pacer.rest();
      }
    }
  }

  private addRow(stored: StoredRow): void {
    const { row } = stored;
    if (isUnreadable(stored)) return this.bad.push(row);
    const { mapping } = this.input;
    const cell = mapping.label === null ? undefined : valueIn(stored.values, mapping.label);
    // A row without any of several labels is a row; their order says nothing.
    const several = mapping.label === null ? undefined : this.several?.of(cell);
    const label = several ? JSON.stringify([...several].sort()) : labelCell(cell);
    if (mapping.label !== null && isMissing(label)) this.missingLabels.push(row);
    const isLabelled = !isMissing(label);
    if (isLabelled) {
      this.labelled++;
      if (!several && !typesIn(label)) this.labels.add(textOf(label));
    }
    const entities = this.input.file.entities?.rowOf(stored);
    const odd = entities && odditiesOf(entities);
    for (const kind of ODDITIES) if (odd && odd[kind].length > 0) this.oddities[kind].push(row);
    const texts = this.textsOf(stored.values);
    if (!texts) return;
    const [first, second] = texts;
    if (first.trim() === '' || second?.trim() === '') return this.emptyInputs.push(row);
    if (first === second) this.equalSides.push(row);
    if (row >= this.coveredRows) return;
    this.hashes.of(first, second);
    this.exact.add(row, this.hashes.exact);
    this.normal.add(row, this.hashes.normal);
    this.turned[row] = Number(this.hashes.isTurned);
    this.label[row] = isLabelled ? (this.labelHash.of(textOf(label), null).low >>> 0) | 1 : 0;
  }

  private textsOf(values: Readonly<Record<string, DataValue>>): [string, string | null] | undefined {
    const { first_sequence: first, second_sequence: second } = this.input.mapping;
    if (first === null) return undefined;
    return [textOf(valueIn(values, first)), second === null ? null : textOf(valueIn(values, second))];
  }

  private ofTheSplit({ signal }: Pass): FoundFinding[] {
    const groups = {
      duplicates: new GroupedRows(),
      contradictions: new GroupedRows(),
      nearDuplicates: new GroupedRows(),
      swappedPairs: new GroupedRows(),
      equalSides: new GroupedRows(),
    };
    for (const rows of this.exact.repeated()) {
      const byLabel = groupedBy(rows, (row) => this.label[row]);
      for (const same of byLabel.values()) if (same.length > 1) groups.duplicates.add(same);
      if (byLabel.size - Number(byLabel.has(0)) > 1) groups.contradictions.add(rows);
    }
    signal.throwIfAborted();
    for (const rows of this.normal.repeated()) {
      for (const same of groupedBy(rows, (row) => this.label[row] * 2 + this.turned[row]).values()) {
        if (same.some((row) => !this.exact.isSame(row, same[0]))) groups.nearDuplicates.add(same);
      }
      if (rows.some((row) => this.turned[row] !== this.turned[rows[0]])) groups.swappedPairs.add(rows);
    }
    // A pair of equal sides may stand in the file more than once; a row beyond the compared ones is its own group.
    const isCovered = (row: number) => row < this.coveredRows;
    const equal = groupedBy(this.equalSides.view(), (row) => (isCovered(row) ? this.exact.firstOf(row) : -row));
    for (const rows of equal.values()) groups.equalSides.add(rows);

    const hasLabels = this.labelled > 0;
    return [
      single('badRows', this.bad),
      ...(hasLabels ? [single('missingLabels', this.missingLabels)] : []),
      single('emptyInputs', this.emptyInputs),
      ...Object.entries(groups).map(([kind, grouped]) => grouped.as(kind, kind as Finding['kind'])),
      ...ODDITIES.map((kind) => single(`${kind}Entities`, this.oddities[kind])),
      ...(this.labels.list(1).length > 0 ? [this.majorityBaseline()] : []),
    ].filter(({ finding }) => finding.rows > 0 || finding.kind === 'majorityBaseline');
  }

  /** What always saying the most frequent label scores: its precision is its share p, its recall 1, so its F1 2p / (p + 1). */
  private majorityBaseline(): FoundFinding {
    const counts = this.labels.list();
    const [{ text: label, count }] = counts;
    const accuracy = count / this.labelled;
    const macroF1 = (2 * accuracy) / (accuracy + 1) / counts.length;
    const kind = 'majorityBaseline';
    return { finding: { id: kind, kind, rows: 0, groups: 0, examples: [], label, accuracy, macroF1 }, found: { rows: new Uint32Array() } }; // prettier-ignore
  }

  private async overlapWith(source: StatisticsInput['others'][number], { signal, onProgress }: Pass, fraction: number) {
    // Groups by the row that `find` gives.
    const exact = new Set<number>();
    const normal = new Set<number>();
    const pacer = new Pacer(signal);
    try {
      const { format, encoding, header, sheet } = source;
      const other = await openDataFile(source.file, { format, encoding, header, sheet });
      for await (const row of other.rows(signal)) {
        const texts = isBadRow(row) ? undefined : this.textsOf(row.values);
        if (texts && texts[0].trim() !== '' && texts[1]?.trim() !== '') {
          const hashes = this.hashes.of(...texts);
          const same = this.exact.find(hashes.exact);
          const similar = this.normal.find(hashes.normal);
          if (same >= 0) exact.add(same);
          if (similar >= 0) normal.add(similar);
        }
        if (!pacer.isDue) continue;
        onProgress(fraction);
        await pacer.rest();
      }
    } catch (error) {
      const failure = asMedTextError(error);
      if (failure.code === 'CANCELLED') throw error;
      this.input.onProblem(source.name, failure);
      return undefined;
    }
    const overlap = new GroupedRows();
    const nearOverlap = new GroupedRows();
    const isExact = (row: number) => exact.has(this.exact.lastOf(row));
    for (const last of ascending(exact)) overlap.add(this.exact.rowsOf(last));
    for (const last of ascending(normal)) nearOverlap.add(this.normal.rowsOf(last).filter((row) => !isExact(row)));
    const { name: split } = source;
    return [
      overlap.as(`overlap:${split}`, 'overlap', { split }),
      nearOverlap.as(`nearOverlap:${split}`, 'nearOverlap', { split }),
    ].filter(({ finding }) => finding.rows > 0);
  }

  /** A few of a finding's texts, with the labels of contradictory ones. */
  async examplesOf({ finding, found }: FoundFinding): Promise<Finding['examples']> {
    const { store } = this.input.file;
    const { rows, groups } = found;
    const examples: Finding['examples'][number][] = [];
    for (let i = 0; i < rows.length && examples.length < EXAMPLES;) {
      let end = i + 1;
      while (groups && end < rows.length && groups[end] === groups[i]) end++;
      const [stored] = await store.read(rows[i], 1);
      if (stored) {
        const group = rows.subarray(i, end);
        const example = await this.exampleOf(stored, finding.kind === 'contradictions' ? group : [], ODDITIES.find((kind) => finding.kind === `${kind}Entities`)); // prettier-ignore
        const other = ALIKE.has(finding.kind) ? await this.otherOf(group) : undefined;
        examples.push({ ...example, ...(other !== undefined && { other }) });
      }
      i = end;
    }
    return examples;
  }

  /** The text of a row of the group that is written otherwise than the first one. */
  private async otherOf(group: Uint32Array): Promise<string | undefined> {
    const row = group.find((one) => !this.exact.isSame(one, group[0]));
    const [stored] = row === undefined ? [] : await this.input.file.store.read(row, 1);
    return stored && !isUnreadable(stored) ? this.textOf(stored) : undefined;
  }

  private textOf({ values }: Exclude<StoredRow, { reason: unknown }>): string {
    const texts = this.textsOf(values) ?? Object.values(values).map(textOf);
    return texts.flatMap((part) => (part === null ? [] : [beginningOf(part, EXAMPLE_CHARACTERS)])).join(' · ');
  }

  private async exampleOf(
    stored: StoredRow,
    contradictory: Iterable<number>,
    oddity?: keyof EntityOddities,
  ): Promise<Finding['examples'][number]> {
    if (isUnreadable(stored)) return messageAndWords(words`${stored.line}: ${stored.reason}`);
    const odd = oddity && this.input.file.entities?.rowOf(stored);
    if (odd) return messageAndWords(words`${stored.line}: ${odditiesOf(odd)[oddity][0]}`);
    const text = this.textOf(stored);
    const labels = new Set<string>();
    for (const row of contradictory) {
      if (labels.size >= 5) break;
      const [other] = await this.input.file.store.read(row, 1);
      const label = other && !isUnreadable(other) ? valueIn(other.values, this.input.mapping.label!) : undefined;
      if (!isMissing(label)) labels.add(textOf(label));
    }
    return { message: labels.size > 0 ? `${text}: ${[...labels].join(' / ')}` : text };
  }
}

/** Rows in groups, as they are added. */
class GroupedRows {
  private readonly rows = new RowNumbers();
  private readonly groups = new RowNumbers();
  private count = 0;

  add(rows: readonly number[]): void {
    if (rows.length === 0) return;
    for (const row of rows) {
      this.rows.push(row);
      this.groups.push(this.count);
    }
    this.count++;
  }

  as(id: string, kind: Finding['kind'], more: { readonly split?: string } = {}): FoundFinding {
    const finding = { id, kind, rows: this.rows.length, groups: this.count, examples: [], ...more };
    return { finding, found: { rows: this.rows.view(), groups: this.groups.view() } };
  }
}

/** Rows that are no groups. */
export function single(kind: Finding['kind'], rows: RowNumbers): FoundFinding {
  return { finding: { id: kind, kind, rows: rows.length, groups: 0, examples: [] }, found: { rows: rows.view() } };
}

function groupedBy(rows: Iterable<number>, keyOf: (row: number) => number): Map<number, number[]> {
  const groups = new Map<number, number[]>();
  for (const row of rows) {
    const key = keyOf(row);
    const group = groups.get(key);
    if (group) group.push(row);
    else groups.set(key, [row]);
  }
  return groups;
}

function ascending(rows: Iterable<number>): number[] {
  return [...rows].sort((a, b) => a - b);
}
