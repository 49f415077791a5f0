import assert from 'node:assert/strict';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { ClassifierRunner } from '../../src/inference/classifierRunner';
import { keepsTensors } from '../../src/inference/session';
import { bertClassifier } from '../../src/models/encoder';
import { selfTestLosses, selfTestMaterial } from '../../src/training/doctor';
import { ResidentTrainer } from '../../src/training/residentTrainer';
import { testDevice } from '../support/testDevice';
import { assertFollows, batchesOf, openTrajectory, rateOf, trainTrajectory } from '../support/trajectory';

const session = { device: testDevice };

setFlagsFromString('--expose-gc');
const collectGarbage = runInNewContext('gc') as () => void;

describe(`training on ${testDevice}`, () => {
  it("follows PyTorch's losses, gradient norms and final weights", async () => {
    await assertFollows(await trainTrajectory({ session }));
  });

  it('draws the same dropout as the processor, in micro-batches too', async () => {
    const expected = await trainTrajectory({ dropout: 0.2, steps: 6 });
    for (const microBatchSize of [undefined, 3]) {
      const { losses } = await trainTrajectory({ session, dropout: 0.2, steps: 6, microBatchSize });
      losses.forEach((loss, i) => assert.ok(Math.abs(loss - expected.losses[i]) < 1e-4, `step ${i + 1}: ${loss}`));
    }
  });

  it('goes on from what it handed back as if it had not stopped', async () => {
    const whole = await trainTrajectory({ session, dropout: 0.1, steps: 12 });
    const { trainer: first, parameters } = await openTrajectory({ session, dropout: 0.1 });
    for (let step = 1; step <= 6; step++) await first.step(batchesOf(step), step, rateOf(step));
    await first.synchronize();
    await first.close();
    const { trainer: second, parameters: restored } = await openTrajectory({ session, dropout: 0.1 });
    restored.flat.set(parameters.flat);
    second.moments.firstMoments.flat.set(first.moments.firstMoments.flat);
    second.moments.secondMoments.flat.set(first.moments.secondMoments.flat);
    const losses: number[] = [];
    for (let step = 7; step <= 12; step++) losses.push((await second.step(batchesOf(step), step, rateOf(step))).loss);
    await second.close();
    // Sums that several threads of the device add to have no fixed order, hence no equality to the bit.
    losses.forEach((loss, i) => assert.ok(Math.abs(loss - whole.losses[6 + i]) < 1e-5, `step ${7 + i}: ${loss}`));
  });

  it('keeps its state on the device: memory does not grow with the steps', async () => {
    const { trainer } = await openTrajectory({ session, dropout: 0.1 });
    assert.ok(keepsTensors(testDevice) === trainer instanceof ResidentTrainer);
    const memoryAfter = async (from: number, to: number) => {
      for (let step = from; step <= to; step++) await trainer.step(batchesOf(step), step, 1e-4);
      collectGarbage();
      return process.memoryUsage.rss() / 1e6;
    };
    const memory = [await memoryAfter(1, 50)];
    for (let steps = 50; steps < 230; steps += 60) memory.push(await memoryAfter(steps + 1, steps + 60));
    await trainer.close();
    // 8,000 elements of state and gradients a step: kept, 60 steps of them would be 7.5 MB of buffers of 16 KB and
    // more, each time. What else the process does with its memory comes once, not each time.
    const growth = memory.slice(1).map((after, i) => after - memory[i]);
    assert.ok(Math.min(...growth) < 4, `MB after 50, 110, 170 and 230 steps: ${memory.map(Math.round).join(', ')}`);
  });

  it('leaves parameters and moments as they were when a step diverges', async () => {
    const { trainer, parameters } = await openTrajectory({ session });
    parameters.values('classifier.bias')[0] = NaN;
    await assert.rejects(trainer.step(batchesOf(1), 1, 1e-3), { code: 'DIVERGED' });
    const before = parameters.flat.slice();
    await trainer.synchronize();
    await trainer.close();
    assert.deepEqual(parameters.flat, before);
    assert.ok(trainer.moments.firstMoments.flat.every((moment) => moment === 0));
  });

  it('passes the self-test', async () => {
    const [losses, expected] = [await selfTestLosses(testDevice), await selfTestLosses('cpu')];
    losses.forEach((loss, i) => assert.ok(Math.abs(loss - expected[i]) < 2e-4));
  });
});

describe(`inference on ${testDevice}`, () => {
  it('gives the logits of the processor, with the parameters of the moment', async () => {
    const { config, parameters, batch } = selfTestMaterial();
    const examples = batch.examples.map(({ encoded }) => encoded);
    const logitsOn = async (device: 'cpu' | typeof testDevice) => {
      const runner = new ClassifierRunner(bertClassifier(config, 3), parameters, { device, padTokenId: 0 });
      const first = await runner.logits(examples);
      parameters.values('classifier.bias').fill(2);
      runner.parametersChanged();
      const second = await runner.logits(examples);
      parameters.values('classifier.bias').fill(0);
      await runner.close();
      return [...first, ...second];
    };
    parameters.values('classifier.bias').fill(0);
    const expected = await logitsOn('cpu');
    const actual = await logitsOn(testDevice);
    actual.forEach((value, i) => assert.ok(Math.abs(value - expected[i]) < 1e-5, `${i}: ${value}, ${expected[i]}`));
  });
});
