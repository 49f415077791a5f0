import { namesIn } from '../../protocol/severalLabels';
import type { TextRange } from './sentenceAt';

/** One record of a data file as it stands in the editor, saved or not. */
export interface RecordAt extends TextRange {
  readonly values: Readonly<Record<string, string>>;
  /** Columns that hold lists of names, as several labels are written. */
  readonly lists?: Readonly<Record<string, readonly string[]>>;
}

/** How the file is laid out, as the engine recognised it. */
export interface RecordLayout {
  readonly format: 'json' | 'jsonl' | 'csv' | 'tsv' | 'text';
  readonly header: boolean;
  readonly delimiter?: string;
  /** Whether `"` quotes fields. */
  readonly quoted?: boolean;
  /** Records above the header that are no part of the table. */
  readonly skipped?: number;
  readonly columns: readonly string[];
}

/** The record around a character offset; undefined between records, in the header and in broken ones. */
export function recordAt(text: string, offset: number, layout: RecordLayout): RecordAt | undefined {
  switch (layout.format) {
    case 'json':
      return jsonObjectAt(text, offset);
    case 'jsonl':
      return jsonLineAt(text, offset);
    default:
      return delimitedRecordAt(text, offset, layout);
  }
}

/**
 * The object inside the outermost array, or inside an array of the object that holds it: objects nested in it are part of
 * their record.
 */
function jsonObjectAt(text: string, offset: number): RecordAt | undefined {
  const recordDepth = /^\s*\[/.test(text) ? 1 : 2;
  const open: string[] = [];
  let start = -1;
  let inString = false;
  for (let i = 0; i < text.length; i++) {
    const character = text[i];
    if (inString) {
      if (character === '\\') i++;
      else if (character === '"') inString = false;
      continue;
    }
    if (character === '"') inString = true;
    else if (character === '{' || character === '[') {
      if (open.length === recordDepth && open.at(-1) === '[' && character === '{') start = i;
      open.push(character);
    } else if (character === '}' || character === ']') {
      open.pop();
      if (open.length === recordDepth && start >= 0) {
        if (start <= offset && offset <= i) return parsed(text, { start, end: i + 1 });
        start = -1;
      }
    }
    if (i > offset && start < 0) return undefined;
  }
  return undefined;
}

function jsonLineAt(text: string, offset: number): RecordAt | undefined {
  const start = text.lastIndexOf('\n', offset - 1) + 1;
  const newline = text.indexOf('\n', offset);
  return parsed(text, { start, end: newline < 0 ? text.length : newline });
}

function parsed(text: string, range: TextRange): RecordAt | undefined {
  try {
    const record: unknown = JSON.parse(text.slice(range.start, range.end));
    if (typeof record !== 'object' || record === null || Array.isArray(record)) return undefined;
    const values: Record<string, string> = Object.create(null) as Record<string, string>;
    const lists: Record<string, readonly string[]> = Object.create(null) as Record<string, readonly string[]>;
    for (const [key, value] of Object.entries(record)) {
      if (['string', 'number', 'boolean'].includes(typeof value)) values[key] = String(value);
      const names = namesIn(value);
      if (names) lists[key] = names;
    }
    return { ...range, values, lists };
  } catch {
    return undefined;
  }
}

function delimitedRecordAt(text: string, offset: number, layout: RecordLayout): RecordAt | undefined {
  const delimiter = layout.delimiter ?? (layout.format === 'csv' ? ',' : '\t');
  // Where it does not quote, a quotation mark is a character as any other.
  const { quoted: quotes = layout.format === 'csv' } = layout;
  let fields: string[] = [];
  let field = '';
  let start = 0;
  let index = 0;
  let quoted = false;
  for (let i = 0; i <= text.length; i++) {
    const character = text[i];
    if (quoted && character !== undefined) {
      if (character !== '"') field += character;
      else if (text[i + 1] === '"') field += text[i++];
      else quoted = false;
      continue;
    }
    const ends = character === undefined || character === '\n';
    if (!ends && character !== delimiter) {
      if (quotes && character === '"' && field === '') quoted = true;
      else field += character;
      continue;
    }
    fields.push(ends ? field.replace(/\r$/, '') : field);
    field = '';
    if (!ends) continue;
    if (offset <= i && start <= offset) {
      const above = (layout.skipped ?? 0) + (layout.header ? 1 : 0);
      if (index < above || fields.every((value) => value === '')) return undefined;
      return { start, end: i, values: named(fields, layout.columns) };
    }
    if (fields.length > 1 || fields[0] !== '') index++;
    fields = [];
    start = i + 1;
  }
  return undefined;
}

function named(fields: readonly string[], columns: readonly string[]): Record<string, string> {
  const values: Record<string, string> = Object.create(null) as Record<string, string>;
  fields.forEach((value, index) => (values[columns[index] ?? String(index)] = value));
  return values;
}
