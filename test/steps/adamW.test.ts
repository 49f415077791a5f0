import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import workerThreads, { type Worker } from 'node:worker_threads';
import { RandomStream } from '../../src/base/random';
import { Parameters } from '../../src/models/parameters';
import { AdamW, zeroMoments, type Gradient, type Moments } from '../../src/steps/adamW';
import { RowGradient } from '../../src/steps/rowGradient';
import { ThreadedAdamW } from '../../src/steps/threadedAdamW';
import { allValues, copyAll, setAll } from '../support/allValues';

/** Lengths about the kernel's four elements and its pieces of 8,192. */
const LENGTHS = [1, 2, 3, 4, 5, 8191, 8192, 8193, 20_001];

describe('AdamW', () => {
  it('updates as its formulas say in double precision, whatever the length', () => {
    const betas = [0.9, 0.999] as const;
    const rates = { learningRate: 1e-2, gradientScale: 0.5 };
    const specs = LENGTHS.map((length) => ({ name: `w${length}`, shape: [length], initial: 'zeros' as const }));
    const [parameters, firstMoments, secondMoments] = [0, 1, 2].map(() => new Parameters(specs));
    const random = new RandomStream(7);
    setAll(parameters, () => random.normal());
    const expected = [parameters, firstMoments, secondMoments].map((state) => Float64Array.from(allValues(state)));
    const decays = (name: string) => name !== 'w5';
    const optimizer = new AdamW(
      parameters,
      { firstMoments, secondMoments },
      { betas, eps: 1e-8, weightDecay: 0.1, decays },
    );
    for (let step = 1; step <= 3; step++) {
      const gradients = new Parameters(specs);
      setAll(gradients, () => random.normal());
      optimizer.update(new Map(specs.map(({ name }) => [name, gradients.values(name)])), { step, ...rates });
      let at = -1;
      for (const { name } of specs) {
        gradients.values(name).forEach((gradient) => {
          const g = gradient * rates.gradientScale;
          const [p, m, v] = expected;
          at++;
          m[at] = betas[0] * m[at] + (1 - betas[0]) * g;
          v[at] = betas[1] * v[at] + (1 - betas[1]) * g * g;
          const denominator = Math.sqrt(v[at] / (1 - betas[1] ** step)) + 1e-8;
          p[at] *= decays(name) ? 1 - rates.learningRate * 0.1 : 1;
          p[at] -= (rates.learningRate * (m[at] / (1 - betas[0] ** step))) / denominator;
        });
      }
    }
    for (const [index, state] of [parameters, firstMoments, secondMoments].entries()) {
      allValues(state).forEach((value, i) =>
        assert.ok(Math.abs(value - expected[index][i]) < 1e-6, `state ${index}, element ${i}`),
      );
    }
  });

  it('gives the same bits where the moments lie in the memory of its kernel, beside each other', () => {
    const specs = LENGTHS.map((length) => ({ name: `w${length}`, shape: [length], initial: 'zeros' as const }));
    const random = new RandomStream(9);
    const [copied, inPlace] = [0, 1].map(() => new Parameters(specs));
    setAll(copied, () => random.normal());
    copyAll(copied, inPlace);
    const options = { betas: [0.9, 0.999] as const, eps: 1e-8, weightDecay: 0.1, decays: () => true };
    const moments = { firstMoments: new Parameters(specs), secondMoments: new Parameters(specs) };
    const there = zeroMoments(specs);
    assert.ok(there.memory && there.secondMoments.values('w1').buffer === there.memory.buffer);
    const optimizers = [new AdamW(copied, moments, options), new AdamW(inPlace, there, options)];
    for (let step = 1; step <= 3; step++) {
      const gradients = new Parameters(specs);
      setAll(gradients, () => random.normal());
      const given = new Map(specs.map(({ name }) => [name, gradients.values(name)]));
      for (const optimizer of optimizers) optimizer.update(given, { step, learningRate: 1e-2, gradientScale: 0.5 });
      assertSame({ parameters: inPlace, ...there }, { parameters: copied, ...moments });
    }
  });

  for (const decay of [0, 0.1]) {
    it(`of rows is that of the whole gradient to the bit, where most rows never have one (decay ${decay})`, () => {
      const [rows, width] = [4000, 24];
      const specs = [{ name: 'w', shape: [rows, width], initial: 'zeros' as const }];
      const stateOf = () => {
        const [parameters, firstMoments, secondMoments] = [0, 1, 2].map(() => new Parameters(specs));
        const random = new RandomStream(7);
        setAll(parameters, () => random.normal());
        parameters.values('w')[5 * width] = -0;
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
        values.forEach((_, i) => (values[i] = random.normal()));
        const dense = new Float32Array(rows * width);
        ids.forEach((id, row) => dense.set(values.subarray(row * width, (row + 1) * width), id * width));
        const step = { step: at + 1, learningRate: 1e-2, gradientScale: 0.5 };
        first.update(new Map([['w', dense]]), step);
        second.update(new Map([['w', new RowGradient(ids, values)]]), step);
        assertSame(byRows, whole, `after step ${at + 1}`);
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

  describe('on several threads', () => {
    const [vocabulary, width] = [500, 24];
    const specs = [
      ...LENGTHS.map((length) => ({ name: `w${length}`, shape: [length], initial: 'zeros' as const })),
      { name: 'words', shape: [vocabulary, width], initial: 'zeros' as const },
      { name: 'unread', shape: [7], initial: 'zeros' as const },
    ];
    const options = { betas: [0.9, 0.999] as const, eps: 1e-8, weightDecay: 0.1, decays: (name: string) => name !== 'w5' }; // prettier-ignore
    const rowParameters = new Set(['words']);
    const gradientsOf = (step: number) =>
      new Map<string, Gradient>([
        ...LENGTHS.map((length): [string, Float32Array] => [`w${length}`, normals(length, 100 * step)]),
        ['words', new RowGradient(Int32Array.of(0, 7 * step, 400), normals(3 * width, step))],
      ]);
    const ratesOf = (step: number) => ({ step, learningRate: 1e-2, gradientScale: 0.5 });

    /** One beside an optimiser of the calling thread alone, from the same random weights. */
    async function pair(threads: number) {
      const [single, several] = [0, 1].map(() => new Parameters(specs));
      const random = new RandomStream(11);
      setAll(single, () => random.normal());
      copyAll(single, several);
      const expected = new AdamW(single, zeroMoments(specs), options);
      return { single, several, expected, optimizer: await ThreadedAdamW.create(several, specs, options, { threads, rowParameters }) }; // prettier-ignore
    }

    for (const threads of [1, 2, 3, 12]) {
      it(`gives the same bits on ${threads}, and after its moments were filled into another`, async () => {
        const { single, several, expected, ...begun } = await pair(threads);
        let { optimizer } = begun;
        for (let step = 1; step <= 6; step++) {
          expected.update(gradientsOf(step), ratesOf(step));
          await optimizer.update(gradientsOf(step), ratesOf(step));
          assertSame({ parameters: several, ...optimizer.moments }, { parameters: single, ...expected.moments }, `step ${step}`); // prettier-ignore
          if (step !== 3) continue;
          const resumed = await ThreadedAdamW.create(several, specs, options, { threads, rowParameters });
          for (const which of MOMENTS) copyAll(optimizer.moments[which], resumed.moments[which]);
          await optimizer.close();
          optimizer = resumed;
        }
        await optimizer.close();
      });
    }

    for (const [lacking, [of, name]] of Object.entries({
      'memory that threads share': [WebAssembly, 'Memory'],
      'room for a thread': [workerThreads, 'Worker'],
    } as const)) {
      it(`goes on on the calling thread where the system has no ${lacking}`, async () => {
        const room: Record<string, unknown> = of;
        const Whole = room[name] as new (size: object) => object;
        let left = 1;
        room[name] = function (...given: [object]) {
          if (left-- === 0) throw new RangeError('no room');
          return Reflect.construct(Whole, given) as object;
        };
        const { single, several, expected, optimizer } = await pair(4).finally(() => (room[name] = Whole));
        assert.ok(left < 0);
        for (let step = 1; step <= 2; step++) {
          expected.update(gradientsOf(step), ratesOf(step));
          await optimizer.update(gradientsOf(step), ratesOf(step));
        }
        assertSame({ parameters: several, ...optimizer.moments }, { parameters: single, ...expected.moments });
        await optimizer.close();
      });
    }

    it('says so when a thread has ended, in the midst of a step and before one', async () => {
      const { optimizer } = await pair(3);
      const [{ worker }] = (optimizer as unknown as { threads: { worker: Worker }[] }).threads;
      worker.postMessage = () => void worker.terminate();
      await assert.rejects(optimizer.update(gradientsOf(1), ratesOf(1)), { code: 'INTERNAL', message: 'A thread of the optimiser has ended.' }); // prettier-ignore
      await assert.rejects(optimizer.update(gradientsOf(2), ratesOf(2)), { code: 'INTERNAL' });
      await optimizer.close();
    });

    it('refuses a gradient of another length', async () => {
      for (const name of ['w20001', 'w8193']) {
        const { optimizer } = await pair(2);
        const gradients = gradientsOf(1).set(name, new Float32Array(3));
        await assert.rejects(optimizer.update(gradients, ratesOf(1)), { code: 'INTERNAL' });
        await optimizer.close();
      }
    });
  });

  it('runs what adamW.wat says', async () => {
    const { kernelModule } = (await import('../../scripts/compileKernels.mjs' as string)) as {
      kernelModule: () => Promise<string>;
    };
    assert.equal(readFileSync('src/steps/adamWKernel.ts', 'utf8'), await kernelModule(), 'run: npm run kernels');
  });
});

function normals(length: number, seed: number): Float32Array {
  const random = new RandomStream(seed + length);
  return Float32Array.from({ length }, () => random.normal());
}

const MOMENTS = ['firstMoments', 'secondMoments'] as const;

/** To the bit. */
function assertSame(actual: State, expected: State, when = ''): void {
  for (const which of ['parameters', ...MOMENTS] as const) {
    const [a, b] = [actual, expected].map((state) => Buffer.from(allValues(state[which]).buffer));
    assert.ok(a.equals(b), `${which} ${when}`);
  }
}

interface State extends Moments {
  readonly parameters: Parameters;
}
