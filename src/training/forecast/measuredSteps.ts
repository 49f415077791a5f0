/** The rate of a few steps that are computed for an estimate, where no run tells one. */
import { MedTextError } from '../../base/errors';
import { Parameters } from '../../models/parameters';
import type { ResolvedRecipe } from '../../protocol/recipe';
import type { createTrainer } from '../../steps/createTrainer';
import type { RunMaterial } from '../runMaterial';
import { setUpTrainer } from '../setUpTrainer';
import type { TrainingPlan } from '../trainingPlan';

/** Steps of one length differ little; the first one builds the graph and does not count. */
const mostSteps = 6;
const leastSteps = 2;
const enoughMs = 2000;
/** Steps among which one of median length is looked for. */
const looked = 200;

export interface MeasuredSteps {
  /** Padding included. */
  readonly tokensPerSecond: number;
  readonly steps: number;
}

/**
 * Trains a batch of median length a few times, with weights that mean nothing: the time does not depend on them. Nothing is written.
 * @throws MedTextError CANCELLED; what the first step of the training would throw.
 */
export async function measuredSteps(
  recipe: ResolvedRecipe,
  material: RunMaterial,
  plan: TrainingPlan,
  { signal, createTrainer: create }: { readonly signal: AbortSignal; readonly createTrainer?: typeof createTrainer },
): Promise<MeasuredSteps> {
  const { trainer } = await setUpTrainer(recipe, material, plan, { log: () => undefined, ...(create && { createTrainer: create }) }, undefined); // prettier-ignore
  try {
    const median = medianStep(plan);
    const batches = plan.batchesOf(median);
    const tokens = plan.tokensOf(median);
    let steps = 0;
    let milliseconds = 0;
    for (let step = 1; step <= 1 + mostSteps && (steps < leastSteps || milliseconds < enoughMs); step++) {
      if (signal.aborted) throw new MedTextError('CANCELLED', 'Measuring steps was cancelled.');
      const began = performance.now();
      await trainer.step(batches, step, 0);
      if (step === 1) continue;
      milliseconds += performance.now() - began;
      steps++;
    }
    return { tokensPerSecond: (1000 * steps * tokens) / milliseconds, steps };
  } finally {
    await trainer.close();
  }
}

/** The step whose number of tokens is the median of the first ones'. */
function medianStep(plan: TrainingPlan): number {
  const sizes = Array.from({ length: Math.min(plan.totalSteps, looked) }, (_, i) => ({ step: i + 1, tokens: plan.tokensOf(i + 1) })); // prettier-ignore
  sizes.sort((a, b) => a.tokens - b.tokens || a.step - b.step);
  return sizes[sizes.length >> 1].step;
}

/** Values of the size of trained ones, none of them zero. */
export function anyWeights(specs: Parameters['specs']): Parameters {
  const parameters = new Parameters(specs);
  for (const name of parameters.names) {
    const values = parameters.values(name);
    for (let i = 0; i < values.length; i++) values[i] = ((i % 97) - 48.5) / 2000;
  }
  return parameters;
}
