import { refuseFullDisk } from '../base/diskFull';
import { asMedTextError, toldError, type MedTextError } from '../base/errors';
import { choiceLines, isDeviceFailure, type DeviceChoice } from '../devices/deviceChoice';
import { ClassifierRunner } from '../inference/classifierRunner';
import { FedNetwork } from '../inference/fedNetwork';
import type { ResolvedRecipe } from '../protocol/recipe';
import type { RunRecord, TrainingEnd } from '../protocol/runRecord';
import type { MemoryPlan, TrainingResult } from '../protocol/trainer';
import { checkpointBytes, loadCheckpoint, saveCheckpoint, type TrainingState } from '../runs/checkpoints';
import { describeEnvironment } from '../runs/environment';
import type { RunLock } from '../runs/runLock';
import { LossRunner } from '../steps/lossRunner';
import type { PlannedStep, StepResult, TrainingSteps } from '../steps/trainingSteps';
import { BestModel } from './bestModel';
import { outcomeOnTestData } from './outcomeOnTestData';
import { isOutOfMemory, tooLittleMemory } from './memoryPlan';
import { objectiveOf } from './objective';
import { RunJournal } from './runJournal';
import type { RunMaterial } from './runMaterial';
import { RunReporter, type RunListeners } from './runReporter';
import { idleSteps, learningRateAt, scheduleOf, type LearningRateSchedule } from './schedule';
import { sessionOptions, setUpTrainer, type SetUpOptions } from './setUpTrainer';
import { StepClock } from './stepClock';
import { TrainingPlan } from './trainingPlan';

export interface RunOptions extends SetUpOptions, RunListeners {
  /** Aborting finishes the step, saves a checkpoint and ends with the status `stopped`. */
  readonly stopSignal: AbortSignal;
  /** What was chosen, for the run's record. */
  readonly deviceChoice?: DeviceChoice;
}

/** What a training begins with. */
export interface RunSetUp {
  /** The run's folder, in which nobody else trains. */
  readonly lock: RunLock;
  readonly recipe: ResolvedRecipe;
  readonly material: RunMaterial;
  readonly options: RunOptions;
  /** What the person calls it, and the recipe it is started by. */
  readonly source: Pick<RunRecord, 'name' | 'recipe'>;
  /** The checkpoint that it goes on from, and what the record said. */
  readonly resumed?: { readonly checkpoint: string; readonly record: RunRecord };
}

/** What a run consists of besides its loop. */
interface RunParts extends Pick<RunSetUp, 'lock' | 'recipe' | 'material' | 'options'> {
  readonly plan: TrainingPlan;
  readonly trainer: TrainingSteps;
  readonly runner: ClassifierRunner;
  readonly losses: LossRunner | undefined;
  readonly reporter: RunReporter;
  readonly journal: RunJournal;
  readonly best: BestModel;
  readonly state: TrainingState;
}

/** One training from its first step, or a checkpoint, to its end. */
export class TrainingRun {
  private constructor(
    private readonly parts: RunParts,
    private memoryPlan: MemoryPlan,
    /** Optimiser steps done. */
    private step: number,
  ) {}

  /** @throws MedTextError DISK_FULL where not one checkpoint would fit; what the parts throw. */
  static async start(setUp: RunSetUp): Promise<TrainingRun> {
    const { lock, recipe, material, options, resumed } = setUp;
    const { parameters, folder: model } = material;
    const plan = new TrainingPlan(recipe, material);
    const { trainer, session, memoryPlan, microBatchSize } = await setUpTrainer(
      recipe,
      material,
      plan,
      options,
      resumed?.record,
    );
    const state = { parameters, ...trainer.moments };
    const counters = resumed && (await loadCheckpoint(resumed.checkpoint, state));
    const { path } = lock.folder;
    await refuseFullDisk({ path, folder: path, neededBytes: checkpointBytes(state) + parameters.flat.byteLength });
    const { padTokenId } = model.config;
    const { network } = material.model;
    const runner = new ClassifierRunner(network, new FedNetwork(network, parameters, { ...session, padTokenId }));
    const losses = material.definition.lossReport && new LossRunner({ network, parameters, objective: objectiveOf(recipe, material), padTokenId, session }); // prettier-ignore
    const reporter = await RunReporter.open(lock.folder, counters?.step ?? 0, options);
    const trainedCount = state.firstMoments.flat.length;
    const journal = new RunJournal(
      lock,
      recordOf(setUp, { totalSteps: plan.totalSteps, trainedCount, microBatchSize }),
    );
    const record = () => journal.record;
    const { log } = options;
    const best = new BestModel({ lock, recipe, material, plan, runner, losses, reporter, record, log, counters });
    await best.restore();
    const parts = { lock, recipe, material, options, plan, trainer, runner, losses, reporter, journal, best, state };
    const run = new TrainingRun(parts, memoryPlan, counters?.step ?? 0);
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
    const { recipe, plan, options } = this.parts;
    const schedule = scheduleOf(recipe.train, plan.totalSteps);
    this.warnOfIdleSteps(schedule);
    const clock = new StepClock(plan.totalSteps - this.step);
    const { stopSignal } = options;

    // What a run that was stopped right after a step still owed.
    if (this.owesEvaluation && !stopSignal.aborted) await clock.pause(() => this.evaluateAndSave());
    while (!this.isOver && !stopSignal.aborted) {
      const done = await this.steps(schedule);
      clock.stepsDone(
        done.map(({ planned }) => planned.batches.reduce((sum, { examples }) => sum + examples.length, 0)),
      );
      for (const { planned, result } of done) {
        this.step = planned.step;
        this.report(planned, result, clock);
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
        onProgress: reporter.progressOf('test'),
        signal: options.stopSignal,
      });
      await journal.write(outcome);
      if (outcome.predictions) options.log(`Test data without labels, labelled by the model: ${outcome.predictions}`);
    } catch (error) {
      const known = asMedTextError(error);
      lock.refuseMoved();
      if (isDeviceFailure(known)) throw known;
      if (options.stopSignal.aborted) return false;
      options.log(`The test data were not evaluated: ${known.message}`);
      await journal.write({ testError: toldError(known) });
    }
    return true;
  }

  /** The next steps, as many as the device takes at once, but none beyond an evaluation or a checkpoint. */
  private async steps(schedule: LearningRateSchedule): Promise<{ planned: PlannedStep; result: StepResult }[]> {
    const { plan, trainer } = this.parts;
    const planned: PlannedStep[] = [];
    for (let step = this.step + 1; planned.length < (trainer.stepsAtOnce ?? 1); step++) {
      planned.push({ step, batches: plan.batchesOf(step), learningRate: learningRateAt(step - 1, schedule) });
      if (plan.savesAfter(step)) break;
    }
    const results = await this.computed(planned);
    return planned.map((each, i) => ({ planned: each, result: results[i] }));
  }

  /** Steps that run out of memory are begun again with half as many examples at a time. */
  private async computed(planned: readonly PlannedStep[]): Promise<StepResult[]> {
    const { trainer, options } = this.parts;
    const [{ step, batches, learningRate }] = planned;
    for (;;) {
      try {
        return trainer.steps ? await trainer.steps(planned) : [await trainer.step(batches, step, learningRate)];
      } catch (error) {
        if (!isOutOfMemory(error)) throw error;
        const rows = await trainer.halve();
        if (rows === undefined) throw tooLittleMemory(step, batches[0].length, error);
        options.log(`Step ${step} ran out of memory: batches are computed in parts of ${rows} from here on, whose gradients add up to the same.`); // prettier-ignore
        this.memoryPlan = { ...this.memoryPlan, microBatchSize: rows };
        options.onMemoryPlan?.(this.memoryPlan);
        await this.write({ microBatchSize: rows });
      }
    }
  }

  private warnOfIdleSteps(schedule: LearningRateSchedule): void {
    const { plan, recipe, options } = this.parts;
    const idle = idleSteps(schedule, plan.totalSteps);
    // Counted a little too short for each epoch, as ModelScope's recipes are, it costs nothing.
    if (idle <= Math.max(recipe.train.max_epochs, 0.02 * plan.totalSteps)) return;
    options.log(
      `Warning: train.lr_scheduler.total_iters is ${schedule.totalSteps}, and the training has ${plan.totalSteps} steps: the last ${idle} have a learning rate of 0 and learn nothing. Set it to null to fall to 0 at the end.`,
    );
  }

  private report({ step, batches, learningRate }: PlannedStep, result: StepResult, clock: StepClock): void {
    const { lock, plan, recipe, material, reporter } = this.parts;
    lock.refuseMoved();
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
    const { reporter, trainer, runner, losses, material } = this.parts;
    reporter.close();
    await trainer.close();
    await runner.close();
    await losses?.close();
    material.close?.();
  }
}

/** What run.json says at the start. */
function recordOf(
  { lock, recipe, material, options, source, resumed }: RunSetUp,
  plan: Pick<RunRecord, 'totalSteps' | 'microBatchSize'> & { readonly trainedCount: number },
): RunRecord {
  const now = new Date().toISOString();
  const { device = 'cpu', threads } = sessionOptions(recipe);
  const deviceChoice = options.deviceChoice ? choiceLines(options.deviceChoice) : reasonsBefore(device, resumed?.record); // prettier-ignore
  const { totalSteps, microBatchSize, trainedCount } = plan;
  const { contentHash, fixedFiles: files, parameters } = material;
  return {
    format: 1,
    id: lock.folder.id,
    ...source,
    status: 'running',
    startedAt: resumed?.record.startedAt ?? now,
    updatedAt: now,
    task: recipe.task,
    labels: material.labels,
    model: {
      path: recipe.model,
      contentHash,
      files,
      parameterCount: parameters.flat.length,
      trainedCount,
      ...(material.isRandomStart && { randomStart: true }),
    },
    maxLength: material.maxLength,
    ...(microBatchSize !== undefined && { microBatchSize }),
    totalSteps,
    step: 0,
    data: material.records,
    environment: describeEnvironment({ device, threads }),
    ...(deviceChoice && { deviceChoice }),
    best: null,
  };
}

/** A run that goes on on the device that was chosen for it has its reasons still. */
function reasonsBefore(device: string, before: RunRecord | undefined): readonly string[] | undefined {
  return before?.environment.device === device ? before.deviceChoice : undefined;
}
