import type { ResolvedRecipe } from './recipe';

/** The work of a step with a loss of several forward passes beside that of a plain one, whose backward pass is twice its forward pass. */
export const LOSS_WORK = { adversarial: 8 / 3, fgm: 7 / 3, r_drop: 2 } as const;

export type Disturbance = keyof typeof LOSS_WORK;

/** The loss of several forward passes that a recipe has; undefined for a plain loss. */
export function disturbanceOf({ train }: Pick<ResolvedRecipe, 'train'>): Disturbance | undefined {
  return (['adversarial', 'fgm', 'r_drop'] as const).find((kind) => train[kind]);
}

/** The same by the names of the parts that a run reports of its loss. */
export function disturbanceOfParts(parts: object = {}): Disturbance | undefined {
  if ('noise' in parts) return 'adversarial';
  if ('adversarial' in parts) return 'fgm';
  return 'divergence' in parts ? 'r_drop' : undefined;
}
