/** Fine-tuning from a recipe to a model folder; the one function behind the command line, the worker and the tests. */
import { mkdir, rm } from 'node:fs/promises';
import { basename, resolve } from 'node:path';
import { writeFileAtomically } from '../base/atomicFile';
import { asMedTextError, MedTextError, words } from '../base/errors';
import { executionDevice } from '../inference/device';
import { deviceBuckets } from '../inference/lengthBuckets';
import { supportedDevices } from '../inference/session';
import type { ResolvedRecipe, ResolvedSplit } from '../protocol/recipe';
import type { TrainingResult } from '../protocol/trainer';
import { newestCheckpoint } from '../runs/checkpoints';
import { choiceLines, fastest, isDeviceFailure, type DeviceChoice } from '../devices/deviceChoice';
import { createRunFolder, readRun, type RunFolder, type RunRecord } from '../runs/runFolder';
import { readMaterial } from './runMaterial';
import { TrainingRun, type RunOptions } from './trainingRun';

export interface FinetuneOptions extends RunOptions {
  readonly recipe: ResolvedRecipe;
  /** The folder that the recipe's relative paths start from. */
  readonly baseFolder: string;
  /** A run folder to continue. Its own recipe counts then; of `recipe` only device and threads do. */
  readonly resumeFrom?: string;
  /** What `device: auto` is on this machine; absent: the processor. */
  readonly chooseDevice?: (log: (line: string) => void) => Promise<DeviceChoice>;
}

/**
 * Trains, evaluates and saves as the recipe says, in a run folder of its own (see {@link RunFolder}).
 * @throws MedTextError with the code of what went wrong; the run folder's record then says `failed`, and the newest
 * checkpoint is there to resume from.
 */
export async function finetune(options: FinetuneOptions): Promise<TrainingResult> {
  const isAutomatic = options.recipe.device === 'auto';
  let placed = isAutomatic ? await withChosenDevice(options) : options;
  let run = placed.resumeFrom ? await continuedRun(placed.resumeFrom, placed) : await newRun(placed);
  for (const lost: string[] = []; ;) {
    try {
      return await toItsEnd(run);
    } catch (error) {
      const known = asMedTextError(error);
      const { device } = placed.recipe;
      if (!isAutomatic || device === 'cpu' || !isDeviceFailure(known)) throw error;
      options.log(`${device} failed: ${known.message}`);
      lost.push(device);
      placed = { ...placed, recipe: { ...placed.recipe, device: fastest(placed.deviceChoice?.trials ?? [], lost) } };
      run = await goneOn(placed, run.folder);
    }
  }
}

async function toItsEnd(run: TrainingRun): Promise<TrainingResult> {
  try {
    return await run.train();
  } catch (error) {
    await run.fail(asMedTextError(error));
    throw error;
  } finally {
    await run.close();
  }
}

/** On the next device: from the last checkpoint, or from the beginning. */
async function goneOn(placed: FinetuneOptions, folder: RunFolder): Promise<TrainingRun> {
  const next = placed.recipe.device === 'cpu' ? 'the processor' : placed.recipe.device;
  const checkpoint = await newestCheckpoint(folder.checkpoints);
  placed.log(
    checkpoint
      ? `The training goes on on ${next} from ${basename(checkpoint)}.`
      : `No checkpoint was saved yet: the training begins again on ${next}.`,
  );
  return checkpoint ? continuedRun(folder.path, placed) : newRun(placed, await emptied(folder));
}

/** What begins again is the same run: nobody should find a failed one besides. */
async function emptied(folder: RunFolder): Promise<RunFolder> {
  try {
    await rm(folder.path, { recursive: true, force: true });
    await mkdir(folder.path);
    return folder;
  } catch (error) {
    throw asMedTextError(error);
  }
}

/** A run that goes on stays on its device, whose last digits it has. */
async function withChosenDevice(options: FinetuneOptions): Promise<FinetuneOptions> {
  const { log, recipe, resumeFrom, chooseDevice } = options;
  const before = resumeFrom === undefined ? undefined : (await readRun(resumeFrom)).record.environment.device;
  const here = supportedDevices().map(({ name }) => name);
  if (typeof before === 'string' && here.includes(before)) {
    return { ...options, recipe: { ...recipe, device: executionDevice(before) } };
  }
  const choice = await chooseDevice?.(log);
  if (choice) for (const line of choiceLines(choice)) log(line);
  return { ...options, recipe: { ...recipe, device: choice?.device ?? 'cpu' }, deviceChoice: choice };
}

/** @param begun the empty folder of a run that begins again */
async function newRun(options: FinetuneOptions, begun?: RunFolder): Promise<TrainingRun> {
  const given = withAbsolutePaths(options.recipe, options.baseFolder);
  const material = await readMaterial(given, options);
  const recipe = withDeviceBuckets(given, material.maxLength);
  const folder = begun ?? (await createRunFolder(recipe.work_dir, basename(material.folder.path), new Date()));
  await writeFileAtomically(folder.recipeFile, `${JSON.stringify(recipe, null, 2)}\n`);
  options.log(`Run folder: ${folder.path}`);
  return TrainingRun.start(folder, recipe, material, options);
}

/** Written into the run's recipe, so that a run that goes on elsewhere draws the same masks for the same lengths. */
function withDeviceBuckets(recipe: ResolvedRecipe, maxLength: number): ResolvedRecipe {
  if (recipe.device === 'cpu' || recipe.device === 'auto' || recipe.train.length_buckets !== 'auto') return recipe;
  return { ...recipe, train: { ...recipe.train, length_buckets: deviceBuckets(maxLength) } };
}

async function continuedRun(path: string, options: FinetuneOptions): Promise<TrainingRun> {
  const { folder, recipe: stored, record } = await readRun(path);
  const recipe = { ...stored, device: options.recipe.device, threads: threadsOf(record, options) };
  const checkpoint = await newestCheckpoint(folder.checkpoints);
  if (!checkpoint) {
    throw new MedTextError('RESUME', words`${folder.path} has no checkpoint to continue from; start the recipe anew.`, {
      run: folder.path,
    });
  }
  const material = await readMaterial(recipe, options);
  for (const [name, then] of Object.entries(record.data)) {
    const now = material.records[name];
    if (now?.sha256 === then.sha256) continue;
    throw new MedTextError(
      'RESUME',
      words`${then.file} is not the file this run began with (its contents changed), so the run cannot continue exactly. Restore it, or start the recipe anew.`,
      { file: then.file, split: name },
    );
  }
  const { contentHash } = record.model;
  if (contentHash !== undefined && contentHash !== material.contentHash) {
    options.log(`The model at ${recipe.model} has changed since this run began; its weights are the checkpoint's.`);
  }
  options.log(`Continuing ${folder.path} from ${basename(checkpoint)}`);
  return TrainingRun.start(folder, recipe, material, options, { checkpoint, record });
}

/** As many as the run began with, unless others are asked for. */
function threadsOf({ environment }: RunRecord, { recipe, log }: FinetuneOptions): ResolvedRecipe['threads'] {
  const before = typeof environment.threads === 'number' ? environment.threads : 'auto';
  if (recipe.threads === 'auto') return before;
  if (recipe.threads !== before) {
    const then = before === 'auto' ? 'as many threads as its machine chose' : `${before} threads`;
    log(`The run began on ${then} and goes on on ${recipe.threads}: the last digits of its numbers change.`);
  }
  return recipe.threads;
}

function withAbsolutePaths(recipe: ResolvedRecipe, base: string): ResolvedRecipe {
  const split = <T extends ResolvedSplit | undefined>(s: T): T =>
    s ? { ...s, file: resolve(base, s.file), ...(s.corrections && { corrections: resolve(base, s.corrections) }) } : s;
  const { train, validation, test, split: heldOut } = recipe.dataset;
  return {
    ...recipe,
    model: resolve(base, recipe.model),
    work_dir: resolve(base, recipe.work_dir),
    dataset: {
      train: split(train),
      ...(validation && { validation: split(validation) }),
      ...(test && { test: split(test) }),
      ...(heldOut && { split: heldOut }),
    },
  };
}
