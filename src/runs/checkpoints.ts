/**
 * A run's checkpoints: weights, optimiser state and counters. Each is a folder `step-<n>` that exists whole or not at all. The
 * newest is kept. The previous one is removed only after the new one is complete.
 */
import { rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { readTextFile } from '../base/textFile';
import { asMedTextError, MedTextError, words } from '../base/errors';
import { openCheckpoint } from '../models/checkpoint/openCheckpoint';
import { namesIn, replaceFolder } from '../models/checkpoint/replaceFolder';
import { writeSafetensors, type WritableTensor } from '../models/checkpoint/writeSafetensors';
import { Parameters } from '../models/parameters';
import type { BestEvaluation } from '../protocol/runRecord';
import type { Moments } from '../steps/adamW';

/** The state of a run besides its arrays. There is no other state, because all randomness is a function of seed and step. */
export interface RunCounters {
  /** Optimiser steps done. */
  readonly step: number;
  readonly best: BestEvaluation | null;
  /** The number of evaluations since the best one, for early stopping. */
  readonly evaluationsWithoutGain: number;
  /** The step of the last evaluation, 0 before the first. A stopped run may still have to evaluate its last step. */
  readonly evaluatedStep: number;
}

export interface TrainingState extends Moments {
  readonly parameters: Parameters;
}

const FORMAT = 1;
const FOLDER = /^step-(\d{9})$/;
// torch.optim.AdamW's names for its state.
const FIRST = 'exp_avg.';
const SECOND = 'exp_avg_sq.';

/** Writes a checkpoint and removes older ones. @throws MedTextError DISK_FULL or IO; older checkpoints then stay. */
export async function saveCheckpoint(folder: string, counters: RunCounters, state: TrainingState): Promise<void> {
  const name = `step-${String(counters.step).padStart(9, '0')}`;
  const fill = async (temporary: string): Promise<void> => {
    await writeSafetensors(join(temporary, 'model.safetensors'), tensors(state.parameters, ''));
    await writeSafetensors(join(temporary, 'optimizer.safetensors'), [
      ...tensors(state.firstMoments, FIRST),
      ...tensors(state.secondMoments, SECOND),
    ]);
    await writeFile(join(temporary, 'state.json'), `${JSON.stringify({ format: FORMAT, ...counters }, null, 2)}\n`, {
      flush: true,
    });
  };
  await replaceFolder(join(folder, name), fill, { sizeBytes: checkpointBytes(state) });
  for (const other of await namesIn(folder)) {
    if (other !== name && FOLDER.test(other)) await rm(join(folder, other), { recursive: true, force: true });
  }
}

/** The size of a checkpoint on the disk in bytes. */
export function checkpointBytes({ parameters, firstMoments, secondMoments }: TrainingState): number {
  return 4 * (parameters.elementCount + firstMoments.elementCount + secondMoments.elementCount);
}

/** The folder of the newest complete checkpoint; undefined if there is none. */
export async function newestCheckpoint(folder: string): Promise<string | undefined> {
  const names = (await namesIn(folder)).filter((name) => FOLDER.test(name)).sort();
  return names.length > 0 ? join(folder, names[names.length - 1]) : undefined;
}

/** Reads a checkpoint into the given arrays. @throws MedTextError RESUME for a checkpoint of another model or format; CHECKPOINT_FORMAT, IO. */
export async function loadCheckpoint(checkpoint: string, state: TrainingState): Promise<RunCounters> {
  const counters = await readCounters(checkpoint);
  await fill(join(checkpoint, 'model.safetensors'), [[state.parameters, '']]);
  await fill(join(checkpoint, 'optimizer.safetensors'), [
    [state.firstMoments, FIRST],
    [state.secondMoments, SECOND],
  ]);
  return counters;
}

async function readCounters(checkpoint: string): Promise<RunCounters> {
  const file = join(checkpoint, 'state.json');
  try {
    const { format, ...counters } = JSON.parse(await readTextFile(file)) as RunCounters & { format: number };
    // Checkpoints of earlier versions lack `evaluatedStep`; those versions skipped an outstanding evaluation.
    if (format === FORMAT && Number.isSafeInteger(counters.step)) return { ...counters, evaluatedStep: counters.evaluatedStep ?? counters.step }; // prettier-ignore
  } catch (error) {
    if (!(error instanceof SyntaxError)) throw asMedTextError(error);
  }
  throw new MedTextError('RESUME', words`${file} is not a training state that this version wrote.`, { file });
}

function tensors(parameters: Parameters, prefix: string): WritableTensor[] {
  return parameters.names.map((name) => ({
    name: prefix + name,
    shape: parameters.shape(name),
    values: () => parameters.values(name),
  }));
}

async function fill(file: string, targets: readonly (readonly [Parameters, string])[]): Promise<void> {
  const source = await openCheckpoint(file);
  try {
    for (const [parameters, prefix] of targets) {
      for (const name of parameters.names) {
        const tensor = source.tensors.get(prefix + name);
        if (!tensor || tensor.shape.join() !== parameters.shape(name).join()) {
          throw new MedTextError(
            'RESUME',
            words`${file} does not hold "${prefix}${name}" as [${parameters.shape(name)}]: it is a checkpoint of another model or recipe.`,
            { file, tensor: prefix + name },
          );
        }
        await tensor.read(parameters.values(name));
      }
    }
  } finally {
    await source.close();
  }
}
