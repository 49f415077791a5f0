/** The fixtures of test/fixtures/multiLabel: scikit-learn's and PyTorch's numbers for several labels a row. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { binaryCrossEntropy } from '../../src/tasks/losses/binaryCrossEntropy';
import type { TrajectoryOptions } from './trajectory';

const fixture = join(__dirname, '../fixtures/multiLabel');
export const multiLabelJson = (name: string) => JSON.parse(readFileSync(join(fixture, name), 'utf8'));

const { labels, positiveWeights, plain, weighted } = multiLabelJson('trajectory.json');

/** Trainings of the trajectory's model on several labels a row, with PyTorch's losses and norms. */
export const MULTI_LABEL_TRAININGS: Readonly<
  Record<
    string,
    { options: TrajectoryOptions; expected: { losses: number[]; gradientNorms: number[]; final?: string } }
  >
> = {
  'several labels a row': {
    options: { objective: binaryCrossEntropy({ labelCount: 3 }), targets: labels },
    expected: { ...plain, final: join(fixture, 'final.safetensors') },
  },
  'several labels a row with positive weights': {
    options: { objective: binaryCrossEntropy({ labelCount: 3, positiveWeights }), targets: labels },
    expected: weighted,
  },
};
