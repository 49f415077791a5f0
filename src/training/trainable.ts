import type { Trainable } from '../protocol/recipe';
import type { ParameterSpec } from '../models/parameters';

/** The names of the parameters that a recipe's `trainable` lets learn. */
export function trainedParameters(
  specs: readonly ParameterSpec[],
  trainable: Trainable,
  layerCount: number,
): Set<string> {
  return new Set(specs.map((spec) => spec.name).filter((name) => learns(name, trainable, layerCount)));
}

function learns(name: string, trainable: Trainable, layerCount: number): boolean {
  const isHead = name.startsWith('classifier.') || name.startsWith('bert.pooler.');
  if (trainable === 'all' || isHead) return true;
  if (trainable === 'head') return false;
  if (trainable === 'no-embeddings') return !name.startsWith('bert.embeddings.');
  const layer = /^bert\.encoder\.layer\.(\d+)\./.exec(name);
  return layer !== null && Number(layer[1]) >= layerCount - trainable.last_layers;
}
