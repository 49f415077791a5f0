import assert from 'node:assert/strict';
import { buildNormalNoise, fillNormalNoise } from '../../src/steps/normalNoise';
import { Operators } from '../../src/onnx/operators';
import { Session } from '../../src/inference/session';

function drawn(count: number, deviation: number, key: number, first = 0): Float32Array {
  const noise = new Float32Array(count);
  fillNormalNoise(noise, deviation, key, first);
  return noise;
}

describe('normal noise', () => {
  it('has the moments and the tails of a normal distribution', () => {
    const count = 1 << 18;
    for (const key of [1, 2, -77]) {
      const noise = drawn(count, 2, key);
      const moment = (power: number) => noise.reduce((sum, x) => sum + (x / 2) ** power, 0) / count;
      // Five standard errors of each mean: sqrt of the variance of x^k over the count.
      assert.ok(Math.abs(moment(1)) < 5 * Math.sqrt(1 / count), `mean ${moment(1)}`);
      assert.ok(Math.abs(moment(2) - 1) < 5 * Math.sqrt(2 / count), `variance ${moment(2)}`);
      assert.ok(Math.abs(moment(3)) < 5 * Math.sqrt(15 / count), `skewness ${moment(3)}`);
      assert.ok(Math.abs(moment(4) - 3) < 5 * Math.sqrt(96 / count), `kurtosis ${moment(4)}`);
      const beyond = noise.reduce((sum, x) => sum + (Math.abs(x) > 2 * 3 ? 1 : 0), 0) / count;
      assert.ok(Math.abs(beyond - 0.0026998) < 5 * Math.sqrt(0.0027 / count), `beyond three deviations: ${beyond}`);
      assert.ok(noise.every(Number.isFinite));
    }
  });

  it('has no correlation between neighbours, keys or squares', () => {
    const count = 1 << 18;
    const correlation = (a: Float32Array, b: Float32Array) => a.reduce((sum, x, i) => sum + x * b[i], 0) / count;
    const noise = drawn(count + 2, 1, 5);
    const limit = 5 / Math.sqrt(count);
    for (const lag of [1, 2])
      assert.ok(Math.abs(correlation(noise.subarray(0, count), noise.subarray(lag))) < limit, `lag ${lag}`);
    assert.ok(Math.abs(correlation(noise.subarray(0, count), drawn(count, 1, 6))) < limit);
    const squares = (x: Float32Array) => x.map((value) => (value * value - 1) / Math.SQRT2);
    assert.ok(Math.abs(correlation(squares(noise.subarray(0, count)), squares(noise.subarray(1)))) < limit);
  });

  it('is a function of its place alone', () => {
    const whole = drawn(101, 1, 9);
    for (const first of [0, 1, 6, 33]) assert.deepEqual(drawn(101 - first, 1, 9, first), whole.slice(first));
  });

  it('is the same as a graph, but for the last digits of a logarithm and a cosine', async () => {
    for (const first of [0, 7, 24]) {
      const g = new Operators();
      g.output(buildNormalNoise(g, [3, 5, 4], 0.5, g.input('keys', 'int32', [2, 1]), g.input('first', 'int32', [])), 'noise'); // prettier-ignore
      const session = await Session.create(g.build('noise'), {});
      const { noise } = await session.run({
        keys: { dataType: 'int32', shape: [2, 1], data: Int32Array.of(11, -12345) },
        first: { dataType: 'int32', shape: [], data: Int32Array.of(first) },
      });
      await session.release();
      assert.deepEqual(noise.shape, [2, 3, 5, 4]);
      const expected = [...drawn(60, 0.5, 11, first), ...drawn(60, 0.5, -12345, first)];
      // An angle of 2 pi in float32 is off by up to 5e-7, its uniform number by 2 pi 2^-25.
      expected.forEach((value, i) => assert.ok(Math.abs(Number(noise.data[i]) - value) < 5e-6, `${i}: ${value}`));
    }
  });
});
