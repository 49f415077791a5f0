/** The lengths that graphs are built for. Fine where texts are short and a token is a large share of the work. */

/** The bucket of a token length: rounded up to 4 tokens until 64, 8 until 128, 16 until 256, then 32; never over `maxLength`. */
export function bucketLength(length: number, maxLength: number): number {
  const step = length <= 64 ? 4 : length <= 128 ? 8 : length <= 256 ? 16 : 32;
  return Math.min(Math.ceil(length / step) * step, Math.max(maxLength, length));
}

/** A token length's bucket among given ones: the smallest that holds it, else the length itself. */
export function bucketAmong(length: number, buckets: readonly number[]): number {
  return Math.min(...buckets.filter((bucket) => bucket >= length), Math.max(length, ...buckets));
}
