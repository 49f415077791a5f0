import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { RandomStream } from '../../src/base/random';
import { Parameters } from '../../src/models/parameters';
import { AdamW } from '../../src/steps/adamW';
import { RowGradient } from '../../src/steps/rowGradient';

/** Lengths about the kernel's four elements and its pieces of 8,192. */
const LENGTHS = [1, 2, 3, 4, 5, 8191, 8192, 8193, 20_001];

describe('AdamW', () => {
  it('updates as its formulas say in double precision, whatever the length', () => {
    const betas = [0.9, 0.999] as const;
    const rates = { learningRate: 1e-2, gradientScale: 0.5 };
    const specs = LENGTHS.map((length) => ({ name: `w${length}`, shape: [length], initial: 'zeros' as const }));
    const [parameters, firstMoments, secondMoments] = [0, 1, 2].map(() => new Parameters(specs));
    const random = new RandomStream(7);
    fill(parameters.flat, () => random.normal());
    const expected = [parameters, firstMoments, secondMoments].map(({ flat }) => Float64Array.from(flat));
    const decays = (name: string) => name !== 'w5';
    const optimizer = new AdamW(
      parameters,
      { firstMoments, secondMoments },
      { betas, eps: 1e-8, weightDecay: 0.1, decays },
    );
    for (let step = 1; step <= 3; step++) {
      const gradients = new Parameters(specs);
      fill(gradients.flat, () => random.normal());
      optimizer.update(new Map(specs.map(({ name }) => [name, gradients.values(name)])), { step, ...rates });
      for (const { name } of specs) {
        const start = parameters.offset(name);
        gradients.values(name).forEach((gradient, i) => {
          const g = gradient * rates.gradientScale;
          const [p, m, v] = expected;
          const at = start + i;
          m[at] = betas[0] * m[at] + (1 - betas[0]) * g;
          v[at] = betas[1] * v[at] + (1 - betas[1]) * g * g;
          const denominator = Math.sqrt(v[at] / (1 - betas[1] ** step)) + 1e-8;
          p[at] *= decays(name) ? 1 - rates.learningRate * 0.1 : 1;
          p[at] -= (rates.learningRate * (m[at] / (1 - betas[0] ** step))) / denominator;
        });
      }
    }
    for (const [index, { flat }] of [parameters, firstMoments, secondMoments].entries()) {
      flat.forEach((value, i) =>
        assert.ok(Math.abs(value - expected[index][i]) < 1e-6, `state ${index}, element ${i}`),
      );
    }
  });

  it('gives the same bits where the moments lie in the memory of its kernel, beside each other', () => {
    const specs = LENGTHS.map((length) => ({ name: `w${length}`, shape: [length], initial: 'zeros' as const }));
    const random = new RandomStream(9);
    const [copied, inPlace] = [0, 1].map(() => new Parameters(specs));
    fill(copied.flat, () => random.normal());
    inPlace.flat.set(copied.flat);
    const options = { betas: [0.9, 0.999] as const, eps: 1e-8, weightDecay: 0.1, decays: () => true };
    const moments = { firstMoments: new Parameters(specs), secondMoments: new Parameters(specs) };
    const first = new AdamW(copied, moments, options);
    const second = AdamW.create(inPlace, specs, options);
    const { firstMoments, secondMoments } = second.moments;
    assert.equal(firstMoments.flat.buffer, secondMoments.flat.buffer);
    for (let step = 1; step <= 3; step++) {
      const gradients = new Parameters(specs);
      fill(gradients.flat, () => random.normal());
      const given = new Map(specs.map(({ name }) => [name, gradients.values(name)]));
      for (const optimizer of [first, second])
        optimizer.update(given, { step, learningRate: 1e-2, gradientScale: 0.5 });
      assert.deepEqual(inPlace.flat, copied.flat);
      assert.deepEqual(firstMoments.flat.slice(), moments.firstMoments.flat);
      assert.deepEqual(secondMoments.flat.slice(), moments.secondMoments.flat);
    }
  });

  for (const decay of [0, 0.1]) {
    it(`of rows is that of the whole gradient to the bit, where most rows never have one (decay ${decay})`, () => {
      const [rows, width] = [4000, 24];
      const specs = [{ name: 'w', shape: [rows, width], initial: 'zeros' as const }];
      const stateOf = () => {
        const [parameters, firstMoments, secondMoments] = [0, 1, 2].map(() => new Parameters(specs));
        const random = new RandomStream(7);
        fill(parameters.flat, () => random.normal());
        parameters.flat[5 * width] = -0;
        return { parameters, firstMoments, secondMoments };
      };
      const options = { betas: [0.9, 0.999] as const, eps: 1e-8, weightDecay: decay, decays: () => true };
      const [whole, byRows] = [stateOf(), stateOf()];
      const first = new AdamW(whole.parameters, whole, options);
      let second = new AdamW(byRows.parameters, byRows, options);
      const random = new RandomStream(8);
      // Neighbours, a row alone, the first and the last one, one that comes later, and after a resumption.
      const idsOf = [[0, 1, 2, 700], [1, 1500], [], [3999], [0, 2500, 2501], [900]];
      idsOf.forEach((list, at) => {
        if (at === 4) second = new AdamW(byRows.parameters, byRows, options);
        const ids = Int32Array.from(list);
        const values = new Float32Array(ids.length * width);
        fill(values, () => random.normal());
        const dense = new Float32Array(rows * width);
        ids.forEach((id, row) => dense.set(values.subarray(row * width, (row + 1) * width), id * width));
        const step = { step: at + 1, learningRate: 1e-2, gradientScale: 0.5 };
        first.update(new Map([['w', dense]]), step);
        second.update(new Map([['w', new RowGradient(ids, values)]]), step);
        for (const name of ['parameters', 'firstMoments', 'secondMoments'] as const) {
          const bits = ({ flat }: Parameters) => Buffer.from(flat.buffer, flat.byteOffset, flat.byteLength);
          assert.ok(bits(byRows[name]).equals(bits(whole[name])), `${name} after step ${at + 1}`);
        }
      });
    });
  }

  it('refuses a gradient of another length', () => {
    const [parameters, firstMoments, secondMoments] = [0, 1, 2].map(
      () => new Parameters([{ name: 'w', shape: [4], initial: 'zeros' }]),
    );
    const options = { betas: [0.9, 0.999] as const, eps: 1e-8, weightDecay: 0, decays: () => true };
    const optimizer = new AdamW(parameters, { firstMoments, secondMoments }, options);
    const rates = { step: 1, learningRate: 1, gradientScale: 1 };
    assert.throws(() => optimizer.update(new Map([['w', new Float32Array(3)]]), rates), { code: 'INTERNAL' });
  });

  it('runs what adamW.wat says', async () => {
    const { kernelModule } = (await import('../../scripts/compileKernels.mjs' as string)) as {
      kernelModule: () => Promise<string>;
    };
    assert.equal(readFileSync('src/steps/adamWKernel.ts', 'utf8'), await kernelModule(), 'run: npm run kernels');
  });
});

function fill(array: Float32Array, next: () => number): void {
  for (let i = 0; i < array.length; i++) array[i] = next();
}
