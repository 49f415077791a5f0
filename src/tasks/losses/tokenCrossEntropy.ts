import { ofOnePass, type OutputObjective } from '../objective';
import { softCrossEntropy } from './crossEntropy';

/** The target of a token that nothing is learned of. */
const IGNORED = -1;

/**
 * PyTorch's CrossEntropyLoss(label_smoothing, ignore_index=-1) over the tokens of a step, the mean over those that have a target.
 * A window's target is the column of each of its tokens, [length], special ones included.
 */
export function tokenCrossEntropy(options: {
  readonly columns: number;
  /** PyTorch's label_smoothing, in [0, 1). */
  readonly labelSmoothing: number;
}): OutputObjective<Int32Array> {
  const { columns, labelSmoothing } = options;
  return ofOnePass<Int32Array>({
    inputs: [{ name: 'targets', dataType: 'float32', axes: ['rows', 'length', columns] }],
    weightOf: ({ target }) => target.reduce((count, column) => (column === IGNORED ? count : count + 1), 0),
    feeds: (examples, { total, length }) => {
      const targets = new Float32Array(examples.length * length * columns);
      examples.forEach(({ target }, row) => {
        for (const [token, column] of target.entries()) {
          if (column === IGNORED) continue;
          const start = (row * length + token) * columns;
          targets.fill(labelSmoothing / columns / total, start, start + columns);
          targets[start + column] += (1 - labelSmoothing) / total;
        }
      });
      return { targets };
    },
    lossOf: (g, logits, input) => softCrossEntropy(g, logits, input('targets')),
  });
}
