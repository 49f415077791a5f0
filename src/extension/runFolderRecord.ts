import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { readdir } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { readTextFile } from '../base/textFile';
import type { ToldError } from '../protocol/errorWords';
import { understoodData, type UnderstoodData } from '../protocol/fieldGuess';
import { findTask } from '../protocol/tasks';
import type { RunMetric, RunRecord } from './runStore';
import { testMetric } from './testMetric';

/** The part of a run folder's run.json that the editor reads. */
export interface RunFile {
  readonly status?: string;
  readonly startedAt?: string;
  readonly updatedAt?: string;
  readonly pid?: number;
  readonly step?: number;
  readonly totalSteps?: number;
  readonly best?: { readonly metric: string; readonly value: number } | null;
  readonly test?: RunMetric;
  readonly understoodData?: UnderstoodData;
  readonly error?: ToldError;
}

/** More runs than a person looks at; a folder with more is not read to its end. */
const maxRunsAFolder = 1000;
const checkpointName = /^step-(\d{9})$/;

/**
 * The record brought up to date from its folder: the training process writes there, with or without a window. A run
 * that says it is running while its process is gone was interrupted.
 */
export async function recordFromFolder(run: RunRecord, isAliveNow = isTrainer): Promise<RunRecord> {
  return recordFromFile(run, await readRunFile(run.folder), isAliveNow);
}

/** The record of a run that this workspace has not heard of; undefined when the folder is not a run's. */
export async function recordOfUnknown(
  folder: string,
  known: Partial<RunRecord> = {},
  isAliveNow = isTrainer,
): Promise<RunRecord | undefined> {
  const file = await readRunFile(folder);
  if (!file) return undefined;
  const begun: RunRecord = {
    runId: basename(folder),
    folder,
    recipeFile: join(folder, 'recipe.medtext.json'),
    name: basename(folder),
    status: 'running',
    pid: 0,
    startedAtMs: timeOf(file.startedAt) ?? Date.now(),
    step: 0,
    totalSteps: 0,
    ...known,
  };
  return recordFromFile(begun, file, isAliveNow);
}

function recordFromFile(run: RunRecord, file: RunFile | undefined, isAliveNow: (pid: number) => boolean): RunRecord {
  const pid = file?.pid ?? run.pid;
  const said = file?.status;
  const status =
    said === 'finished' || said === 'stopped' || said === 'failed' ? said : isAliveNow(pid) ? 'running' : 'interrupted';
  const model = join(run.folder, 'model');
  return {
    ...run,
    pid,
    status,
    step: file?.step ?? run.step,
    totalSteps: file?.totalSteps ?? run.totalSteps,
    endedAtMs: status === 'running' ? undefined : (run.endedAtMs ?? timeOf(file?.updatedAt) ?? Date.now()),
    metric: file?.best ? { name: file.best.metric, value: file.best.value } : run.metric,
    test: file?.test ?? run.test,
    understoodData: file?.understoodData ?? run.understoodData,
    modelFolder: status === 'finished' && existsSync(model) ? model : run.modelFolder,
    error: status === 'failed' ? file?.error : undefined,
  };
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

export async function readRunFile(folder: string): Promise<RunFile | undefined> {
  try {
    const file = JSON.parse(await readTextFile(join(folder, 'run.json'))) as Record<string, any> | null;
    if (typeof file !== 'object' || file === null) return undefined;
    const count = (value: unknown) => (Number.isSafeInteger(value) ? (value as number) : undefined);
    const words = (value: unknown) => (typeof value === 'string' ? value : undefined);
    const { best, test, error } = file;
    return {
      status: words(file.status),
      startedAt: words(file.startedAt),
      updatedAt: words(file.updatedAt),
      pid: count(file.pid),
      step: count(file.step),
      totalSteps: count(file.totalSteps),
      best: typeof best?.value === 'number' ? { metric: String(best.metric), value: best.value } : null,
      test: testMetric(test, words(best?.metric)),
      understoodData: understoodIn(file),
      error: error ? { code: String(error.code), message: String(error.message), words: error.words } : undefined,
    };
  } catch {
    return undefined;
  }
}

/** What the run learnt from; undefined of a run of an earlier version. */
function understoodIn({ task, labels, data }: Record<string, any>): UnderstoodData | undefined {
  try {
    const { rows, fields, counts = {} } = data.train;
    const names = findTask(task)?.answer === 'number' ? [] : (labels as readonly string[]);
    const counted = names.slice(0, 100).map((name) => ({ name, count: counts[name] ?? 0 }));
    return understoodData({ task, rows, fields, labels: counted, labelCount: names.length });
  } catch {
    return undefined;
  }
}

/** Where a fine-tuned model comes from, as its run says. */
export interface FineTuning {
  /** The folder it began with. */
  readonly baseModel: string;
  readonly parameterCount: number | undefined;
  readonly trainingData: string | undefined;
  readonly rows: number | undefined;
  readonly best: { readonly metric: string; readonly value: number } | undefined;
  readonly endedAt: string | undefined;
}

/** Of a model in its run's folder; undefined for any other. */
export async function fineTuningOf(modelFolder: string): Promise<FineTuning | undefined> {
  try {
    const file = JSON.parse(await readTextFile(join(modelFolder, '../run.json'))) as Record<string, any>;
    const { model, data, best, updatedAt } = file;
    if (typeof model?.path !== 'string') return undefined;
    const count = (value: unknown) => (Number.isSafeInteger(value) ? (value as number) : undefined);
    return {
      baseModel: model.path,
      parameterCount: count(model.parameterCount),
      trainingData: typeof data?.train?.file === 'string' ? data.train.file : undefined,
      rows: count(data?.train?.rows),
      best: typeof best?.value === 'number' ? { metric: String(best.metric), value: best.value } : undefined,
      endedAt: typeof updatedAt === 'string' ? updatedAt : undefined,
    };
  } catch {
    return undefined;
  }
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
export function isTrainer(pid: number): boolean {
  if (!isAlive(pid)) return false;
  if (process.platform !== 'linux') return true;
  try {
    return /trainer|finetune/i.test(readFileSync(`/proc/${pid}/cmdline`, 'utf8'));
  } catch {
    return true;
  }
}

function isAlive(pid: number): boolean {
  if (!(pid > 0)) return false;
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM';
  }
}

function timeOf(text: string | undefined): number | undefined {
  const time = Date.parse(text ?? '');
  return Number.isNaN(time) ? undefined : time;
}
