/** Softmax of one row of logits. */
export function softmax(logits: ArrayLike<number>): number[] {
  const row = Array.from(logits);
  const largest = Math.max(...row);
  const exponentials = row.map((logit) => Math.exp(logit - largest));
  const sum = exponentials.reduce((total, value) => total + value, 0);
  return exponentials.map((value) => value / sum);
}
