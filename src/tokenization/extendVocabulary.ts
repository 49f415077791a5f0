/**
 * Adds tokens to a tokenizer. The pipeline stays the same; the new tokens are found before the text is normalised or
 * split.
 */
import { MedTextError, words } from '../base/errors';
import { loadTokenizer, type Tokenizer, type TokenizerFiles } from './tokenizer';
import { checkTokenizerJson, isJsonObject, jsonObject } from './tokenizerJson';

export interface ExtendedVocabulary {
  /** The new tokens in the order of their ids. The first id is the tokenizer's old size. */
  readonly tokens: readonly string[];
  /** For each new token, the ids that it was split into before. */
  readonly pieces: readonly (readonly number[])[];
  /** The number of rows that the vocabulary had before. */
  readonly size: number;
  /** The files that change: name → text. */
  readonly files: Readonly<Record<string, string>>;
}

/**
 * The ids that a string is split into. SentencePiece's mark of a text's beginning is left out where it stands alone: inside
 * a text it is not there.
 */
export function ownPieces(tokenizer: Pick<Tokenizer, 'ids' | 'tokenText'>, text: string): readonly number[] {
  const ids = tokenizer.ids(text);
  return ids.length > 1 && tokenizer.tokenText(ids[0]) === '▁' && !text.startsWith('▁') ? ids.slice(1) : ids;
}

/**
 * Adds every wanted string that is not a single token yet. The tokens go into tokenizer.json where the folder has one,
 * and into `added_tokens_decoder` where tokenizer_config.json has that list. Otherwise they go into added_tokens.json.
 * These are the files that transformers reads, in its order.
 * @throws MedTextError USAGE where every string is a token already, TOKENIZER for broken files.
 */
export function extendVocabulary(files: TokenizerFiles, wanted: readonly string[], where: string): ExtendedVocabulary {
  const tokenizer = loadTokenizer(files, where);
  const { unk } = tokenizer.specialIds;
  const isToken = (text: string) => {
    const ids = ownPieces(tokenizer, text);
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
  return { tokens, pieces: tokens.map((token) => ownPieces(tokenizer, token)), size, files: changed };
}
