/** Annotations as they stand in a row, in whatever shape: lists of objects, lists of lists, or either as JSON in a cell. */
import type { DataRow, DataValue } from '../dataRow';

/** One annotated stretch as the file has it: offsets are not understood yet. */
export interface Mention {
  readonly start: number;
  /** Absent where the file has the mention's text instead. */
  readonly end?: number;
  readonly types: readonly string[];
  /** What stands there, as the file says. */
  readonly text?: string;
}

/** Names of the fields of an annotation, compared without case, spaces, `_` and `-`. */
const FIELDS = {
  start: ['startidx', 'start', 'startoffset', 'startpos', 'startindex', 'begin', 'offset'],
  end: ['endidx', 'end', 'endoffset', 'endpos', 'endindex'],
  type: ['type', 'label', 'labels', 'labeltype', 'entitytype', 'entitygroup', 'category', 'tag'],
  text: ['entity', 'mention', 'text', 'word', 'entitytext'],
} as const;

export type AnnotationField = keyof typeof FIELDS;

/** What a field of an annotation is, by its name; undefined for one that is not read. */
export function annotationField(name: string): AnnotationField | undefined {
  const normal = normalName(name);
  return (Object.keys(FIELDS) as AnnotationField[]).find((field) =>
    (FIELDS[field] as readonly string[]).includes(normal),
  );
}

/** Columns that hold annotations by their name, most telling first; others are found by what they hold. */
const COLUMN_NAMES = ['entities', 'mentiondata', 'mentions', 'spans', 'annotations', 'label', 'labels', '实体', '标注'];

const normalName = (name: string): string =>
  name
    .normalize('NFKC')
    .toLowerCase()
    .replace(/[\s_-]/g, '');

/**
 * The annotations of a cell; undefined for a cell that holds something else. A missing one holds none, here: whether its row can
 * be learned from is its reader's to say, who asks for an empty list, since a text that nobody has annotated is no text without
 * entities.
 */
export function annotationsOf(cell: DataValue): readonly unknown[] | undefined {
  if (cell === undefined || cell === null || cell === '') return [];
  const value = typeof cell === 'string' ? listFrom(cell) : cell;
  return Array.isArray(value) ? (value as unknown[]) : undefined;
}

/** CSV has lists as JSON: `[{"start": 0, …`. */
function listFrom(cell: string): unknown {
  if (!/^\s*\[/.test(cell)) return undefined;
  try {
    return JSON.parse(cell);
  } catch {
    return undefined;
  }
}

/** What is wrong with one annotation. */
export type Flaw = 'discontinuous' | 'noStart' | 'noEnd' | 'noType' | 'noAnnotation';

/** One annotation; a flaw for what is none. */
export function mentionOf(annotation: unknown): Mention | Flaw {
  return Array.isArray(annotation) ? mentionOfList(annotation as unknown[]) : mentionOfObject(annotation);
}

/** `[start, end, type]`, as doccano has it, and perhaps the text behind it. */
function mentionOfList([start, end, type, text]: readonly unknown[]): Mention | Flaw {
  const [from, to] = [offsetOf(start), offsetOf(end)];
  if (from === undefined) return 'noStart';
  if (to === undefined) return 'noEnd';
  const types = typesOf(type);
  return types.length === 0 ? 'noType' : { start: from, end: to, types, ...(typeof text === 'string' && { text }) };
}

function mentionOfObject(annotation: unknown): Mention | Flaw {
  if (typeof annotation !== 'object' || annotation === null) return 'noAnnotation';
  const fields = new Map<string, unknown>();
  for (const [name, value] of Object.entries(annotation)) {
    const normal = normalName(name);
    if (value !== null && value !== undefined && !fields.has(normal)) fields.set(normal, value);
  }
  const first = (names: readonly string[]) => names.map((name) => fields.get(name)).find((value) => value !== undefined); // prettier-ignore
  const [start, end] = [first(FIELDS.start), first(FIELDS.end)];
  if (Array.isArray(start) || Array.isArray(end)) return 'discontinuous';
  const [from, to] = [offsetOf(start), offsetOf(end)];
  if (from === undefined) return 'noStart';
  const said = first(FIELDS.text);
  const text = typeof said === 'string' && said !== '' ? said : undefined;
  if (to === undefined && (end !== undefined || text === undefined)) return 'noEnd';
  const types = typesOf(first(FIELDS.type));
  if (types.length === 0) return 'noType';
  return { start: from, types, ...(to !== undefined && { end: to }), ...(text !== undefined && { text }) };
}

/** A place counted from 0, as a number or as a string of digits; ChineseBLUE has both in one file. */
function offsetOf(value: unknown): number | undefined {
  const number = typeof value === 'string' && /^\s*\d+\s*$/.test(value) ? Number(value) : value;
  return typeof number === 'number' && Number.isSafeInteger(number) && number >= 0 ? number : undefined;
}

function typesOf(value: unknown): string[] {
  const names = (Array.isArray(value) ? (value as unknown[]) : [value]).map((name) =>
    typeof name === 'string' || typeof name === 'number' ? String(name).trim() : '',
  );
  return names.includes('') ? [] : names;
}

/** The types of a cell's annotations, as often as they are there; undefined for a cell that holds anything else. */
export function typesIn(cell: DataValue): string[] | undefined {
  if (cell === null || cell === undefined || (typeof cell !== 'object' && typeof cell !== 'string') || cell === '') return undefined; // prettier-ignore
  const mentions = annotationsOf(cell)?.map(mentionOf);
  if (!mentions || mentions.some((mention) => mention === 'noStart' || mention === 'noAnnotation')) return undefined;
  return mentions.flatMap((mention) => (typeof mention === 'string' ? [] : mention.types));
}

/** Whether cells of the sample are annotations: lists that are not all empty, and of mentions for the most part. */
function holdsAnnotations(sample: readonly DataRow[], column: string): boolean {
  let [mentions, others] = [0, 0];
  for (const { values } of sample) {
    const cell = Object.hasOwn(values, column) ? values[column] : undefined;
    const annotations = annotationsOf(cell);
    if (annotations === undefined) others++;
    for (const annotation of annotations ?? []) {
      const mention = mentionOf(annotation);
      if (mention === 'noStart' || mention === 'noAnnotation') others++;
      else mentions++;
    }
  }
  return mentions > others;
}

/**
 * The column of the annotations: by what the sample holds, the best known name first; where the sample has no annotation at
 * all, one of a telling name that holds nothing but lists, empty or of what cannot be read as one. Undefined where the file has
 * none.
 */
export function annotationColumn(columns: readonly string[], sample: readonly DataRow[]): string | undefined {
  const rank = (column: string) => {
    const at = COLUMN_NAMES.indexOf(normalName(column));
    return at < 0 ? COLUMN_NAMES.length : at;
  };
  const ranked = [...columns].sort((a, b) => rank(a) - rank(b));
  // A list of names is the labels of a text.
  const isNoList = (cell: DataValue) => typeof cell !== 'object' || cell === null || !annotationsOf(cell)?.every((item) => typeof item === 'object'); // prettier-ignore
  const isEmpty = (column: string) =>
    rank(column) < COLUMN_NAMES.length &&
    sample.some(({ values }) => Object.hasOwn(values, column)) &&
    sample.every(({ values }) => !Object.hasOwn(values, column) || !isNoList(values[column]));
  return ranked.find((column) => holdsAnnotations(sample, column)) ?? ranked.find(isEmpty);
}
