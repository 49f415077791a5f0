/** Many tokens' states as one. */
import type { Value } from '../onnx/graphBuilder';
import type { Operators } from '../onnx/operators';

/**
 * The mean or maximum of the states over the tokens that are not padding: [batch, hidden].
 * @param states [batch * sequence, hidden]
 * @param attentionMask integers [batch, sequence]
 */
export function overTokens(g: Operators, states: Value, attentionMask: Value, pooling: 'mean' | 'max'): Value {
  const [batch, length] = attentionMask.shape;
  const tokens = g.reshape(states, [batch, length, states.shape[1]]);
  const mask = g.cast(g.reshape(attentionMask, [batch, length, 1]), 'float32');
  if (pooling === 'max') return g.reduceMax(g.add(tokens, g.mul(g.sub(1, mask), -1e9)), [1]);
  // A row of padding alone only fills the batch: max(count, 1) avoids a division by zero.
  const count = g.add(g.relu(g.sub(g.reduceSum(mask, [1]), 1)), 1);
  return g.div(g.reduceSum(g.mul(tokens, mask), [1]), count);
}
