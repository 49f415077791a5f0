/** A tokenizer with more tokens: the same pipeline, and words that are found before anything else is done to a text. */
import { MedTextError, words } from '../base/errors';
import { loadTokenizer, type TokenizerFiles } from './tokenizer';
import { checkTokenizerJson, isJsonObject, jsonObject } from './tokenizerJson';

export interface ExtendedVocabulary {
  /** The new tokens, in the order of their ids, the first of which is the tokenizer's size. */
  readonly tokens: readonly string[];
  /** Of each, the ids that it was split into. */
  readonly pieces: readonly (readonly number[])[];
  /** The rows that the vocabulary had. */
  readonly size: number;
  /** The files that change, by name, as text. */
  readonly files: Readonly<Record<string, string>>;
}

/**
 * Adds what is not a single token yet. Where the folder has a tokenizer.json the tokens go in there, where tokenizer_config.json lists its
 * tokens (`added_tokens_decoder`) in there too, else into added_tokens.json: the files that transformers reads, in its order.
 * @throws MedTextError USAGE where all are tokens already, TOKENIZER for broken files.
 */
export function extendVocabulary(files: TokenizerFiles, wanted: readonly string[], where: string): ExtendedVocabulary {
  const tokenizer = loadTokenizer(files, where);
  const { unk } = tokenizer.specialIds;
  const isToken = (text: string) => {
    const ids = tokenizer.ids(text);
    return ids.length === 1 && ids[0] !== unk;
  };
  const tokens = [...new Set(wanted.map((text) => text.trim()))].filter((text) => text !== '' && !isToken(text));
  if (tokens.length === 0) throw new MedTextError('USAGE', words`${where}: every token to be added is a single token already.`, { where }); // prettier-ignore
  const size = tokenizer.vocabSize;
  const added = tokens.map((content, i) => ({ id: size + i, content, single_word: false, lstrip: false, rstrip: false, normalized: true, special: false })); // prettier-ignore
  const changed: Record<string, string> = {};
  const text = (value: unknown) => `${JSON.stringify(value, null, 2)}\n`;
  if (files.tokenizerJson !== undefined) {
    const json = checkTokenizerJson(jsonObject(files.tokenizerJson, where, 'tokenizer.json'), where);
    changed['tokenizer.json'] = text({ ...json, added_tokens: [...json.added_tokens, ...added] });
  }
  const config = jsonObject(files.tokenizerConfig ?? {}, where, 'tokenizer_config.json');
  if (isJsonObject(config.added_tokens_decoder)) {
    const listed = Object.fromEntries(added.map(({ id, ...token }) => [id, token]));
    changed['tokenizer_config.json'] = text({ ...config, added_tokens_decoder: { ...config.added_tokens_decoder, ...listed } }); // prettier-ignore
  } else if (files.tokenizerJson === undefined) {
    const before = jsonObject(files.addedTokens ?? {}, where, 'added_tokens.json');
    changed['added_tokens.json'] = text({ ...before, ...Object.fromEntries(added.map(({ id, content }) => [content, id])) }); // prettier-ignore
  }
  const after = loadTokenizer(
    {
      ...files,
      vocabSize: size + tokens.length,
      tokenizerJson: changed['tokenizer.json'] ?? files.tokenizerJson,
      tokenizerConfig: changed['tokenizer_config.json'] ?? files.tokenizerConfig,
      addedTokens: changed['added_tokens.json'] ?? files.addedTokens,
    },
    where,
  );
  const wrong = tokens.find((token, i) => after.ids(token).join() !== String(size + i));
  if (wrong !== undefined) {
    throw new MedTextError('TOKENIZER', words`${where}: "${wrong}" cannot be a token of this tokenizer: another token has a part of it, or its normaliser changes it.`, { where, token: wrong }); // prettier-ignore
  }
  return { tokens, pieces: tokens.map((token) => tokenizer.ids(token)), size, files: changed };
}
