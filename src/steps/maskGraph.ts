/** All masks of one (batch, length) as a graph, for devices where a step's masks are too much to send. */
import { elementCount } from '../onnx/dataType';
import type { Value } from '../onnx/graphBuilder';
import type { Model } from '../onnx/model';
import { Operators } from '../onnx/operators';
import { buildDropoutMasks, maskPlaces, type MaskPlaces } from './dropoutMasks';
import { buildNormalNoise } from './normalNoise';
import type { SiteStack } from './parameterGroups';

/**
 * Inputs: `keys.<stack>` int32 [sites, 1] of every stack, firstRow int32 [] (the first row's place in the whole batch).
 * Outputs: every stack by its name, float32 [sites, ...shape].
 * @param rows of the batch; masks are row after row, as fillDropoutMask takes them.
 */
export function buildMaskGraph(stacks: readonly SiteStack[], rows: number): Model {
  const g = new Operators();
  const draw = maskDrawer(g, rows, g.input('firstRow', 'int32', []));
  for (const stack of stacks) {
    g.output(draw(stack, g.input(`keys.${stack.name}`, 'int32', [stack.sites.length, 1])), stack.name);
  }
  return g.build('masks');
}

/**
 * What draws the masks of a batch's sites. Stacks of like shape share their counters.
 * @param firstRow int32 [], the first row's place in the whole batch
 */
export function maskDrawer(g: Operators, rows: number, firstRow: Value): (stack: SiteStack, keys: Value) => Value {
  const places = new Map<number, MaskPlaces>();
  return ({ name, sites: [{ shape, draw }] }, keys) =>
    g.scope(name, () => {
      const elements = elementCount(shape);
      const aRow = elements / rows;
      if ('deviation' in draw) return buildNormalNoise(g, shape, draw.deviation, keys, g.mul(firstRow, aRow));
      const own = places.get(elements) ?? maskPlaces(g, elements, g.mul(firstRow, aRow), aRow % 2 === 0);
      places.set(elements, own);
      return buildDropoutMasks(g, shape, draw.probability, keys, own);
    });
}
