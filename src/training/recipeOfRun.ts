/** A recipe as its run has it: with absolute paths, and with what the model and the device decide. */
import { resolve } from 'node:path';
import { deviceBuckets } from '../inference/lengthBuckets';
import { resolveRecipe, type ResolvedRecipe, type ResolvedSplit } from '../protocol/recipe';
import { withDisturbance } from './disturbance';
import type { RunMaterial, StepMaterial } from './runMaterial';

/** @param recipe with absolute paths */
export function recipeOfRun(
  recipe: ResolvedRecipe,
  material: StepMaterial & Pick<RunMaterial, 'maxLength' | 'clean'>,
): ResolvedRecipe {
  return withCleaning(withDisturbance(withDeviceBuckets(recipe, material.maxLength), material), material);
}

/** The run says itself what is done to texts, also where its model did. */
function withCleaning(recipe: ResolvedRecipe, { clean }: Pick<RunMaterial, 'clean'>): ResolvedRecipe {
  if (recipe.dataset.clean || clean.length === 0) return recipe;
  return resolveRecipe({ ...recipe, dataset: { ...recipe.dataset, clean } });
}

/** Written into the run's recipe, so that a run that goes on elsewhere draws the same masks for the same lengths. */
function withDeviceBuckets(recipe: ResolvedRecipe, maxLength: number): ResolvedRecipe {
  if (recipe.device === 'cpu' || recipe.device === 'auto' || recipe.train.length_buckets !== 'auto') return recipe;
  return { ...recipe, train: { ...recipe.train, length_buckets: deviceBuckets(maxLength) } };
}

export function withAbsolutePaths(recipe: ResolvedRecipe, base: string): ResolvedRecipe {
  const split = <T extends ResolvedSplit | undefined>(s: T): T =>
    s
      ? {
          ...s,
          file: resolve(base, s.file),
          ...(s.files && { files: s.files.map((file) => resolve(base, file)) }),
          ...(s.corrections && { corrections: resolve(base, s.corrections) }),
        }
      : s;
  const { masking } = recipe.train;
  const { train, validation, test, ...others } = recipe.dataset;
  return {
    ...recipe,
    model: resolve(base, recipe.model),
    work_dir: resolve(base, recipe.work_dir),
    ...(masking?.terms && { train: { ...recipe.train, masking: { ...masking, terms: resolve(base, masking.terms) } } }),
    dataset: {
      train: split(train),
      ...(validation && { validation: split(validation) }),
      ...(test && { test: split(test) }),
      ...others,
    },
  };
}
