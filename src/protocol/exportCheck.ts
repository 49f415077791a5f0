import type { Translate } from '../base/translate';
import { count, number, object, oneOf, type Checked } from './check';

const change = object({ before: number, after: number });

/** What an exported graph changes, measured on rows. `medtext export --json` prints it as `checked`: a contract. */
export const exportCheck = object(
  {
    rows: count,
    /** Whose rows: those that the model's run validated or trained on, a file's, or sentences of this program's own. */
    of: oneOf('validation', 'train', 'file', 'samples'),
    /** Of a logit. */
    largestDifference: number,
  },
  {
    /** Rows that get another label; absent where the model gives numbers. */
    changedAnswers: count,
    /** On rows with labels; of several labels a row `subsetAccuracy`, of numbers `pearson`, where it exists; of entities `microF1`. */
    accuracy: change,
    subsetAccuracy: change,
    pearson: change,
    microF1: change,
  },
);
export type ExportCheck = Checked<typeof exportCheck>;

/** What an editor says of it. */
export function exportCheckText(
  { rows, of, largestDifference, changedAnswers, accuracy }: ExportCheck,
  t: Translate,
): string {
  // prettier-ignore
  const named = {
    validation: t('{0} validation rows of its run', rows),
    train: t('{0} training rows of its run', rows),
    file: t('{0} rows', rows),
    samples: t('{0} sample texts', rows),
  };
  const percent = (share: number) => `${(100 * share).toFixed(1)} %`;
  return [
    t('On {0} its logits differ from the original by at most {1}.', named[of], largestDifference.toPrecision(2)),
    ...(changedAnswers === undefined ? [] : [t('{0} predictions change.', changedAnswers)]),
    ...(accuracy ? [t('Accuracy {0} becomes {1}.', percent(accuracy.before), percent(accuracy.after))] : []),
  ].join(' ');
}
