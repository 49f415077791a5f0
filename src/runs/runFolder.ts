/** A run's folder: everything one training leaves behind, readable while it runs. */
import { mkdir } from 'node:fs/promises';
import { basename, join, resolve } from 'node:path';
import { readTextFile } from '../base/textFile';
import { writeFileAtomically } from '../base/atomicFile';
import { asMedTextError, MedTextError, words } from '../base/errors';
import type { PlainWords } from '../base/words';
import type { UsedField } from '../protocol/fieldGuess';
import { resolveRecipe, validateRecipe, type ResolvedRecipe } from '../protocol/recipe';
import type { BestEvaluation } from '../protocol/trainer';
import type { EvaluationMetrics } from '../protocol/evaluation';

/**
 *     recipe.medtext.json   the recipe with every default filled in and absolute paths
 *     run.json              status, data fingerprints, environment, best result
 *     metrics.jsonl         every report and evaluation, one line each
 *     events.out.tfevents.* the same for TensorBoard
 *     checkpoints/step-n/   weights, optimiser state and counters to resume from
 *     model/                the best model so far, a model folder with its card
 *     predictions/          the recipe's test data with the labels of that model, where it came without
 *     heldOutPredictions.json  what that model says of the rows it was validated on
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
    return join(this.path, 'metrics.jsonl');
  }
  get checkpoints(): string {
    return join(this.path, 'checkpoints');
  }
  get model(): string {
    return join(this.path, 'model');
  }
  /** Of the recipe's test data, where that has no labels. */
  get predictions(): string {
    return join(this.path, 'predictions');
  }
  get heldOutPredictionsFile(): string {
    return join(this.path, 'heldOutPredictions.json');
  }
}

export type RunStatus = 'running' | 'finished' | 'stopped' | 'failed';

/** What run.json says. A run that says `running` while no process of that id lives was interrupted. */
export interface RunRecord {
  readonly format: 1;
  readonly id: string;
  readonly status: RunStatus;
  readonly startedAt: string;
  readonly updatedAt: string;
  /** The training process, while it runs. */
  readonly pid?: number;
  readonly task: string;
  readonly labels: readonly string[];
  readonly model: {
    readonly path: string;
    /** What the model was at the start, wherever its folder is by now; runs of earlier versions have none. */
    readonly contentHash?: string;
    readonly parameterCount: number;
    readonly trainedCount: number;
    /** The folder had no weights: the training began with random ones. */
    readonly randomStart?: boolean;
  };
  readonly maxLength: number;
  /** Examples computed at a time, where a batch was cut into parts: resuming cuts it alike. */
  readonly microBatchSize?: number;
  readonly totalSteps: number;
  readonly step: number;
  readonly data: Readonly<Record<string, DataRecord>>;
  readonly environment: Readonly<Record<string, unknown>>;
  /** Where the recipe left the device open: what was chosen, and why the others fell out; a line a device. */
  readonly deviceChoice?: readonly string[];
  readonly best: BestEvaluation | null;
  /** Metrics of the run's model on its test data, once it has ended. */
  readonly test?: EvaluationMetrics;
  /** The file in `predictions/`, absolute. */
  readonly predictions?: string;
  /** `words`: what the message is made of, for editors in another language. */
  readonly error?: { readonly code: string; readonly message: string; readonly words?: PlainWords };
}

export interface DataRecord {
  readonly file: string;
  readonly sha256: string;
  readonly sizeBytes: number;
  readonly rows: number;
  /** The columns read, and why they were taken where the recipe names none; runs of earlier versions have none. */
  readonly fields?: readonly UsedField[];
  /** By label. */
  readonly counts?: Readonly<Record<string, number>>;
  readonly dropped: number;
  readonly badRows: number;
}

/** Makes a new run's folder in `workDir`, named after the model and the time; never an existing one. */
export async function createRunFolder(workDir: string, modelName: string, now: Date): Promise<RunFolder> {
  const time = now.toISOString().slice(0, 19).replace(/[-:]/g, '').replace('T', '-');
  const base = `${modelName.replace(/[^\p{L}\p{N}._-]+/gu, '-').slice(0, 60) || 'run'}-${time}`;
  try {
    await mkdir(workDir, { recursive: true });
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
  return { folder, recipe: resolveRecipe(validateRecipe(recipe, folder.recipeFile)), record: record as RunRecord };
}

export async function writeRunRecord(folder: RunFolder, record: RunRecord): Promise<void> {
  await writeFileAtomically(folder.recordFile, `${JSON.stringify(record, null, 2)}\n`);
}
