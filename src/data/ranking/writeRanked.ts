/** A file of queries and their candidates, written again with each query's candidates best first. */
import { modeOfFile, writeFileAtomically } from '../../base/atomicFile';
import { MedTextError, words } from '../../base/errors';
import { BadRows, badRow, type BadRowPolicy, type DataFile } from '../dataFile';
import { isBadRow, isWellFormed, valueIn, type DataValue } from '../dataRow';
import { lineBreakOf } from '../delimitedReader';
import { textEncoder } from '../textEncoding';
import { tableFile, type TableFormat } from '../tableFile';
import { fillerOf, newFormat, newTable, refuseUnfillable, writeFilled } from '../writeFilled';
import { candidateKey } from './readGrades';
import { recordOfList } from './queryLists';

export interface RankOptions extends BadRowPolicy {
  /** The columns of the query and of the candidate's text. */
  readonly query: string;
  readonly text: string;
  /** The column that is filled with the score. */
  readonly score: string;
  readonly signal?: AbortSignal;
}

/** The score of a candidate, by {@link candidateKey}. */
export type Scores = ReadonlyMap<string, number>;

type Values = Readonly<Record<string, DataValue>>;
type Written = { readonly rows: number; readonly badRows: number };

/** @throws UNSUPPORTED, NOT_FOUND, USAGE of what {@link writeRanked} cannot write, before any score is known */
export function refuseUnrankable(file: DataFile, output: string, options: RankOptions): void {
  if (!file.lists) {
    // A query's rows change places, and those of JSON written over several lines, too: what stands between them stays.
    return refuseUnfillable(file, output, { label: options.score, textColumns: [options.query, options.text] });
  }
  if (/\.(xlsx|parquet|csv|tsv|txt)$/i.test(output)) {
    throw new MedTextError(
      'UNSUPPORTED',
      words`${output}: the output is written in the format of the data (${file.format}), but its name has another ending. Use the ending of the data file.`,
      { file: output, format: file.format },
    );
  }
  textEncoder(file.encoding);
}

/**
 * Queries stand in the order of their first candidates, candidates by descending score, equal ones in the file's order; each has its
 * score in the column. Of lists, a query's are one record, in which a text stands once. Of a table every row stays, as it is written
 * but for the score; rows without a score, which could not be read, keep their places.
 * @throws as {@link refuseUnrankable}; DATA_FORMAT for bad rows, unless they are to be skipped; IO, DISK_FULL, CANCELLED. The output is
 * then as it was.
 */
export async function writeRanked(
  file: DataFile,
  output: string,
  scores: Scores,
  options: RankOptions,
): Promise<Written> {
  refuseUnrankable(file, output, options);
  if (file.lists) return writeLists(file, output, scores, options);
  const format = newFormat(file, output);
  if (!format && file.tasks) return writeTasks(file, output, scores, options);
  return format ? writeTable(file, output, format, scores, options) : writeRows(file, output, scores, options);
}

/** Label Studio's tasks keep their places: each gets its score as a prediction. */
async function writeTasks(file: DataFile, output: string, scores: Scores, options: RankOptions): Promise<Written> {
  const { query, text, score: label, onBadRow, signal } = options;
  const found: (number | undefined)[] = [];
  for await (const row of file.rows(signal)) {
    if (isBadRow(row)) continue;
    const texts = textsOf(row.values, options);
    found.push(scores.get(candidateKey(texts.query, texts.text)));
  }
  const fill = { label, textColumns: [query, text], onBadRow, signal };
  const { filled, badRows } = await writeFilled(file, output, (row) => found[row] ?? null, fill);
  return { rows: filled, badRows };
}

async function writeLists(file: DataFile, output: string, scores: Scores, options: RankOptions): Promise<Written> {
  const { lists } = file;
  const badRows = new BadRows(file.path, options);
  const queries = new Map<string, Map<string, Values>>();
  let rows = 0;
  for await (const row of file.rows(options.signal)) {
    if (isBadRow(row)) {
      badRows.add(row);
      continue;
    }
    const { query, text } = textsOf(row.values, options);
    const candidates = queries.get(query) ?? new Map<string, Values>();
    queries.set(query, candidates);
    if (candidates.has(text)) continue;
    const score = scores.get(candidateKey(query, text));
    if (score !== undefined) rows++;
    candidates.set(text, score === undefined ? row.values : { ...row.values, [options.score]: score });
  }
  badRows.stopIfAny();
  const { list, columns } = lists!;
  const written = { list, columns: new Map([...columns, [options.score, options.score]]) };
  const records = [...queries].map(([query, candidates]) => {
    const ranked = inRanks([...candidates], ([text]) => scores.get(candidateKey(query, text)));
    return JSON.stringify(recordOfList(ranked.map(([, values]) => values), written)); // prettier-ignore
  });
  const text =
    file.format === 'jsonl' ? records.map((record) => `${record}\n`).join('') : `[\n${records.join(',\n')}\n]\n`;
  const encode = textEncoder(file.encoding);
  const whole = [...(file.byteOrderMark ? [encode('\uFEFF')] : []), encode(text)];
  await writeFileAtomically(output, Buffer.concat(whole), { noWiderThan: await modeOfFile(file.path) });
  return { rows, badRows: badRows.count };
}

/** A row's text, with its score. */
interface RankedRow {
  readonly query: string;
  readonly score: number;
  readonly text: string;
}

/** {@link writeRows} for values in place of text; bad rows are left out. */
async function writeTable(
  file: DataFile,
  output: string,
  format: TableFormat,
  scores: Scores,
  options: RankOptions,
): Promise<Written> {
  const { query: queryColumn, text: textColumn, score: label, signal } = options;
  const { name, table } = await newTable(file, { label, textColumns: [queryColumn, textColumn], signal });
  const badRows = new BadRows(file.path, options);
  const all: { query: string; score: number | undefined; values: DataValue[] }[] = [];
  for await (const row of file.rows(signal)) {
    if (isBadRow(row)) {
      badRows.add(row);
      continue;
    }
    const { query, text } = textsOf(row.values, options);
    const score = scores.get(candidateKey(query, text));
    const values = table.columns.map((column) => (column === name && score !== undefined ? score : valueIn(row.values, column))); // prettier-ignore
    all.push({ query, score, values });
  }
  badRows.stopIfAny();
  const scored = all.filter(({ score }) => score !== undefined);
  const byQuery = new Map<string, typeof all>();
  for (const row of scored) {
    const ofQuery = byQuery.get(row.query) ?? [];
    byQuery.set(row.query, ofQuery);
    ofQuery.push(row);
  }
  const ranked = [...byQuery.values()].flatMap((ofQuery) => inRanks(ofQuery, ({ score }) => score));
  let next = 0;
  const rows = all.map((row) => (row.score === undefined ? row : ranked[next++]).values);
  async function* batches() {
    yield rows;
  }
  await writeFileAtomically(output, tableFile(format, table, batches()), { noWiderThan: await modeOfFile(file.path) });
  return { rows: scored.length, badRows: badRows.count };
}

async function writeRows(file: DataFile, output: string, scores: Scores, options: RankOptions): Promise<Written> {
  const fill = fillerOf(file, { label: options.score, textColumns: [options.query, options.text] });
  const badRows = new BadRows(file.path, options);
  const pieces: (string | RankedRow)[] = [];
  for await (const batch of file.text!.pieces(options.signal)) {
    for (const piece of batch) {
      if (piece.kind === 'bad') badRows.add(badRow(piece));
      if (piece.kind !== 'row') {
        pieces.push(piece.kind === 'header' ? fill.header(piece.text) : piece.text);
        continue;
      }
      const { query, text } = textsOf(piece.values, options);
      const score = scores.get(candidateKey(query, text));
      pieces.push(score === undefined ? piece.text : { query, score, text: fill.row(piece.text, score) });
    }
  }
  badRows.stopIfAny();
  const rows = pieces.filter((piece) => typeof piece === 'object');
  const byQuery = new Map<string, RankedRow[]>();
  for (const row of rows) {
    const ofQuery = byQuery.get(row.query);
    if (ofQuery) ofQuery.push(row);
    else byQuery.set(row.query, [row]);
  }
  const ranked = [...byQuery.values()].flatMap((ofQuery) => inRanks(ofQuery, ({ score }) => score));
  const encode = textEncoder(file.encoding);
  let next = 0;
  const parts = pieces.map((piece) => (typeof piece === 'object' ? inPlaceOf(piece.text, ranked[next++].text) : piece));
  const content = parts.join('');
  if (!isWellFormed(content)) {
    throw new MedTextError('DATA_FORMAT', words`${file.path} holds bytes that are not valid ${file.encoding}; it cannot be copied.`, { file: file.path }); // prettier-ignore
  }
  const whole = [...(file.byteOrderMark ? [encode('\uFEFF')] : []), encode(content)];
  await writeFileAtomically(output, Buffer.concat(whole), { noWiderThan: await modeOfFile(file.path) });
  return { rows: rows.length, badRows: badRows.count };
}

/** A row's text with the line break of the one whose place it takes: the last of a file may have none. */
function inPlaceOf(before: string, text: string): string {
  const lineBreak = lineBreakOf(text);
  return text.slice(0, text.length - lineBreak.length) + lineBreakOf(before);
}

/** Best first; what has no score comes last. */
function inRanks<T>(items: readonly T[], scoreOf: (item: T) => number | undefined): T[] {
  return [...items].sort((a, b) => (scoreOf(b) ?? -Infinity) - (scoreOf(a) ?? -Infinity) || 0);
}

function textsOf(values: Values, { query, text }: RankOptions): { query: string; text: string } {
  const textOf = (column: string) => (Object.hasOwn(values, column) ? String(values[column] ?? '') : '');
  return { query: textOf(query), text: textOf(text) };
}
