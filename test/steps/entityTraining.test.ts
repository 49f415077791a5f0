import assert from 'node:assert/strict';
import { ClassifierRunner } from '../../src/inference/classifierRunner';
import { FedNetwork } from '../../src/inference/fedNetwork';
import { NO_SPAN } from '../../src/models/heads/spans';
import { LoopTrainer } from '../../src/steps/loopTrainer';
import { ResidentTrainer } from '../../src/steps/residentTrainer';
import type { TrainerOptions } from '../../src/steps/trainingSteps';
import { worst } from '../support/disturbedLosses';
import { entityTraining, examplesOf, openEntityTraining, trainEntities } from '../support/entityTraining';

describe('heads of entities follow PyTorch', () => {
  for (const kind of ['tags', 'spans'] as const) {
    const theirs = entityTraining[kind];

    it(`in what they give of a text, with shorter texts and padding beside it: ${kind}`, async () => {
      const { network, parameters } = await openEntityTraining(kind);
      const runner = new ClassifierRunner(network, new FedNetwork(network, parameters, { padTokenId: 0 }));
      const examples = examplesOf(kind, 1).map(({ encoded }) => encoded);
      let first: Float32Array | undefined;
      await runner.outputs(examples, (row, output) => {
        assert.ok(output.every((value) => Number.isFinite(value)));
        if (row === 0) first = output.slice();
      });
      await runner.close();
      assert.equal(first!.length, theirs.outputs.length);
      first!.forEach((value, i) =>
        assert.ok(Math.abs(value - theirs.outputs[i]) < 1e-5, `${i}: ${value}, PyTorch ${theirs.outputs[i]}`),
      );
      if (kind === 'spans') assert.ok(theirs.outputs.filter((value) => value === NO_SPAN).length > 20);
    });

    it(`over 100 steps: ${kind}`, async () => {
      const { losses, norms } = await trainEntities(kind);
      assert.ok(worst(losses, theirs.losses) < 1e-4, `losses are off by ${worst(losses, theirs.losses)}`);
      assert.ok(worst(norms, theirs.gradientNorms) < 1e-3, `norms are off by ${worst(norms, theirs.gradientNorms)}`);
    });

    it(`in parts of a batch as in the whole: ${kind}`, async () => {
      const { losses } = await trainEntities(kind, { steps: 6, microBatchSize: 3 });
      assert.ok(worst(losses, theirs.losses) < 1e-4);
    });

    for (const [way, create] of Object.entries({
      'with the state on a device': async (all: TrainerOptions) => new ResidentTrainer(all),
      'many steps a run': async (all: TrainerOptions) => new LoopTrainer(all),
    })) {
      // Both run on the CPU here; a device's own test is in test/webgpu.
      it(`${way}: ${kind}`, async () => {
        const { losses } = await trainEntities(kind, { steps: 6, create });
        assert.ok(worst(losses, theirs.losses) < 1e-4, `losses are off by ${worst(losses, theirs.losses)}`);
      });
    }
  }
});
