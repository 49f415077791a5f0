import assert from 'node:assert/strict';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { bertNetwork } from '../../src/models/encoder';
import { sequenceHead } from '../../src/models/heads/sequence';
import type { Model } from '../../src/onnx/model';
import { printGraph } from '../../src/onnx/printGraph';
import { buildAdamWGraph, buildDenseGraph, buildGradientSumGraph } from '../../src/steps/adamWGraph';
import { selfTestMaterial } from '../../src/devices/doctor';
import { buildMaskGraph } from '../../src/steps/maskGraph';
import { layoutOf, stackSites } from '../../src/steps/parameterGroups';
import { buildLoopGraph } from '../../src/steps/loopGraph';
import { buildResidentGraph } from '../../src/steps/residentGraph';
import { buildTrainingGraph } from '../../src/steps/trainingGraph';
import { crossEntropy } from '../../src/tasks/losses/crossEntropy';

const folder = join(__dirname, '../fixtures/deviceGraphs');

/**
 * What a device that keeps its state computes in graphs, where the CPU has kernels of its own. The graph of
 * forward and backward pass is one and the same on every device; here it is that of a small encoder.
 */
describe('graphs for a device', () => {
  const { parameters, config } = selfTestMaterial();
  const small = { ...config, layerCount: 1, hiddenDropout: 0.1, attentionDropout: 0.1, classifierDropout: 0.1 };
  const specs = parameters.specs.filter(({ name }) => !name.includes('layer.1.'));
  const trained = new Set([
    'classifier.weight',
    ...['word', 'token_type'].map((kind) => `bert.embeddings.${kind}_embeddings.weight`),
  ]);
  const options = {
    network: bertNetwork(small, sequenceHead, 3),
    specs,
    trained,
    objective: crossEntropy({ labelCount: 3, labelSmoothing: 0 }),
    maxGradientNorm: 1,
    adamW: {
      betas: [0.9, 0.999] as const,
      eps: 1e-8,
      weightDecay: 0.01,
      decays: (name: string) => name.startsWith('classifier'),
    },
  };
  const training = buildTrainingGraph(options, 2, 8);
  const layout = layoutOf(options, options.adamW);
  const updated = [{ shape: [3, 4], decays: true }, { shape: [4], decays: false }, { shape: [5, 2], decays: false, isRows: true }]; // prettier-ignore
  const graphs: Readonly<Record<string, Model>> = {
    training: training.model,
    resident: buildResidentGraph({ ...options, products: { asMatMul: true, factors: 'float16' } }, layout, 2, 8).model,
    loop: buildLoopGraph(options, layout, { rows: 2, lengths: [8, 12], accumulates: true, steps: 2, parts: 2 }),
    masks: buildMaskGraph(stackSites(training.randomSites.slice(0, 3), 1000), 2),
    adamW: buildAdamWGraph(updated, { betas: [0.9, 0.999], eps: 1e-8 }),
    gradientSum: buildGradientSumGraph(updated),
    dense: buildDenseGraph([5, 2]),
  };
  for (const [name, { graph }] of Object.entries(graphs)) {
    it(`${name} is as the golden (UPDATE_GOLDENS=1 writes it anew)`, () => {
      const file = join(folder, `${name}.txt`);
      const text = printGraph(graph);
      if (process.env.UPDATE_GOLDENS) writeFileSync(file, text);
      assert.equal(text, readFileSync(file, 'utf8'));
    });
  }
});
