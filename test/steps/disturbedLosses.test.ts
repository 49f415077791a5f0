import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Objective } from '../../src/tasks/objective';
import { adversarial, type AdversarialOptions } from '../../src/tasks/losses/adversarial';
import { crossEntropy } from '../../src/tasks/losses/crossEntropy';
import { fgm } from '../../src/tasks/losses/fgm';
import { rDrop } from '../../src/tasks/losses/rDrop';
import { LoopTrainer } from '../../src/steps/loopTrainer';
import { ResidentTrainer } from '../../src/steps/residentTrainer';
import { trainTrajectory } from '../support/trajectory';

interface Run {
  readonly losses: readonly number[];
  readonly gradientNorms: readonly number[];
  readonly parts: Readonly<Record<string, readonly number[]>>;
}

/** PyTorch's in float64, with the same masks and noise: test/fixtures/disturbedLosses/makeLosses.py. */
const { options, ...runs } = JSON.parse(
  readFileSync(join(__dirname, '../fixtures/disturbedLosses/losses.json'), 'utf8'),
) as { options: { dropout: number; adversarial: AdversarialOptions; fgm: { epsilon: number }; r_drop: { alpha: number } } } & Record<string, Run>; // prettier-ignore

const plain = crossEntropy({ labelCount: 3, labelSmoothing: 0 });
const OBJECTIVES: Readonly<Record<string, Objective>> = {
  adversarial: adversarial(plain, options.adversarial, 3),
  fgm: fgm(plain, options.fgm),
  r_drop: rDrop(plain, options.r_drop),
};
const { dropout } = options;

/** The largest relative difference. */
const worst = (ours: readonly number[], theirs: readonly number[]): number =>
  ours.reduce((most, value, i) => Math.max(most, Math.abs(value - theirs[i]) / Math.abs(theirs[i])), 0);

describe('losses of several forward passes follow PyTorch', () => {
  for (const [name, objective] of Object.entries(OBJECTIVES)) {
    it(`over 100 steps with dropout: ${name}`, async () => {
      const { losses, norms, parts } = await trainTrajectory({ objective, dropout });
      const { losses: theirs, gradientNorms, parts: theirParts } = runs[name];
      assert.deepEqual(Object.keys(parts[0]).sort(), Object.keys(theirParts).sort());
      for (const [part, values] of Object.entries(theirParts)) {
        assert.ok(worst([parts[0][part]], values) < 1e-3, `${part}: ${parts[0][part]}, PyTorch ${values[0]}`);
      }
      assert.ok(worst(losses, theirs) < 1e-4, `losses are off by ${worst(losses, theirs)}`);
      assert.ok(worst(norms, gradientNorms) < 1e-3, `norms are off by ${worst(norms, gradientNorms)}`);
    });

    it(`which plain cross-entropy does not: ${name}`, async () => {
      const { losses } = await trainTrajectory({ dropout, steps: 30 });
      assert.ok(worst(losses, runs[name].losses) > 20 * 1e-4);
    });

    it(`in parts of a batch as in the whole: ${name}`, async () => {
      const { losses } = await trainTrajectory({ objective, dropout, steps: 8, microBatchSize: 3 });
      assert.ok(worst(losses, runs[name].losses) < 1e-4);
    });

    for (const [way, create] of Object.entries({
      'with the state on a device': async (all: ConstructorParameters<typeof ResidentTrainer>[0]) => new ResidentTrainer(all), // prettier-ignore
      'many steps a run': async (all: ConstructorParameters<typeof LoopTrainer>[0]) => new LoopTrainer(all),
    })) {
      // Both run on the CPU here; a device's own test is in test/webgpu.
      it(`${way}: ${name}`, async () => {
        const { losses, parts } = await trainTrajectory({ objective, dropout, steps: 6, create });
        assert.ok(worst(losses, runs[name].losses) < 1e-4, `losses are off by ${worst(losses, runs[name].losses)}`);
        for (const [part, values] of Object.entries(runs[name].parts))
          assert.ok(worst([parts[0][part]], values) < 1e-3, part);
      });
    }
  }

  it('plain cross-entropy, too, with the same dropout masks', async () => {
    const { losses, parts } = await trainTrajectory({ dropout });
    assert.ok(worst(losses, runs.plain.losses) < 1e-4);
    assert.deepEqual(parts, []);
  });
});

describe('the adversarial loss', () => {
  it('is the plain one where the disturbance is no number', async () => {
    const broken = adversarial(plain, { ...options.adversarial, sigma: NaN }, 3);
    const { losses, parts, norms } = await trainTrajectory({ objective: broken, dropout, steps: 12 });
    assert.ok(worst(losses, runs.plain.losses) < 1e-4, `${losses}`);
    assert.ok(worst(norms, runs.plain.gradientNorms) < 1e-3);
    assert.deepEqual([Number.isNaN(parts[0].noise), parts[0].adversarial], [true, 0]);
  });
});
