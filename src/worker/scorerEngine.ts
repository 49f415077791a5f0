import { MedTextError } from '../base/errors';
import { openPairScorer } from '../inference/pairScorer';
import { importModel } from '../models/importModel';
import { loadReportLines } from '../models/parameterNames';
import { dataInfo } from './dataInfo';
import type { ScorerEngine } from './serveScorer';

/** The engine's functions in the shape that the scorer process serves. */
export const scorerEngine: ScorerEngine = {
  openPairScorer,
  evaluate: async () => notYet('evaluation'),
  predict: async () => notYet('prediction'),
  dataInfo,
  async importModel(source, output) {
    const { path, report } = await importModel(source, output);
    return { folder: path, summary: loadReportLines(report).join('\n') };
  },
  doctor: async () => notYet('the device check'),
};

function notYet(what: string): never {
  throw new MedTextError('UNSUPPORTED', `This version has no ${what} yet.`);
}
