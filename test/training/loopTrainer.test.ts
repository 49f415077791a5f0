import assert from 'node:assert/strict';
import { LoopTrainer } from '../../src/training/loopTrainer';
import type { TrainerOptions } from '../../src/training/trainingSteps';
import {
  assertFollows,
  batchesOf,
  openTrajectory,
  rateOf,
  TOTAL_STEPS,
  trainTrajectory,
  type Trajectory,
  type TrajectoryOptions,
} from '../support/trajectory';

const create = async (options: TrainerOptions) => new LoopTrainer(options);

/** The trajectory in runs of so many steps. */
async function inRuns(count: number, options: TrajectoryOptions = {}): Promise<Trajectory> {
  const { trainer, parameters } = await openTrajectory({ ...options, create });
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
  return { losses, norms, parameters };
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
});

function assertNear(actual: readonly number[], expected: readonly number[], tolerance: number): void {
  assert.equal(actual.length, expected.length);
  actual.forEach((value, i) =>
    assert.ok(Math.abs(value - expected[i]) < tolerance, `step ${i + 1}: ${value}, ${expected[i]}`),
  );
}
