import { maxCellCharacters, type Cell } from '../protocol/datasetPreview';
import { textOf, type DataValue } from '../data/dataRow';
import { rawLabelOf } from '../data/labelMapping';

/** Absent, null or empty. */
export function isMissing(value: DataValue): value is '' | null | undefined {
  return value === undefined || value === null || value === '';
}

/** A cell of the label column as training reads it: without white space around, and with the one choice of several. */
export function labelCell(value: DataValue): DataValue {
  return typeof value === 'string' || typeof value === 'object' ? (rawLabelOf(value) ?? value) : value;
}

const NUMBER = /^\s*[+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?\s*$/;

/** The number that a value is or reads as (delimited files have texts alone); NaN for others. */
export function numberOf(value: DataValue): number {
  if (typeof value === 'number') return value;
  if (typeof value !== 'string' || value.length > 40 || !NUMBER.test(value)) return NaN;
  const read = Number(value);
  return Number.isFinite(read) ? read : NaN;
}

/** @param limit characters; a longer cell comes cut, with its length */
export function cellOf(value: DataValue, limit = maxCellCharacters): Cell | null {
  if (value === undefined || value === null) return null;
  const kind = typeof value === 'object' ? 'json' : typeof value === 'string' ? 'text' : (typeof value as Cell['kind']);
  const text = textOf(value);
  if (text.length <= limit) return { kind, text };
  return { kind, text: beginningOf(text, limit), length: text.length };
}

/** The beginning of a text, with no character cut in two. */
export function beginningOf(text: string, length: number): string {
  if (text.length <= length) return text;
  const isCutInTwo = (text.charCodeAt(length - 1) & 0xfc00) === 0xd800;
  return text.slice(0, isCutInTwo ? length - 1 : length);
}

/**
 * A copy that stands alone: a field of a delimited file is a view of the block it was read in, and would keep all of that
 * in memory.
 */
export function detached(text: string): string {
  return text.length < 13 ? text : Buffer.from(text, 'utf16le').toString('utf16le');
}
