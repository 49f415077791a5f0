/**
 * The `pre_tokenizer` of a tokenizer.json: how a normalised text is cut into words. Results equal those of Python's
 * `tokenizers`.
 */
import { words } from '../base/errors';
import { sliceText, type AlignedText } from './alignedText';
import { bertSplit } from './bertWords';
import { isNumeric, isPunctuation, isSpace, isWord, scriptOf } from './characterClasses';
import { prepend, replaceMatches, toByteCharacters } from './normalizers';
import {
  compilePattern,
  findCharacters,
  readPattern,
  SPLIT_BEHAVIORS,
  splitText,
  textPattern,
  type Stretch,
} from './splitPattern';
import {
  brokenPart,
  choiceField,
  flagField,
  part,
  partsField,
  partType,
  textField,
  unknownPart,
  type TokenizerPart,
} from './tokenizerParts';

export interface PreTokenizer {
  readonly split: (words: readonly AlignedText[]) => AlignedText[];
  /** Whether splitting depends on where a word begins in the original. Texts must then be traced. */
  readonly needsOrigin: boolean;
}

/**
 * Makes the pre-tokeniser that a tokenizer.json describes.
 * @param json the `pre_tokenizer` of a tokenizer.json; null leaves a text as one word.
 * @throws MedTextError TOKENIZER where a field is wrong, UNSUPPORTED for an unknown kind or expression.
 */
export function readPreTokenizer(json: unknown, where: string): PreTokenizer {
  return json == null ? eachWord((word) => [word]) : preTokenizerOf(part(json, 'pre_tokenizer', where));
}

function preTokenizerOf(preTokenizer: TokenizerPart): PreTokenizer {
  const type = partType(preTokenizer);
  switch (type) {
    case 'Sequence': {
      const steps = partsField(preTokenizer, 'pretokenizers').map(preTokenizerOf);
      return {
        split: (texts) => steps.reduce<AlignedText[]>((words, step) => step.split(words), [...texts]),
        needsOrigin: steps.some(({ needsOrigin }) => needsOrigin),
      };
    }
    case 'BertPreTokenizer':
      return eachWord(bertSplit);
    case 'WhitespaceSplit':
      return eachWord((word) => splitText(word, findCharacters(word.text, isSpace), 'Removed'));
    case 'Whitespace':
      return eachWord((word) => splitText(word, wordsAndSigns(word.text), 'Isolated'));
    case 'Punctuation': {
      const behavior = choiceField(preTokenizer, 'behavior', SPLIT_BEHAVIORS, 'Isolated');
      return eachWord((word) => splitText(word, findCharacters(word.text, isPunctuation), behavior));
    }
    case 'Digits': {
      const behavior = flagField(preTokenizer, 'individual_digits', false) ? 'Isolated' : 'Contiguous';
      return eachWord((word) => splitText(word, findCharacters(word.text, isNumeric), behavior));
    }
    case 'CharDelimiterSplit': {
      const delimiter = singleCharacter(preTokenizer, 'delimiter').codePointAt(0)!;
      const isDelimiter = (point: number) => point === delimiter;
      return eachWord((word) => splitText(word, findCharacters(word.text, isDelimiter), 'Removed'));
    }
    case 'Split': {
      const pattern = readPattern(preTokenizer);
      const behavior = choiceField(preTokenizer, 'behavior', SPLIT_BEHAVIORS);
      const invert = flagField(preTokenizer, 'invert', false);
      return eachWord((word) => {
        const stretches = pattern(word.text);
        return splitText(word, invert ? stretches.map(inverted) : stretches, behavior);
      });
    }
    case 'UnicodeScripts':
      return eachWord(splitByScript);
    case 'FixedLength': {
      const length = preTokenizer.json.length ?? 5;
      if (typeof length !== 'number' || !Number.isInteger(length) || length < 1) {
        throw brokenPart(preTokenizer, 'length', words`a whole number of at least 1`);
      }
      return eachWord((word) => splitByLength(word, length));
    }
    case 'ByteLevel':
      return byteLevel(preTokenizer);
    case 'Metaspace':
      return metaspace(preTokenizer);
    default:
      throw unknownPart(preTokenizer);
  }
}

function eachWord(split: (word: AlignedText) => AlignedText[]): PreTokenizer {
  return { split: (words) => words.flatMap(split), needsOrigin: false };
}

function inverted({ from, to, matched }: Stretch): Stretch {
  return { from, to, matched: !matched };
}

function singleCharacter(owner: TokenizerPart, field: string, absent?: string): string {
  const character = owner.json[field] === undefined && absent !== undefined ? absent : textField(owner, field);
  if ([...character].length !== 1) throw brokenPart(owner, field, words`one character`);
  return character;
}

/** The stretches that match `\w+|[^\w\s]+`. */
function wordsAndSigns(text: string): Stretch[] {
  const stretches: Stretch[] = [];
  let from = 0;
  let kind = 0;
  for (let i = 0; i < text.length;) {
    const point = text.codePointAt(i)!;
    const next = isSpace(point) ? 0 : isWord(point) ? 1 : 2;
    if (next !== kind) {
      if (kind !== 0) stretches.push({ from, to: i, matched: true });
      from = i;
      kind = next;
    }
    i += point > 0xffff ? 2 : 1;
  }
  if (kind !== 0) stretches.push({ from, to: text.length, matched: true });
  return stretches;
}

/**
 * Splits by script, as sentencepiece does. A space belongs to the word beside it; spaces before the first script are
 * lost.
 */
function splitByScript(word: AlignedText): AlignedText[] {
  const { text } = word;
  const cuts: number[] = [];
  let last = 0;
  for (let i = 0; i < text.length;) {
    const point = text.codePointAt(i)!;
    const script = scriptOf(point);
    if (script !== 0 && script !== last) cuts.push(i);
    if (script !== 0) last = script;
    i += point > 0xffff ? 2 : 1;
  }
  return cuts.map((from, i) => sliceText(word, from, cuts[i + 1] ?? text.length));
}

function splitByLength(word: AlignedText, length: number): AlignedText[] {
  const pieces: AlignedText[] = [];
  let from = 0;
  let characters = 0;
  for (let i = 0; i < word.text.length;) {
    i += word.text.codePointAt(i)! > 0xffff ? 2 : 1;
    if (++characters < length && i < word.text.length) continue;
    pieces.push(sliceText(word, from, i));
    from = i;
    characters = 0;
  }
  return pieces;
}

const GPT2_WORDS = String.raw`'s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+`;

/** GPT-2's pre-tokeniser: words with the space before them, whose bytes are then written as characters. */
function byteLevel(preTokenizer: TokenizerPart): PreTokenizer {
  const addPrefixSpace = flagField(preTokenizer, 'add_prefix_space', true);
  const pattern = flagField(preTokenizer, 'use_regex', true) ? compilePattern(GPT2_WORDS, preTokenizer) : undefined;
  return eachWord((word) => {
    const text = addPrefixSpace && !word.text.startsWith(' ') ? prepend(word, ' ') : word;
    const pieces = pattern ? splitText(text, pattern(text.text), 'Isolated') : [text];
    return pieces.map(toByteCharacters);
  });
}

/** sentencepiece's pre-tokeniser: spaces become `▁`, which begins each word. */
function metaspace(preTokenizer: TokenizerPart): PreTokenizer {
  const replacement = singleCharacter(preTokenizer, 'replacement', '▁');
  const split = flagField(preTokenizer, 'split', true);
  const mark = replacement.codePointAt(0)!;
  const isMark = (point: number) => point === mark;
  const spaces = textPattern(' ');
  let scheme = choiceField(preTokenizer, 'prepend_scheme', ['always', 'first', 'never'], 'always');
  if (preTokenizer.json.add_prefix_space === false) scheme = 'never';
  return {
    needsOrigin: scheme === 'first',
    split: (texts) =>
      texts.flatMap((source) => {
        let word = replaceMatches(source, spaces, replacement);
        const isFirst = scheme === 'always' || (scheme === 'first' && word.origin?.starts[0] === 0);
        if (isFirst && !word.text.startsWith(replacement)) word = prepend(word, replacement);
        return split ? splitText(word, findCharacters(word.text, isMark), 'MergedWithNext') : [word];
      }),
  };
}
