/** Batches of random tokens that both sides read from one file. */
import { keyOf, RandomStream } from '../../src/base/random';
import type { Batch } from '../../src/steps/trainingSteps';
import { maskTokens } from '../../src/tasks/masking';
import { config, LABELS } from './bertBase';

/** One length's batches, as reference/trainStep.py reads them: [batches, batch, length], labels [batches, batch]. */
export interface BatchesJson {
  readonly inputIds: number[][][];
  readonly tokenTypeIds: number[][][];
  readonly attentionMask: number[][][];
  readonly labels: number[][];
}

const FIRST_WORD = 670; // below lie special tokens and punctuation
const BATCHES = 3;
const MASK = 103;

/** Each batch has one row of full length; the others are padded by up to a quarter, as rows of a batch are. */
export function randomBatches(batchSize: number, length: number): BatchesJson {
  const random = new RandomStream(keyOf(7, batchSize, length));
  const integer = (from: number, to: number) => from + random.integer(to - from);
  const batches: BatchesJson = { inputIds: [], tokenTypeIds: [], attentionMask: [], labels: [] };
  for (let batch = 0; batch < BATCHES; batch++) {
    const tokens = Array.from({ length: batchSize }, (_, row) =>
      row === 0 ? length : integer(Math.ceil(0.75 * length), length + 1),
    );
    const rows = (valueAt: (position: number, tokens: number) => number) =>
      tokens.map((count) => Array.from({ length }, (_, position) => valueAt(position, count)));
    batches.inputIds.push(rows((i, count) => (i < count ? integer(FIRST_WORD, config.vocabSize) : config.padTokenId)));
    batches.tokenTypeIds.push(rows((i, count) => (i < count && i >= count / 2 ? 1 : 0)));
    batches.attentionMask.push(rows((i, count) => (i < count ? 1 : 0)));
    batches.labels.push(tokens.map(() => integer(0, LABELS)));
  }
  return batches;
}

export function batchesOf({ inputIds, tokenTypeIds, attentionMask, labels }: BatchesJson): Batch[] {
  return inputIds.map((rows, batch) => ({
    length: rows[0].length,
    examples: rows.map((ids, row) => {
      const length = attentionMask[batch][row].reduce((sum, bit) => sum + bit, 0);
      return {
        target: labels[batch][row],
        encoded: {
          inputIds: Int32Array.from(ids.slice(0, length)),
          tokenTypeIds: Int32Array.from(tokenTypeIds[batch][row].slice(0, length)),
          length,
          truncated: false,
        },
      };
    }),
  }));
}

/** The batch's tokens masked as a step of continued pretraining has them: the first and last of a row are special ones. */
export function maskedBatch({ examples, length }: Batch, step: number): Batch {
  const ordinaryIds = Int32Array.from({ length: config.vocabSize - FIRST_WORD }, (_, id) => FIRST_WORD + id);
  const options = { share: 0.15, maskShare: 0.8, randomShare: 0.1, maskTokenId: MASK, ordinaryIds };
  return {
    length,
    examples: examples.map(({ encoded }, row) => {
      const isMaskable = new Uint8Array(encoded.length).fill(1, 1, encoded.length - 1);
      const wordStarts = new Uint8Array(encoded.length).fill(1);
      const masked = maskTokens({ inputIds: encoded.inputIds, wordStarts, isMaskable }, options, keyOf(7, step, row));
      return { encoded: { ...encoded, inputIds: masked.inputIds }, target: { masked } };
    }),
  };
}
