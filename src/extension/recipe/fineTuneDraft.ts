import { basename, dirname, extname } from 'node:path';
import type { Translate } from '../../base/translate';
import { impliedScores } from '../../protocol/labelScheme';
import type { DataInfo, LabelCounts } from '../../protocol/scorer';
import { answerOf, comparesTexts } from '../../protocol/answers';
import { describeTask, type TaskName } from '../../protocol/tasks';
import type { TrainingForecast } from '../../protocol/trainingForecast';
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

const splitOf = (path: string): Split | undefined => splitCalled(basename(path, extname(path)));

function splitCalled(stem: string): Split | undefined {
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

/** The sheets of one workbook that hold the splits of a data set, told by their names; empty where none is called a training split. */
export function splitSheetsOf(sheets: readonly string[]): Partial<Record<Split, string>> {
  const of = (split: Split) => sheets.find((name) => splitCalled(name) === split);
  const [train, validation, test] = [of('train'), of('validation'), of('test')];
  if (train === undefined) return {};
  return { train, ...(validation !== undefined && { validation }), ...(test !== undefined && { test }) };
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
    forecast,
  }: {
    readonly info: DataInfo;
    readonly counts: LabelCounts | undefined;
    readonly task: TaskName | undefined;
    readonly label: string;
    readonly validation: string;
    readonly skipsBadRows: boolean;
    readonly forecast: TrainingForecast | null;
  },
  t: Translate,
): string[] {
  const warnings: string[] = [];
  const facts = info.facts?.find(({ name }) => name === label);
  const { column = 'none', hasNames = false, isOneARow = false } = task === undefined ? {} : answerOf(task);
  if (isOneARow && facts && facts.values > 8 && facts.distinct === facts.values) {
    warnings.push(t('Every row has a different value in “{0}”. It is probably not the label.', label));
  }
  if (counts && column === 'cells' && hasNames) {
    const { labels = [], labelMapping = {} } = draftedLabels(counts);
    const classes = labels.length > 0 ? labels.length : counts.values.length;
    if (classes > manyLabels) warnings.push(t('There are {0} labels: is “{1}” the right column?', classes, label));
    const isMissing = (value: string): boolean => Object.hasOwn(labelMapping, value);
    const left = counts.values.filter(({ value }) => isMissing(value)).reduce((sum, { count }) => sum + count, 0);
    if (left > 0 && isOneARow) warnings.push(t('{0} rows are marked as having no label. They are left out.', left));
    const rare = counts.values.filter(({ value, count }) => count < 5 && !isMissing(value)).length;
    if (rare > 0 && classes <= manyLabels) warnings.push(t('{0} labels have fewer than five rows.', rare));
  }
  if (info.badRows > 0) {
    warnings.push(
      skipsBadRows
        ? t('{0} rows cannot be read. They are left out.', info.badRows)
        : t('{0} rows cannot be read. The training stops at the first of them.', info.badRows),
    );
  }
  if (forecast) warnings.push(...forecastWarnings(forecast, t));
  if (validation === '')
    warnings.push(t('Without validation data, no best checkpoint can be chosen and overfitting stays hidden.'));
  return warnings;
}

function forecastWarnings(
  { exceedsMemory, shared, validation, cut, examples, maxLength }: TrainingForecast,
  t: Translate,
): string[] {
  const warnings: string[] = [];
  if (exceedsMemory) warnings.push(t('The memory will probably not be enough, even for one example at a time. Train fewer parameters (train.trainable), or shorten max_length.')); // prettier-ignore
  if (shared > 0) warnings.push(t('{0} of {1} validation examples have texts that are also in the training data. The metrics will be too optimistic.', shared, validation)); // prettier-ignore
  if (cut > 0) warnings.push(t('{0} of {1} training examples are longer than {2} tokens. Their ends are cut.', cut, examples, maxLength)); // prettier-ignore
  return warnings;
}

/** Whether a similarity would need a scale that neither the labels' names nor the person give. */
export function scaleIsOpen(
  task: TaskName | undefined,
  labels: readonly string[],
  scores: Readonly<Record<string, number>>,
): boolean {
  if (task === undefined) return false;
  if (!comparesTexts(describeTask(task)) || labels.length < 2) return false;
  return impliedScores(labels) === undefined && labels.some((label) => scores[label] === undefined);
}
