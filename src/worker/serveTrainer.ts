import { constants, setPriority } from 'node:os';
import { dirname } from 'node:path';
import { MedTextError, words } from '../base/errors';
import type { ChosenDevice } from '../protocol/deviceWords';
import { resolveRecipe, validateRecipe, type Recipe, type ResolvedRecipe } from '../protocol/recipe';
import type { UnderstoodData } from '../protocol/fieldGuess';
import { addressesIn } from '../protocol/recipeAddress';
import {
  maxReportsPerSecond,
  trainerContract,
  type EvaluationProgress,
  type EvaluationReport,
  type MemoryPlan,
  type TrainingReport,
  type TrainingResult,
} from '../protocol/trainer';
import { withLabelsFiles } from '../recipes/labelsFile';
import { latestAtMost } from './latestAtMost';
import { serveWorker } from './serveWorker';

/** Long enough to save weights and optimiser state of a large encoder on a slow disk. */
const saveGraceMs = 60_000;

/** What the trainer process needs of the engine; `finetune` of src/training/finetune.ts. */
export interface TrainerEngine {
  finetune(options: {
    recipe: ResolvedRecipe;
    baseFolder: string;
    recipeFile: string;
    name?: string;
    resumeFrom?: string;
    onChosenDevice(choice: ChosenDevice): void;
    onUnderstoodData(data: UnderstoodData): void;
    onMemoryPlan(plan: MemoryPlan): void;
    onReport(report: TrainingReport): void;
    onEvaluation(evaluation: EvaluationReport): void;
    onEvaluationProgress(progress: EvaluationProgress): void;
    log(line: string): void;
    stopSignal: AbortSignal;
  }): Promise<TrainingResult>;
}

function lowerPriority(): void {
  try {
    setPriority(constants.priority.PRIORITY_BELOW_NORMAL);
  } catch {
    // Some containers forbid it: the training runs as everything else does.
  }
}

/** A training asks no hub: what its recipe names by address was brought before. */
async function withSourcesHere(recipe: Recipe): Promise<Recipe> {
  if (addressesIn(recipe).length === 0) return recipe;
  const { findSources, refuseMissing } = await import('../library/recipeSources');
  const { hubSettings } = await import('../hub/hubSettings');
  const found = await findSources(recipe, { env: process.env, settings: hubSettings(process.env) });
  refuseMissing(found.missing);
  return found.recipe;
}

/**
 * Makes this process the trainer: one run, then it is done. For hours it wants every core: threads made from now on let
 * scoring and the editor go first, and have the machine when nobody else wants it.
 */
export function serveTrainer(loadEngine: () => Promise<TrainerEngine>): void {
  lowerPriority();
  serveWorker(
    trainerContract,
    ({ emit, log, hostGone, outliveHost }) => {
      const stopping = new AbortController();
      let running = false;
      process.on('SIGTERM', () => stopping.abort());

      return {
        async train({ recipe, recipeFile, name, resumeFrom, baseFolder, onHostGone }, cancelled) {
          if (running) throw new MedTextError('USAGE', words`This process is already training.`);
          running = true;
          if (onHostGone === 'continue') outliveHost();
          const onAbort = (): void => {
            if (!(hostGone.aborted && onHostGone === 'continue')) stopping.abort();
          };
          cancelled.addEventListener('abort', onAbort);
          const reports = latestAtMost(maxReportsPerSecond, (report: TrainingReport) => emit('report', report));
          const progress = latestAtMost(maxReportsPerSecond, (done: EvaluationProgress) => emit('evaluationProgress', done)); // prettier-ignore
          try {
            const { finetune } = await loadEngine();
            const folder = baseFolder ?? dirname(recipeFile);
            const complete = await withSourcesHere(await withLabelsFiles(validateRecipe(recipe, recipeFile), folder));
            return await finetune({
              recipe: resolveRecipe(validateRecipe(complete, recipeFile)),
              baseFolder: folder,
              recipeFile,
              name,
              resumeFrom,
              onChosenDevice: ({ device, trials }) => emit('chosenDevice', { device, trials }),
              onUnderstoodData: (data) => emit('understoodData', data),
              onMemoryPlan: (plan) => emit('memoryPlan', plan),
              onReport: (report) => reports.push({ memoryBytes: process.memoryUsage.rss(), ...report }),
              onEvaluation(evaluation) {
                // In order: the curve's last point before its evaluation.
                reports.flush();
                progress.flush();
                emit('evaluation', evaluation);
              },
              onEvaluationProgress(done) {
                reports.flush();
                progress.push(done);
              },
              log: (line) => log.info(line),
              stopSignal: stopping.signal,
            });
          } finally {
            reports.flush();
            progress.flush();
          }
        },

        stop() {
          if (running) stopping.abort();
          return running;
        },
      };
    },
    { graceMs: saveGraceMs },
  );
}
