import { countRawLabels } from '../data/labelCounts';
import { MedTextError, words } from '../base/errors';
import { openEntityMarker, type EntityMarker } from '../evaluation/entityMarker';
import type { LikeliestLabels } from '../evaluation/evaluateModel';
import { openPairScorer } from '../inference/pairScorer';
import { exportModel } from '../exports/exportModel';
import { checkInt8, soundPrecision } from '../exports/precisionCheck';
import { dataInfo, exampleLengths } from './dataInfo';
import { describeTask, taskFor } from '../protocol/tasks';
import type { OpenScorer, ScorerEngine } from './serveScorer';

/** The engine's functions in the shape that the scorer process serves; what trains or measures loads when asked for. */
export const scorerEngine: ScorerEngine = {
  async openPairScorer(folder, { device, precision: asked, ...options }) {
    const marker = await openEntityMarker(folder, { device, ...options });
    if (marker) return entityScorer(folder, marker);
    if (asked !== 'int8') return openPairScorer(folder, { device, ...options });
    const precision = await soundPrecision(folder, asked);
    const scorer = await openPairScorer(folder, {
      ...options,
      precision,
      device: precision === 'int8' ? 'cpu' : device,
    });
    return { ...scorer, precision };
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

  async suspectLabels(folder, split, options) {
    const { findSuspectLabels } = await import('../evaluation/findSuspectLabels');
    return findSuspectLabels(folder, split, options);
  },

  exportModel,

  checkPrecision: checkInt8,

  async doctor(options) {
    const { diagnose } = await import('../devices/doctor');
    return { ...(await diagnose(options)) };
  },
};

/** A model that marks entities, where scores are asked for: it has none. */
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
