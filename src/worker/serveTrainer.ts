import { dirname } from 'node:path';
import { MedTextError, words } from '../base/errors';
import { parentProcess } from '../base/processIdentity';
import type { ChosenDevice } from '../protocol/deviceWords';
import { resolveRecipe, validateRecipe, type Recipe, type ResolvedRecipe } from '../protocol/recipe';
import type { UnderstoodData } from '../protocol/fieldGuess';
import type { RunOwner } from '../protocol/runRecord';
import { addressesIn } from '../protocol/recipeAddress';
import {
  maxReportsPerSecond,
  trainerContract,
  type EvaluationProgress,
  type PreparationProgress,
  type EvaluationReport,
  type MemoryPlan,
  type TrainingReport,
  type TrainingResult,
} from '../protocol/trainer';
import { withLabelsFiles } from '../recipes/labelsFile';
import { latestAtMost } from './latestAtMost';
import { lowerPriority } from './lowerPriority';
import { serveWorker } from './serveWorker';

/** The grace at the end: long enough to save the weights and optimiser state of a large encoder on a slow disk. */
const saveGraceMs = 60_000;

/** The part of the engine that the trainer process needs: `finetune` of src/training/finetune.ts. */
export interface TrainerEngine {
  finetune(options: {
    recipe: ResolvedRecipe;
    baseFolder: string;
    recipeFile: string;
    name?: string;
    resumeFrom?: string;
    onChosenDevice(choice: ChosenDevice): void;
    onUnderstoodData(data: UnderstoodData): void;
    onPreparation(progress: PreparationProgress): void;
    onMemoryPlan(plan: MemoryPlan): void;
    onReport(report: TrainingReport): void;
    onEvaluation(evaluation: EvaluationReport): void;
    onEvaluationProgress(progress: EvaluationProgress): void;
    owner: RunOwner;
    onStopAsked(): void;
    onEndAsked(): void;
    log(line: string): void;
    stopSignal: AbortSignal;
  }): Promise<TrainingResult>;
}

/** The window that this process trains for. */
const ownerOf = ({ pid, start }: ReturnType<typeof parentProcess>): RunOwner => ({
  program: 'editor',
  windowPid: pid,
  ...(start !== undefined && { windowStart: start }),
});

/** The recipe with local paths for its addresses. A training asks no hub, because the library process has downloaded before. */
async function withSourcesHere(recipe: Recipe): Promise<Recipe> {
  if (addressesIn(recipe).length === 0) return recipe;
  const { findSources, refuseMissing } = await import('../library/recipeSources');
  const { hubSettings } = await import('../hub/hubSettings');
  const found = await findSources(recipe, { env: process.env, settings: hubSettings(process.env) });
  refuseMissing(found.missing);
  return found.recipe;
}

/** Makes this process the trainer of one run, with a lower priority than scoring and the editor. */
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
              onPreparation: (done) => emit('preparationProgress', done),
              onMemoryPlan: (plan) => emit('memoryPlan', plan),
              onReport: (report) => reports.push({ memoryBytes: process.memoryUsage.rss(), ...report }),
              onEvaluation(evaluation) {
                // The flush keeps the order: the curve's last point comes before its evaluation.
                reports.flush();
                progress.flush();
                emit('evaluation', evaluation);
              },
              onEvaluationProgress(done) {
                reports.flush();
                progress.push(done);
              },
              owner: ownerOf(parentProcess()),
              onStopAsked: () => emit('stopAsked', undefined),
              onEndAsked: () => process.exit(1),
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
