import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { readdir } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { readTextFile } from '../base/textFile';
import { givesSigns } from '../base/fileLock';
import { isProcessAlive, thisProcess } from '../base/processIdentity';
import type { UnderstoodData } from '../protocol/fieldGuess';
import { runRecordParts, type RunRecordParts } from '../protocol/runRecord';
import { ANSWERS } from '../protocol/answers';
import { STOP_FILE } from '../protocol/stopRequest';
import { findTask } from '../protocol/tasks';
import type { RunPlace } from '../protocol/trainingView';
import type { RunRecord } from './runStore';
import { testMetric } from './testMetric';

/** Whether the process of a record is at work; `process` has what tells it from a later one of the same number. */
export type IsTrainer = (
  pid: number,
  process?: Pick<RunRecordParts, 'processStart' | 'host'>,
  runFolder?: string,
) => boolean;

/** A bound on runs: a folder with more is not read to its end. */
const maxRunsAFolder = 1000;
const checkpointName = /^step-(\d{9})$/;

/**
 * The record brought up to date from its folder: the training process writes there, with or without a window. A run
 * that says it is running while its process is gone was interrupted.
 */
export async function recordFromFolder(run: RunRecord, isAliveNow: IsTrainer = isTrainer): Promise<RunRecord> {
  return recordFromFile(run, await readRunFile(run.folder), isAliveNow);
}

/** The record of a run that this workspace has not heard of; undefined when the folder is not a run's. */
export async function recordOfUnknown(
  folder: string,
  known: Partial<RunRecord> = {},
  isAliveNow: IsTrainer = isTrainer,
): Promise<RunRecord | undefined> {
  const file = await readRunFile(folder);
  if (!file) return undefined;
  const begun: RunRecord = {
    runId: basename(folder),
    folder,
    recipeFile: sourceRecipeOf(file) ?? join(folder, 'recipe.medtext.json'),
    name: file.name ?? basename(folder),
    status: 'running',
    pid: 0,
    startedAtMs: timeOf(file.startedAt) ?? Date.now(),
    step: 0,
    totalSteps: 0,
    ...known,
  };
  return recordFromFile(begun, file, isAliveNow);
}

/** The recipe that the run was started by, while it is there. */
function sourceRecipeOf({ recipe }: RunRecordParts): string | undefined {
  return recipe?.file !== undefined && existsSync(recipe.file) ? recipe.file : undefined;
}

function recordFromFile(run: RunRecord, file: RunRecordParts | undefined, isAliveNow: IsTrainer): RunRecord {
  const pid = file?.pid ?? run.pid;
  const said = file?.status;
  const status =
    said === 'finished' || said === 'stopped' || said === 'failed'
      ? said
      : isAliveNow(pid, file, run.folder)
        ? 'running'
        : 'interrupted';
  const model = join(run.folder, 'model');
  const { best, error } = file ?? {};
  return {
    ...run,
    pid,
    status,
    step: file?.step ?? run.step,
    totalSteps: file?.totalSteps ?? run.totalSteps,
    place: status === 'running' && file ? placeOf(file) : undefined,
    stopAsked: status === 'running' && existsSync(join(run.folder, STOP_FILE)),
    endedAtMs: status === 'running' ? undefined : (run.endedAtMs ?? timeOf(file?.updatedAt) ?? Date.now()),
    metric: typeof best?.value === 'number' ? { name: String(best.metric), value: best.value } : run.metric,
    test: testMetric(file?.test, best?.metric) ?? run.test,
    understoodData: (file && understoodIn(file)) ?? run.understoodData,
    modelFolder: status === 'finished' && existsSync(model) ? model : run.modelFolder,
    hasCheckpoint: checkpointStep(run.folder) !== undefined,
    stoppedEarly: file?.trainingEnd?.reason === 'earlyStop',
    error: status === 'failed' && error ? { code: String(error.code), message: String(error.message), words: error.words } : undefined, // prettier-ignore
  };
}

/** Where the run trains; of one that an earlier version started it is not known. */
function placeOf({ owner, host }: RunRecordParts): RunPlace {
  const isHere = host === undefined || host === thisProcess().host;
  // On Linux the name of the machine is followed by the namespace of the process.
  const machine = isHere ? {} : { machine: host.split(' ')[0] };
  if (owner?.program !== 'editor') return { program: owner ? 'terminal' : 'unknown', ...machine };
  const { windowPid = 0, windowStart: start } = owner;
  const hasWindow = isHere ? isProcessAlive({ pid: windowPid, start }) : true;
  return { program: hasWindow ? 'window' : 'alone', ...machine };
}

/** The run folders directly in a work folder, by what they hold; none when it is not there. */
export async function runFoldersIn(workDir: string): Promise<readonly string[]> {
  const entries = await readdir(workDir, { withFileTypes: true }).catch(() => []);
  return entries
    .filter((entry) => entry.isDirectory())
    .slice(0, maxRunsAFolder)
    .map(({ name }) => join(workDir, name))
    .filter((folder) => existsSync(join(folder, 'run.json')));
}

/** What is whole of a run folder's run.json. */
export async function readRunFile(folder: string): Promise<RunRecordParts | undefined> {
  try {
    return runRecordParts(await readTextFile(join(folder, 'run.json')));
  } catch {
    return undefined;
  }
}

/** What the run learnt from; undefined of a run of an earlier version. */
function understoodIn({ task, labels = [], data }: RunRecordParts): UnderstoodData | undefined {
  const { rows, fields, counts = {} } = data?.train ?? {};
  if (task === undefined || rows === undefined || fields === undefined) return undefined;
  const known = findTask(task);
  const names = known && !ANSWERS[known.answer].hasNames ? [] : labels;
  const counted = names.slice(0, 100).map((name) => ({ name, count: counts[name] ?? 0 }));
  return { task, rows, fields, labels: counted, labelCount: names.length };
}

/** Where a fine-tuned model comes from, as its run says. */
export interface FineTuning {
  /** The folder it began with. */
  readonly baseModel: string;
  /** That folder had no weights: the training began with random ones. */
  readonly isRandomStart?: boolean;
  readonly parameterCount: number | undefined;
  readonly trainingData: string | undefined;
  readonly rows: number | undefined;
  /** The characters of the texts that it was pretrained on. */
  readonly characters?: number;
  readonly best: { readonly metric: string; readonly value: number } | undefined;
  readonly endedAt: string | undefined;
}

/** The fine-tuning of a model in its run's folder; undefined for any other model. */
export async function fineTuningOf(modelFolder: string): Promise<FineTuning | undefined> {
  const file = await readRunFile(join(modelFolder, '..'));
  if (file?.model?.path === undefined) return undefined;
  const { model, data, best, updatedAt } = file;
  return {
    baseModel: file.model.path,
    ...(model?.randomStart && { isRandomStart: true }),
    parameterCount: model?.parameterCount,
    trainingData: data?.train?.file,
    rows: data?.train?.rows,
    ...(data?.train?.characters !== undefined && { characters: data.train.characters }),
    best: typeof best?.value === 'number' ? { metric: String(best.metric), value: best.value } : undefined,
    endedAt: updatedAt,
  };
}

/** The step that a resumed run goes on from; undefined when nothing was saved yet. */
export function checkpointStep(runFolder: string): number | undefined {
  let names: string[];
  try {
    names = readdirSync(join(runFolder, 'checkpoints'));
  } catch {
    return undefined;
  }
  const steps = names.flatMap((name) => checkpointName.exec(name)?.[1] ?? []).map(Number);
  return steps.length > 0 ? Math.max(...steps) : undefined;
}

/** Whether a training process of ours has this id: after a restart of the machine it may be anybody's. */
export function isTrainer(
  pid: number,
  { processStart: start, host }: Parameters<IsTrainer>[1] = {},
  runFolder?: string,
): boolean {
  const isAlive = isProcessAlive({ pid, start, host });
  // Nobody here sees another machine's processes: who trains there gives signs of life by its lock.
  if (isAlive === undefined) return runFolder !== undefined && givesSigns(join(runFolder, '.lock'));
  if (!isAlive) return false;
  if (start !== undefined || process.platform !== 'linux') return true;
  try {
    return /trainer|finetune/i.test(readFileSync(`/proc/${pid}/cmdline`, 'utf8'));
  } catch {
    return true;
  }
}

function timeOf(text: string | undefined): number | undefined {
  const time = Date.parse(text ?? '');
  return Number.isNaN(time) ? undefined : time;
}
