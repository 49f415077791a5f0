import type { Translate } from '../base/translate';
import { translated } from '../base/words';
import { count, number, object, oneOf, text, type Checked } from './check';
import { metricTitle } from './tasks';

/** A metric of the model before and after a conversion. */
export const measuredChange = object({ name: text, before: number, after: number });
type MeasuredChange = Checked<typeof measuredChange>;

/** The differences between an exported graph and the model, measured on rows. `medtext export --json` prints it as `checked`: a contract. */
export const exportCheck = object(
  {
    rows: count,
    /** The source of the rows: the validation or training data of the model's run, a file, or sentences of this program. */
    of: oneOf('validation', 'train', 'file', 'samples'),
    /** The largest absolute difference of a logit. */
    largestDifference: number,
  },
  {
    /** The number of rows with another predicted label; absent if the model predicts numbers. */
    changedAnswers: count,
    /** The task's first metric on rows with labels, if it is defined for these rows. */
    metric: measuredChange,
  },
);
export type ExportCheck = Checked<typeof exportCheck>;

/** The check in sentences, for the editor. */
export function exportCheckText(
  { rows, of, largestDifference, changedAnswers, metric }: ExportCheck,
  t: Translate,
): string {
  // prettier-ignore
  const named = {
    validation: t('{0} validation rows of its run', rows),
    train: t('{0} training rows of its run', rows),
    file: t('{0} rows', rows),
    samples: t('{0} sample texts', rows),
  };
  return [
    t('On {0} its logits differ from the original by at most {1}.', named[of], largestDifference.toPrecision(2)),
    ...(changedAnswers === undefined ? [] : [t('{0} predictions change.', changedAnswers)]),
    ...(metric ? [changeText(metric, t)] : []),
  ].join(' ');
}

/** One sentence on a metric before and after the conversion. */
export function changeText({ name, before, after }: MeasuredChange, t: Translate): string {
  const percent = (share: number) => `${(100 * share).toFixed(1)} %`;
  if (name === 'accuracy') return t('Accuracy {0} becomes {1}.', percent(before), percent(after));
  const title = metricTitle(name);
  return t('{0}: {1} becomes {2}.', title ? translated(title, t) : name, before.toFixed(4), after.toFixed(4));
}
