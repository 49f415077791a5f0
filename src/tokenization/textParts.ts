/**
 * Runs BERT's pipeline part by part. Its normaliser and pre-tokeniser cut a text around every ideograph, around every
 * punctuation character and at white space, whatever the neighbours are. So the tokens of a text are the tokens of its
 * parts. The ids of each part are kept, and an ideograph costs one look-up.
 */
import { UNIT, unitKinds } from './bertWords';
import type { Pipeline, TextTokens } from './textTokens';

const REMEMBERED_WORDS = 50_000;
const REMEMBERED_LENGTH = 32;
const { dependent, alone, space } = UNIT;
/** Marks of a character that was not met yet, and of one that is no token or several. */
const [UNKNOWN, NO_SINGLE] = [-1, -2];

/**
 * The same pipeline, several times as fast on the texts that `isPlain` accepts.
 * @param whole the pipeline for any text; it computes the tokens of a part
 * @param hasIdeographs whether the normaliser puts spaces around ideographs
 * @param isPlain false for a text in which a token may cross the boundary of two parts
 */
export function byParts(whole: Pipeline, hasIdeographs: boolean, isPlain: (text: string) => boolean): Pipeline {
  const kinds = unitKinds(hasIdeographs);
  const idOfUnit = new Int32Array(0x10000).fill(UNKNOWN);
  const known = new Map<string, TextTokens>();

  const ofWord = (word: string): TextTokens => {
    let tokens = known.get(word);
    if (tokens) return tokens;
    tokens = whole.tokens(word, Infinity);
    if (word.length <= REMEMBERED_LENGTH) {
      if (known.size >= REMEMBERED_WORDS) known.clear();
      known.set(word, tokens);
    }
    return tokens;
  };
  const idOf = (text: string, at: number): number => {
    const unit = text.charCodeAt(at);
    if (idOfUnit[unit] !== UNKNOWN) return idOfUnit[unit];
    const { ids, starts, ends } = whole.tokens(text[at], Infinity);
    idOfUnit[unit] = ids.length === 1 && starts[0] === 0 && ends[0] === 1 ? ids[0] : NO_SINGLE;
    return idOfUnit[unit];
  };

  /** Undefined where the text does not consist of such parts. */
  const read = (text: string, limit: number): TextTokens | undefined => {
    const tokens: TextTokens = { ids: [], starts: [], ends: [] };
    const { ids, starts, ends } = tokens;
    const addPart = (from: number, to: number): void => {
      const part = ofWord(text.slice(from, to));
      for (let i = 0; i < part.ids.length; i++) {
        ids.push(part.ids[i]);
        starts.push(from + part.starts[i]);
        ends.push(from + part.ends[i]);
      }
    };
    let start = 0;
    for (let at = 0; at < text.length && ids.length <= limit; at++) {
      const kind = kinds[text.charCodeAt(at)];
      if (kind === dependent) return undefined;
      if (kind !== alone && kind !== space) continue;
      if (at > start) addPart(start, at);
      start = at + 1;
      if (kind === space) continue;
      const id = idOf(text, at);
      if (id === NO_SINGLE) addPart(at, at + 1);
      else {
        ids.push(id);
        starts.push(at);
        ends.push(at + 1);
      }
    }
    if (start < text.length && ids.length <= limit) addPart(start, text.length);
    return tokens;
  };

  return {
    ids: (text, limit) => (isPlain(text) ? read(text, limit)?.ids : undefined) ?? whole.ids(text, limit),
    tokens: (text, limit) => (isPlain(text) ? read(text, limit) : undefined) ?? whole.tokens(text, limit),
  };
}
