import { fillDropoutMask } from './dropoutMasks';
import { fillNormalNoise } from './normalNoise';
import type { RandomSite } from './trainingGraph';

/** Fills what a site draws. @param first the place of the first element among those of the whole batch */
export function fillRandom(values: Float32Array, draw: RandomSite['draw'], key: number, first: number): void {
  if ('probability' in draw) fillDropoutMask(values, draw.probability, key, first);
  else fillNormalNoise(values, draw.deviation, key, first);
}
