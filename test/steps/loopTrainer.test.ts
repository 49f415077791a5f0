import assert from 'node:assert/strict';
import { LoopTrainer } from '../../src/steps/loopTrainer';
import type { MedTextError } from '../../src/base/errors';
import { Trainer } from '../../src/steps/trainer';
import type { PlannedStep, TrainerOptions } from '../../src/steps/trainingSteps';
import {
  assertFollows,
  batchesOf,
  expected as expectedLosses,
  openTrajectory,
  rateOf,
  TOTAL_STEPS,
  trainTrajectory,
  type Trajectory,
  type TrajectoryOptions,
} from '../support/trajectory';
import { allValues, copyAll } from '../support/allValues';

const create = async (options: TrainerOptions) => new LoopTrainer(options);

/** The trajectory in runs of so many steps. */
async function inRuns(count: number, options: TrajectoryOptions = {}): Promise<Trajectory> {
  const { trainer, parameters } = await openTrajectory({ create, ...options });
  const losses: number[] = [];
  const norms: number[] = [];
  const total = options.steps ?? TOTAL_STEPS;
  for (let step = 1; step <= total; step += count) {
    const planned = Array.from({ length: Math.min(count, total + 1 - step) }, (_, i) => ({
      step: step + i,
      batches: batchesOf(step + i, options.parts),
      learningRate: rateOf(step + i),
    }));
    for (const { loss, gradientNorm } of await trainer.steps!(planned)) {
      losses.push(loss);
      norms.push(gradientNorm);
    }
  }
  await trainer.synchronize();
  await trainer.close();
  return { losses, norms, parts: [], parameters };
}

describe('many steps in one run (the graph for CUDA, DirectML and CoreML, on the processor)', () => {
  it('follow PyTorch over 100 steps', async () => assertFollows(await inRuns(25)));
  it('follow PyTorch over 100 steps, one a run', async () => assertFollows(await inRuns(1)));
  it('follow PyTorch where gradients of batches add up', async () => assertFollows(await inRuns(20, { parts: 3 })));

  it('equal steps one by one, dropout included', async () => {
    const expected = await trainTrajectory({ dropout: 0.2, steps: 12 });
    for (const microBatchSize of [undefined, 3]) {
      const { losses } = await inRuns(5, { dropout: 0.2, steps: 12, microBatchSize });
      assertNear(losses, expected.losses, 1e-5);
    }
  });

  it('equal steps one by one where lengths differ, announced or not', async () => {
    const plan = Array.from({ length: 9 }, (_, i) => ({
      step: i + 1,
      batches: batchesOf(i + 1).map((batch) => ({ ...batch, length: batch.length + 2 * (i % 3) })),
      learningRate: rateOf(i + 1),
    }));
    const alone = await openTrajectory({ dropout: 0.2 });
    const expected: number[] = [];
    for (const { batches, step, learningRate } of plan) expected.push((await alone.trainer.step(batches, step, learningRate)).loss); // prettier-ignore
    const all = [...new Set(plan.flatMap(({ batches }) => batches.map(({ length }) => length)))];
    for (const lengths of [all, undefined, [all[1]]]) {
      const { trainer } = await openTrajectory({ dropout: 0.2, create: (options) => create({ ...options, lengths }) });
      const results = [...(await trainer.steps!(plan.slice(0, 2))), ...(await trainer.steps!(plan.slice(2)))];
      await trainer.close();
      assertNear(results.map(({ loss }) => loss), expected, 1e-5); // prettier-ignore
    }
    await alone.trainer.close();
  });

  it('train the last layer alone, as steps one by one do', async () => {
    const onlyLast = (options: TrainerOptions): TrainerOptions => ({
      ...options,
      trained: new Set(options.parameters.names.filter((name) => /pooler|classifier|layer\.1\./.test(name))),
    });
    const expected = await trainTrajectory({ steps: 8, create: (options) => Trainer.create(onlyLast(options)) });
    const actual = await inRuns(4, { steps: 8, create: (options) => create(onlyLast(options)) });
    assertNear(actual.losses, expected.losses, 1e-5);
    const fixed = 'bert.embeddings.word_embeddings.weight';
    assert.deepEqual(actual.parameters.values(fixed), expected.parameters.values(fixed));
  });

  it('go on from what they handed back as if they had not stopped', async () => {
    const whole = await inRuns(6, { dropout: 0.1, steps: 12 });
    const first = await openTrajectory({ dropout: 0.1, create });
    await first.trainer.steps!(planned(1, 6));
    await first.trainer.synchronize();
    await first.trainer.close();
    const second = await openTrajectory({ dropout: 0.1, create });
    copyAll(first.parameters, second.parameters);
    copyAll(first.trainer.moments.firstMoments, second.trainer.moments.firstMoments);
    copyAll(first.trainer.moments.secondMoments, second.trainer.moments.secondMoments);
    const results = await second.trainer.steps!(planned(7, 6));
    await second.trainer.close();
    assert.deepEqual(results.map(({ loss }) => loss), whole.losses.slice(6)); // prettier-ignore
  });

  it('leave parameters and moments as they were before all of them when one diverges', async () => {
    const { trainer, parameters } = await openTrajectory({ create });
    await trainer.steps!(planned(1, 2));
    await trainer.synchronize();
    const before = allValues(parameters);
    const wild = planned(3, 4).map((each, i) => (i === 1 ? { ...each, learningRate: NaN } : each));
    await assert.rejects(trainer.steps!(wild), (error: MedTextError) => error.code === 'DIVERGED' && error.detail.step === 5); // prettier-ignore
    await trainer.synchronize();
    assert.deepEqual(allValues(parameters), before);
    const [next] = await trainer.steps!(planned(3, 1));
    await trainer.close();
    assert.ok(Math.abs(next.loss - expectedLosses.losses[2]) < 1e-4);
  });

  it('are computed in halves after one ran out of memory', async () => {
    const expected = await trainTrajectory({ dropout: 0.2, steps: 4 });
    const { trainer } = await openTrajectory({ dropout: 0.2, create });
    assert.equal(await trainer.halve(), 4);
    assert.equal(await trainer.halve(), 2);
    const results = await trainer.steps!(planned(1, 4));
    assertNear(results.map(({ loss }) => loss), expected.losses, 1e-5); // prettier-ignore
    assert.equal(await trainer.halve(), 1);
    assert.equal(await trainer.halve(), undefined);
    await trainer.close();
  });
});

function planned(from: number, count: number): PlannedStep[] {
  return Array.from({ length: count }, (_, i) => ({
    step: from + i,
    batches: batchesOf(from + i),
    learningRate: rateOf(from + i),
  }));
}
function assertNear(actual: readonly number[], expected: readonly number[], tolerance: number): void {
  assert.equal(actual.length, expected.length);
  actual.forEach((value, i) =>
    assert.ok(Math.abs(value - expected[i]) < tolerance, `step ${i + 1}: ${value}, ${expected[i]}`),
  );
}
