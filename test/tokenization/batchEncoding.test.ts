import assert from 'node:assert/strict';
import type { MedTextError } from '../../src/base/errors';
import { padBatch } from '../../src/tokenization/batchEncoding';
import type { EncodedExample } from '../../src/tokenization/tokenizer';

const example = (ids: number[], types: number[]): EncodedExample => ({
  inputIds: Int32Array.from(ids),
  tokenTypeIds: Int32Array.from(types),
  length: ids.length,
  truncated: false,
});
const examples = [example([101, 5131, 102, 4567, 102], [0, 0, 0, 1, 1]), example([101, 102], [0, 0])];

describe('padBatch', () => {
  it('pads short examples and missing rows, of which attention sees one token', () => {
    const batch = padBatch(examples, { batchSize: 3, length: 6 }, 7, 'int32');
    assert.deepEqual([...batch.inputIds], [101, 5131, 102, 4567, 102, 7, 101, 102, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7]);
    assert.deepEqual([...batch.tokenTypeIds], [0, 0, 0, 1, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0]);
    assert.deepEqual([...batch.attentionMask], [1, 1, 1, 1, 1, 0, 1, 1, 0, 0, 0, 0, 1, 0, 0, 0, 0, 0]);
    assert.deepEqual([batch.batchSize, batch.length], [3, 6]);
  });

  it('gives the same numbers in 64 bits', () => {
    const narrow = padBatch(examples, { batchSize: 2, length: 5 }, 0, 'int32');
    const wide = padBatch(examples, { batchSize: 2, length: 5 }, 0, 'int64');
    for (const key of ['inputIds', 'tokenTypeIds', 'attentionMask'] as const) {
      assert.ok(wide[key] instanceof BigInt64Array);
      assert.deepEqual([...wide[key]], [...narrow[key]].map(BigInt));
    }
  });

  it('refuses what does not fit', () => {
    const fails = (action: () => unknown) => assert.throws(action, (error: MedTextError) => error.code === 'INTERNAL');
    fails(() => padBatch(examples, { batchSize: 1, length: 8 }, 0, 'int32'));
    fails(() => padBatch(examples, { batchSize: 2, length: 4 }, 0, 'int32'));
  });
});
