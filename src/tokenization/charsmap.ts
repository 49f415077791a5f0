/**
 * The precompiled charsmap of sentencepiece. It says what each character, or each short grapheme cluster, becomes. As
 * in the library (spm_precompiled), a cluster of fewer than six bytes is replaced as a whole by the replacement of its
 * shortest known beginning.
 */
import { Rewriter, type AlignedText } from './alignedText';
import { clusterEnd } from './graphemeClusters';

const decoder = new TextDecoder();

/**
 * The normaliser of a charsmap. Undefined when the bytes are no charsmap. Layout (little-endian): the trie's length in
 * bytes (uint32), the trie's units (a Darts double array), and replacements that end in NUL.
 */
export function charsmapNormalizer(bytes: Uint8Array): ((source: AlignedText) => AlignedText) | undefined {
  if (bytes.length < 8) return undefined;
  const trieBytes = new DataView(bytes.buffer, bytes.byteOffset).getUint32(0, true);
  if (trieBytes === 0 || trieBytes % 4 !== 0 || trieBytes + 4 > bytes.length) return undefined;
  const units = new Uint32Array(bytes.slice(4, 4 + trieBytes).buffer);
  const replacements = bytes.subarray(4 + trieBytes);

  /** The replacement of the shortest key that `key` begins with. */
  const replacementOf = (key: readonly number[]): string | undefined => {
    let place = offsetOf(units[0]);
    for (const byte of key) {
      if (byte === 0) return undefined;
      place ^= byte;
      const unit = units[place] ?? 0;
      if ((unit & 0x800000ff) !== byte) return undefined;
      place ^= offsetOf(unit);
      if (unit & 0x100) {
        const start = (units[place] ?? 0) & 0x7fffffff;
        const end = replacements.indexOf(0, start);
        return decoder.decode(replacements.subarray(start, end < 0 ? undefined : end));
      }
    }
    return undefined;
  };

  const ofCharacter = new Map<number, string | undefined>();
  const characterReplacement = (point: number): string | undefined => {
    if (!ofCharacter.has(point)) ofCharacter.set(point, replacementOf(utf8(point)));
    return ofCharacter.get(point);
  };

  return (source) => {
    const { text } = source;
    const rewriter = new Rewriter(source);
    for (let i = 0; i < text.length;) {
      const end = clusterEnd(text, i);
      const point = text.codePointAt(i)!;
      let characterEnd = i + (point > 0xffff ? 2 : 1);
      // Four UTF-16 units take at least six bytes unless they are ASCII, and CR LF is the only cluster of ASCII.
      if (end > characterEnd && end - i <= 4) {
        const key = Array.from(text.slice(i, end), (character) => utf8(character.codePointAt(0)!)).flat();
        const replacement = key.length < 6 ? replacementOf(key) : undefined;
        if (replacement !== undefined) {
          rewriter.replace(i, end, replacement);
          i = end;
          continue;
        }
      }
      while (true) {
        const replacement = characterReplacement(text.codePointAt(i)!);
        if (replacement !== undefined) rewriter.replace(i, characterEnd, replacement);
        i = characterEnd;
        if (i >= end) break;
        characterEnd = i + (text.codePointAt(i)! > 0xffff ? 2 : 1);
      }
    }
    return rewriter.finish();
  };
}

function offsetOf(unit: number): number {
  return (unit >>> 10) << ((unit & 0x200) >>> 6);
}

function utf8(point: number): number[] {
  if (point < 0x80) return [point];
  if (point < 0x800) return [0xc0 | (point >> 6), 0x80 | (point & 63)];
  if (point < 0x10000) return [0xe0 | (point >> 12), 0x80 | ((point >> 6) & 63), 0x80 | (point & 63)];
  return [0xf0 | (point >> 18), 0x80 | ((point >> 12) & 63), 0x80 | ((point >> 6) & 63), 0x80 | (point & 63)];
}
