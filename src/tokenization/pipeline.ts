/** A tokenizer.json from a text to ids: added tokens, normaliser, pre-tokeniser, model; and from the ids back to the text. */
import { AddedTokenSplitter } from './addedTokens';
import { originalText, sliceText, type AlignedText } from './alignedText';
import { isSpace } from './characterClasses';
import { readNormalizer } from './normalizers';
import { readPreTokenizer } from './preTokenizers';
import type { AddedTokenJson, TokenizerJson } from './tokenizerJson';
import { readWordModel } from './wordModel';

/** The ids of a text, and which of its characters each stands for (UTF-16). All three are of one length. */
export interface TextTokens {
  readonly ids: number[];
  readonly starts: number[];
  readonly ends: number[];
}

export interface Pipeline {
  /** The ids of a text without special tokens; may stop once there are more than `limit`. */
  ids(text: string, limit: number): number[];
  /**
   * The same with the range of each token in the text. Ranges never go backwards or overlap: a character that several
   * tokens share is the first one's, and a token that stands for no character of the text (a `▁` that was put before a
   * word, the second part of what was one character) has an empty range. White space at the ends of a range is left out.
   */
  tokens(text: string, limit: number): TextTokens;
}

/** @throws MedTextError TOKENIZER for a part that is broken, UNSUPPORTED for one of an unknown kind. */
export function readPipeline(json: TokenizerJson, where: string): Pipeline {
  const normalize = readNormalizer(json.normalizer, where);
  const preTokenizer = readPreTokenizer(json.pre_tokenizer, where);
  const model = readWordModel(json, where);
  const isNormalized = (token: AddedTokenJson) => token.normalized ?? !token.special;
  const rawSplitter = new AddedTokenSplitter(
    json.added_tokens.filter((token) => !isNormalized(token)).map((token) => [token.content, token]),
  );
  const normalizedSplitter = new AddedTokenSplitter(
    json.added_tokens.filter(isNormalized).map((token) => [normalize({ text: token.content }).text, token]),
  );

  /** The text's words, and the ids of added tokens among them. */
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

  return {
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
}

/** Python refuses lone surrogates; they become U+FFFD here, as they do wherever text is written as UTF-8. */
function wellFormed(text: string): string {
  return text.replace(/\p{Cs}/gu, '\uFFFD');
}
