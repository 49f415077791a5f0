import { MedTextError, words } from '../base/errors';
import type { ResolvedRecipe } from '../protocol/recipe';
import { describeTask } from '../protocol/tasks';
import type { RunMaterial } from './runMaterial';
import { crossEntropy } from '../tasks/losses/crossEntropy';
import { squaredError } from '../tasks/losses/squaredError';
import type { Objective, OutputObjective } from '../tasks/objective';
import { disturbed } from './disturbance';

/**
 * The loss that the recipe asks for.
 * @throws MedTextError RECIPE for class weights that do not fit the labels; what {@link disturbed} throws.
 */
export function objectiveOf(recipe: ResolvedRecipe, material: RunMaterial): Objective {
  return disturbed(plainObjective(recipe, material), recipe, material);
}

function plainObjective(recipe: ResolvedRecipe, { labels, train }: RunMaterial): OutputObjective {
  if (describeTask(recipe.task).answer === 'number') return squaredError();
  return crossEntropy({
    labelCount: labels.length,
    labelSmoothing: recipe.train.label_smoothing,
    classWeights: classWeightsOf(recipe, labels, train.data.counts),
  });
}

/** 'balanced' is scikit-learn's: rows / (classes * rows of the class). */
function classWeightsOf(
  recipe: ResolvedRecipe,
  labels: readonly string[],
  counts: readonly number[],
): readonly number[] | undefined {
  const weights = recipe.train.class_weights;
  if (weights === null) return undefined;
  if (weights === 'balanced') {
    const rows = counts.reduce((sum, count) => sum + count, 0);
    return counts.map((count) => (count === 0 ? 0 : rows / (labels.length * count)));
  }
  if (weights.length === labels.length) return weights;
  throw new MedTextError(
    'RECIPE',
    words`class_weights has ${weights.length} numbers for ${labels.length} labels (${labels.join(', ')}).`,
    {
      labels,
    },
  );
}
