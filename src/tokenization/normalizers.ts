/**
 * The `normalizer` of a tokenizer.json: how a text is changed before it is split. Results equal those of Python's
 * `tokenizers`.
 */
import { words } from '../base/errors';
import { Rewriter, sliceText, type AlignedText } from './alignedText';
import { bertNormalize } from './bertWords';
import { byteCharacters } from './byteCharacters';
import { isCombining, isSpace } from './characterClasses';
import { charsmapNormalizer } from './charsmap';
import { readPattern, type Pattern } from './splitPattern';
import {
  brokenPart,
  flagField,
  part,
  partsField,
  partType,
  textField,
  unknownPart,
  type TokenizerPart,
} from './tokenizerParts';
import { lowerCase, normalForm } from './unicodeForms';

export type Normalizer = (source: AlignedText) => AlignedText;

/**
 * Makes the normaliser that a tokenizer.json describes.
 * @param json the `normalizer` of a tokenizer.json; null leaves texts unchanged.
 * @throws MedTextError TOKENIZER where a field is wrong, UNSUPPORTED for an unknown kind.
 */
export function readNormalizer(json: unknown, where: string): Normalizer {
  return json == null ? (source) => source : normalizerOf(part(json, 'normalizer', where));
}

function normalizerOf(normalizer: TokenizerPart): Normalizer {
  const type = partType(normalizer);
  switch (type) {
    case 'Sequence': {
      const steps = partsField(normalizer, 'normalizers').map(normalizerOf);
      return (source) => steps.reduce((text, step) => step(text), source);
    }
    case 'BertNormalizer': {
      const stripAccents = normalizer.json.strip_accents;
      const options = {
        cleanText: flagField(normalizer, 'clean_text', true),
        handleChineseChars: flagField(normalizer, 'handle_chinese_chars', true),
        stripAccents: typeof stripAccents === 'boolean' ? stripAccents : null,
        lowercase: flagField(normalizer, 'lowercase', true),
      };
      return (source) => bertNormalize(source, options);
    }
    case 'NFC':
    case 'NFD':
    case 'NFKC':
    case 'NFKD':
      return (source) => normalForm(source, type);
    case 'Lowercase':
      return lowerCase;
    case 'StripAccents':
      return (source) => mapCharacters(source, (point) => (isCombining(point) ? '' : undefined));
    case 'Nmt':
      return (source) => mapCharacters(source, nmt);
    case 'Strip': {
      const left = flagField(normalizer, 'strip_left', true);
      const right = flagField(normalizer, 'strip_right', true);
      return (source) => strip(source, left, right);
    }
    case 'Prepend': {
      const prepended = textField(normalizer, 'prepend');
      return (source) => (source.text === '' ? source : prepend(source, prepended));
    }
    case 'Replace': {
      const pattern = readPattern(normalizer);
      const content = textField(normalizer, 'content');
      return (source) => replaceMatches(source, pattern, content);
    }
    case 'Precompiled': {
      const bytes = decodedBase64(textField(normalizer, 'precompiled_charsmap'));
      const normalize = bytes && charsmapNormalizer(bytes);
      if (!normalize) throw brokenPart(normalizer, 'precompiled_charsmap', words`a charsmap of sentencepiece`);
      return normalize;
    }
    case 'ByteLevel':
      return toByteCharacters;
    default:
      throw unknownPart(normalizer);
  }
}

function decodedBase64(text: string): Uint8Array | undefined {
  try {
    const characters = atob(text);
    const bytes = new Uint8Array(characters.length);
    for (let i = 0; i < bytes.length; i++) bytes[i] = characters.charCodeAt(i);
    return bytes;
  } catch {
    return undefined;
  }
}

export function prepend(source: AlignedText, content: string): AlignedText {
  const rewriter = new Rewriter(source);
  rewriter.replace(0, 0, content);
  return rewriter.finish();
}

export function replaceMatches(source: AlignedText, pattern: Pattern, content: string): AlignedText {
  const rewriter = new Rewriter(source);
  for (const { from, to, matched } of pattern(source.text)) {
    if (matched) rewriter.replace(from, to, content);
  }
  return rewriter.finish();
}

/** Replaces each byte of the text in UTF-8 by its character in GPT-2's alphabet. */
export function toByteCharacters(source: AlignedText): AlignedText {
  return mapCharacters(source, (point) => byteCharacters(point));
}

/**
 * Replaces characters one by one.
 * @param replacement the replacement of a character; undefined keeps the character.
 */
function mapCharacters(source: AlignedText, replacement: (point: number) => string | undefined): AlignedText {
  const { text } = source;
  const rewriter = new Rewriter(source);
  for (let i = 0; i < text.length;) {
    const point = text.codePointAt(i)!;
    const end = i + (point > 0xffff ? 2 : 1);
    const content = replacement(point);
    if (content !== undefined) rewriter.replace(i, end, content);
    i = end;
  }
  return rewriter.finish();
}

/**
 * The nmt rules of sentencepiece: control characters are removed, odd white space and marks of no width become spaces.
 */
function nmt(point: number): string | undefined {
  if (
    (point >= 0x01 && point <= 0x08) ||
    point === 0x0b ||
    (point >= 0x0e && point <= 0x1f) ||
    point === 0x7f ||
    point === 0x8f ||
    point === 0x9f
  ) {
    return '';
  }
  if (point >= 0x200b && point <= 0x200f) return ' ';
  return NMT_SPACES.has(point) ? ' ' : undefined;
}

const NMT_SPACES = new Set([0x09, 0x0a, 0x0c, 0x0d, 0x1680, 0x2028, 0x2029, 0x2581, 0xfeff, 0xfffd]);

function strip(source: AlignedText, left: boolean, right: boolean): AlignedText {
  const { text } = source;
  let from = 0;
  let to = text.length;
  while (left && from < to && isSpace(text.charCodeAt(from))) from++;
  while (right && to > from && isSpace(text.charCodeAt(to - 1))) to--;
  return from === 0 && to === text.length ? source : sliceText(source, from, to);
}
