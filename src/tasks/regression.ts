import { regressionCard } from './cards/regressionCard';
import { regressionReport } from './evaluationReport';
import { regressionUsage } from './labelUsage';
import { squaredError } from './losses/squaredError';
import type { TaskDefinition } from './task';
import { flat, ofTexts, readLogits } from './texts';
import { answerWriter } from './answerWriter';

/** A number for a text or a pair. An answer is that number, [1]. */
export const regression: TaskDefinition<number, number, Float32Array> = {
  ...ofTexts,
  labelsOf: () => ['score'],
  objective: squaredError,
  reading: ({ examples }) => readLogits(1, examples.length),
  report: ({ examples, answers }) =>
    regressionReport({ targets: examples.map(({ label }) => label!), predictions: flat(answers, 1) }),
  counts: () => ({}),
  writer(data, output, options) {
    const { write } = answerWriter(data, output, options);
    return { write: (answers) => write((at) => rounded(answers[at][0])) };
  },
  usage: ({ data }) => regressionUsage(data.examples),
  metric: 'pearson',
  card: regressionCard,
};

/** A prediction with the digits that float32 has. */
function rounded(value: number): number {
  return Number(value.toPrecision(7));
}
