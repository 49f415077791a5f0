import assert from 'node:assert/strict';
import { bertNetwork } from '../../src/models/encoder';
import { parseEncoderConfig } from '../../src/models/configJson';
import { encoderParameterSpecs } from '../../src/models/parameterNames';
import { sequenceHead } from '../../src/models/heads/sequence';
import { estimateMemory } from '../../src/steps/memoryEstimate';
import { crossEntropy } from '../../src/tasks/losses/crossEntropy';
import { chooseRows, isOutOfMemory, rowsThatFit } from '../../src/training/forecast/memoryPlan';
import { MedTextError } from '../../src/base/errors';

/** BERT-base; only its graph is built. */
const config = parseEncoderConfig({ model_type: 'bert', vocab_size: 21128, hidden_size: 768, num_hidden_layers: 12, num_attention_heads: 12, intermediate_size: 3072 }, 'a test'); // prettier-ignore
const specs = [...encoderParameterSpecs(config), ...sequenceHead.specs(config, 3)];
const options = {
  network: bertNetwork(config, sequenceHead, 3),
  specs,
  objective: crossEntropy({ labelCount: 3, labelSmoothing: 0 }),
} as const;
const all = new Set(specs.map(({ name }) => name));

describe('memory of a training step', () => {
  // Peaks of the process at 16 rows, all parameters trained, dropout 0.1: bench/README.md.
  for (const [length, measured] of [
    [32, 2.23e9],
    [64, 2.62e9],
    [128, 3.24e9],
  ] as const)
    // prettier-ignore
    it(`is estimated within 10 % of what was measured for BERT-base at 16 x ${length}`, () => {
      const { total } = estimateMemory({ ...options, trained: all }, 16, length);
      assert.ok(Math.abs(total / measured - 1) < 0.1, `${(total / 1e9).toFixed(2)} GB`);
    });

  it('is estimated within 5 % of what was measured for a vocabulary of 250,037, batch 32, nine lengths up to 78', () => {
    const large = parseEncoderConfig({ model_type: 'bert', vocab_size: 250037, hidden_size: 384, num_hidden_layers: 12, num_attention_heads: 12, intermediate_size: 1536 }, 'a test'); // prettier-ignore
    const own = [...encoderParameterSpecs(large), ...sequenceHead.specs(large, 3)];
    const estimate = (accumulates: boolean) =>
      estimateMemory({ ...options, network: bertNetwork(large, sequenceHead, 3), specs: own, trained: new Set(own.map(({ name }) => name)) }, 32, 78, { accumulates }); // prettier-ignore
    assert.ok(Math.abs(estimate(false).total / 2.745e9 - 1) < 0.05, `${(estimate(false).total / 1e9).toFixed(2)} GB`);
    // Of the embedding's 384 MB a step makes no more than the rows of its tokens.
    assert.ok(estimate(false).gradients < 0.1e9);
    assert.equal(estimate(true).total, estimate(false).total + estimate(false).gradients);
  });

  // On an NVIDIA H200, whole batches, buffers kept.
  for (const [rows, length, measured] of [
    [16, 32, 4.72e9],
    [32, 64, 6.13e9],
    [32, 128, 8.54e9],
  ] as const)
    // prettier-ignore
    it(`is estimated within 5 % of what was measured on WebGPU at ${rows} x ${length}`, () => {
      const { total } = estimateMemory({ ...options, trained: all }, rows, length, { device: 'webgpu' });
      assert.ok(Math.abs(total / measured - 1) < 0.05, `${(total / 1e9).toFixed(2)} GB`);
    });

  it('has a part that grows with the rows, and is less where less is trained', () => {
    const whole = estimateMemory({ ...options, trained: all }, 16, 64);
    const half = estimateMemory({ ...options, trained: all }, 8, 64);
    assert.equal(whole.parameters, half.parameters);
    assert.equal(whole.moments, 2 * whole.parameters);
    assert.ok(half.activations > whole.activations / 3 && half.activations < whole.activations);
    const head = estimateMemory({ ...options, trained: new Set(['classifier.weight', 'classifier.bias']) }, 16, 64);
    assert.ok(head.total < 0.4 * whole.total, `${head.total}`);
    assert.ok(head.gradients < 1e5);
  });

  it('decides how many examples are computed at a time', () => {
    const estimate = (rows: number) => ({ ...estimateMemory({ ...options, trained: all }, 1, 8), total: 100 * rows });
    assert.deepEqual([rowsThatFit(20, 2000, estimate).rows, rowsThatFit(20, 1999, estimate).rows], [20, 10]);
    assert.deepEqual([rowsThatFit(20, 300, estimate).rows, rowsThatFit(20, 99, estimate).rows], [3, 1]);
    assert.deepEqual([rowsThatFit(20, 100, estimate).exceeds, rowsThatFit(20, 99, estimate).exceeds], [false, true]);
  });

  it('is named by the recipe, and when a run goes on as it was', () => {
    const estimate = (rows: number) => ({ ...estimateMemory({ ...options, trained: all }, 1, 8), total: rows });
    const rows = (wanted: 'auto' | number, resumed?: { microBatchSize?: number }) =>
      chooseRows({ wanted, batchSize: 16, available: { bytes: 1e12 }, resumed, estimate }).microBatchSize;
    assert.deepEqual([rows('auto'), rows(4), rows(64)], [16, 4, 16]);
    assert.deepEqual([rows(4, {}), rows('auto', { microBatchSize: 2 })], [16, 2]);
    const { memory, memoryPlan } = chooseRows({
      wanted: 4,
      batchSize: 16,
      available: undefined,
      resumed: undefined,
      estimate,
    });
    assert.match(memory, /in parts of 4/);
    assert.doesNotMatch(memory, /free/);
    assert.deepEqual(memoryPlan, { estimatedBytes: 4, batchSize: 16, microBatchSize: 4 });
  });

  it('tells a lack of memory from other errors', () => {
    assert.ok(isOutOfMemory(new MedTextError('OUT_OF_MEMORY', '')));
    assert.ok(isOutOfMemory(new RangeError('Array buffer allocation failed')));
    assert.ok(
      !isOutOfMemory(new RangeError('Invalid array length')) && !isOutOfMemory(new MedTextError('RUNTIME', '')),
    );
  });
});
