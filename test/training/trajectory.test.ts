import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { bertClassifier } from '../../src/models/encoder';
import { openCheckpoint } from '../../src/models/checkpoint/openCheckpoint';
import { loadParameters, openModelFolder } from '../../src/models/modelFolder';
import { classifierParameterSpecs, encoderParameterSpecs } from '../../src/models/parameterNames';
import type { Parameters } from '../../src/models/parameters';
import { learningRateAt } from '../../src/training/schedule';
import { Trainer, type MicroBatch } from '../../src/training/trainer';

const fixture = join(__dirname, '../fixtures/trajectory');
const json = (name: string) => JSON.parse(readFileSync(join(fixture, name), 'utf8'));

describe('training follows PyTorch and transformers', () => {
  const expected = json('losses.json') as { losses: number[]; gradientNorms: number[] };

  async function train(micro: number): Promise<{ losses: number[]; norms: number[]; parameters: Parameters }> {
    const folder = await openModelFolder(join(fixture, 'model'));
    const specs = [...encoderParameterSpecs(folder.config), ...classifierParameterSpecs(folder.config, 3)];
    const { parameters, report } = await loadParameters(folder, specs, { seed: 1 });
    assert.deepEqual(report.missing, []);
    const { batches, length } = json('batches.json') as {
      length: number;
      batches: { inputIds: number[]; tokenTypeIds: number[]; label: number }[][];
    };
    const trainer = await Trainer.create({
      classifier: bertClassifier(folder.config, 3),
      parameters,
      trained: new Set(parameters.names),
      objective: { loss: 'crossEntropy', labelCount: 3, labelSmoothing: 0 },
      adamW: {
        betas: [0.9, 0.999],
        eps: 1e-8,
        weightDecay: 0.01,
        decays: (name) => !name.includes('bias') && !name.includes('LayerNorm.weight'),
      },
      maxGradientNorm: 1,
      batchSize: 8,
      dropout: 0,
      seed: 1,
      padTokenId: 0,
      session: { threads: 1 },
    });
    const losses: number[] = [];
    const norms: number[] = [];
    for (let step = 1; step <= 100; step++) {
      const examples = batches[(step - 1) % batches.length].map(({ inputIds, tokenTypeIds, label }) => ({
        label,
        encoded: {
          inputIds: Int32Array.from(inputIds),
          tokenTypeIds: Int32Array.from(tokenTypeIds),
          length: inputIds.length,
          truncated: false,
        },
      }));
      const parts: MicroBatch[] = Array.from({ length: Math.ceil(8 / micro) }, (_, i) => ({
        length,
        examples: examples.slice(i * micro, (i + 1) * micro),
      }));
      const rate = learningRateAt(step - 1, { type: 'linear', peak: 5e-3, warmupSteps: 10, totalSteps: 100 });
      const { loss, gradientNorm } = await trainer.step(parts, step, rate);
      losses.push(loss);
      norms.push(gradientNorm);
    }
    await trainer.close();
    return { losses, norms, parameters };
  }

  for (const micro of [8, 3]) {
    it(`over 100 steps, in micro-batches of ${micro}`, async () => {
      const { losses, norms, parameters } = await train(micro);
      assert.ok(mean(expected.losses.slice(80)) < 0.9 * mean(expected.losses.slice(0, 20)), 'the fixture learns');
      losses.forEach((loss, i) => near(loss, expected.losses[i], 1e-4, `loss of step ${i + 1}`));
      norms.forEach((norm, i) => near(norm, expected.gradientNorms[i], 1e-3, `gradient norm of step ${i + 1}`));
      const final = await openCheckpoint(join(fixture, 'final.safetensors'));
      for (const name of parameters.names) {
        const theirs = new Float32Array(parameters.values(name).length);
        await final.tensors.get(name)!.read(theirs);
        const ours = parameters.values(name);
        // Within 1e-3 of the tensor's largest element: single elements near zero have no relative error to speak of.
        const scale = theirs.reduce((largest, value) => Math.max(largest, Math.abs(value)), 0);
        const worst = ours.reduce((largest, value, i) => Math.max(largest, Math.abs(value - theirs[i])), 0);
        // Softmax does not see a key's bias, so its gradient is rounding noise, which Adam scales to full steps.
        const tolerance = name.endsWith('key.bias') ? 1e-3 : 1e-3 * scale;
        assert.ok(worst <= tolerance, `${name}: off by ${worst} of ${scale}`);
      }
      await final.close();
    });
  }
});

function near(actual: number, expected: number, relative: number, what: string): void {
  assert.ok(Math.abs(actual - expected) <= relative * Math.abs(expected), `${what}: ${actual}, PyTorch ${expected}`);
}

function mean(values: readonly number[]): number {
  return values.reduce((sum, value) => sum + value, 0) / values.length;
}
