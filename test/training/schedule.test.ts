import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { mergeRecipes, resolveRecipe, validateRecipe, type Recipe } from '../../src/protocol/recipe';
import { recipeFromModelScope } from '../../src/recipes/modelScopeRecipe';
import { idleSteps, learningRateAt, scheduleOf, warmupSteps } from '../../src/training/schedule';

const modelScope = JSON.parse(readFileSync(join(__dirname, '../fixtures/schedule/modelScope.json'), 'utf8'));
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

  for (const { lr_scheduler, rates } of modelScope.cases) {
    const { options, ...scheduler } = lr_scheduler;
    it(`does what ModelScope's trainer does with ${JSON.stringify({ ...scheduler, ...options.warmup })}`, () => {
      const configuration = { train: { optimizer: { type: 'AdamW', lr: modelScope.peak }, lr_scheduler } };
      const { recipe } = recipeFromModelScope(configuration);
      const whole = { task: 'regression', model: 'm', dataset: { train: { file: 'f' } } } as const;
      const { train } = resolveRecipe(validateRecipe(mergeRecipes(recipe, whole), 'it'));
      const schedule = scheduleOf(train, modelScope.steps);
      rates.forEach((rate: number, step: number) => {
        // PyTorch computes each rate from the one before, so its rounding adds up.
        assert.ok(Math.abs(learningRateAt(step, schedule) - rate) <= 1e-12 * modelScope.peak, `step ${step}: ${learningRateAt(step, schedule)}, not ${rate}`); // prettier-ignore
      });
    });
  }

  it('knows the steps that a total_iters far too small leaves without learning', () => {
    const schedule = { type: 'linear', peak: 1, warmupSteps: 0, totalSteps: 3 } as const;
    assert.equal(idleSteps(schedule, 30), 27);
    assert.equal(idleSteps({ ...schedule, lowest: 0.1 }, 30), 0);
    assert.equal(idleSteps({ ...schedule, type: 'constant' }, 30), 0);
    assert.equal(idleSteps({ ...schedule, totalSteps: 40 }, 30), 0);
  });

  it('comes from the recipe: the end is total_iters if given, else the training steps', () => {
    const recipe: Recipe = { task: 'regression', model: 'm', dataset: { train: { file: 'f' } } };
    const { train } = resolveRecipe(recipe);
    const usual = { warmupType: 'linear', warmupStart: 0, lowest: 0, decayFrom: 'warmup' };
    assert.deepEqual(scheduleOf(train, 250), {
      type: 'linear',
      peak: 3e-5,
      warmupSteps: 25,
      totalSteps: 250,
      ...usual,
    });
    const given = { ...train, lr_scheduler: { ...train.lr_scheduler, total_iters: 100 } };
    assert.deepEqual(scheduleOf(given, 250), { type: 'linear', peak: 3e-5, warmupSteps: 10, totalSteps: 100, ...usual }); // prettier-ignore
  });

  it('stays at zero after its end', () => {
    for (const type of ['linear', 'cosine'] as const) {
      assert.equal(learningRateAt(30, { type, peak: 1, warmupSteps: 2, totalSteps: 20 }), 0);
    }
  });
});
