import assert from 'node:assert/strict';
import { LoopTrainer } from '../../src/steps/loopTrainer';
import { ResidentTrainer } from '../../src/steps/residentTrainer';
import { adversarial } from '../../src/tasks/losses/adversarial';
import { disturbedLosses, OBJECTIVES, plain, worst } from '../support/disturbedLosses';
import { trainTrajectory } from '../support/trajectory';

const { options, ...runs } = disturbedLosses;
const { dropout } = options;

describe('losses of several forward passes follow PyTorch', () => {
  for (const name of ['adversarial', 'fgm', 'r_drop'] as const) {
    const objective = OBJECTIVES[name];
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
