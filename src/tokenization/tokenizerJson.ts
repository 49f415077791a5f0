import { MedTextError, words } from '../base/errors';
import type { Words } from '../base/words';

/** The parts of Hugging Face's `tokenizer.json` that this room reads or writes. Other parts are passed on unchanged. */
export interface TokenizerJson {
  readonly added_tokens: readonly AddedTokenJson[];
  readonly normalizer: ({ readonly type: string } & JsonObject) | null;
  readonly pre_tokenizer: ({ readonly type: string } & JsonObject) | null;
  readonly post_processor: ({ readonly type: string } & JsonObject) | null;
  readonly decoder: JsonObject | null;
  readonly truncation?: unknown;
  readonly model: { readonly type?: string; readonly vocab: Record<string, number> | readonly unknown[] } & JsonObject;
}

/** A token that is matched in the text before the text is normalised or split. */
export interface AddedTokenJson {
  readonly id: number;
  readonly content: string;
  readonly single_word?: boolean;
  readonly lstrip?: boolean;
  readonly rstrip?: boolean;
  readonly normalized?: boolean;
  readonly special?: boolean;
}

export type JsonObject = { readonly [key: string]: unknown };

export function isJsonObject(value: unknown): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/**
 * The JSON object in a file's text, or the object itself when the caller has parsed it already.
 *
 * @throws MedTextError TOKENIZER when it is not a JSON object.
 */
export function jsonObject(json: string | JsonObject, where: string, file: string): JsonObject {
  let parsed: unknown = json;
  if (typeof json === 'string') {
    try {
      parsed = JSON.parse(json.replace(/^\uFEFF/, ''));
    } catch (error) {
      throw new MedTextError(
        'TOKENIZER',
        words`${where}: ${file} is not valid JSON (${(error as Error).message}). Copy it again.`,
        {
          where,
          file,
        },
      );
    }
  }
  if (!isJsonObject(parsed)) {
    throw new MedTextError('TOKENIZER', words`${where}: ${file} does not hold a JSON object. Copy it again.`, {
      where,
      file,
    });
  }
  return parsed;
}

/**
 * Checks the parts of the parsed file that this room reads, and fills in the optional ones.
 *
 * @throws MedTextError TOKENIZER naming the part that is wrong.
 */
export function checkTokenizerJson(json: JsonObject, where: string): TokenizerJson {
  const wrong = (part: string, expected: Words) =>
    new MedTextError(
      'TOKENIZER',
      words`${where}: tokenizer.json is broken: "${part}" must be ${expected}. Copy the file again.`,
      {
        where,
        part,
      },
    );
  const model = json.model;
  if (!isJsonObject(model)) throw wrong('model', words`an object`);
  if (!isJsonObject(model.vocab) && !Array.isArray(model.vocab))
    throw wrong('model.vocab', words`an object or an array`);
  if (isJsonObject(model.vocab)) {
    for (const [token, id] of Object.entries(model.vocab)) {
      if (!isTokenId(id))
        throw wrong(`model.vocab[${JSON.stringify(token)}]`, words`a token id (0 or a positive whole number)`);
    }
  }
  const parts: Record<string, JsonObject | null> = {};
  for (const part of ['normalizer', 'pre_tokenizer', 'post_processor', 'decoder']) {
    const value = json[part] ?? null;
    if (value !== null && (!isJsonObject(value) || typeof value.type !== 'string'))
      throw wrong(part, words`null or an object with a "type"`);
    parts[part] = value;
  }
  const addedTokens = json.added_tokens ?? [];
  if (!Array.isArray(addedTokens)) throw wrong('added_tokens', words`an array`);
  addedTokens.forEach((token: unknown, index) => {
    if (!isJsonObject(token) || !isTokenId(token.id) || typeof token.content !== 'string' || token.content === '') {
      throw wrong(`added_tokens[${index}]`, words`an object with an "id" and a "content"`);
    }
  });
  return { ...json, ...parts, model, added_tokens: addedTokens } as unknown as TokenizerJson;
}

export function isTokenId(id: unknown): id is number {
  return typeof id === 'number' && Number.isInteger(id) && id >= 0 && id < 2 ** 31;
}
