import { MedTextError, words } from '../base/errors';
import type { Network } from '../models/encoder';
import type { GraphClassifier } from '../models/graphClassifier';
import type { Head } from '../models/heads/head';
import type { Parameters, ParameterSpec } from '../models/parameters';
import type { Trainable } from '../protocol/recipe';

/** The names of the parameters that a recipe's `trainable` lets learn. */
export function trainedParameters(
  specs: readonly ParameterSpec[],
  trainable: Trainable,
  { config, head }: Pick<Network, 'config' | 'head'>,
): Set<string> {
  return new Set(specs.map((spec) => spec.name).filter((name) => learns(name, trainable, config.layerCount, head)));
}

function learns(name: string, trainable: Trainable, layerCount: number, head: Head): boolean {
  const isHead = head.owns(name) || name.startsWith('bert.pooler.');
  if (trainable === 'all' || isHead) return true;
  if (trainable === 'head') return false;
  if (trainable === 'no-embeddings') return !name.startsWith('bert.embeddings.');
  const layer = /^bert\.encoder\.layer\.(\d+)\./.exec(name);
  return layer !== null && Number(layer[1]) >= layerCount - trainable.last_layers;
}

/**
 * The same for a graph that was exported elsewhere, whose parameters have lost their names.
 * @throws MedTextError RECIPE where the names would be needed.
 */
export function trainedGraphParameters({ specs, stored }: GraphClassifier, trainable: Trainable): Set<string> {
  const head = specs.filter(({ name }) => !stored.has(name));
  if (trainable === 'all') return new Set(specs.map(({ name }) => name));
  if (trainable === 'head' && head.length > 0) return new Set(head.map(({ name }) => name));
  const wanted = typeof trainable === 'string' ? `"${trainable}"` : JSON.stringify(trainable);
  throw new MedTextError(
    'RECIPE',
    head.length > 0
      ? words`trainable is ${wanted}, but the model is an exported ONNX graph whose parameters do not show their layers. Only "all" and "head" are possible.`
      : words`trainable is ${wanted}, but the model is an exported ONNX graph whose parameters do not show their layers. Only "all" is possible.`,
    { trainable },
  );
}

/**
 * What `no_decay` patterns are matched against: a parameter's name. Exporters drop names (`onnx::Mul_41`); a vector
 * without one is a bias or a normalisation's scale, neither of which decays where biases do not.
 */
export function decayName(name: string, parameters: Parameters): string {
  const isNamed = /(weight|bias|gamma|beta)$/i.test(name);
  return isNamed || parameters.shape(name).length > 1 ? name : `${name}.bias`;
}
