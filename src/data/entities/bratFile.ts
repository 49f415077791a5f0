/** brat's standoff: a text and, beside it, its annotations (https://brat.nlplab.org/standoff.html). */
import { readdir, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { asMedTextError, MedTextError, words } from '../../base/errors';
import { FileWatch } from '../../base/fileWatch';
import { excerptOf, isWellFormed, type BadRow, type DataRow, type DataValue } from '../dataRow';
import { dataFileSize, decodedText, detectEncoding } from '../textEncoding';
import { characterMap } from './offsets';

/** One document: its text, and the file of its annotations. */
interface Document {
  readonly name: string;
  readonly text: string;
  readonly annotations: string;
}

/** A text is read as a whole, and its annotations. */
const MAX_DOCUMENT_BYTES = 1 << 26;
const MAX_DOCUMENTS = 1_000_000;

/** What the rows of brat's documents have. */
const COLUMNS = ['text', 'entities', 'document'] as const;

export interface BratFile {
  readonly columns: readonly string[];
  readonly sizeBytes: number;
  /** The documents in the order of their names, a row each; what cannot be read is a bad one. */
  rows(signal?: AbortSignal): AsyncGenerator<DataRow | BadRow>;
}

/** The documents that a path names: a folder of them, or one by its text or by its annotations. Undefined: none. */
async function documentsOf(path: string): Promise<Document[] | undefined> {
  const about = await stat(path).catch(() => undefined);
  if (about?.isDirectory()) {
    const names = await readdir(path);
    const known = new Set(names);
    const annotated = names.filter((name) => name.endsWith('.ann') && known.has(withEnding(name, '.txt')));
    if (annotated.length > MAX_DOCUMENTS) {
      throw new MedTextError('UNSUPPORTED', words`${path} has more than ${MAX_DOCUMENTS} documents.`, { file: path });
    }
    return annotated.length === 0 ? undefined : annotated.sort().map((name) => documentOf(path, name));
  }
  if (!/\.(txt|ann)$/.test(path)) return undefined;
  const document = documentOf('', path);
  const other = await stat(path === document.text ? document.annotations : document.text).catch(() => undefined);
  if (!other?.isFile()) return undefined;
  // Another program's .ann may be anything.
  return (await isStandoff(document.annotations)) ? [document] : undefined;
}

const withEnding = (name: string, ending: string): string => name.slice(0, -4) + ending;

function documentOf(folder: string, name: string): Document {
  const [text, annotations] = ['.txt', '.ann'].map((ending) => join(folder, withEnding(name, ending)));
  return { name: withEnding(name, ''), text, annotations };
}

const ANNOTATION = /^(?:[TEMRAN]\d+\t|#\S*\t|\*\t)/;

async function isStandoff(path: string): Promise<boolean> {
  if ((await dataFileSize(path).catch(() => 0)) === 0) return true;
  for await (const chunk of decodedText(path, 'utf-8', undefined, 1 << 12)) return ANNOTATION.test(chunk.trimStart());
  return true;
}

/** The files that make up the data at a path: for brat's two or many, else the one. */
export async function filesOfData(path: string): Promise<string[]> {
  const documents = await documentsOf(path);
  return documents?.flatMap(({ text, annotations }) => [text, annotations]) ?? [path];
}

/**
 * Opens brat's documents; undefined where the path names none.
 * Errors: `IO`, `UNSUPPORTED` for too many.
 */
export async function openBrat(path: string): Promise<BratFile | undefined> {
  const documents = await documentsOf(path);
  if (!documents) return undefined;
  let sizeBytes = 0;
  for (const { text, annotations } of documents) {
    for (const file of [text, annotations]) sizeBytes += (await stat(file).catch(() => ({ size: 0 }))).size;
  }
  const watch = new FileWatch('data', path, sizeBytes);
  async function* rows(signal?: AbortSignal): AsyncGenerator<DataRow | BadRow> {
    for (const [i, document] of documents!.entries()) {
      if (signal?.aborted) throw new MedTextError('CANCELLED', `Reading ${path} was cancelled.`, { file: path });
      yield await readDocument(document, i + 1);
    }
  }
  return { columns: COLUMNS, sizeBytes, rows: (signal) => watch.iterate(rows(signal)) };
}

async function readDocument({ name, text: textFile, annotations }: Document, row: number): Promise<DataRow | BadRow> {
  let text: string;
  let standoff: string;
  try {
    [text, standoff] = [await readWhole(textFile), await readWhole(annotations)];
  } catch (error) {
    const { message, words: said } = asMedTextError(error);
    return { line: row, reason: said ?? words`the document cannot be read: ${message}`, excerpt: name };
  }
  if (!isWellFormed(text) || !isWellFormed(standoff)) {
    return { line: row, reason: words`bytes that are not valid in the file’s encoding`, excerpt: name };
  }
  const entities: DataValue[] = [];
  const places = placesOf(text, standoff);
  for (const [i, line] of standoff.split(/\r\n?|\n/).entries()) {
    if (!line.startsWith('T')) continue;
    const found = /^T\S*\t(\S+) (\d+ \d+(?:;\d+ \d+)*)(?:\t(.*))?$/.exec(line);
    if (!found) {
      return { line: row, reason: words`${annotations} line ${i + 1} is not a brat annotation`, excerpt: excerptOf(line) }; // prettier-ignore
    }
    const [, type, ranges, said] = found;
    entities.push({ ...places(ranges), type, ...(said !== undefined && { text: said }), line: i + 1 });
  }
  return { line: row, values: { text, entities, document: name } };
}

/**
 * The function that understands the ranges of an annotation. brat counts characters. In a text whose lines end with CR LF some
 * programs count both and some count one, which the annotations' own text tells. Parts that only white space divides are one
 * stretch: brat divides at every line's end.
 *
 * @returns places in characters of the text as it is; lists of places where a stretch has several parts
 */
function placesOf(text: string, standoff: string): (ranges: string) => { start: unknown; end: unknown } {
  const parts = (ranges: string) => ranges.split(';').map((range) => range.split(' ').map(Number) as [number, number]);
  const map = characterMap(text);
  const slice = (from: number, to: number) => text.slice(map.unitOf(from) ?? text.length, map.unitOf(to) ?? text.length); // prettier-ignore
  const counted = text.includes('\r\n') ? countedAsOne(text) : undefined;
  let [asTwo, asOne] = [0, 0];
  if (counted) {
    for (const [, start, end, said] of standoff.matchAll(/^T\S*\t\S+ (\d+) (\d+)\t([^\r\n]*)/gm)) {
      const [from, to] = [Number(start), Number(end)];
      if (slice(from, to) === said) asTwo++;
      if (slice(counted[from] ?? Infinity, counted[to] ?? Infinity) === said) asOne++;
    }
  }
  const at = (place: number) => (asOne > asTwo ? (counted![place] ?? place + text.length) : place);
  return (ranges) => {
    const merged: [number, number][] = [];
    for (const [from, to] of parts(ranges)) {
      const last = merged.at(-1);
      if (last && slice(at(last[1]), at(from)).trim() === '' && from >= last[1]) last[1] = to;
      else merged.push([from, to]);
    }
    const [starts, ends] = [0, 1].map((side) => merged.map((part) => at(part[side])));
    return merged.length === 1 ? { start: starts[0], end: ends[0] } : { start: starts, end: ends };
  };
}

/** The character at each place of the text when CR LF counts as one. */
function countedAsOne(text: string): number[] {
  const places: number[] = [];
  let character = 0;
  for (let unit = 0; unit < text.length;) {
    places.push(character);
    const isPair = text.charCodeAt(unit) === 13 && text.charCodeAt(unit + 1) === 10;
    character += isPair ? 2 : 1;
    unit += isPair || text.codePointAt(unit)! > 0xffff ? 2 : 1;
  }
  places.push(character);
  return places;
}

/** Errors: `IO`, `DATA_FORMAT`, `UNSUPPORTED` for what is too long. An empty file is an empty text. */
async function readWhole(path: string): Promise<string> {
  const { size } = await stat(path).catch((error: unknown) => {
    throw asMedTextError(error);
  });
  if (size === 0) return '';
  if (size > MAX_DOCUMENT_BYTES) {
    throw new MedTextError('UNSUPPORTED', words`${path} is longer than ${MAX_DOCUMENT_BYTES >> 20} MiB.`, { file: path }); // prettier-ignore
  }
  const { encoding } = await detectEncoding(path);
  let text = '';
  for await (const chunk of decodedText(path, encoding)) text += chunk;
  return text;
}
