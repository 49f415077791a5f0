import { countRawLabels } from '../data/labelCounts';
import { MedTextError, words } from '../base/errors';
import { openEntityMarker, type EntityMarker } from '../evaluation/entityMarker';
import type { LikeliestLabels } from '../evaluation/evaluateModel';
import type { ScoringPrecision } from '../inference/packedSession';
import { openPairScorer } from '../inference/pairScorer';
import { exportModel } from '../exports/exportModel';
import { precisionDevice } from '../devices/deviceChoice';
import { checkPrecision, soundPrecision } from '../exports/precisionCheck';
import { dataInfo, exampleLengths } from './dataInfo';
import { resolveRecipe, validateRecipe } from '../protocol/recipe';
import { describeTask, taskFor } from '../protocol/tasks';
import type { OpenScorer, ScorerEngine } from './serveScorer';

/** The engine's functions in the shape that the scorer process serves. Modules for evaluation and training load at first use. */
export const scorerEngine: ScorerEngine = {
  async openPairScorer(folder, { device, precision: asked, ...options }) {
    const computing = await soundOptions(folder, asked, device);
    const marker = await openEntityMarker(folder, { ...options, ...computing });
    const scorer = marker ? entityScorer(folder, marker) : await openPairScorer(folder, { ...options, ...computing });
    return { ...scorer, ...(asked !== undefined && { precision: computing.precision }) };
  },
  dataInfo,
  exampleLengths,

  async evaluate(folder, file, options) {
    const { evaluateModel } = await import('../evaluation/evaluateModel');
    let answers: LikeliestLabels | undefined;
    const report = await evaluateModel(folder, file, { ...options, onAnswers: (given) => (answers = given) });
    return { report: { ...report }, ...(answers && { answers }) };
  },

  async predict(folder, file, output, options) {
    const { predictFile } = await import('../evaluation/predictFile');
    return predictFile(folder, file, output, options);
  },

  labelCounts: countRawLabels,

  async forecast({ recipe, folder, runFolders, measures }, signal) {
    const { forecastTraining } = await import('../training/forecast/trainingForecast');
    const resolved = resolveRecipe(validateRecipe(recipe, 'recipe'));
    return forecastTraining(resolved, { baseFolder: folder, runFolders, measures, signal });
  },

  async suspectLabels(folder, split, options) {
    const { findSuspectLabels } = await import('../evaluation/findSuspectLabels');
    return findSuspectLabels(folder, split, options);
  },

  exportModel,

  async checkPrecision(folder, precision, { device, ...options }) {
    return checkPrecision(folder, precision, { ...options, device: await precisionDevice(precision, device) });
  },

  async doctor(options) {
    const { diagnose } = await import('../devices/doctor');
    return { ...(await diagnose(options)) };
  },
};

/** The precision that was asked for, on its device, where the model was found sound in it; else float32. */
async function soundOptions(folder: string, asked: ScoringPrecision | undefined, device: string) {
  if (asked === undefined || asked === 'float32') return { device, precision: 'float32' as const };
  const own = await precisionDevice(asked, device).catch(() => undefined);
  const precision = own === undefined ? 'float32' : await soundPrecision(folder, asked, own);
  return { precision, device: precision === 'float32' ? device : own! };
}

/** A model for entities as a scorer. Its scores throw UNSUPPORTED. */
function entityScorer(folder: string, marker: EntityMarker): OpenScorer {
  const task = taskFor('spans', false);
  return {
    labels: marker.types,
    device: marker.device,
    async score() {
      throw new MedTextError(
        'UNSUPPORTED',
        words`${folder} gives ${describeTask(task).gives}; a model that gives one label or one number for a text or a pair is needed here.`,
        { file: folder, task },
      );
    },
    mark: (texts, signal) => marker.mark(texts, signal),
    close: () => marker.close(),
  };
}
