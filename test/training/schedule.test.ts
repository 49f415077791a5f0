import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { resolveRecipe, type Recipe } from '../../src/protocol/recipe';
import { learningRateAt, scheduleOf, warmupSteps } from '../../src/training/schedule';

const fixture = JSON.parse(readFileSync(join(__dirname, '../fixtures/schedule/schedule.json'), 'utf8'));

describe('learning-rate schedule', () => {
  for (const { name, schedule, rates } of fixture.schedules) {
    it(`equals ${name}`, () => {
      rates.forEach((rate: number, step: number) => {
        // LinearLR multiplies step by step, so its rounding adds up; a wrong formula is off by far more.
        assert.ok(Math.abs(learningRateAt(step, schedule) - rate) <= 1e-12 * schedule.peak, `step ${step}`);
      });
    });
  }

  for (const { total, warmup, steps } of fixture.warmups) {
    it(`warms up for ${steps} steps with ${warmup} of ${total}`, () => assert.equal(warmupSteps(warmup, total), steps));
  }

  it('comes from the recipe: the end is total_iters if given, else the training steps', () => {
    const recipe: Recipe = { task: 'regression', model: 'm', dataset: { train: { file: 'f' } } };
    const { train } = resolveRecipe(recipe);
    assert.deepEqual(scheduleOf(train, 250), { type: 'linear', peak: 3e-5, warmupSteps: 25, totalSteps: 250 });
    const given = { ...train, lr_scheduler: { ...train.lr_scheduler, total_iters: 100 } };
    assert.deepEqual(scheduleOf(given, 250), { type: 'linear', peak: 3e-5, warmupSteps: 10, totalSteps: 100 });
  });

  it('stays at zero after its end', () => {
    for (const type of ['linear', 'cosine'] as const) {
      assert.equal(learningRateAt(30, { type, peak: 1, warmupSteps: 2, totalSteps: 20 }), 0);
    }
  });
});
