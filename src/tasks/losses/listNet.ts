import type { ObjectiveInput, OutputObjective, TrainingExample } from '../objective';
import { ofOnePass } from '../objective';
import { logSumExp, NOTHING } from './logSumExp';

/**
 * ListNet with top-one probabilities (Cao et al., ICML 2007, section 5): of each list the cross-entropy between softmax(grades) and
 * softmax(scores); the mean over the lists of the step. A target is an example's grade, its list the examples of its group.
 * @param longest examples of a list, at most
 */
export function listNet(longest: number): OutputObjective<number> {
  const ofRow = (name: string, dataType: ObjectiveInput['dataType']) =>
    ({ name, dataType, axes: ['rows', 1] }) as const;
  return ofOnePass<number>({
    inputs: [ofRow('lists', 'int32'), ofRow('weights', 'float32')],
    together: longest,
    // A list weighs 1.
    weightOf: ({ group }) => 1 / (group?.size ?? 1),
    feeds: (examples, { total }) => ({
      // Rows that fill the batch up are list 0.
      lists: examples.map((example, at) => listOf(example, at) + 1),
      weights: shares(examples, total),
    }),
    lossOf: (g, scores, input) => {
      const [rows] = scores.shape;
      const lists = input('lists');
      const isOfList = g.equal(lists, g.reshape(lists, [1, rows]));
      const listScores = g.where(isOfList, g.reshape(scores, [1, rows]), g.scalar(NOTHING)); // [rows, rows]
      const logProbabilities = g.sub(scores, g.reshape(logSumExp(g, listScores), [rows, 1]));
      return g.neg(g.reduceSum(g.mul(input('weights'), logProbabilities)));
    },
  });
}

const listOf = ({ group }: TrainingExample, at: number): number => group?.id ?? at;

/** softmax(grades) of each example within its list, divided by the lists of the step. */
function shares(examples: readonly TrainingExample<number>[], total: number): number[] {
  const lists = new Map<number, number[]>();
  examples.forEach((example, at) => {
    const list = listOf(example, at);
    lists.set(list, [...(lists.get(list) ?? []), example.target]);
  });
  const sums = new Map([...lists].map(([list, grades]) => [list, expSum(grades)]));
  return examples.map((example, at) => {
    const { largest, sum } = sums.get(listOf(example, at))!;
    return Math.exp(example.target - largest) / sum / total;
  });
}

function expSum(grades: readonly number[]): { largest: number; sum: number } {
  const largest = grades.reduce((most, grade) => Math.max(most, grade), -Infinity);
  return { largest, sum: grades.reduce((sum, grade) => sum + Math.exp(grade - largest), 0) };
}
