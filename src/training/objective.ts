import type { ResolvedRecipe } from '../protocol/recipe';
import type { Objective } from '../tasks/objective';
import { disturbed } from './disturbance';
import type { StepMaterial } from './runMaterial';

/**
 * The loss that the recipe asks for.
 * @throws MedTextError RECIPE for class weights that do not fit the labels; what {@link disturbed} throws.
 */
export function objectiveOf(recipe: ResolvedRecipe, material: StepMaterial): Objective {
  const { definition, labels, columns, train, model } = material;
  const { head } = model.network;
  // A task that reads texts has no rows, and asks for none.
  const objective = definition.objective({ recipe, head, labels, columns, data: train.data! });
  return 'lossOf' in objective ? disturbed(objective, recipe, material) : objective;
}
