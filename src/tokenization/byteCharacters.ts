/**
 * GPT-2's alphabet of bytes. Each byte is one printable character, so that a vocabulary of bytes is a list of strings.
 */
const CHARACTER_OF_BYTE = characterOfByte();

function characterOfByte(): string[] {
  const printable = (byte: number) =>
    (byte >= 0x21 && byte <= 0x7e) || (byte >= 0xa1 && byte <= 0xac) || (byte >= 0xae && byte <= 0xff);
  let others = 0;
  return Array.from({ length: 256 }, (_, byte) => String.fromCharCode(printable(byte) ? byte : 256 + others++));
}

const encoder = new TextEncoder();

/** The bytes of the character in UTF-8, written in GPT-2's alphabet. */
export function byteCharacters(point: number): string {
  if (point < 0x80) return CHARACTER_OF_BYTE[point];
  let text = '';
  for (const byte of encoder.encode(String.fromCodePoint(point))) text += CHARACTER_OF_BYTE[byte];
  return text;
}
