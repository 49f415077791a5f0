/**
 * The lengths that graphs are built for. Buckets are narrow for short texts, where a token is a large share of the
 * work.
 */

/** The bucket of a token length: rounded up to 4 tokens until 64, 8 until 128, 16 until 256, then 32; never over `maxLength`. */
export function bucketLength(length: number, maxLength: number): number {
  const step = length <= 64 ? 4 : length <= 128 ? 8 : length <= 256 ? 16 : 32;
  return Math.min(Math.ceil(length / step) * step, Math.max(maxLength, length));
}

/**
 * Lengths up to `longest` for graphs on a GPU. There are few, because each is compiled there. Padding costs little
 * where a small batch does not fill the GPU.
 */
export function deviceBuckets(longest: number): number[] {
  const lengths = [16, 32, 48, 64, 96, 128, 192, 256, 384].filter((length) => length < longest);
  for (let length = 512; length < longest; length += 256) lengths.push(length);
  return [...lengths, longest];
}

/** The bucket of a token length among given buckets: the smallest that holds it, else the length itself. */
export function bucketAmong(length: number, buckets: readonly number[]): number {
  return Math.min(...buckets.filter((bucket) => bucket >= length), Math.max(length, ...buckets));
}
