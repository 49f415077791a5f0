import { existsSync } from 'node:fs';
import { MedTextError } from '../../../src/base/errors';
import { serveScorer } from '../../../src/worker/serveScorer';

// Similarity is 1 for equal texts of the loaded folder's name; the text "die" kills the process.
let open = 0;
let hasMeasured = false;
serveScorer(async () => ({
  async openPairScorer(folder, { device, precision }) {
    if (folder === 'absent') throw new MedTextError('NOT_FOUND', 'no such folder', { folder });
    if (++open > 1) throw new MedTextError('OUT_OF_MEMORY', 'two models at once');
    return {
      labels: [folder, 'other'],
      device,
      ...(precision !== undefined && { precision: hasMeasured ? precision : 'float32' }),
      async score(pairs) {
        if (pairs.some(({ first }) => first === 'die')) process.kill(process.pid, 'SIGKILL');
        return pairs.map(({ first, second }) => {
          const similarity = first === second ? 1 : 0;
          return {
            similarity,
            measure: 'label-scale' as const,
            probabilities: { [folder]: similarity, other: 1 - similarity },
            logits: [similarity, 0],
          };
        });
      },
      close: () => void open--,
    };
  },
  evaluate: async (_folder, file, { onProgress }) => {
    onProgress(1, 2);
    // The work on a file called "long" ends when it is there.
    while (file.endsWith('long') && !existsSync(file)) await new Promise((turn) => setTimeout(turn, 20));
    return { report: { rows: 2 } };
  },
  predict: async (_folder, _file, output) => ({ output, rows: 1 }),
  dataInfo: async ({ file }) => ({ file, format: 'json', header: false, columns: ['a'], rows: 1, badRows: 0 }),
  exampleLengths: async () => ({ rows: 0, median: 0, p99: 0, longest: 0 }),
  forecast: async () => Promise.reject(new MedTextError('NOT_FOUND', 'no such folder')),
  labelCounts: async () => ({ column: 'a', rows: 0, badRows: 0, values: [], otherRows: 0 }),
  suspectLabels: async () => ({
    rows: 0,
    labels: [],
    thresholds: [],
    confidentJoint: [],
    total: 0,
    suspects: [],
    seenInTraining: false,
    outOfFold: 0,
  }),
  exportModel: async (_folder, output) => ({ output, files: [] }),
  async checkPrecision(_folder, precision) {
    hasMeasured = true;
    return { precision, rows: 0, of: 'samples', harms: false };
  },
  doctor: async () => ({}),
}));
