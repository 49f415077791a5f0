/** The fixtures of test/fixtures/ranking: scikit-learn's, trec_eval's and PyTorch's numbers for rankings. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { listNet } from '../../src/tasks/losses/listNet';
import { relevanceCrossEntropy } from '../../src/tasks/losses/relevanceCrossEntropy';
import type { OutputObjective } from '../../src/tasks/objective';
import type { TrajectoryOptions } from './trajectory';

const fixture = join(__dirname, '../fixtures/ranking');
export const rankingJson = (name: string) => JSON.parse(readFileSync(join(fixture, name), 'utf8'));

const { grades, sizes, listwise, pointwise } = rankingJson('trajectory.json');

/** The objective on the first of the trajectory model's three logits, which is the score. */
export function ofFirstLogit(objective: OutputObjective<number>): OutputObjective<number> {
  const lossOf: OutputObjective<number>['lossOf'] = (g, logits, input) => objective.lossOf(g, g.slice(logits, [0], [1], [1]), input); // prettier-ignore
  const loss: OutputObjective<number>['loss'] = (g, { pass, input }) => lossOf(g, pass(''), input);
  return { ...objective, lossOf, loss };
}

/** Trainings of the trajectory's model on queries of up to four texts, with PyTorch's losses and norms. */
export const RANKING_TRAININGS: Readonly<
  Record<string, { options: TrajectoryOptions; expected: { losses: number[]; gradientNorms: number[] } }>
> = {
  'a ranking by ListNet': {
    options: { objective: ofFirstLogit(listNet(4)), targets: grades, groups: sizes },
    expected: listwise,
  },
  'a ranking text by text': {
    options: { objective: ofFirstLogit(relevanceCrossEntropy(2)), targets: grades, groups: sizes },
    expected: pointwise,
  },
};
