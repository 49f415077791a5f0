import { findNodeAtLocation, getNodeValue, parseTree, type JSONPath, type Node, type ParseError } from 'jsonc-parser';
import { MedTextError, words } from '../../base/errors';
import type { TextChange } from '../views/recipeKnobs';

/**
 * Changes to JSON text that leave everything else as a person wrote it: order, comments, indentation, line ends, and
 * whether a list stands on one line. (jsonc-parser's own `modify` breaks lists apart and loses a comma in inline ones.)
 */

export type JsonValue = null | boolean | number | string | readonly JsonValue[] | { readonly [key: string]: JsonValue };

const inlineWidth = 90;

/** The tree of a text. @throws RECIPE, with the line, when it is no JSON object (comments and trailing commas pass) */
export function treeOf(text: string): Node {
  const errors: ParseError[] = [];
  let root: Node | undefined;
  try {
    root = parseTree(text, errors, { allowTrailingComma: true });
  } catch {
    // The parser recurses: brackets nested by the thousand exhaust the stack.
    throw new MedTextError('RECIPE', words`The JSON is nested too deeply.`);
  }
  if (errors.length > 0 || root?.type !== 'object') {
    const line = text.slice(0, errors[0]?.offset ?? 0).split('\n').length;
    throw new MedTextError('RECIPE', words`This is not valid JSON; see line ${line}.`, { line });
  }
  return root;
}

/** A property's key; its value is the node's second child. */
export const keyOf = (property: Node): string => String(property.children?.[0]?.value);

/**
 * The text with fields of the object at `path` set, or taken out where the value is undefined. An object that is absent
 * is made, with its parents; one that would be left empty goes.
 * @param sameKey whether a key of the file is the one meant; of several such, one stays
 */
export function withFields(
  text: string,
  path: JSONPath,
  fields: ReadonlyMap<string, JsonValue | undefined>,
  sameKey: (key: string) => string = (key) => key,
): string {
  const root = treeOf(text);
  const object = findNodeAtLocation(root, path);
  if (object?.type !== 'object') {
    const added = [...fields].filter((entry): entry is [string, JsonValue] => entry[1] !== undefined);
    if (added.length === 0) return text;
    return withFields(text, path.slice(0, -1), new Map([[String(path.at(-1)), Object.fromEntries(added)]]));
  }
  const properties = object.children ?? [];
  const last = new Map(properties.map((property) => [sameKey(keyOf(property)), property]));
  const kept: Item[] = [];
  for (const property of properties) {
    const key = sameKey(keyOf(property));
    const node = { start: property.offset, end: property.offset + property.length };
    if (!fields.has(key)) kept.push({ node, text: text.slice(node.start, node.end) });
    else if (fields.get(key) !== undefined && last.get(key) === property) {
      const value = property.children![1];
      const written = valueText(fields.get(key)!, indentationAt(text, property.offset), text);
      kept.push({ node, text: text.slice(node.start, value.offset) + written });
    }
  }
  const indentation = innerIndentation(text, object);
  for (const [key, value] of fields) {
    if (value === undefined || last.has(key)) continue;
    kept.push({ text: `${JSON.stringify(key)}: ${valueText(value, indentation ?? '', text)}` });
  }
  if (kept.length === 0 && path.length > 0 && properties.length > 0) {
    return withFields(text, path.slice(0, -1), new Map([[String(path.at(-1)), undefined]]));
  }
  return rebuilt(text, object, kept, 'own');
}

/** The text with the list at `path` holding these items; an item that was there keeps its spelling. */
export function withList(text: string, path: JSONPath, items: readonly JsonValue[]): string {
  const list = findNodeAtLocation(treeOf(text), path);
  if (list?.type !== 'array') return withFields(text, path.slice(0, -1), new Map([[String(path.at(-1)), items]]));
  const spelling = new Map<string, string>();
  for (const node of list.children ?? []) {
    spelling.set(String(getNodeValue(node)), text.slice(node.offset, node.offset + node.length));
  }
  const nodes = (list.children ?? []).map(({ offset, length }) => ({ start: offset, end: offset + length }));
  const written = items.map((item, place) => ({
    node: nodes[place],
    text: spelling.get(String(item)) ?? JSON.stringify(item),
  }));
  return rebuilt(text, list, written, 'place');
}

/** The text with a field renamed in its place. */
export function withKeyRenamed(text: string, path: JSONPath, from: string, to: string): string {
  const object = findNodeAtLocation(treeOf(text), path);
  const key = object?.children?.find((property) => keyOf(property) === from)?.children?.[0];
  return key ? text.slice(0, key.offset) + JSON.stringify(to) + text.slice(key.offset + key.length) : text;
}

/** One replacement that makes `after` of `before`; undefined when they are equal. It cuts no character in two. */
export function changeBetween(before: string, after: string): TextChange | undefined {
  if (before === after) return undefined;
  const shorter = Math.min(before.length, after.length);
  let start = 0;
  while (start < shorter && before[start] === after[start]) start++;
  if (isInside(before, start) || isInside(after, start)) start--;
  let tail = 0;
  while (tail < shorter - start && before.at(-1 - tail) === after.at(-1 - tail)) tail++;
  if (isInside(before, before.length - tail) || isInside(after, after.length - tail)) tail--;
  return { offset: start, length: before.length - tail - start, content: after.slice(start, after.length - tail) };
}

/** Between the halves of a surrogate pair, or of a line end. */
function isInside(text: string, offset: number): boolean {
  const [left, right] = [text.charCodeAt(offset - 1), text.charCodeAt(offset)];
  return ((left & 0xfc00) === 0xd800 && (right & 0xfc00) === 0xdc00) || (left === 13 && right === 10);
}

interface Item {
  /** Where it stood; absent for a new one. */
  readonly node?: { readonly start: number; readonly end: number };
  readonly text: string;
}

/** An object or list of these items. What stands between items stays: before the same item, or at the same place. */
function rebuilt(text: string, node: Node, items: readonly Item[], gapsOf: 'own' | 'place'): string {
  const open = node.offset + 1;
  const close = node.offset + node.length - 1;
  const old = (node.children ?? []).map(({ offset, length }) => ({ start: offset, end: offset + length }));
  const gaps = old.map(({ start }, place) => text.slice(place === 0 ? open : old[place - 1].end, start));
  const tail = text.slice(old.at(-1)?.end ?? open, close);
  if (old.length === 0) {
    const content = items.length === 0 ? tail : ` ${items.map((item) => item.text).join(', ')} `;
    return text.slice(0, open) + (node.type === 'array' ? content.trim() : content) + text.slice(close);
  }
  const startsLine = gaps[0].includes('\n');
  const lineEnd = text.includes('\r\n') ? '\r\n' : '\n';
  const newGap = startsLine ? `,${lineEnd}${indentationAt(text, old[0].start)}` : ', ';
  const pieces = items.map((item, place) => {
    const at = gapsOf === 'place' ? place : old.findIndex(({ start }) => start === item.node?.start);
    if (place === 0) return gaps[0] + item.text;
    return (at > 0 && at < gaps.length ? gaps[at] : newGap) + item.text;
  });
  const end = items.length > 0 ? tail : '';
  return text.slice(0, open) + pieces.join('') + end + text.slice(close);
}

/** On one line where it fits or is nested; else as JSON.stringify writes, at this indentation. */
function valueText(value: JsonValue, indentation: string, text: string): string {
  if (typeof value !== 'object' || value === null) return JSON.stringify(value);
  const isList = Array.isArray(value);
  const parts = isList
    ? value.map((item) => inline(item))
    : Object.entries(value).map(([key, item]) => `${JSON.stringify(key)}: ${inline(item)}`);
  const brackets = isList ? ['[', ']'] : ['{', '}'];
  if (parts.length === 0) return brackets.join('');
  const pad = isList ? '' : ' ';
  const line = `${brackets[0]}${pad}${parts.join(', ')}${pad}${brackets[1]}`;
  if (isList ? line.length <= inlineWidth : parts.length === 1 || !text.includes('\n')) return line;
  const lineEnd = text.includes('\r\n') ? '\r\n' : '\n';
  const inner = `${lineEnd}${indentation}${indentationUnit(text)}`;
  return `${brackets[0]}${inner}${parts.join(`,${inner}`)}${lineEnd}${indentation}${brackets[1]}`;
}

function inline(value: JsonValue): string {
  if (typeof value !== 'object' || value === null) return JSON.stringify(value);
  if (Array.isArray(value)) return `[${value.map((item) => inline(item)).join(', ')}]`;
  const entries = Object.entries(value).map(([key, item]) => `${JSON.stringify(key)}: ${inline(item)}`);
  return entries.length === 0 ? '{}' : `{ ${entries.join(', ')} }`;
}

/** The indentation of an object's fields; undefined while no field stands on a line of its own. */
function innerIndentation(text: string, object: Node): string | undefined {
  const first = object.children?.[0];
  return first && text.slice(object.offset, first.offset).includes('\n')
    ? indentationAt(text, first.offset)
    : undefined;
}

/** The white space before the first character of the offset's line. */
function indentationAt(text: string, offset: number): string {
  const start = text.lastIndexOf('\n', offset - 1) + 1;
  return /^[ \t]*/.exec(text.slice(start, offset))![0];
}

function indentationUnit(text: string): string {
  return /\n([ \t]+)\S/.exec(text)?.[1] ?? '  ';
}
