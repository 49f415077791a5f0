import { MedTextError } from '../base/errors';
import type { EncodedExample } from './tokenizer';

/** Encoded examples padded into one batch; each array is [batchSize, length], row after row. */
export interface BatchEncoding<Ids extends Int32Array | BigInt64Array> {
  readonly inputIds: Ids;
  readonly tokenTypeIds: Ids;
  /** 1 for a token, 0 for padding */
  readonly attentionMask: Ids;
  readonly batchSize: number;
  readonly length: number;
}

/** The shape that examples are padded to: a length bucket, and a batch that may have more rows than there are examples. */
export interface BatchShape {
  readonly batchSize: number;
  readonly length: number;
}

/**
 * Pads examples on the right with `padTokenId`, token type 0 and mask 0. Rows beyond the examples are all padding, but
 * attention sees their first token. A row that sees no token has a softmax over -Infinity alone in graphs exported
 * elsewhere. Its NaN would spoil every gradient, even with a weight of 0.
 *
 * @throws MedTextError INTERNAL when an example is longer than the bucket or there are more examples than rows.
 */
export function padBatch(
  examples: readonly EncodedExample[],
  shape: BatchShape,
  padTokenId: number,
  idType: 'int32',
): BatchEncoding<Int32Array>;
export function padBatch(
  examples: readonly EncodedExample[],
  shape: BatchShape,
  padTokenId: number,
  idType: 'int64',
): BatchEncoding<BigInt64Array>;
export function padBatch(
  examples: readonly EncodedExample[],
  { batchSize, length }: BatchShape,
  padTokenId: number,
  idType: 'int32' | 'int64',
): BatchEncoding<Int32Array> | BatchEncoding<BigInt64Array> {
  if (examples.length > batchSize) {
    throw new MedTextError('INTERNAL', `${examples.length} examples do not fit a batch of ${batchSize}.`, {
      batchSize,
    });
  }
  const inputIds = new Int32Array(batchSize * length).fill(padTokenId);
  const tokenTypeIds = new Int32Array(batchSize * length);
  const attentionMask = new Int32Array(batchSize * length);
  for (const [row, example] of examples.entries()) {
    if (example.length > length) {
      throw new MedTextError('INTERNAL', `An example of ${example.length} tokens does not fit a length of ${length}.`, {
        length,
      });
    }
    inputIds.set(example.inputIds, row * length);
    tokenTypeIds.set(example.tokenTypeIds, row * length);
    attentionMask.fill(1, row * length, row * length + example.length);
  }
  for (let row = examples.length; row < batchSize; row++) attentionMask[row * length] = 1;
  if (idType === 'int32') return { inputIds, tokenTypeIds, attentionMask, batchSize, length };
  return {
    inputIds: widen(inputIds),
    tokenTypeIds: widen(tokenTypeIds),
    attentionMask: widen(attentionMask),
    batchSize,
    length,
  };
}

/**
 * Token ids are never negative, so each 64-bit number is the 32-bit one followed by 0. Every platform of Node is
 * little-endian.
 */
function widen(values: Int32Array): BigInt64Array {
  const wide = new Int32Array(values.length * 2);
  for (let i = 0; i < values.length; i++) wide[2 * i] = values[i];
  return new BigInt64Array(wide.buffer);
}
