/**
 * The pipeline of a tokenizer.json: added tokens, normaliser, pre-tokeniser and model turn a text into ids, and ids
 * into a text.
 */
import { AddedTokenSplitter } from './addedTokens';
import { originalText, sliceText, type AlignedText } from './alignedText';
import { isSpace } from './characterClasses';
import { readNormalizer } from './normalizers';
import { readPreTokenizer } from './preTokenizers';
import { byParts } from './textParts';
import type { Pipeline, TextTokens } from './textTokens';
import type { AddedTokenJson, TokenizerJson } from './tokenizerJson';
import type { Vocabulary } from './vocabulary';
import { readWordModel } from './wordModel';

/**
 * Makes the pipeline that a tokenizer.json describes.
 * @throws MedTextError TOKENIZER for a broken part, UNSUPPORTED for a part of an unknown kind.
 */
export function readPipeline(json: TokenizerJson, vocabulary: Vocabulary, where: string): Pipeline {
  const normalize = readNormalizer(json.normalizer, where);
  const preTokenizer = readPreTokenizer(json.pre_tokenizer, where);
  const model = readWordModel(json, vocabulary, where);
  const isNormalized = (token: AddedTokenJson) => token.normalized ?? !token.special;
  const rawSplitter = new AddedTokenSplitter(
    json.added_tokens.filter((token) => !isNormalized(token)).map((token) => [token.content, token]),
  );
  const normalizedSplitter = new AddedTokenSplitter(
    json.added_tokens.filter(isNormalized).map((token) => [normalize({ text: token.content }).text, token]),
  );

  /** Yields the words of the text, and the ids of the added tokens between them. */
  function* words(source: AlignedText): Generator<{ word: AlignedText; id?: number }> {
    for (const raw of rawSplitter.split(source.text)) {
      const part = sliceText(source, raw.from, raw.to);
      if (raw.id !== undefined) {
        yield { word: part, id: raw.id };
        continue;
      }
      const normalized = normalize(part);
      for (const { from, to, id } of normalizedSplitter.split(normalized.text)) {
        const stretch = sliceText(normalized, from, to);
        if (id !== undefined) yield { word: stretch, id };
        else for (const word of preTokenizer.split([stretch])) yield { word };
      }
    }
  }

  const whole: Pipeline = {
    ids(text, limit) {
      const ids: number[] = [];
      for (const { word, id } of words(originalText(wellFormed(text), preTokenizer.needsOrigin))) {
        if (ids.length > limit) break;
        if (id !== undefined) ids.push(id);
        else for (const token of model(word.text).ids) ids.push(token);
      }
      return ids;
    },
    tokens(text, limit) {
      const tokens: TextTokens = { ids: [], starts: [], ends: [] };
      let done = 0;
      const add = (id: number, { origin }: AlignedText, from: number, to: number) => {
        const isEmpty = from >= to || !origin;
        let start = Math.max(done, isEmpty ? done : origin.starts[from]);
        let end = Math.max(start, isEmpty ? start : origin.ends[to - 1]);
        while (start < end && isSpace(text.charCodeAt(start))) start++;
        while (end > start && isSpace(text.charCodeAt(end - 1))) end--;
        tokens.ids.push(id);
        tokens.starts.push(start);
        tokens.ends.push(end);
        done = end;
      };
      for (const { word, id } of words(originalText(wellFormed(text), true))) {
        if (tokens.ids.length > limit) break;
        if (id !== undefined) add(id, word, 0, word.text.length);
        else {
          const { ids, starts, ends } = model(word.text);
          ids.forEach((token, i) => add(token, word, starts[i], ends[i]));
        }
      }
      return tokens;
    },
  };
  if (partTypeOf(json.normalizer) !== 'BertNormalizer' || partTypeOf(json.pre_tokenizer) !== 'BertPreTokenizer') return whole; // prettier-ignore
  const handlesChinese = (json.normalizer as { handle_chinese_chars?: unknown }).handle_chinese_chars !== false;
  return byParts(whole, handlesChinese, plainTexts(json.added_tokens, isNormalized));
}

const partTypeOf = (part: unknown): unknown => (part as { type?: unknown } | null | undefined)?.type;

/**
 * A test that says whether a text can hold no added token. Tokens that are matched after normalisation are compared
 * without case, accents and white space, because the normaliser may change these.
 */
function plainTexts(
  tokens: readonly AddedTokenJson[],
  isNormalized: (token: AddedTokenJson) => boolean,
): (text: string) => boolean {
  const bare = (text: string) =>
    text
      .toLowerCase()
      .normalize('NFD')
      .replace(/[\p{M}\p{C}\s]+/gu, '');
  const raw = new AddedTokenSplitter(tokens.filter((token) => !isNormalized(token)).map((token) => [token.content, token])); // prettier-ignore
  const normalized = tokens.filter(isNormalized);
  if (normalized.length === 0) return (text) => !raw.finds(text);
  const letters = new AddedTokenSplitter(normalized.map((token) => [bare(token.content), token]));
  return (text) => !raw.finds(text) && !letters.finds(bare(text));
}

/** Python refuses lone surrogates. Here they become U+FFFD, as they do wherever text is written as UTF-8. */
function wellFormed(text: string): string {
  return text.replace(/\p{Cs}/gu, '\uFFFD');
}
