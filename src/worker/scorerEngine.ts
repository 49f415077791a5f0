import { countRawLabels } from '../data/labelCounts';
import type { LikeliestLabels } from '../evaluation/evaluateModel';
import { openPairScorer } from '../inference/pairScorer';
import { exportModel } from '../exports/exportModel';
import { checkInt8, soundPrecision } from '../exports/precisionCheck';
import { dataInfo } from './dataInfo';
import type { ScorerEngine } from './serveScorer';

/** The engine's functions in the shape that the scorer process serves; what trains or measures loads when asked for. */
export const scorerEngine: ScorerEngine = {
  async openPairScorer(folder, { device, precision: asked, ...options }) {
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
