import { setTimeout as sleep } from 'node:timers/promises';
import { MedTextError } from '../../../src/base/errors';
import { serveTrainer } from '../../../src/worker/serveTrainer';
import { classificationOf } from '../../support/evaluations';

// An engine of twenty steps a fake second: reports faster than they may travel, evaluates half-way, stops when asked.
serveTrainer(async () => ({
  async finetune({
    recipe,
    baseFolder,
    onChosenDevice,
    onUnderstoodData,
    onPreparation,
    onMemoryPlan,
    onReport,
    onEvaluation,
    log,
    stopSignal,
  }) {
    if (recipe.model === 'broken') throw new MedTextError('MODEL_CONFIG', 'no such model', { model: recipe.model });
    const totalSteps = recipe.train.max_epochs;
    log(`${recipe.task} in ${baseFolder}`);
    onChosenDevice({ device: 'cpu', trials: [{ device: 'cuda', passed: false, fault: { code: 'noLibraries' } }] });
    onUnderstoodData({ task: recipe.task, rows: 2, fields: [{ role: 'label', column: 'y', reason: 'name' }], labels: [{ name: '0', count: 2 }], labelCount: 1 }); // prettier-ignore
    onPreparation({ doneBytes: 1, totalBytes: 2, secondsLeft: 3 });
    onMemoryPlan({ estimatedBytes: 1e9, batchSize: recipe.train.batch_size, microBatchSize: 4 });
    let step = 0;
    while (step < totalSteps && !stopSignal.aborted) {
      step++;
      onReport({
        runId: 'run-1',
        step,
        totalSteps,
        epoch: step / totalSteps,
        loss: step === 2 ? Number.NaN : 1 / step,
        learningRate: 1e-3,
        examplesPerSecond: 10,
        secondsLeft: 1,
      });
      if (step === 3) onEvaluation({ step, epoch: 0.5, evaluation: classificationOf({ accuracy: 0.5 }) });
      await sleep(5);
    }
    const status = stopSignal.aborted ? 'stopped' : 'finished';
    return { run: `${baseFolder}/runs/run-1`, model: '', best: { step: 3, metric: 'accuracy', value: 0.5 }, status };
  },
}));
