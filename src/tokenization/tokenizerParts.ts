/** Shared by the readers of a tokenizer.json's parts: fields of an expected type, and the errors for other values. */
import { MedTextError, words } from '../base/errors';
import { textOfValue } from '../base/plainText';
import type { Words } from '../base/words';
import { isJsonObject, type JsonObject } from './tokenizerJson';

/** One part of a tokenizer.json (such as a normaliser), with its place in the file for messages. */
export interface TokenizerPart {
  readonly json: JsonObject;
  /** Such as `normalizer.normalizers[2]`. */
  readonly place: string;
  /** The model folder or file, for messages. */
  readonly where: string;
}

export function part(json: unknown, place: string, where: string): TokenizerPart {
  if (!isJsonObject(json)) throw brokenPart({ json: {}, place, where }, '', words`an object`);
  return { json, place, where };
}

export function partType({ json, place, where }: TokenizerPart): string {
  if (typeof json.type !== 'string') throw brokenPart({ json, place, where }, 'type', words`a name`);
  return json.type;
}

export function textField(owner: TokenizerPart, field: string): string {
  const value = owner.json[field];
  if (typeof value !== 'string') throw brokenPart(owner, field, words`a text`);
  return value;
}

export function flagField(owner: TokenizerPart, field: string, absent: boolean): boolean {
  const value = owner.json[field] ?? absent;
  if (typeof value !== 'boolean') throw brokenPart(owner, field, words`true or false`);
  return value;
}

export function choiceField<T extends string>(
  owner: TokenizerPart,
  field: string,
  choices: readonly T[],
  absent?: T,
): T {
  const value = owner.json[field] ?? absent;
  if (!choices.includes(value as T)) throw brokenPart(owner, field, words`one of ${choices.join(', ')}`);
  return value as T;
}

/** The parts of a `Sequence`. */
export function partsField(owner: TokenizerPart, field: string): TokenizerPart[] {
  const value = owner.json[field];
  if (!Array.isArray(value)) throw brokenPart(owner, field, words`an array`);
  return value.map((json, i) => part(json, `${owner.place}.${field}[${i}]`, owner.where));
}

export function brokenPart({ place, where }: TokenizerPart, field: string, expected: Words): MedTextError {
  const name = field === '' ? place : `${place}.${field}`;
  return new MedTextError(
    'TOKENIZER',
    words`${where}: tokenizer.json is broken: "${name}" must be ${expected}. Copy the file again.`,
    { where, part: name },
  );
}

export function unknownPart({ json, place, where }: TokenizerPart): MedTextError {
  return new MedTextError(
    'UNSUPPORTED',
    words`${where}: tokenizer.json's ${place} "${textOfValue(json.type)}" is not supported.`,
    { where, part: place, type: textOfValue(json.type) },
  );
}
