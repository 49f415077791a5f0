/** Fine-tuning from a recipe to a model folder; the one function behind the command line, the worker and the tests. */
import { existsSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import { basename, join, resolve } from 'node:path';
import { asMedTextError, MedTextError, words } from '../base/errors';
import { executionDevice } from '../inference/device';
import { supportedDevices } from '../inference/session';
import { sha256OfFile } from '../models/modelContent';
import { disturbanceOf } from '../protocol/lossWork';
import type { ResolvedRecipe } from '../protocol/recipe';
import type { RunRecord } from '../protocol/runRecord';
import type { TrainingResult } from '../protocol/trainer';
import { newestCheckpoint } from '../runs/checkpoints';
import { choiceLines, fastest, isDeviceFailure, type DeviceChoice } from '../devices/deviceChoice';
import { createRunFolder, readRun, RunFolder, writeRunRecipe } from '../runs/runFolder';
import { refuseOver } from '../runs/runIsOver';
import { RunLock } from '../runs/runLock';
import { disturbanceLine } from './disturbance';
import { readMaterial, type RunMaterial } from './runMaterial';
import { recipeOfRun, withAbsolutePaths } from './recipeOfRun';
import type { RunOptions, RunSetUp } from './runParts';
import { TrainingRun } from './trainingRun';

export interface FinetuneOptions extends RunOptions {
  readonly recipe: ResolvedRecipe;
  /** The folder that the recipe's relative paths start from. */
  readonly baseFolder: string;
  /** The file that the recipe was read from, for the run's record; a run that goes on keeps its own. */
  readonly recipeFile?: string;
  /** What the person calls the run; absent: what the recipe's file is called. */
  readonly name?: string;
  /** A run folder to continue. Its own recipe counts then; of `recipe` only device and threads do. */
  readonly resumeFrom?: string;
  /** Somebody else has asked that the run stops: it finishes the step and saves. */
  readonly onStopAsked?: () => void;
  /** Somebody else wants the process to end at once, as after a kill. */
  readonly onEndAsked?: () => void;
  /** What `device: auto` is on this machine; absent: the CPU. */
  readonly chooseDevice?: (log: (line: string) => void) => Promise<DeviceChoice>;
}

/**
 * Trains, evaluates and saves as the recipe says, in a run folder of its own (see {@link RunFolder}).
 * @throws MedTextError with the code of what went wrong; the run folder's record then says `failed`, and the newest
 * checkpoint is there to resume from. RESUME for a run that is over: nothing of it is changed; BUSY while another
 * process trains in it.
 */
export async function finetune(options: FinetuneOptions): Promise<TrainingResult> {
  const { resumeFrom } = options;
  let lock = resumeFrom === undefined ? undefined : await lockedRun(resumeFrom);
  try {
    const isAutomatic = options.recipe.device === 'auto';
    let placed = isAutomatic ? await withChosenDevice(options) : options;
    let setUp = lock ? await continuedRun(lock, placed) : await newRun(placed);
    for (const lost: string[] = []; ;) {
      lock = setUp.lock;
      try {
        return await toItsEnd(heedingRequests(setUp, placed));
      } catch (error) {
        const known = asMedTextError(error);
        const { device } = placed.recipe;
        if (!isAutomatic || device === 'cpu' || !isDeviceFailure(known)) throw error;
        options.log(`${device} failed: ${known.message}`);
        lost.push(device);
        placed = { ...placed, recipe: { ...placed.recipe, device: fastest(placed.deviceChoice?.trials ?? [], lost) } };
        setUp = await goneOn(placed, lock);
      }
    }
  } finally {
    // What was refused before its first record is no run: its folder would hold a recipe and nothing else.
    const isEmpty = resumeFrom === undefined && lock?.isHeld && !hasBegun(lock.folder);
    await lock?.release();
    if (isEmpty) await rm(lock!.folder.path, { recursive: true, force: true }).catch(() => undefined);
  }
}

function hasBegun({ recordFile, checkpoints, model }: RunFolder): boolean {
  return [recordFile, checkpoints, model].some((path) => existsSync(path));
}

async function toItsEnd(setUp: RunSetUp): Promise<TrainingResult> {
  const run = await TrainingRun.start(setUp);
  try {
    return await run.train();
  } catch (error) {
    await run.fail(asMedTextError(error));
    // What is missing in a folder that went away between two looks at it says less than that it went.
    setUp.lock.refuseMoved();
    throw error;
  } finally {
    await run.close();
  }
}

/** Another window may stop the run, too: it asks by a file in the run's folder. */
function heedingRequests(setUp: RunSetUp, { log, onStopAsked, onEndAsked, stopSignal }: FinetuneOptions): RunSetUp {
  const { lock, options } = setUp;
  const onAsked = (): void => {
    log('Another program asked this training to stop: it finishes the step and saves a checkpoint.');
    onStopAsked?.();
  };
  lock.stopSignal.addEventListener('abort', onAsked, { once: true });
  lock.endSignal.addEventListener('abort', () => onEndAsked?.(), { once: true });
  return { ...setUp, options: { ...options, stopSignal: AbortSignal.any([stopSignal, lock.stopSignal]) } };
}

/** On the next device: from the last checkpoint, or from the beginning. */
async function goneOn(placed: FinetuneOptions, lock: RunLock): Promise<RunSetUp> {
  const next = placed.recipe.device === 'cpu' ? 'the CPU' : placed.recipe.device;
  const checkpoint = await newestCheckpoint(lock.folder.checkpoints);
  placed.log(
    checkpoint
      ? `The training continues on ${next} from ${basename(checkpoint)}.`
      : `No checkpoint was saved yet: the training begins again on ${next}.`,
  );
  if (checkpoint) return continuedRun(lock, placed);
  // What begins again is the same run: nobody should find a failed one besides.
  await lock.emptyFolder();
  return newRun(placed, lock);
}

/** @throws MedTextError RESUME for a folder that is not a run's, or of a run that is over; BUSY. */
async function lockedRun(path: string): Promise<RunLock> {
  refuseOver(await readRun(path));
  const lock = await RunLock.take(new RunFolder(resolve(path)));
  try {
    // It may have ended while the lock was another's.
    refuseOver(await readRun(path));
    return lock;
  } catch (error) {
    await lock.release();
    throw error;
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
async function newRun(options: FinetuneOptions, begun?: RunLock): Promise<RunSetUp> {
  const given = withAbsolutePaths(options.recipe, options.baseFolder);
  const material = await readMaterial(given, options);
  const recipe = recipeOfRun(given, material);
  const loss = disturbanceLine(recipe, given.train.adversarial !== undefined || disturbanceOf(given) !== undefined);
  if (loss) options.log(loss);
  const source = await sourceOf(options);
  const lock = begun ?? (await RunLock.take(await createRunFolder(recipe.work_dir, basename(material.folder.path), new Date()))); // prettier-ignore
  try {
    await writeRunRecipe(lock.folder, recipe);
  } catch (error) {
    await lock.release();
    throw error;
  }
  options.log(`Run folder: ${lock.folder.path}`);
  return { lock, recipe, material, options, source };
}

/** What the run was started by, so that every window and the command line call it alike. */
async function sourceOf({ recipeFile, name }: FinetuneOptions): Promise<RunSetUp['source']> {
  const file = recipeFile === undefined ? undefined : resolve(recipeFile);
  const called = name ?? (file && basename(file).replace(/(\.medtext)?\.json$/, ''));
  return {
    ...(called && { name: called }),
    ...(file !== undefined && { recipe: { file, sha256: await sha256OfFile(file) } }),
  };
}

async function continuedRun(lock: RunLock, options: FinetuneOptions): Promise<RunSetUp> {
  const { folder, recipe: stored, record } = await readRun(lock.folder.path);
  const recipe = { ...stored, device: options.recipe.device, threads: threadsOf(record, options) };
  const checkpoint = await newestCheckpoint(folder.checkpoints);
  const material = await readMaterial(recipe, options);
  refuseChanged(record, material);
  await tellChangedRecipe(record, options.log);
  const { name, recipe: source } = record;
  const kept = { ...(name !== undefined && { name }), ...(source && { recipe: source }) };
  if (!checkpoint) {
    options.log(`${folder.path} ended before its first checkpoint: it begins again at step 1.`);
    await lock.emptyFolder();
    return { lock, recipe, material, options, source: kept };
  }
  options.log(`Continuing ${folder.path} from ${basename(checkpoint)}`);
  return { lock, recipe, material, options, source: kept, resumed: { checkpoint, record } };
}

/** The number of threads that the run began with, unless another one is asked for. */
function threadsOf({ environment }: RunRecord, { recipe, log }: FinetuneOptions): ResolvedRecipe['threads'] {
  const before = typeof environment.threads === 'number' ? environment.threads : 'auto';
  if (recipe.threads === 'auto') return before;
  if (recipe.threads !== before) {
    const then = before === 'auto' ? 'the default number of threads' : `${before} threads`;
    log(`The run began with ${then} and continues with ${recipe.threads}, so the last digits of its results change.`);
  }
  return recipe.threads;
}

/** @throws MedTextError RESUME where data, tokenizer or architecture are others: what follows would not go on. */
function refuseChanged({ data, model }: RunRecord, { records, fixedFiles, folder, contentHash }: RunMaterial): void {
  const refuse = (file: string, detail: Record<string, unknown>): never => {
    throw new MedTextError(
      'RESUME',
      words`${file} is not the file that this run began with (its contents changed), so the run cannot continue exactly. Restore it, or start a new run of the recipe.`,
      { file, ...detail },
    );
  };
  for (const [split, { file, sha256, icu, readWith }] of Object.entries(data)) {
    if (records[split]?.sha256 !== sha256) refuse(file, { split });
    if (readWith && records[split]?.readWith?.sha256 !== readWith.sha256) refuse(readWith.file, { split });
    if (records[split]?.icu !== icu) throw otherWords(icu, records[split]?.icu);
  }
  if (model.files) {
    const names = new Set([...Object.keys(model.files), ...Object.keys(fixedFiles)]);
    for (const name of names) if (model.files[name] !== fixedFiles[name]) refuse(join(folder.path, name), { name });
  } else if (model.contentHash !== undefined && model.contentHash !== contentHash) {
    // Kept by a version that did not tell weights from the rest.
    refuse(folder.path, {});
  }
}

/** Whole words are those of the runtime that found them; the prepared texts that had them are gone. */
function otherWords(before = 'none', now = 'none'): MedTextError {
  return new MedTextError(
    'RESUME',
    words`The prepared texts of this run are gone, and this program segments words differently (ICU ${now}; the run began with ${before}). Resume where it began, or start a new run of the recipe.`,
    { before, now },
  );
}

/** A run goes on with the recipe that it began with. */
async function tellChangedRecipe({ recipe }: RunRecord, log: (line: string) => void): Promise<void> {
  const now = recipe && (await sha256OfFile(recipe.file).catch(() => undefined));
  if (now === undefined || now === recipe?.sha256) return;
  log(`${recipe!.file} has changed since this run began. It is not used: the run continues with its own copy.`); // prettier-ignore
}
