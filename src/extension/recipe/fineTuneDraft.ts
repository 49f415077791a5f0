import { basename, dirname, extname } from 'node:path';
import type { Translate } from '../../base/translate';
import { impliedScores } from '../../protocol/labelScheme';
import type { DataInfo, LabelCounts } from '../../protocol/scorer';
import { describeTask, type TaskName } from '../../protocol/tasks';
import { draftedLabels } from './recipeDraft';

/** The files of a data set, told by their names. */
export interface SplitFiles {
  readonly validation?: string;
  readonly test?: string;
}

const splitWords = {
  train: /(^|[_\-. ])(train|training|训练集?)(?=$|[_\-. ])/i,
  validation: /(^|[_\-. ])(dev|valid|validation|val|eval|验证集?|开发集?)(?=$|[_\-. ])/i,
  test: /(^|[_\-. ])(test|testing|测试集?)(?=$|[_\-. ])/i,
};
type Split = keyof typeof splitWords;

function splitOf(path: string): Split | undefined {
  const stem = basename(path, extname(path));
  return (Object.keys(splitWords) as Split[]).find((split) => splitWords[split].test(stem));
}

/** The name without the word that says which split it is: what the files of one data set share. */
function commonName(path: string): string {
  const stem = basename(path, extname(path));
  const split = splitOf(path);
  return (split ? stem.replace(splitWords[split], '') : stem).toLowerCase() + extname(path).toLowerCase();
}

/** The validation and test file that belong to a training file: beside it, and called like it but for the split. */
export function splitFilesOf(train: string, files: readonly string[]): SplitFiles {
  if (splitOf(train) !== 'train') return {};
  const beside = files.filter((file) => dirname(file) === dirname(train) && file !== train && commonName(file) === commonName(train)); // prettier-ignore
  const of = (split: Split) => beside.filter((file) => splitOf(file) === split).sort()[0];
  const [validation, test] = [of('validation'), of('test')];
  return { ...(validation !== undefined && { validation }), ...(test !== undefined && { test }) };
}

/** The file that a training most likely reads: the one named, else the only one that is called so, else the first such one. */
export function likelyTrainFile(files: readonly string[]): string | undefined {
  return [...files].sort().find((file) => splitOf(file) === 'train') ?? (files.length === 1 ? files[0] : undefined);
}

const manyLabels = 50;

/** What a person should know before the training, most serious first. */
export function draftWarnings(
  {
    info,
    counts,
    task,
    label,
    validation,
    skipsBadRows,
  }: {
    readonly info: DataInfo;
    readonly counts: LabelCounts | undefined;
    readonly task: TaskName | undefined;
    readonly label: string;
    readonly validation: string;
    readonly skipsBadRows: boolean;
  },
  t: Translate,
): string[] {
  const warnings: string[] = [];
  const facts = info.facts?.find(({ name }) => name === label);
  const isClasses = task !== undefined && describeTask(task).answer === 'class';
  if (isClasses && facts && facts.values > 8 && facts.distinct === facts.values) {
    warnings.push(t('Every value of “{0}” is another one: it can hardly be the label.', label));
  }
  if (counts && isClasses) {
    const { labels = [], labelMapping = {} } = draftedLabels(counts);
    const classes = labels.length > 0 ? labels.length : counts.values.length;
    if (classes > manyLabels) warnings.push(t('There are {0} labels: is “{1}” the right column?', classes, label));
    const isMissing = (value: string): boolean => Object.hasOwn(labelMapping, value);
    const left = counts.values.filter(({ value }) => isMissing(value)).reduce((sum, { count }) => sum + count, 0);
    if (left > 0) warnings.push(t('{0} rows say that they have no label, and are left out.', left));
    const rare = counts.values.filter(({ value, count }) => count < 5 && !isMissing(value)).length;
    if (rare > 0 && classes <= manyLabels) warnings.push(t('{0} labels have fewer than five rows.', rare));
  }
  if (info.badRows > 0) {
    warnings.push(
      skipsBadRows
        ? t('{0} rows cannot be read, and are left out.', info.badRows)
        : t('{0} rows cannot be read: the training stops at them.', info.badRows),
    );
  }
  if (validation === '')
    warnings.push(t('Without validation data no best checkpoint can be chosen, and nobody sees overfitting.'));
  return warnings;
}

/** Whether a similarity would need a scale that neither the labels' names nor the person give. */
export function scaleIsOpen(
  task: TaskName | undefined,
  labels: readonly string[],
  scores: Readonly<Record<string, number>>,
): boolean {
  if (task === undefined) return false;
  const { second, answer } = describeTask(task);
  if (second === 'none' || answer !== 'class' || labels.length < 2) return false;
  return impliedScores(labels) === undefined && labels.some((label) => scores[label] === undefined);
}
