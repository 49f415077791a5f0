/** Every rule's gradient on the GPU against the CPU's, which PyTorch and differences vouch for. */
import assert from 'node:assert/strict';
import { analyticGradients, sampleOf } from '../autodiff/checkGradient';
import { GRADIENT_TABLE } from '../autodiff/gradientTable';
import { testDevice } from '../support/testDevice';

/** Float32 throughout: WebGPU has no float64. Rounding 6e-8, some terms, and the device's own exp, erf and tanh. */
const TOLERANCE = 2e-5;
/** WGSL promises sin and cos to 2^-11, absolutely, and SwiftShader is not much better than that. */
const TRIGONOMETRIC_TOLERANCE = 2 ** -11;
const TRIGONOMETRIC = /^(Sin|Cos|composed: one value used four times)/;

/** Rows with constants of float64, which have no float32 form. */
const DOUBLE_ONLY = ['Pow: square by a tensor that broadcasts the base'];

describe(`gradients on ${testDevice}`, () => {
  for (const row of GRADIENT_TABLE) {
    if (row.domains.includes('atKink') || DOUBLE_ONLY.includes(row.name)) continue;
    const tolerance = TRIGONOMETRIC.test(row.name) ? TRIGONOMETRIC_TOLERANCE : TOLERANCE;
    it(row.name, async () => {
      const sample = sampleOf(row);
      const single = { ...row, dataType: 'float32' as const };
      const [expected] = await analyticGradients(single, sample);
      const [actual] = await analyticGradients(single, sample, undefined, testDevice);
      if (expected instanceof Error) throw expected;
      if (actual instanceof Error) throw actual;
      expected.forEach((values, i) => {
        const scale = values.reduce((largest, value) => Math.max(largest, Math.abs(value)), 1);
        values.forEach((value, j) => {
          const difference = Math.abs(actual[i][j] - value);
          assert.ok(difference <= tolerance * scale, `input ${i}, element ${j}: ${actual[i][j]}, not ${value}`);
        });
      });
    });
  }
});
