import * as zlib from 'node:zlib';

/** The CRC-32 of ZIP archives (APPNOTE 6.3, section 4.4.7). `before` continues the CRC of the bytes before. */
export const crc32: (data: Uint8Array, before?: number) => number = zlib.crc32 ?? tableCrc32;

let table: Uint32Array | undefined;

/** {@link crc32} for Node before 20.15, which has none of its own. */
export function tableCrc32(data: Uint8Array, before = 0): number {
  table ??= Uint32Array.from({ length: 256 }, (_, n) => {
    let c = n;
    for (let bit = 0; bit < 8; bit++) c = c & 1 ? 0xedb88320 ^ (c >>> 1) : c >>> 1;
    return c;
  });
  let crc = ~before;
  for (let i = 0; i < data.length; i++) crc = table[(crc ^ data[i]) & 0xff] ^ (crc >>> 8);
  return ~crc >>> 0;
}
