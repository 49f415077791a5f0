import type { Value } from '../../onnx/graphBuilder';
import type { Operators } from '../../onnx/operators';
import type { ObjectiveInput } from '../objective';

/** KL(p || q) + KL(q || p) = sum((p - q) (log p - log q)) of each row: [rows, 1]. Both logits are [rows, labels]. */
export function symmetricKl(g: Operators, a: Value, b: Value): Value {
  const [logP, logQ] = [g.logSoftmax(a), g.logSoftmax(b)];
  return g.reduceSum(g.mul(g.sub(g.exp(logP), g.exp(logQ)), g.sub(logP, logQ)), [1], true);
}

/** 1 for each row that is there: what a mean over rows, and not over weights, is made of. */
export const ROW_WEIGHTS: ObjectiveInput = { name: 'rowWeights', dataType: 'float32', axes: ['rows', 1] };
