import { asMedTextError, plainError, type MedTextError } from '../base/errors';
import { isDeviceFailure } from '../devices/deviceChoice';
import type { RunRecord, TrainingEnd } from '../protocol/runRecord';
import type { TrainingResult } from '../protocol/trainer';
import { saveCheckpoint } from '../runs/checkpoints';
import { outcomeOnTestData } from './outcomeOnTestData';
import { closeParts, openParts, type RunParts, type RunSetUp } from './runParts';
import { sessionOptions } from './setUpTrainer';
import { StepClock } from './stepClock';
import { StepTaker, type TakenStep } from './stepTaker';

/** One training from its first step, or a checkpoint, to its end. */
export class TrainingRun {
  /** Optimiser steps done. */
  private step: number;

  private constructor(private readonly parts: RunParts) {
    this.step = parts.step;
  }

  /** @throws MedTextError DISK_FULL where not one checkpoint would fit; what the parts throw. */
  static async start(setUp: RunSetUp): Promise<TrainingRun> {
    const run = new TrainingRun(await openParts(setUp));
    await run.write();
    return run;
  }

  /** From wherever the run stands to its end: a run that was killed in its final test takes no step any more. */
  async train(): Promise<TrainingResult> {
    if (!this.isOver) await this.takeSteps();
    if (!this.isOver) return this.end('stopped');
    const { best, journal, options } = this.parts;
    await this.write({ trainingEnd: this.trainingEnd, noBest: best.noBest });
    if (best.counters.best === null) {
      await best.save(this.step);
      await best.settled();
    }
    if (best.noBest) options.log(best.noBest.message);
    if (!(await this.test())) return this.end('stopped');
    await best.saveCard(this.step);
    await journal.write();
    return this.end('finished');
  }

  private async takeSteps(): Promise<void> {
    const { plan, options } = this.parts;
    const taker = new StepTaker(this.parts, (microBatchSize) => this.write({ microBatchSize }));
    const { stopSignal } = options;

    // What a run that was stopped right after a step still owed; it tells nothing of the steps to come.
    if (this.owesEvaluation && !stopSignal.aborted) await this.evaluateAndSave();
    const clock = new StepClock(plan.totalSteps - this.step);
    while (!this.isOver && !stopSignal.aborted) {
      const done = await taker.next(this.step);
      clock.stepsDone(
        done.map(({ planned }) => planned.batches.reduce((sum, { examples }) => sum + examples.length, 0)),
      );
      for (const taken of done) {
        this.step = taken.planned.step;
        this.report(taken, clock);
      }
      if (this.owesEvaluation && !stopSignal.aborted) await clock.pause(() => this.evaluateAndSave());
      else if (stopSignal.aborted || plan.savesAfter(this.step)) await clock.pause(() => this.save());
    }
  }

  /** Whether no step is left to take, nor an evaluation that could change the model. */
  private get isOver(): boolean {
    return !this.owesEvaluation && this.trainingEnd !== undefined;
  }

  private get owesEvaluation(): boolean {
    const { plan, best } = this.parts;
    return this.step > 0 && plan.evaluatesAfter(this.step) && best.counters.evaluatedStep !== this.step;
  }

  private get trainingEnd(): TrainingEnd | undefined {
    const { plan, best } = this.parts;
    const reason = best.patienceIsOver ? 'earlyStop' : this.step >= plan.totalSteps ? 'lastStep' : undefined;
    return reason && { reason, step: this.step, evaluationsWithoutGain: best.counters.evaluationsWithoutGain };
  }

  private async evaluateAndSave(): Promise<void> {
    const { trainer, best, options } = this.parts;
    await trainer.synchronize();
    await best.evaluate(this.step);
    await this.save();
    const { evaluationsWithoutGain } = best.counters;
    if (best.patienceIsOver) options.log(`Stopped early at step ${this.step}: no improvement in ${evaluationsWithoutGain} evaluations.`); // prettier-ignore
  }

  /** A model that cannot answer its test data is a model all the same. @returns false when it was stopped meanwhile */
  private async test(): Promise<boolean> {
    const { lock, recipe, material, options, reporter, journal, best } = this.parts;
    if (!material.test) return true;
    const rows = material.test.data.examples.length;
    options.log(`The model of step ${best.counters.best?.step ?? this.step} is evaluated on ${rows} test rows.`);
    try {
      const { device, threads } = sessionOptions(recipe);
      const outcome = await outcomeOnTestData(lock.folder, material.test, recipe.dataset.test!.on_bad_row, {
        device,
        threads,
        log: options.log,
        onProgress: reporter.progressOf('test'),
        signal: options.stopSignal,
      });
      await journal.write(outcome);
      if (outcome.predictions)
        options.log(`Predictions for the test data, which have no labels: ${outcome.predictions}`);
    } catch (error) {
      const known = asMedTextError(error);
      lock.refuseMoved();
      if (isDeviceFailure(known)) throw known;
      if (options.stopSignal.aborted) return false;
      options.log(`The test data were not evaluated: ${known.message}`);
      await journal.write({ testError: plainError(known) });
    }
    return true;
  }

  private report({ planned, result }: TakenStep, clock: StepClock): void {
    const { step, batches, learningRate } = planned;
    const { lock, plan, recipe, material, reporter } = this.parts;
    lock.refuseMoved();
    lock.lookForStop();
    reporter.step({
      runId: lock.folder.id,
      step,
      totalSteps: plan.totalSteps,
      epoch: plan.epochOf(step),
      loss: result.loss,
      ...(result.parts && { lossParts: result.parts }),
      learningRate,
      examplesPerSecond: clock.examplesPerSecond,
      secondsLeft: clock.secondsLeft,
      gradientNorm: result.gradientNorm,
      sequenceLength: batches[0].length,
      device: sessionOptions(recipe).device ?? 'cpu',
      ...(material.isRandomStart && { randomStart: true }),
    });
  }

  private async save(): Promise<void> {
    const { lock, reporter, trainer, best, state } = this.parts;
    reporter.flush();
    await trainer.synchronize();
    lock.refuseMoved();
    await saveCheckpoint(lock.folder.checkpoints, { step: this.step, ...best.counters }, state);
    await best.settled();
    await this.write();
  }

  private async write(change: Partial<RunRecord> = {}): Promise<void> {
    await this.parts.journal.write({ ...change, step: this.step, best: this.parts.best.counters.best });
  }

  private async end(status: TrainingResult['status']): Promise<TrainingResult> {
    const { lock, best, material } = this.parts;
    await this.write({ status });
    const { test, testError, predictions, trainingEnd, noBest } = this.parts.journal.record;
    const hasModel = best.counters.best !== null || status === 'finished';
    return {
      status,
      run: lock.folder.path,
      model: hasModel ? lock.folder.model : '',
      best: best.counters.best,
      ...(trainingEnd && { trainingEnd }),
      ...(noBest && { noBest }),
      ...(test && { test: { ...test } }),
      ...(testError && { testError }),
      ...(predictions !== undefined && { predictions }),
      ...(material.isRandomStart && { randomStart: true }),
    };
  }

  async fail(error: MedTextError): Promise<void> {
    await this.parts.journal.fail(error);
  }

  async close(): Promise<void> {
    await closeParts(this.parts);
  }
}
