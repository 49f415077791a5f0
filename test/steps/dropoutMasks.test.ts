import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { keyOf } from '../../src/base/random';
import { Operators } from '../../src/onnx/operators';
import { buildDropoutMasks, fillDropoutMask, maskPlaces } from '../../src/steps/dropoutMasks';
import { runGraph } from '../support/graphRunner';

const SIZE = 1 << 18;

function drops(probability: number, key: number, first = 0, size = SIZE): Uint8Array {
  const mask = new Float32Array(size);
  fillDropoutMask(mask, probability, key, first);
  return Uint8Array.from(mask, (value) => (value === 0 ? 1 : 0));
}

/** Standard deviations that the share of coincidences of a and b (moved by `lag`) lies off independence. */
function deviation(a: Uint8Array, b: Uint8Array, probability: number, lag: number): number {
  let sum = 0;
  for (let i = 0; i + lag < a.length; i++) sum += (a[i] - probability) * (b[i + lag] - probability);
  return Math.abs(sum / Math.sqrt(a.length) / (probability * (1 - probability)));
}

describe('dropout masks', () => {
  it('drop with the probability, and their mean is 1', () => {
    for (const probability of [0.1, 0.5]) {
      for (const key of [0, 1, -77777, keyOf(1, 2)]) {
        const mask = new Float32Array(SIZE);
        fillDropoutMask(mask, probability, key);
        const mean = mask.reduce((sum, value) => sum + value, 0) / SIZE;
        const sigma = Math.sqrt(probability / (1 - probability) / SIZE);
        assert.ok(Math.abs(mean - 1) < 5 * sigma, `p ${probability}, key ${key}: mean ${mean}`);
      }
    }
  });

  it('know nothing of their neighbours, nor of the masks of other keys', () => {
    for (const key of [0, 12345, keyOf(3, 4)]) {
      const mask = drops(0.1, key);
      const next = drops(0.1, key + 1);
      for (const lag of [1, 2, 3, 4, 8, 12, 32, 64, 768, 3072, 65536]) {
        assert.ok(deviation(mask, mask, 0.1, lag) < 5, `key ${key}, lag ${lag}`);
        assert.ok(deviation(mask, next, 0.1, lag - 1) < 5, `keys ${key} and ${key + 1}, lag ${lag - 1}`);
      }
    }
  });

  it('of a part of a batch are that part of the whole mask', () => {
    const whole = drops(0.3, 99, 0, 10_000);
    for (const [first, size] of [[0, 10], [10, 11], [333, 100], [333, 101], [999, 1], [7, 9000]]) {
      assert.deepEqual(drops(0.3, 99, first, size), whole.slice(first, first + size), `from ${first}, ${size}`);
    } // prettier-ignore
  });

  it('are the same from a graph', async () => {
    for (const shape of [[6], [3, 5], [5, 1], [2, 2, 4, 4]]) {
      for (const [key, first] of [[5, 0], [-123456789, 48], [77, 35], [keyOf(9) | 0, 0]]) {
        const g = new Operators();
        const places = maskPlaces(g, shape.reduce((product, n) => product * n, 1), g.input('first', 'int32', []), first % 2 === 0);
        g.output(buildDropoutMasks(g, shape, 0.4, g.input('keys', 'int32', [2, 1]), places), 'masks');
        const { masks } = await runGraph(g.build('masks'), { keys: [key, 11], first: [first] });
        const expected = new Float32Array(shape.reduce((product, n) => product * n, 1));
        const second = expected.slice();
        fillDropoutMask(expected, 0.4, key, first);
        fillDropoutMask(second, 0.4, 11, first);
        assert.deepEqual(masks, [...expected, ...second], `${shape}, key ${key}`);
      }
    } // prettier-ignore
  });

  it('run what dropoutMask.wat says', async () => {
    const { kernelModule } = (await import('../../scripts/compileKernels.mjs' as string)) as {
      kernelModule: (name: string) => Promise<string>;
    };
    const committed = readFileSync('src/steps/dropoutMaskKernel.ts', 'utf8');
    assert.equal(committed, await kernelModule('dropoutMask'), 'run: npm run kernels');
  });
});
