import type { TokenIds } from './vocabulary';

/** The ids of a text's bytes as tokens `<0x00>` to `<0xFF>`; undefined where the vocabulary lacks one of them. */
export function byteTokenIds(vocab: TokenIds): (text: string) => number[] | undefined {
  const encoder = new TextEncoder();
  const idOfByte = Array.from({ length: 256 }, (_, byte) =>
    vocab.get(`<0x${byte.toString(16).toUpperCase().padStart(2, '0')}>`),
  );
  return (text) => {
    const ids = Array.from(encoder.encode(text), (byte) => idOfByte[byte]);
    return ids.every((id) => id !== undefined) ? ids : undefined;
  };
}
