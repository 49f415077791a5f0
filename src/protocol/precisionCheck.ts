import type { Translate } from '../base/translate';
import { count, flag, number, object, oneOf, text, type Checked } from './check';

/**
 * What scoring in int8 changes of a model's answers, measured once on rows. `harms` is the verdict: such a model is not
 * scored in int8.
 */
export const precisionCheck = object(
  {
    precision: oneOf('int8'),
    rows: count,
    /** As {@link exportCheck}'s. */
    of: oneOf('validation', 'train', 'file', 'samples'),
    harms: flag,
  },
  {
    /** Of a logit. */
    largestDifference: number,
    changedAnswers: count,
    /** The task's metric, on rows with labels. */
    metric: object({ name: text, before: number, after: number }),
    /** What it gains (below 0: loses), with its 95 % interval over the same rows, where it is a share of the rows. */
    gain: object({ difference: number, low: number, high: number }),
    /** Of an encoder without a head: between its vectors in both precisions. */
    cosines: object({ mean: number, lowest: number }),
  },
);
export type PrecisionCheck = Checked<typeof precisionCheck>;

/** In sentences, for the terminal and the editor. */
export function precisionCheckText(check: PrecisionCheck, t: Translate): string {
  const { rows, of, changedAnswers, metric, gain, cosines, harms } = check;
  // prettier-ignore
  const named = {
    validation: t('{0} validation rows of its run', rows),
    train: t('{0} training rows of its run', rows),
    file: t('{0} rows', rows),
    samples: t('{0} sample texts', rows),
  };
  const percent = (share: number) => `${(100 * share).toFixed(1)} %`;
  const points = (share: number) => `${share < 0 ? '−' : '+'}${(100 * Math.abs(share)).toFixed(1)}`;
  // prettier-ignore
  return [
    t('In int8, on {0}:', named[of]),
    ...(changedAnswers === undefined ? [] : [t('{0} of {1} predictions change.', changedAnswers, rows)]),
    ...(metric ? [metric.name === 'accuracy' ? t('Accuracy {0} becomes {1}.', percent(metric.before), percent(metric.after)) : t('{0}: {1} becomes {2}.', metric.name, metric.before.toFixed(4), metric.after.toFixed(4))] : []),
    ...(gain ? [t('Difference {0} points, 95 % interval {1} to {2}.', points(gain.difference), points(gain.low), points(gain.high))] : []),
    ...(cosines ? [t('A vector has the cosine {0} with its own in float32 in the mean, {1} at the lowest.', cosines.mean.toFixed(4), cosines.lowest.toFixed(4))] : []),
    ...(harms ? [t('That harms the model: it is scored in float32.')] : []),
  ].join(' ');
}
