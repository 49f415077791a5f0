import { guessFields, withoutRepeated, type DataFields, type FieldGuess } from './columns';
import { ANSWERS, answerIn } from '../protocol/answers';
import { fieldWords } from '../protocol/fieldGuess';
import { rowPlaces } from '../protocol/rowPlaces';
import { labelParts } from '../protocol/severalLabels';
import { BadRows, type DataFile } from './dataFile';
import { isBadRow, valueIn, type DataRow, type DataValue } from './dataRow';
import { asMedTextError } from '../base/errors';
import type { Words } from '../base/words';
import { typesIn } from './entities/annotations';
import { byPlace, distinctEntities, overlapsOf } from './entities/entity';
import { entityColumns, openEntityFile, type EntityFile } from './entities/readEntities';
import type { SpanConvention } from './entities/spanConvention';
import { labelCellOf, SeveralCounts } from './labelLists';
import { RawLabelCounts, rawLabelOf } from './labelMapping';
import {
  characterCount,
  duplicatesOf,
  lengthStatistics,
  type Duplicates,
  type LengthStatistics,
  type Majority,
  type TextPair,
} from './statistics';

export interface ColumnReport {
  readonly name: string;
  /** Rows in which the column is absent, null or empty. */
  readonly missing: number;
  /** Distinct values, counted up to 10,000. */
  readonly distinct: number;
  readonly distinctIsMore: boolean;
  /** `mixed` where rows differ; values of delimited files are text, and `number` if all of them read as one. */
  readonly type: 'text' | 'number' | 'boolean' | 'list or object' | 'mixed' | 'none';
}

export interface LabelReport {
  /** The value as it stands in the file; `""` for rows without one. */
  readonly value: string;
  readonly count: number;
  readonly share: number;
  readonly firstLine: number;
}

/** The labels of rows that may have several, one by one and as they stand together. */
export interface SeveralReport {
  /** What stands between labels; absent: cells are lists. */
  readonly separator?: string;
  /** Most frequent first; at most 1,000. Shares are of the rows, so that they add up to more than 1. */
  readonly labels: readonly LabelReport[];
  readonly withoutLabel: number;
  /** Most frequent first, at most 100. */
  readonly combinations: readonly { readonly labels: readonly string[]; readonly count: number }[];
  readonly combinationCount: number;
}

export interface BadRowReport {
  readonly line: number;
  readonly reason: string;
  readonly excerpt: string;
}

/** The entities of a file of annotated texts. */
export interface EntityReport {
  readonly count: number;
  /** Rows that have one at least. */
  readonly rows: number;
  /** What their offsets mean; absent where the file does not tell, so that a recipe needs `span_end`. */
  readonly convention?: SpanConvention;
  /** Entities that are misplaced or unreadable, and pairs that share characters; the first ones with their lines. */
  readonly flawed: BadRowsReport;
  /** Entities whose own text differs from the text at their place by case or width alone. */
  readonly normalized: BadRowsReport;
  readonly overlapping: BadRowsReport;
}

interface BadRowsReport {
  readonly count: number;
  readonly reports: readonly BadRowReport[];
}

/** Everything `medtext data` says about a file. The field names are a contract: see docs/en/json.md. */
export interface DataReport {
  readonly file: string;
  readonly format: string;
  readonly encoding: string;
  readonly byteOrderMark: boolean;
  readonly delimiter?: string;
  readonly header?: boolean;
  readonly sizeBytes: number;
  readonly rows: number;
  readonly columns: readonly ColumnReport[];
  readonly fields: { readonly firstSequence?: string; readonly secondSequence?: string; readonly label?: string };
  /** Why these fields; empty if the caller named them. */
  readonly guesses: readonly string[];
  /** Most frequent first; at most 1,000. Of a file of entities: their types, counted by entities. */
  readonly labels: readonly LabelReport[];
  readonly distinctLabels: number;
  /** Absent where rows have no class: entities, several labels, grades of a ranking, fractions. */
  readonly majority?: Majority;
  /** Where a row may have several labels; `labels` then counts the cells as they stand. */
  readonly several?: SeveralReport;
  readonly entities?: EntityReport;
  /** In characters (code points). */
  readonly lengths: {
    readonly first?: LengthStatistics;
    readonly second?: LengthStatistics;
    readonly both?: LengthStatistics;
  };
  readonly duplicates?: Duplicates;
  readonly badRows: BadRowsReport;
  readonly warnings: readonly string[];
}

const MAX_DISTINCT = 10_000;
const MAX_LABELS = 1000;

export interface ReportOptions {
  /** Resolved column names; what is absent is guessed. */
  readonly fields?: Partial<Record<keyof DataFields, string>>;
  readonly maxReports?: number;
  readonly signal?: AbortSignal;
}

/** Reads a whole file and says what is in it; bad rows are counted. Errors: `IO`, `CANCELLED`. */
export async function reportOn(file: DataFile, options: ReportOptions = {}): Promise<DataReport> {
  const entities = await EntityCounts.of(file, options);
  const guessed: FieldGuess =
    entities || options.fields?.firstSequence
      ? { found: [] }
      : guessFields(
          file.columns,
          file.sample.map((row) => row.values),
        );
  const { guess, warnings } = withoutRepeated(file, guessed);
  const named = Object.fromEntries(Object.entries(options.fields ?? {}).filter(([, column]) => column !== undefined));
  const { firstSequence, secondSequence, label }: Partial<Record<keyof DataFields, string>> = {
    ...guess,
    ...named,
    ...entities?.fields,
  };
  const columns = new Map(file.columns.map((name) => [name, new ColumnCounts(name)]));
  const labels = new RawLabelCounts();
  const several = new SeveralCounts(MAX_DISTINCT);
  const badRows = new BadRows(file.path, { onBadRow: 'skip', maxReports: options.maxReports });
  const pairs: TextPair[] = [];
  const labelCells: ReturnType<typeof labelCellOf>[] = [];
  let rows = 0;

  for await (const row of file.rows(options.signal)) {
    if (isBadRow(row)) {
      badRows.add(row);
      continue;
    }
    // A key that JSON rows bring later than the sample is a column too; the rows before lacked it.
    for (const name of Object.keys(row.values)) {
      if (!columns.has(name) && columns.size < MAX_LABELS) columns.set(name, new ColumnCounts(name, rows));
    }
    rows++;
    for (const [name, counts] of columns) counts.add(Object.hasOwn(row.values, name) ? row.values[name] : undefined);
    entities?.add(row, rows - 1);
    for (const type of (entities && label !== undefined && typesIn(row.values[label])) || [])
      labels.add(type, row.line);
    const rawLabel = entities || label === undefined ? undefined : rawLabelOf(row.values[label]);
    if (rawLabel !== undefined) labels.add(rawLabel, row.line);
    const cell = label === undefined ? undefined : valueIn(row.values, label);
    if (!entities && label !== undefined) several.add(cell, row.line);
    const first = firstSequence === undefined ? undefined : textOf(row.values[firstSequence]);
    const second = secondSequence === undefined ? undefined : textOf(row.values[secondSequence]);
    if (first === undefined) continue;
    pairs.push({ first, second, line: row.line, row: rows - 1 });
    if (!entities && label !== undefined) labelCells.push(labelCellOf(cell));
  }

  const firstLengths = pairs.map((pair) => characterCount(pair.first));
  const hasPairs = secondSequence !== undefined;
  const secondLengths = hasPairs ? pairs.map((pair) => characterCount(pair.second ?? '')) : [];
  const counted = labels.list().sort((a, b) => b.count - a.count);
  const total = counted.reduce((sum, { count }) => sum + count, 0);
  const distribution = counted.slice(0, MAX_LABELS).map((raw): LabelReport => ({ ...raw, share: raw.count / total }));
  const severalReport = severalReportOf(several, rows);
  const signs = { marks: entities !== undefined, several: severalReport !== undefined, ofQueries: file.lists !== undefined, values: counted.map(({ value }) => value) }; // prettier-ignore
  const labelled = pairs.map((pair, i) => ({ ...pair, label: comparableLabel(labelCells[i], severalReport) }));
  const hasClasses = ANSWERS[answerIn(signs).answer].isOneARow === true;
  const mostFrequent = hasClasses ? distribution.find(({ value }) => value !== '') : undefined;
  return {
    file: file.path,
    format: file.format,
    encoding: file.encoding,
    byteOrderMark: file.byteOrderMark,
    ...(file.delimiter !== undefined && { delimiter: file.delimiter, header: file.header }),
    sizeBytes: file.sizeBytes,
    rows,
    columns: [...columns.values()].map((counts) => counts.report()),
    fields: { firstSequence, secondSequence, label },
    guesses: entities
      ? [`label: column ${JSON.stringify(label)}, which holds entities`]
      : guess.found.map((field) => String(fieldWords(field))),
    labels: distribution,
    distinctLabels: counted.length,
    ...(mostFrequent && {
      majority: { label: mostFrequent.value, count: mostFrequent.count, share: mostFrequent.share },
    }),
    ...(severalReport && { several: severalReport }),
    ...(entities && { entities: entities.report() }),
    lengths: {
      ...(firstSequence !== undefined && { first: lengthStatistics(firstLengths) }),
      ...(hasPairs && {
        second: lengthStatistics(secondLengths),
        both: lengthStatistics(firstLengths.map((length, i) => length + secondLengths[i])),
      }),
    },
    ...(firstSequence !== undefined && { duplicates: duplicatesOf(labelled) }),
    badRows: {
      count: badRows.count,
      reports: badRows.reports.map((row) => ({ ...row, reason: String(row.reason) })),
    },
    warnings: [...file.warnings, ...warnings].map(String),
  };
}

/** Equal labels are equal as this, whatever the order of several; undefined for a row that has none, though it should have one. */
function comparableLabel(cell: ReturnType<typeof labelCellOf>, several: SeveralReport | undefined): string | undefined {
  if (cell === undefined) return undefined;
  const names = 'text' in cell ? labelParts(cell.text, several?.separator ?? null) : cell;
  return names.length === 0 && !several ? undefined : JSON.stringify([...new Set(names)].sort());
}

/** Undefined where a row has one label. */
function severalReportOf(counts: SeveralCounts, rows: number): SeveralReport | undefined {
  const found = counts.several();
  if (!found) return undefined;
  const { values, rows: _, ...rest } = found;
  const sorted = [...values].sort((a, b) => b.count - a.count).slice(0, MAX_LABELS);
  return { ...rest, labels: sorted.map((raw) => ({ ...raw, share: raw.count / rows })) };
}

/** The report as lines of text for a terminal. */
export function renderReport(report: DataReport, barWidth = 30): string[] {
  const lines: string[] = [];
  const title = (text: string) => lines.push('', text);
  const layout = report.delimiter === undefined ? '' : `, ${report.header ? 'with' : 'no'} header`;
  const mark = report.byteOrderMark ? ' with byte order mark' : '';
  lines.push(
    report.file,
    `${report.format}${layout}, ${report.encoding}${mark}, ${bytes(report.sizeBytes)}, ${plural(report.rows, 'row')}`,
  );
  for (const warning of report.warnings) lines.push(`warning: ${warning}`);

  title('Columns');
  const roles = new Map<string | undefined, string>([
    [report.fields.firstSequence, 'first_sequence'],
    [report.fields.secondSequence, 'second_sequence'],
    [report.fields.label, 'label'],
  ]);
  lines.push(
    ...table(
      report.columns.map((column) => [
        column.name,
        column.type,
        `${number(column.distinct)}${column.distinctIsMore ? '+' : ''} distinct`,
        column.missing > 0 ? `${number(column.missing)} missing` : '',
        roles.has(column.name) ? `<- ${roles.get(column.name)}` : '',
      ]),
    ),
  );
  for (const reason of report.guesses) lines.push(`  guessed ${oneLine(reason)}`);

  const bars = (shown: readonly LabelReport[]) => {
    const most = Math.max(...shown.map(({ count }) => count));
    const rows = shown.map(({ value, count, share }) => [
      value === '' ? '(no label)' : value,
      number(count),
      percent(share),
      '█'.repeat(Math.max(1, Math.round((count / most) * barWidth))),
    ]);
    return table(rows, [1, 2]);
  };
  const { several } = report;
  if (several) {
    const { separator, labels, combinations, combinationCount, withoutLabel } = several;
    title(`Labels, several a row (${number(labels.length)} distinct)`);
    lines.push(
      separator === undefined
        ? '  each cell is a list'
        : `  ${JSON.stringify(separator)} separates the labels of a cell`,
      ...bars(labels.slice(0, 20)),
    );
    if (labels.length > 20) lines.push(`  … and ${number(labels.length - 20)} more`);
    lines.push(`  ${plural(withoutLabel, 'row')} without any label`);
    title(`Combinations of labels (${number(combinationCount)})`);
    const shown = combinations.slice(0, 10).map(({ labels: together, count }) => ({ value: together.join(' + '), count, share: count / report.rows, firstLine: 0 })); // prettier-ignore
    lines.push(...bars(shown));
    if (combinationCount > shown.length) lines.push(`  … and ${number(combinationCount - shown.length)} more`);
  } else if (report.labels.length > 0) {
    title(`${report.entities ? 'Types of entities' : 'Labels'} (${number(report.distinctLabels)} distinct)`);
    const shown = report.labels.slice(0, 20);
    lines.push(...bars(shown));
    if (report.distinctLabels > shown.length)
      lines.push(`  … and ${number(report.distinctLabels - shown.length)} more`);
    if (report.majority) {
      lines.push(
        `  always predicting ${JSON.stringify(report.majority.label)} is right in ${percent(report.majority.share)}`,
      );
    }
  }

  if (report.entities) {
    const { count, rows, convention, flawed, normalized, overlapping } = report.entities;
    title('Entities');
    lines.push(
      `  ${number(count)} in ${plural(rows, 'row')}`,
      convention
        ? `  ends are ${convention.end}, ${ENDS[convention.source]}${convention.unit === 'utf16' ? '; counted in UTF-16 units' : ''}`
        : '  the file does not show whether an end is the last character or the one after it: set span_end in the recipe',
      ...(convention ? [`  ${number(flawed.count)} cannot be used${firstOf(flawed)}`] : []),
      ...(normalized.count > 0 ? [`  ${number(normalized.count)} are written in another case or width in the text${firstOf(normalized)}`] : []), // prettier-ignore
      ...(convention ? [`  ${plural(overlapping.count, 'pair')} overlap${firstOf(overlapping)}`] : []),
    );
  }

  const lengths = Object.entries(report.lengths).filter(([, statistics]) => statistics.count > 0);
  if (lengths.length > 0) {
    title('Lengths in characters');
    const head = ['', 'min', 'median', 'mean', '90 %', '95 %', '99 %', 'max'];
    const body = lengths.map(([name, { min, median, mean, p90, p95, p99, max }]) => [
      { first: 'first', second: 'second', both: 'both together' }[name]!,
      ...[min, median, mean, p90, p95, p99, max].map((value) => String(Math.round(value * 10) / 10)),
    ]);
    lines.push(...table([head, ...body], [1, 2, 3, 4, 5, 6, 7]));
  }

  if (report.duplicates) {
    const { exact, contradictions, contradictoryRows, equalSides, examples } = report.duplicates;
    const everyPlace = ({ exact: one, contradictions: two, equalSides: three }: Omit<typeof examples, 'rows'>) => [...one.flat(), ...two.flat(), ...three]; // prettier-ignore
    const all = { lines: everyPlace(examples), rows: everyPlace(examples.rows) };
    const first = (lines: readonly number[] | undefined, rows: readonly number[] | undefined, most: number) => {
      if (!lines || !rows || rows.length === 0) return '';
      const { unit, numbers } = rowPlaces(lines.slice(0, most), rows.slice(0, most), all);
      return `, first ${unit === 'line' ? 'on' : 'in'} ${unit}${numbers.length === 1 ? '' : 's'} ${numbers.join(', ')}`;
    };
    title('Findings');
    lines.push(`  ${plural(exact, 'duplicate row')}${first(examples.exact[0], examples.rows.exact[0], 5)}`);
    if (report.fields.label !== undefined && !report.entities) {
      lines.push(
        `  ${plural(contradictions, 'text')} with contradictory labels, ${plural(contradictoryRows, 'row')}${first(examples.contradictions[0], examples.rows.contradictions[0], 5)}`,
      );
    }
    if (report.fields.secondSequence !== undefined) {
      lines.push(
        `  ${plural(equalSides, 'pair')} of equal texts${first(examples.equalSides, examples.rows.equalSides, 1)}`,
      );
    }
  }

  if (report.badRows.count > 0) {
    title(`Bad rows: ${number(report.badRows.count)}`);
    for (const { line, reason, excerpt } of report.badRows.reports) {
      lines.push(`  line ${line}: ${oneLine(reason)}${excerpt === '' ? '' : `: ${oneLine(excerpt)}`}`);
    }
    const more = report.badRows.count - report.badRows.reports.length;
    if (more > 0) lines.push(`  … and ${number(more)} more`);
  }
  return lines.map(oneLine);
}

const ENDS: Record<SpanConvention['source'], string> = {
  recipe: 'named by the recipe',
  text: 'by the entities’ own text',
  bounds: 'by entities at the ends of texts',
  format: 'by the format',
};

const firstOf = ({ reports }: BadRowsReport): string =>
  reports.length === 0 ? '' : `, first on line ${reports[0].line}: ${reports[0].reason}`;

/** How many findings about entities are described; all are counted. */
const MAX_FINDINGS = 20;

/** What the rows of a file of entities have. */
class EntityCounts {
  private count = 0;
  private rows = 0;
  private readonly flawed: { count: number; reports: BadRowReport[] } = { count: 0, reports: [] };
  private readonly normalized: { count: number; reports: BadRowReport[] } = { count: 0, reports: [] };
  private readonly overlapping: { count: number; reports: BadRowReport[] } = { count: 0, reports: [] };

  private constructor(
    readonly fields: { readonly firstSequence: string; readonly label: string },
    /** Undefined where it is not told what ends mean. */
    private readonly file: EntityFile | undefined,
  ) {}

  /** Undefined for a file without a column of entities, and where the caller asks for pairs or for another label. */
  static async of(file: DataFile, { fields = {}, signal }: ReportOptions): Promise<EntityCounts | undefined> {
    let columns: ReturnType<typeof entityColumns>;
    try {
      columns = entityColumns(file, { text: fields.firstSequence });
    } catch {
      return undefined;
    }
    const { text, entities } = columns;
    if (entities === undefined || fields.secondSequence !== undefined) return undefined;
    if (fields.label !== undefined && fields.label !== entities) return undefined;
    const asked = { fields: { text, entities }, signal };
    const opened = await openEntityFile(file, asked).catch((error: unknown) => {
      if (asMedTextError(error).code === 'RECIPE') return undefined;
      throw error;
    });
    return new EntityCounts({ firstSequence: text, label: entities }, opened);
  }

  add(row: DataRow, place: number): void {
    const count = typesIn(row.values[this.fields.label])?.length ?? 0;
    this.count += count;
    if (count > 0) this.rows++;
    const read = this.file?.rowOf(row, place);
    if (read === undefined) return;
    if (isBadRow(read)) return found(this.flawed, read);
    for (const finding of read.findings) found(this.flawed, finding);
    for (const finding of read.normalized) found(this.normalized, finding);
    for (const [first, second] of overlapsOf(distinctEntities(read.entities).sort(byPlace))) {
      const [one, other] = [first, second].map(
        ({ start, end, type }) => `${JSON.stringify(fitted(read.text.slice(start, end), 40))} (${type})`,
      );
      found(this.overlapping, { line: read.line, reason: `${one} and ${other}`, excerpt: fitted(read.text, 60) });
    }
  }

  report(): EntityReport {
    const { count, rows, file, flawed, normalized, overlapping } = this;
    return { count, rows, ...(file && { convention: file.convention }), flawed, normalized, overlapping };
  }
}

function found(
  list: { count: number; reports: BadRowReport[] },
  { line, reason, excerpt }: { line: number; reason: Words | string; excerpt: string },
): void {
  list.count++;
  if (list.reports.length < MAX_FINDINGS) list.reports.push({ line, reason: String(reason), excerpt });
}

class ColumnCounts {
  private readonly values = new Set<string>();
  private readonly types = new Set<ColumnReport['type']>();
  private isMore = false;
  private areNumbers = true;

  constructor(
    private readonly name: string,
    private missing = 0,
  ) {}

  add(value: DataValue): void {
    if (value === undefined || value === null || value === '') {
      this.missing++;
      return;
    }
    const type = typeof value === 'string' ? 'text' : typeof value === 'object' ? 'list or object' : typeof value;
    this.types.add(type as ColumnReport['type']);
    if (type === 'text' && this.areNumbers) this.areNumbers = Number.isFinite(Number(value));
    if (this.isMore || type === 'list or object') return;
    const text = String(value);
    if (this.values.size < MAX_DISTINCT) this.values.add(text);
    else this.isMore = !this.values.has(text);
  }

  report(): ColumnReport {
    const [type] = this.types.size > 1 ? (['mixed'] as const) : this.types;
    return {
      name: this.name,
      missing: this.missing,
      distinct: this.values.size,
      distinctIsMore: this.isMore,
      type: type === 'text' && this.areNumbers ? 'number' : (type ?? 'none'),
    };
  }
}

function textOf(value: DataValue): string | undefined {
  return typeof value === 'string' ? value : typeof value === 'number' ? String(value) : undefined;
}

/** Columns aligned by the width terminals give to characters; `right` names those aligned to the right. */
function table(rows: readonly (readonly string[])[], right: readonly number[] = []): string[] {
  const tidy = rows.map((row) => row.map((cell) => fitted(oneLine(cell), 40)));
  const widths = (tidy[0] ?? []).map((_, column) => Math.max(...tidy.map((row) => displayWidth(row[column]))));
  return tidy.map((row) => {
    const cells = row.map((cell, column) => {
      const padding = ' '.repeat(widths[column] - displayWidth(cell));
      return right.includes(column) ? padding + cell : cell + padding;
    });
    return `  ${cells.join('  ')}`.trimEnd();
  });
}

/** Cells can hold anything: no line break or terminal control may get through. */
function oneLine(text: string): string {
  return text.replace(/[\p{Cc}\p{Cf}\u2028\u2029]+/gu, ' ');
}

function fitted(text: string, width: number): string {
  if (displayWidth(text) <= width) return text;
  let kept = '';
  for (const character of text) {
    if (displayWidth(kept + character) >= width) break;
    kept += character;
  }
  return `${kept}…`;
}

/** Wide characters (Chinese, full-width forms, most emoji) take two columns of a terminal. */
function displayWidth(text: string): number {
  let width = 0;
  for (const character of text) {
    const isWide =
      /[\u1100-\u115f\u2e80-\u303e\u3041-\ua4cf\uac00-\ud7a3\uf900-\ufaff\ufe30-\ufe6f\uff00-\uff60\uffe0-\uffe6]/.test(
        character,
      );
    width += isWide || character.codePointAt(0)! > 0x1f2ff ? 2 : 1;
  }
  return width;
}

function number(value: number): string {
  return value.toLocaleString('en-US');
}

function plural(count: number, thing: string): string {
  return `${number(count)} ${thing}${count === 1 ? '' : 's'}`;
}

function percent(share: number): string {
  return `${(share * 100).toFixed(1)} %`;
}

function bytes(size: number): string {
  const units = ['B', 'kB', 'MB', 'GB', 'TB'];
  let unit = 0;
  let value = size;
  for (; value >= 1000 && unit < units.length - 1; unit++) value /= 1000;
  return `${unit === 0 ? value : value.toFixed(1)} ${units[unit]}`;
}
