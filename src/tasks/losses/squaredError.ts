import { ofOnePass, type OutputObjective } from '../objective';

/** PyTorch's MSELoss(reduction='mean') of one prediction a row: sum(weights * (prediction - target)^2). */
export function squaredError(): OutputObjective<number> {
  return ofOnePass<number>({
    inputs: [
      { name: 'targets', dataType: 'float32', axes: ['rows', 1] },
      { name: 'weights', dataType: 'float32', axes: ['rows', 1] },
    ],
    weightOf: () => 1,
    feeds: (examples, { total }) => ({
      targets: examples.map(({ target }) => target),
      weights: examples.map(() => 1 / total),
    }),
    lossOf: (g, predictions, input) => {
      const error = g.sub(predictions, input('targets'));
      return g.reduceSum(g.mul(input('weights'), g.mul(error, error)));
    },
  });
}
