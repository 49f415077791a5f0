import { existsSync } from 'node:fs';
import { basename, join } from 'node:path';
import { readTextFile } from '../../base/textFile';
import type { Translate } from '../../base/translate';
import { errorText, wordedState } from '../../protocol/errorWords';
import { resolveRecipe, type Recipe } from '../../protocol/recipe';
import type { Measurement, RunPageAction, RunPageSnapshot, ShownSetting } from '../../protocol/runPage';
import type { RunRecordParts } from '../../protocol/runRecord';
import { findTask } from '../../protocol/tasks';
import { readRunFile } from '../runFolderRecord';
import { isResumable, type RunRecord } from '../runStore';
import { measurementOf } from './measurement';
import { canBeScripted } from './pythonScript';
import { readRunNotes } from './runNotes';

/** What stands in run.json's environment and says something to a person. */
const environmentFields = ['medtext', 'onnxruntime', 'device', 'threads', 'cpu', 'platform', 'node'];
/** Shown with the data, or of this machine only. */
const passedOver = /^(\$schema|work_dir|dataset\.[^.]+\.file)$/;

/** The page of nothing: what was shown is not in the list any more. */
export const noRunPage: RunPageSnapshot = {
  ...{ kind: 'none', id: '', title: '', run: null, series: [], measurements: [], stoppedAfter: null, remarks: [] },
  ...{ predictions: '', settings: [], data: [], environment: [], deviceChoice: [], note: '', tags: [], actions: [] },
};

/** What a run folder holds for its page; what it lacks, as of a run that has just begun, is empty. */
export async function runPageOf(
  record: RunRecord,
  { run, series }: Pick<RunPageSnapshot, 'run' | 'series'>,
  t: Translate,
): Promise<RunPageSnapshot> {
  const [file = {}, recipe, notes] = await Promise.all([
    readRunFile(record.folder),
    readRecipe(record.folder),
    readRunNotes(record.folder),
  ]);
  const { environment = {}, trainingEnd } = file;
  return {
    kind: 'run',
    id: record.folder,
    title: record.name,
    run,
    series,
    measurements: measurementsOf(file, existsSync(join(record.folder, 'heldOutPredictions.json'))),
    stoppedAfter: trainingEnd?.reason === 'earlyStop' ? (trainingEnd.evaluationsWithoutGain ?? null) : null,
    remarks: remarksOf(file, t),
    predictions: file.predictions === undefined ? '' : basename(file.predictions),
    settings: recipe ? settingsOf(recipe) : [],
    data: Object.entries(file.data ?? {}).map(([split, { file: path = '', rows = 0, dropped = 0, badRows = 0, duplicates = 0, sha256 = '' } = {}]) => ({ split, file: basename(path), rows, dropped: dropped + duplicates, badRows, sha256 })), // prettier-ignore
    environment: environmentFields.flatMap((name) => {
      const value: unknown = environment[name];
      return value === undefined || value === null ? [] : [{ name, value: textOf(value) }];
    }),
    deviceChoice: file.deviceChoice ?? [],
    ...{ note: notes.note, tags: [...notes.tags] },
    actions: actionsOf(record, file, recipe),
  };
}

function measurementsOf(file: RunRecordParts, hasHeldOut: boolean): Measurement[] {
  const { best, test, data = {} } = file;
  const nameOf = (split: string): string => basename(data[split]?.file ?? '');
  return [
    ...(best?.evaluation
      ? [measurementOf({ ...best.evaluation }, { split: 'validation', file: nameOf('validation') || nameOf('train'), canOpen: hasHeldOut })] // prettier-ignore
      : []),
    ...(test ? [measurementOf({ ...test }, { split: 'test', file: nameOf('test'), canOpen: false })] : []),
  ];
}

function remarksOf({ noBest, testError }: RunRecordParts, t: Translate): string[] {
  return [
    ...(noBest ? [wordedState({ message: noBest.message ?? '', words: noBest.words }, t).message] : []),
    ...(testError ? [t('The test data were not evaluated: {0}', errorText(testError as never, t))] : []),
  ];
}

/** Every field of the run's own recipe, beside what it would be where nobody says otherwise. */
export function settingsOf(recipe: Readonly<Record<string, unknown>>): ShownSetting[] {
  const standard = new Map(fieldsOf(standardOf(recipe)));
  return fieldsOf(recipe)
    .filter(([name]) => !passedOver.test(name))
    .map(([name, value]) => ({ name, value, standard: standard.get(name) ?? null }));
}

/** The recipe of the same task without anything said that has a default. */
function standardOf({ task }: Readonly<Record<string, unknown>>): Readonly<Record<string, unknown>> {
  try {
    const { train, device, threads } = resolveRecipe({ task, model: '', dataset: { train: { file: '' } } } as Recipe);
    return JSON.parse(JSON.stringify({ train, device, threads })) as Record<string, unknown>;
  } catch {
    return {};
  }
}

/** The leaves of an object by their dotted paths; a list is one value. */
function fieldsOf(value: Readonly<Record<string, unknown>>, path = ''): [string, string][] {
  return Object.entries(value).flatMap(([name, field]) => {
    const isObject = typeof field === 'object' && field !== null && !Array.isArray(field);
    if (isObject) return fieldsOf(field as Record<string, unknown>, `${path}${name}.`);
    return [[`${path}${name}`, textOf(field)]];
  });
}

const textOf = (value: unknown): string => (typeof value === 'string' ? value : JSON.stringify(value));

/** What can be done, the most wanted first. */
function actionsOf(record: RunRecord, file: RunRecordParts, recipe: object | undefined): RunPageAction[] {
  const { folder, status, modelFolder } = record;
  const isRunning = status === 'running';
  const hasModel = !isRunning && (modelFolder !== undefined || existsSync(join(folder, 'model', 'config.json')));
  // A model of texts gives no labels: it is fine-tuned.
  const givesAnswers = findTask(file.task)?.reads !== 'corpus';
  const asked: [RunPageAction, boolean][] = [
    ['stop', isRunning && !record.stopAsked],
    ['stopNow', isRunning],
    ['fineTuneFurther', hasModel && !givesAnswers],
    ['use', hasModel],
    ['resume', isResumable(record)],
    ['evaluate', hasModel && givesAnswers],
    ['export', hasModel],
    ['compare', true],
    ['fineTuneFurther', hasModel && givesAnswers],
    ['openPredictions', file.predictions !== undefined && existsSync(file.predictions)],
    ['copyCommand', true],
    ['copyPython', recipe !== undefined && canBeScripted({ recipe: recipe as never })],
    ['openRecipe', true],
    ['openCard', existsSync(join(folder, 'model', 'README.md'))],
    ['reveal', true],
    ['openLog', true],
  ];
  return asked.flatMap(([action, can]) => (can ? [action] : []));
}

/** The run's own copy, with every default filled in. */
export async function readRecipe(folder: string): Promise<Record<string, unknown> | undefined> {
  try {
    const value: unknown = JSON.parse(await readTextFile(join(folder, 'recipe.medtext.json')));
    return typeof value === 'object' && value !== null && !Array.isArray(value) ? (value as Record<string, unknown>) : undefined; // prettier-ignore
  } catch {
    return undefined;
  }
}
