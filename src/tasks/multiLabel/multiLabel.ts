import { MedTextError, words } from '../../base/errors';
import { readLabelLists } from '../../data/labelLists';
import type { MultiLabelReport } from '../../protocol/evaluation';
import { labelsAbove, probabilityOf, thresholdsIn, USUAL_THRESHOLD } from '../../protocol/labelThresholds';
import type { ResolvedRecipe } from '../../protocol/recipe';
import { answerWriter } from '../answerWriter';
import { multiLabelCard } from '../cards/multiLabelCard';
import { labelUsage } from '../labelUsage';
import { binaryCrossEntropy } from '../losses/binaryCrossEntropy';
import type { TaskDefinition } from '../task';
import { encodeTexts, ofTexts, readLogits } from '../texts';
import { multiLabelReport } from './multiLabelReport';
import type { Thresholds } from './thresholds';
import { labelWriter, separatorIn } from './writeLabels';

/** The answer for one row. */
interface Answer {
  /** [labels] */
  readonly logits: Float32Array;
  readonly thresholds: Thresholds;
}

/** Any number of labels for a text or a pair. A label, and a target, is the ids of a row's labels. */
export const multiLabel: TaskDefinition<readonly number[], readonly number[], Answer> = {
  ...ofTexts,
  read: (split, task, options) => readLabelLists(split, task, options, separatorIn(options.usage)),
  encode: encodeTexts,
  labelsOf({ labels, file }) {
    if (labels.length > 1) return labels;
    const [label] = labels;
    throw new MedTextError(
      'LABELS',
      label === undefined
        ? words`${file.path} has no labels: there is nothing to learn.`
        : words`${file.path} has a single label (${label}): that is a class of two, with it and without it (text-classification).`,
      { file: file.path, labels },
    );
  },
  objective: ({ recipe, labels, data }) =>
    binaryCrossEntropy({
      labelCount: labels.length,
      positiveWeights: positiveWeightsOf(recipe, labels, data.counts, data.examples.length),
    }),
  reading({ labels, examples, by }) {
    const { take, answers } = readLogits(labels.length, examples.length);
    const thresholds = 'usage' in by ? thresholdsIn(by.usage, labels) : wantedThresholds(by.recipe, labels);
    return { take, answers: () => answers().map((logits) => ({ logits, thresholds })) };
  },
  report: ({ labels, examples, answers }) =>
    multiLabelReport({
      labels,
      targets: examples.map(({ label }) => label!),
      logits: answers.map(({ logits }) => logits),
      thresholds: answers[0]?.thresholds ?? [],
    }),
  saysSame: (a, b) => idsOf(a).join() === idsOf(b).join(),
  isRight: (answer, given) => idsOf(answer).join() === given.join(),
  counts(answers, labels) {
    const counts = Object.fromEntries(labels.map((label) => [label, 0]));
    for (const id of answers.flatMap(idsOf)) counts[labels[id]]++;
    return counts;
  },
  writer(data, output, options) {
    const { column, write } = answerWriter(data, output, options);
    return {
      write(answers, labels) {
        const cellOf = labelWriter(data.file, column, labels, options.usage ?? {});
        return write((at) => cellOf(idsOf(answers[at]).map((id) => labels[id])));
      },
    };
  },
  usage({ split, labels, data, recipe, evaluation }) {
    const form = data.labelForm;
    const separator = typeof form === 'object' ? form.separator : null;
    return {
      ...labelUsage(split, labels),
      thresholds: thresholdsOf(recipe, labels, evaluation as MultiLabelReport | undefined),
      ...(separator !== null && { label_separator: separator }),
    };
  },
  metric: 'subsetAccuracy',
  card: multiLabelCard,
};

/** The ids of the labels that an answer gives. */
function idsOf({ logits, thresholds }: Answer): readonly number[] {
  const usual = Array.from(logits, () => USUAL_THRESHOLD);
  return labelsAbove(Float64Array.from(logits, probabilityOf), typeof thresholds === 'string' ? usual : thresholds);
}

function wantedThresholds({ train }: ResolvedRecipe, labels: readonly string[]): Thresholds {
  const { thresholds = 'one' } = train;
  return typeof thresholds === 'number' ? labels.map(() => thresholds) : thresholds;
}

/** By label: what the validation data chose, else what the recipe says. */
function thresholdsOf({ train }: ResolvedRecipe, labels: readonly string[], evaluation: MultiLabelReport | undefined) {
  const said = typeof train.thresholds === 'number' ? train.thresholds : USUAL_THRESHOLD;
  return Object.fromEntries(labels.map((label) => [label, evaluation?.perLabel[label].threshold ?? said]));
}

/** 'balanced': rows without the label by rows with it. A label that no row has, or every row, weighs 1: with 0 nothing of it were learned. */
function positiveWeightsOf(
  recipe: ResolvedRecipe,
  labels: readonly string[],
  counts: readonly number[],
  rows: number,
): readonly number[] | undefined {
  const weights = recipe.train.class_weights;
  if (weights === null) return undefined;
  if (weights === 'balanced')
    return counts.map((count) => (count === 0 || count === rows ? 1 : (rows - count) / count));
  if (weights.length === labels.length) return weights;
  throw new MedTextError(
    'RECIPE',
    words`class_weights has ${weights.length} numbers for ${labels.length} labels (${labels.join(', ')}).`,
    { labels },
  );
}
