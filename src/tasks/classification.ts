import { MedTextError, words } from '../base/errors';
import { softmax } from '../base/softmax';
import type { ResolvedRecipe } from '../protocol/recipe';
import { classificationCard } from './cards/classificationCard';
import { classificationReport } from './evaluationReport';
import { labelUsage } from './labelUsage';
import { crossEntropy } from './losses/crossEntropy';
import { argmaxRows } from './metrics';
import type { TaskDefinition } from './task';
import { flat, ofTexts, readLogits } from './texts';
import { answerWriter } from './answerWriter';

/** One of several labels for a text or a pair. An answer is the logits, [labels]. */
export const classification: TaskDefinition<number, number, Float32Array> = {
  ...ofTexts,
  labelsOf({ labels, file }) {
    if (labels.length > 1) return labels;
    throw new MedTextError(
      'LABELS',
      words`${file.path} has a single label (${labels[0]}), so there is nothing to learn.`,
      { file: file.path },
    );
  },
  objective: ({ recipe, labels, data }) =>
    crossEntropy({
      labelCount: labels.length,
      labelSmoothing: recipe.train.label_smoothing,
      classWeights: classWeightsOf(recipe, labels, data.counts),
    }),
  reading: ({ labels, examples }) => readLogits(labels.length, examples.length),
  report: ({ labels, examples, answers }) =>
    classificationReport({
      labels,
      targets: examples.map(({ label }) => label!),
      logits: flat(answers, labels.length),
    }),
  probabilities: softmax,
  saysSame: (a, b) => argmaxRows(a, a.length)[0] === argmaxRows(b, b.length)[0],
  isRight: (answer, label) => argmaxRows(answer, answer.length)[0] === label,
  counts(answers, labels) {
    const counts = Object.fromEntries(labels.map((label) => [label, 0]));
    for (const id of argmaxRows(flat(answers, labels.length), labels.length)) counts[labels[id]]++;
    return counts;
  },
  writer(data, output, options) {
    const { write } = answerWriter(data, output, options);
    return {
      write(answers, labels) {
        const ids = argmaxRows(flat(answers, labels.length), labels.length);
        return write((at) => labels[ids[at]]);
      },
    };
  },
  usage: ({ split, labels }) => labelUsage(split, labels),
  metric: 'accuracy',
  card: classificationCard,
};

/** 'balanced' is scikit-learn's: rows / (classes * rows of the class). */
function classWeightsOf(
  recipe: ResolvedRecipe,
  labels: readonly string[],
  counts: readonly number[],
): readonly number[] | undefined {
  const weights = recipe.train.class_weights;
  if (weights === null) return undefined;
  if (weights === 'balanced') {
    const rows = counts.reduce((sum, count) => sum + count, 0);
    return counts.map((count) => (count === 0 ? 0 : rows / (labels.length * count)));
  }
  if (weights.length === labels.length) return weights;
  throw new MedTextError(
    'RECIPE',
    words`class_weights has ${weights.length} numbers for ${labels.length} labels (${labels.join(', ')}).`,
    { labels },
  );
}
