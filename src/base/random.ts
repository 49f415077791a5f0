/**
 * Randomness as arithmetic on a counter: the value for (seed, stream, index) never depends on what was drawn before,
 * so a resumed run continues bit for bit and any part can be drawn alone.
 */

/** A well-mixed 32-bit hash of a 32-bit integer ("lowbias32", Chris Wellons, "Prospecting for Hash Functions", 2018). */
export function hash32(x: number): number {
  x = Math.imul(x ^ (x >>> 16), 0x7feb352d);
  x = Math.imul(x ^ (x >>> 15), 0x846ca68b);
  return (x ^ (x >>> 16)) >>> 0;
}

/** One 32-bit key from several integers, order mattering: `keyOf(seed, step, site)`. */
export function keyOf(...parts: readonly number[]): number {
  let key = 0x9e3779b9;
  for (const part of parts) key = hash32(key ^ hash32((part | 0) + 0x85ebca6b));
  return key;
}

/** The `index`-th uniform value in [0, 1) of the stream `key`, with 32 random bits. */
export function uniformAt(key: number, index: number): number {
  return hash32(key ^ hash32(index)) / 4294967296;
}

/** A sequential view on one stream, for shuffles and initialisation. */
export class RandomStream {
  private index = 0;
  constructor(private readonly key: number) {}

  /** Uniform in [0, 1). */
  uniform(): number {
    return uniformAt(this.key, this.index++);
  }

  /** Uniform integer in [0, bound). */
  integer(bound: number): number {
    return Math.floor(this.uniform() * bound);
  }

  /** Standard normal (Box-Muller). */
  normal(): number {
    const radius = Math.sqrt(-2 * Math.log(1 - this.uniform()));
    return radius * Math.cos(2 * Math.PI * this.uniform());
  }

  /** Fisher-Yates, in place. */
  shuffle<T>(items: T[]): T[] {
    for (let i = items.length - 1; i > 0; i--) {
      const j = this.integer(i + 1);
      [items[i], items[j]] = [items[j], items[i]];
    }
    return items;
  }
}
