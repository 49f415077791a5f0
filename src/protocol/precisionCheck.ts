import type { Translate } from '../base/translate';
import { count, flag, number, object, oneOf, type Checked } from './check';
import { changeText, measuredChange } from './exportCheck';

/**
 * How scoring in int8 or float16 changes a model's predictions, measured once on rows. If `harms` is true, the model is not
 * scored in that precision.
 */
export const precisionCheck = object(
  {
    precision: oneOf('int8', 'float16'),
    rows: count,
    /** The source of the rows, as in {@link exportCheck}. */
    of: oneOf('validation', 'train', 'file', 'samples'),
    harms: flag,
  },
  {
    /** The largest absolute difference of a logit. */
    largestDifference: number,
    changedAnswers: count,
    /** The task's metric on rows with labels. */
    metric: measuredChange,
    /** The metric's gain (negative: loss) with a 95 % interval over the same rows, if the metric is a share of the rows. */
    gain: object({ difference: number, low: number, high: number }),
    /** For an encoder without a head: the cosines between its vectors in both precisions. */
    cosines: object({ mean: number, lowest: number }),
  },
);
export type PrecisionCheck = Checked<typeof precisionCheck>;

/** The check in sentences, for the terminal and the editor. */
export function precisionCheckText(check: PrecisionCheck, t: Translate): string {
  const { precision, rows, of, largestDifference, changedAnswers, metric, gain, cosines, harms } = check;
  // prettier-ignore
  const named = {
    validation: t('{0} validation rows of its run', rows),
    train: t('{0} training rows of its run', rows),
    file: t('{0} rows', rows),
    samples: t('{0} sample texts', rows),
  };
  const points = (share: number) => `${share < 0 ? '−' : '+'}${(100 * Math.abs(share)).toFixed(1)}`;
  // prettier-ignore
  return [
    t('In {0}, on {1}:', precision, named[of]),
    ...(changedAnswers === undefined ? [] : [t('{0} of {1} predictions change.', changedAnswers, rows)]),
    ...(changedAnswers === undefined && !metric && largestDifference !== undefined ? [t('The largest difference of a logit is {0}.', largestDifference.toPrecision(2))] : []),
    ...(metric ? [changeText(metric, t)] : []),
    ...(gain ? [t('Difference {0} points, 95 % interval {1} to {2}.', points(gain.difference), points(gain.low), points(gain.high))] : []),
    ...(cosines ? [t('The cosine between a vector and its float32 version is {0} on average and {1} at the lowest.', cosines.mean.toFixed(4), cosines.lowest.toFixed(4))] : []),
    ...(harms ? [t('This changes the model’s results too much, so it is scored in float32.')] : []),
  ]
    .join(' ')
    // Chinese signs bring their own room.
    .replace(/([，。：；]) +/g, '$1');
}
