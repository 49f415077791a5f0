import type { Value } from '../../onnx/graphBuilder';
import type { Operators } from '../../onnx/operators';
import { ofOnePass, type OutputObjective } from '../objective';
import { logSumExp, NOTHING } from './logSumExp';

/** A stretch of a window's tokens that is of a type: first and last token, special ones counted, and the type's id. */
export type TargetSpan = readonly [first: number, last: number, type: number];

export interface SpanCrossEntropyOptions {
  readonly typeCount: number;
  /** The largest number of entities in a window. */
  readonly mostSpans: number;
}

/**
 * The multi-label cross-entropy of stretches (Su, https://kexue.fm/archives/7359; Su et al., arXiv 2208.02955): for each text and
 * type, log(1 + sum of exp(score) over what is none) + log(1 + sum of exp(-score) over what is one). The mean over texts and types.
 *
 * The targets are fed as lists of entities: a matrix of all stretches would be length^2 numbers for each text and type.
 */
export function spanCrossEntropy({
  typeCount,
  mostSpans,
}: SpanCrossEntropyOptions): OutputObjective<readonly TargetSpan[]> {
  const slots = Math.max(1, mostSpans);
  const places = { dataType: 'int32', axes: ['rows', slots] } as const;
  return ofOnePass<readonly TargetSpan[]>({
    inputs: [
      { name: 'spanFirsts', ...places },
      { name: 'spanLasts', ...places },
      { name: 'spanTypes', ...places },
      { name: 'rowWeights', dataType: 'float32', axes: ['rows', 1] },
    ],
    weightOf: () => 1,
    feeds: (examples, { total }) => {
      const lists = [0, 1, 2].map(() => new Int32Array(examples.length * slots).fill(-1));
      examples.forEach(({ target }, row) =>
        target.forEach((span, slot) => lists.forEach((list, part) => (list[row * slots + slot] = span[part]))),
      );
      const [spanFirsts, spanLasts, spanTypes] = lists;
      return { spanFirsts, spanLasts, spanTypes, rowWeights: new Float32Array(examples.length).fill(1 / total) };
    },
    lossOf: (g, scores, input) => {
      const [rows, types, length] = scores.shape;
      // 1 where the entity of a slot begins, ends, is of the type; an empty slot is -1, which is nowhere.
      const isAt = (name: string, count: number) =>
        g.cast(g.equal(g.reshape(input(name), [rows, slots, 1]), g.reshape(g.range(count), [1, 1, count])), 'float32');
      const firsts = g.reshape(g.transpose(isAt('spanFirsts', length), [0, 2, 1]), [rows, 1, length, slots]);
      const lasts = g.reshape(isAt('spanLasts', length), [rows, 1, slots, length]);
      const ofType = g.reshape(g.transpose(isAt('spanTypes', types), [0, 2, 1]), [rows, types, 1, slots]);
      const truth = g.matMul(g.mul(firsts, ofType), lasts); // [rows, types, length, length]: 1 for an entity
      const isEntity = g.greater(truth, 0.5);
      const negative = logOfOneAndSum(g, g.where(isEntity, g.scalar(NOTHING), scores));
      const positive = logOfOneAndSum(g, g.where(isEntity, g.neg(scores), g.scalar(NOTHING)));
      const losses = g.reduceSum(g.add(negative, positive), [1], true); // [rows, 1]
      return g.reduceSum(g.mul(losses, g.mul(input('rowWeights'), 1 / typeCount)));
    },
  });
}

/**
 * log(1 + sum of exp(x)) over the last two axes: [rows, types]. One axis after the other, each shifted by its largest value: a sum
 * over both may have more terms than half precision can count.
 */
function logOfOneAndSum(g: Operators, x: Value): Value {
  const byFirst = logSumExp(g, x); // [rows, types, length]
  const [rows, types] = byFirst.shape;
  return logSumExp(g, g.concat([byFirst, g.fill(0, [rows, types, 1])], 2));
}
