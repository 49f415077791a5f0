import { isKnownColumnName } from './columns';
import { recordOf, type DataValue } from './dataRow';
import { mentionOf } from './entities/annotations';
import { jsonValueEnd, skipSpace } from './jsonArrayReader';

/**
 * How a JSON object holds a table:
 * `wrapped`: an array of records under one of its keys, the first record at `start`: `{"version": …, "data": [{…}, …]}`;
 * the others are what pandas' `DataFrame.to_json` and `to_dict` write, and lie in memory as a whole:
 * `columns` `{"text": {"0": …, "1": …}}`, `index` `{"0": {"text": …}}`, `lists` `{"text": […, …]}`,
 * `split` `{"columns": […], "index": […], "data": [[…], …]}`.
 */
export type JsonShape =
  | { readonly kind: 'wrapped'; readonly key: string; readonly start: number }
  | { readonly kind: 'columns' | 'index' | 'lists' | 'split' };

/**
 * What table the object at the text's beginning holds; undefined where it holds none that is known, or is a record of its
 * own with others after it (JSON Lines).
 *
 * @param text the beginning of a file
 * @param isWhole whether the text is the whole file
 */
export function jsonShape(text: string, isWhole: boolean): JsonShape | undefined {
  const object = keysOf(text, skipSpace(text, 0));
  if (!object || object.keys.length === 0) return undefined;
  const { keys, end } = object;
  if (end !== undefined && !(isWhole && text.slice(end).trim() === '')) return undefined;

  const find = (name: string) => keys.find(({ key }) => key === name);
  const isList = ({ start }: { start: number }) => text[start] === '[';
  const columns = find('columns');
  if (columns && isList(columns) && /["\]]/.test(innerStart(text, columns.start))) {
    const rest = keys.filter(({ key }) => key !== 'columns');
    if (rest.every(({ key }) => key === 'index' || key === 'data')) return { kind: 'split' };
  }
  const tables = keys.filter((entry) => isList(entry) && /[{[]/.test(innerStart(text, entry.start)));
  const [only] = tables.length === 1 && !areEntities(text, tables[0].start) ? tables : [];
  const table = tables.find(({ key }) => key === 'data') ?? only;
  if (table) return { kind: 'wrapped', key: table.key, start: table.start + 1 };
  if (keys.every(isList) && (keys.length > 1 || isKnownColumnName(keys[0].key))) return { kind: 'lists' };
  if (!keys.every(({ start }) => text[start] === '{')) return undefined;
  const inner = keysOf(text, keys[0].start)?.keys.map(({ key }) => key) ?? [];
  if (inner.length === 0) return undefined;
  const areNumbers = (names: readonly string[]) => names.every((name) => /^\d+$/.test(name));
  const outer = keys.map(({ key }) => key);
  const namesColumns = (names: readonly string[]) => names.some(isKnownColumnName);
  if (areNumbers(inner) && !areNumbers(outer)) return { kind: 'columns' };
  if (areNumbers(outer) && !areNumbers(inner)) return { kind: 'index' };
  return namesColumns(outer) ? { kind: 'columns' } : namesColumns(inner) ? { kind: 'index' } : undefined;
}

/** Whether the list at `start` is that of a text's entities: the object is then one row, not what holds the rows. */
function areEntities(text: string, start: number): boolean {
  const first = skipSpace(text, start + 1);
  try {
    return typeof mentionOf(JSON.parse(text.slice(first, jsonValueEnd(text, first)))) === 'object';
  } catch {
    return false;
  }
}

/** The rows of a table that lies in memory. Undefined: the object is not of that shape to its end. */
export function rowsOfShape(
  { kind }: JsonShape,
  json: unknown,
): { columns: string[]; rows: Record<string, DataValue>[] } | undefined {
  const isObject = (value: unknown): value is Record<string, DataValue> =>
    typeof value === 'object' && value !== null && !Array.isArray(value);
  if (!isObject(json)) return undefined;
  if (kind === 'split') {
    const { columns, data } = json;
    if (!Array.isArray(columns) || !Array.isArray(data)) return undefined;
    const names = columns.map(String);
    if (new Set(names).size < names.length) return undefined;
    if (!data.every((row): row is DataValue[] => Array.isArray(row) && row.length === names.length)) return undefined;
    return { columns: names, rows: data.map((row) => recordOf(names, row)) };
  }
  const entries = Object.entries(json);
  const names = kind === 'index' ? [...new Set(entries.flatMap(([, row]) => (isObject(row) ? Object.keys(row) : [])))] : entries.map(([name]) => name); // prettier-ignore
  if (kind === 'lists') {
    const lists = entries.map(([, list]) => list);
    const [first] = lists;
    if (!Array.isArray(first) || !lists.every((list) => Array.isArray(list) && list.length === first.length)) return undefined; // prettier-ignore
    return { columns: names, rows: first.map((_, i) => recordOf(names, lists.map((list) => (list as DataValue[])[i]))) }; // prettier-ignore
  }
  if (!entries.every(([, value]) => isObject(value))) return undefined;
  const objects = entries as [string, Record<string, DataValue>][];
  if (kind === 'index') return { columns: names, rows: objects.map(([, row]) => row) };
  // In the order of the longest column; a value that another lacks is missing there.
  const labels = [...new Set(objects.flatMap(([, column]) => Object.keys(column)))];
  const at = (column: Record<string, DataValue>, label: string) => (Object.hasOwn(column, label) ? column[label] : null); // prettier-ignore
  return { columns: names, rows: labels.map((label) => recordOf(names, objects.map(([, column]) => at(column, label)))) }; // prettier-ignore
}

/** The keys of the object at `open` and where their values begin, as far as the text goes; `end` is behind its bracket. */
export function keysOf(
  text: string,
  open: number,
): { keys: { readonly key: string; readonly start: number }[]; end: number | undefined } | undefined {
  if (text[open] !== '{') return undefined;
  const keys: { key: string; start: number }[] = [];
  let at = skipSpace(text, open + 1);
  if (text[at] === '}') return { keys, end: at + 1 };
  while (text[at] === '"' && keys.length < MAX_KEYS) {
    const keyEnd = jsonValueEnd(text, at);
    const colon = skipSpace(text, keyEnd);
    if (text[colon] !== ':') break;
    const start = skipSpace(text, colon + 1);
    if (start >= text.length) break;
    keys.push({ key: parsedKey(text.slice(at, keyEnd)), start });
    const next = skipSpace(text, jsonValueEnd(text, start));
    if (text[next] === '}') return { keys, end: next + 1 };
    if (text[next] !== ',') break;
    at = skipSpace(text, next + 1);
  }
  return { keys, end: undefined };
}

/** How many keys of an object are looked at to recognise its shape. */
const MAX_KEYS = 4096;

function parsedKey(text: string): string {
  try {
    return String(JSON.parse(text));
  } catch {
    return text;
  }
}

/** What the first visible character inside a bracket is. */
function innerStart(text: string, open: number): string {
  return text[skipSpace(text, open + 1)] ?? '';
}
