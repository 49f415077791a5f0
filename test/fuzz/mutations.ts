/** Ways to damage a stranger's file: bytes of a binary format, values of a JSON document. */
import type { RandomStream } from '../../src/base/random';

const INTERESTING_BYTES = [0, 1, 0x2e, 0x28, 0x52, 0x63, 0x7f, 0x80, 0x94, 0xff];

/** Changes a few bytes, mostly where a format's structure lies: near the beginning and the end. */
export function mutatedBytes(bytes: Buffer, random: RandomStream): Buffer {
  const copy = Buffer.from(bytes);
  for (let edits = 1 + random.integer(4); edits > 0; edits--) {
    const zone = Math.min(copy.length, 6000);
    const at = random.integer(2) ? random.integer(zone) : copy.length - 1 - random.integer(zone);
    switch (random.integer(5)) {
      case 0:
        copy[at] ^= 1 << random.integer(8);
        break;
      case 1:
        copy[at] = INTERESTING_BYTES[random.integer(INTERESTING_BYTES.length)];
        break;
      case 2: // A lying length.
        copy.fill(random.integer(2) ? 0xff : 0, at, Math.min(copy.length, at + 1 + random.integer(8)));
        break;
      case 3: // A piece from elsewhere.
        copy.copy(copy, at, random.integer(copy.length), Math.min(copy.length, random.integer(copy.length) + 16));
        break;
      default:
        return copy.subarray(0, at);
    }
  }
  return copy;
}

/** One byte changed, anywhere: what a bad cable, disk or download does. */
export function oneByte(bytes: Buffer, random: RandomStream): Buffer {
  const copy = Buffer.from(bytes);
  const at = random.integer(copy.length);
  copy[at] ^= 1 + random.integer(255);
  return copy;
}

const INTERESTING_VALUES: readonly unknown[] = [
  null, true, 0, -1, 1.5, 2 ** 31, 2 ** 53, 1e308, '', '..', '../../x', '/etc/passwd', 'C:\\x', 'a\0b', 'nul', 'a/./b',
  '\u202egnp', '__proto__', 'constructor', 'x'.repeat(5000), [], {}, [null], { toString: null }, 'f'.repeat(64), 'blob', 'file',
]; // prettier-ignore

/** The document with one to three of its values replaced, removed or repeated. */
export function mutatedJson(document: unknown, random: RandomStream): unknown {
  let copy: unknown = structuredClone(document);
  for (let edits = 1 + random.integer(3); edits > 0; edits--) {
    const places = placesIn(copy);
    const interesting = INTERESTING_VALUES[random.integer(INTERESTING_VALUES.length)];
    const place = places[random.integer(places.length + 1)];
    if (!place) {
      copy = structuredClone(interesting);
      continue;
    }
    const { holder, key } = place;
    const kind = random.integer(4);
    if (kind === 0) delete holder[key];
    else if (kind === 1 && Array.isArray(holder)) holder.push(structuredClone(holder[Number(key)]));
    else if (kind === 2) holder[key] = structuredClone(places[random.integer(places.length)].value);
    else holder[key] = structuredClone(interesting);
  }
  return copy;
}

interface Place {
  readonly holder: Record<string, unknown>;
  readonly key: string;
  readonly value: unknown;
}

function placesIn(value: unknown): Place[] {
  if (typeof value !== 'object' || value === null) return [];
  const holder = value as Record<string, unknown>;
  return Object.keys(holder).flatMap((key) => [{ holder, key, value: holder[key] }, ...placesIn(holder[key])]);
}
