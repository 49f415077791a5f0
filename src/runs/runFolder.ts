/** The folder of a run, which holds everything that one training writes and can be read meanwhile. */
import { chmod, mkdir, stat } from 'node:fs/promises';
import { basename, join, resolve } from 'node:path';
import { readTextFile } from '../base/textFile';
import { writeFileAtomically } from '../base/atomicFile';
import { asMedTextError, MedTextError, words } from '../base/errors';
import { METRICS_FILE } from '../protocol/metricsLine';
import { resolveRecipe, validateRecipe, type ResolvedRecipe } from '../protocol/recipe';
import {
  maxRunRecordBytes,
  runRecord,
  runRecordParts,
  type RunRecord,
  type RunRecordParts,
} from '../protocol/runRecord';
import { STOP_FILE } from '../protocol/stopRequest';

/**
 *     recipe.medtext.json   the recipe with every default filled in and absolute paths
 *     run.json              status, data fingerprints, environment, best result
 *     metrics.jsonl         every report and evaluation, one line each
 *     events.out.tfevents.* the same for TensorBoard
 *     checkpoints/step-n/   weights, optimiser state and counters to resume from
 *     model/                the best model so far, a model folder with its card
 *     predictions/          predictions of the best model for test data without labels
 *     notes.json            a person's notes on the run
 *     heldOutPredictions.json  predictions of the best model for its validation rows
 */
export class RunFolder {
  constructor(readonly path: string) {}

  get id(): string {
    return basename(this.path);
  }
  get recipeFile(): string {
    return join(this.path, 'recipe.medtext.json');
  }
  get recordFile(): string {
    return join(this.path, 'run.json');
  }
  get metricsFile(): string {
    return join(this.path, METRICS_FILE);
  }
  get checkpoints(): string {
    return join(this.path, 'checkpoints');
  }
  get model(): string {
    return join(this.path, 'model');
  }
  /** The folder of predictions for test data without labels. */
  get predictions(): string {
    return join(this.path, 'predictions');
  }
  get heldOutPredictionsFile(): string {
    return join(this.path, 'heldOutPredictions.json');
  }
  /** The notes that a person wrote on the run's page in the editor. */
  get notesFile(): string {
    return join(this.path, 'notes.json');
  }
  /** The lock, held by the process that trains in the folder. */
  get lockFile(): string {
    return join(this.path, '.lock');
  }
  /** The request to stop, written by another window or program. */
  get stopFile(): string {
    return join(this.path, STOP_FILE);
  }
  /** The best model of the newest checkpoint, kept while `model/` is newer than that checkpoint. */
  get modelBefore(): string {
    return join(this.path, '.model.before');
  }
}

/** Makes a new folder in `workDir` for a run, named after the model and the time. It never reuses a folder. */
export async function createRunFolder(workDir: string, modelName: string, now: Date): Promise<RunFolder> {
  const time = now.toISOString().slice(0, 19).replace(/[-:]/g, '').replace('T', '-');
  const base = `${modelName.replace(/[^\p{L}\p{N}._-]+/gu, '-').slice(0, 60) || 'run'}-${time}`;
  try {
    await mkdir(workDir, { recursive: true }).catch((error: NodeJS.ErrnoException) => {
      // A file stands there, or on the way there.
      if (error.code !== 'EEXIST' && error.code !== 'ENOTDIR') throw error;
      throw new MedTextError('IO', words`${workDir} is not a folder. Nothing was written.`, { file: workDir }, { cause: error }); // prettier-ignore
    });
    for (let n = 1; ; n++) {
      const path = resolve(workDir, n === 1 ? base : `${base}-${n}`);
      try {
        await mkdir(path);
        return new RunFolder(path);
      } catch (error) {
        if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
      }
    }
  } catch (error) {
    throw asMedTextError(error);
  }
}

/** @throws MedTextError RESUME when the folder is not a run's. */
export async function readRun(path: string): Promise<{ folder: RunFolder; recipe: ResolvedRecipe; record: RunRecord }> {
  const folder = new RunFolder(resolve(path));
  const [recipe, record] = await Promise.all(
    [folder.recipeFile, folder.recordFile].map(async (file): Promise<unknown> => {
      try {
        return JSON.parse(await readTextFile(file));
      } catch (error) {
        throw new MedTextError(
          'RESUME',
          words`${folder.path} is not the folder of a run: ${(error as Error).message}`,
          {
            file,
          },
        );
      }
    }),
  );
  return { folder, recipe: resolveRecipe(validateRecipe(recipe, folder.recipeFile)), record: checked(record, folder) };
}

function checked(record: unknown, { recordFile }: RunFolder): RunRecord {
  try {
    return runRecord(record, 'run.json');
  } catch (error) {
    throw new MedTextError('RESUME', words`${recordFile} is not a run's record, or was changed: ${(error as Error).message}.`, { file: recordFile }); // prettier-ignore
  }
}

/** The valid fields of a folder's run.json; undefined if there is no run.json. */
export async function recordIn({ recordFile }: RunFolder): Promise<RunRecordParts | undefined> {
  try {
    return (await stat(recordFile)).size > maxRunRecordBytes ? undefined : runRecordParts(await readTextFile(recordFile)); // prettier-ignore
  } catch {
    return undefined;
  }
}

/** Writes the run's own copy of the recipe, read-only, which a resumed run uses. */
export async function writeRunRecipe({ recipeFile }: RunFolder, recipe: ResolvedRecipe): Promise<void> {
  await writeFileAtomically(recipeFile, `${JSON.stringify(recipe, null, 2)}\n`);
  await chmod(recipeFile, 0o444).catch((error: unknown) => {
    throw asMedTextError(error);
  });
}

export async function writeRunRecord(folder: RunFolder, record: RunRecord): Promise<void> {
  await writeFileAtomically(folder.recordFile, `${JSON.stringify(record, null, 2)}\n`);
}
