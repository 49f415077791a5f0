/** All masks of one (batch, length) as a graph, for devices where a step's masks are too much to send. */
import { elementCount } from '../onnx/dataType';
import type { Value } from '../onnx/graphBuilder';
import type { Model } from '../onnx/model';
import { Operators } from '../onnx/operators';
import { buildDropoutMask, maskPlaces, type MaskPlaces } from './dropoutMasks';
import type { DropoutSite } from './trainingGraph';

/**
 * Inputs: `key.<site>` int32 [] of every site, firstRow int32 [] (the first row's place in the whole batch). Outputs: every site's mask
 * by its name.
 * @param rows of the batch; masks are row after row, as {@link fillDropoutMask} takes them.
 */
export function buildMaskGraph(sites: readonly DropoutSite[], rows: number): Model {
  const g = new Operators();
  const keys = sites.map(({ name }) => g.input(`key.${name}`, 'int32', []));
  const masks = dropoutMasks(g, sites, rows, keys, g.input('firstRow', 'int32', []));
  sites.forEach(({ name }, i) => g.output(masks[i], name));
  return g.build('masks');
}

/** The sites' masks, in their order. */
function dropoutMasks(
  g: Operators,
  sites: readonly DropoutSite[],
  rows: number,
  keys: readonly Value[],
  firstRow: Value,
): Value[] {
  const draw = maskDrawer(g, rows, firstRow);
  return sites.map((site, i) => draw(site, keys[i]));
}

/**
 * What draws the masks of a batch's sites. Sites of like shape share their counters.
 * @param firstRow int32 [], the first row's place in the whole batch
 */
export function maskDrawer(g: Operators, rows: number, firstRow: Value): (site: DropoutSite, key: Value) => Value {
  const places = new Map<number, MaskPlaces>();
  return ({ name, shape, probability }, key) =>
    g.scope(name, () => {
      const elements = elementCount(shape);
      const aRow = elements / rows;
      const own = places.get(elements) ?? maskPlaces(g, elements, g.mul(firstRow, aRow), aRow % 2 === 0);
      places.set(elements, own);
      return buildDropoutMask(g, shape, probability, key, own);
    });
}
