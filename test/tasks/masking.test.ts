import assert from 'node:assert/strict';
import { keyOf, RandomStream } from '../../src/base/random';
import {
  maskBudget,
  maskTokens,
  shuffleBudget,
  shuffleTrigrams,
  type MaskableTokens,
  type MaskingOptions,
} from '../../src/tasks/masking';

const MASK = 103;
const ORDINARY = Int32Array.from({ length: 1000 }, (_, i) => 1000 + i);
const OPTIONS: MaskingOptions = {
  share: 0.15,
  maskTokenId: MASK,
  ordinaryIds: ORDINARY,
  maskShare: 0.8,
  randomShare: 0.1,
};

/** [CLS], words of one to four tokens with ids of their own, [SEP], padding. */
function example(random: RandomStream, count: number, isWholeWord = true): MaskableTokens {
  const wordStarts: number[] = [];
  while (wordStarts.length < count) {
    const length = 1 + random.integer(4);
    for (let i = 0; i < length; i++) wordStarts.push(!isWholeWord || i === 0 ? 1 : 0);
  }
  const tokens = Array.from({ length: count }, (_, i) => 5000 + i);
  return {
    inputIds: [101, ...tokens, 102, 0, 0],
    wordStarts: [1, ...wordStarts.slice(0, count), 1, 1, 1],
    isMaskable: [0, ...tokens.map(() => 1), 0, 0, 0],
  };
}

const examples = (isWholeWord: boolean, how = 400) => {
  const random = new RandomStream(7);
  return Array.from({ length: how }, () => example(random, 1 + random.integer(126), isWholeWord));
};

describe('masking', () => {
  it('masks 15 % of the tokens of every example, one at least, and never a special token', () => {
    for (const isWholeWord of [false, true]) {
      examples(isWholeWord).forEach((tokens, i) => {
        const count = tokens.inputIds.length - 4;
        const masked = maskTokens(tokens, OPTIONS, keyOf(1, i));
        const budget = maskBudget(count, 0.15);
        assert.equal(budget, Math.max(1, Math.round(0.15 * count)));
        assert.ok(masked.positions.length >= 1 && masked.positions.length <= budget);
        if (!isWholeWord) assert.equal(masked.positions.length, budget);
        for (const [n, at] of masked.positions.entries()) {
          assert.equal(tokens.isMaskable[at], 1);
          assert.equal(masked.targets[n], tokens.inputIds[at]);
          if (n > 0) assert.ok(at > masked.positions[n - 1], 'positions ascend');
        }
        const isPredicted = new Set(masked.positions);
        masked.inputIds.forEach((id, at) => isPredicted.has(at) || assert.equal(id, tokens.inputIds[at]));
      });
    }
  });

  it('masks words whole', () => {
    let cut = 0;
    let words = 0;
    examples(true).forEach((tokens, i) => {
      const isPredicted = new Set(maskTokens(tokens, OPTIONS, keyOf(2, i)).positions);
      for (const at of isPredicted) {
        words++;
        const next = at + 1;
        const goesOn = tokens.isMaskable[next] && !tokens.wordStarts[next];
        if (goesOn && !isPredicted.has(next)) cut++;
      }
    });
    // Cut are first words of examples so short that no word fits.
    assert.ok(words > 2000 && cut / words < 0.005, `${cut} of ${words} cut`);
  });

  it('replaces 80 % by [MASK] and 10 % by a random ordinary token, within four standard deviations', () => {
    const count = { mask: 0, random: 0, kept: 0 };
    const drawn = new Set<number>();
    examples(false, 3000).forEach((tokens, i) => {
      const { positions, inputIds, targets } = maskTokens(tokens, OPTIONS, keyOf(3, i));
      positions.forEach((at, n) => {
        const id = inputIds[at];
        if (id === MASK) count.mask++;
        else if (id === targets[n]) count.kept++;
        else {
          count.random++;
          drawn.add(id);
          assert.ok(id >= 1000 && id < 2000);
        }
      });
    });
    const total = count.mask + count.random + count.kept;
    for (const [kind, share] of [
      ['mask', 0.8],
      ['random', 0.1],
      ['kept', 0.1],
    ] as const) {
      const deviation = Math.sqrt((share * (1 - share)) / total);
      assert.ok(Math.abs(count[kind] / total - share) < 4 * deviation, `${kind}: ${count[kind] / total}`);
    }
    assert.ok(drawn.size > 900, `${drawn.size} of 1000 ids drawn`);
  });

  it('masks every position of an example alike, over the epochs', () => {
    const tokens = example(new RandomStream(1), 60, false);
    const hits = new Float64Array(tokens.inputIds.length);
    const epochs = 4000;
    for (let epoch = 0; epoch < epochs; epoch++) for (const at of maskTokens(tokens, OPTIONS, keyOf(4, epoch)).positions) hits[at]++; // prettier-ignore
    const share = maskBudget(60, 0.15) / 60;
    const deviation = Math.sqrt((share * (1 - share)) / epochs);
    for (let at = 1; at <= 60; at++) assert.ok(Math.abs(hits[at] / epochs - share) < 4.5 * deviation, `position ${at}: ${hits[at] / epochs}`); // prettier-ignore
  });

  it('is a function of the key alone', () => {
    const [tokens] = examples(true, 1);
    assert.deepEqual(maskTokens(tokens, OPTIONS, 5), maskTokens(tokens, OPTIONS, 5));
    assert.notDeepEqual(maskTokens(tokens, OPTIONS, 5), maskTokens(tokens, OPTIONS, 6));
  });

  it('predicts nothing where there is nothing but special tokens', () => {
    const { positions } = maskTokens({ inputIds: [101, 102], wordStarts: [1, 1], isMaskable: [0, 0] }, OPTIONS, 1);
    assert.equal(positions.length, 0);
  });
});

describe('shuffling trigrams', () => {
  it('moves 5 % of the trigrams of unmasked tokens, without overlap, and predicts what stood there', () => {
    let trigrams = 0;
    let shuffled = 0;
    examples(true).forEach((tokens, i) => {
      const key = keyOf(5, i);
      const masked = maskTokens(tokens, OPTIONS, key);
      const moved = shuffleTrigrams(tokens, masked, 0.05, key);
      const isMasked = new Set(masked.positions);
      const isFree = (at: number) => tokens.isMaskable[at] === 1 && !isMasked.has(at);
      const here = [...masked.inputIds.keys()].filter((at) => isFree(at) && isFree(at + 1) && isFree(at + 2)).length;
      trigrams += here;
      shuffled += moved.positions.length / 3;
      assert.equal(moved.positions.length % 3, 0);
      assert.ok(moved.positions.length <= 3 * Math.round(0.05 * here));
      assert.ok(moved.positions.length <= shuffleBudget(tokens.inputIds.length - 4, 0.05));
      moved.positions.forEach((at, n) => {
        assert.ok(isFree(at));
        assert.equal(moved.targets[n], tokens.inputIds[at]);
      });
      // The same tokens at the places that were chosen, and no other place changed.
      const sorted = (ids: Int32Array) => [...moved.positions].map((at) => ids[at]).sort();
      assert.deepEqual(sorted(moved.inputIds), sorted(masked.inputIds));
      const isMoved = new Set(moved.positions);
      moved.inputIds.forEach((id, at) => isMoved.has(at) || assert.equal(id, masked.inputIds[at]));
      for (let n = 0; n < moved.positions.length; n += 3) {
        const places = moved.positions.slice(n, n + 3);
        assert.deepEqual([places[1] - places[0], places[2] - places[0]], [1, 2]);
        assert.ok(places.some((at) => moved.inputIds[at] !== masked.inputIds[at]), 'another order'); // prettier-ignore
      }
    });
    assert.ok(Math.abs(shuffled / trigrams - 0.05) < 0.005, `${shuffled / trigrams}`);
  });
});
