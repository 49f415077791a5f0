import { basename, resolve } from 'node:path';
import { writeFileAtomically } from '../base/atomicFile';
import { asMedTextError, toldError, type MedTextError } from '../base/errors';
import { ClassifierRunner } from '../inference/classifierRunner';
import { softmax } from '../inference/labelScores';
import { writeGraphFolder } from '../models/writeGraphFolder';
import { writeModelFolder } from '../models/writeModelFolder';
import type { EvaluationMetrics } from '../protocol/evaluation';
import type { ResolvedRecipe } from '../protocol/recipe';
import { describeTask } from '../protocol/tasks';
import type {
  EvaluationProgress,
  EvaluationReport,
  MemoryPlan,
  TrainingReport,
  TrainingResult,
} from '../protocol/trainer';
import { loadCheckpoint, saveCheckpoint, type RunCounters } from '../runs/checkpoints';
import { choiceLines, isDeviceFailure, type DeviceChoice } from '../devices/deviceChoice';
import { describeEnvironment } from '../runs/environment';
import { evaluationReport, improves, metricValue } from '../tasks/evaluationReport';
import { testModel } from './finalTest';
import { writeHeldOutPredictions } from '../runs/heldOutPredictions';
import { labelUsage, regressionUsage } from '../tasks/labelUsage';
import { isOutOfMemory, tooLittleMemory } from './memoryPlan';
import { MetricsLog } from '../runs/metricsLog';
import { renderModelCard } from '../runs/modelCard';
import { writeRunRecord, type RunFolder, type RunRecord } from '../runs/runFolder';
import type { RunMaterial } from './runMaterial';
import { idleSteps, learningRateAt, scheduleOf, type LearningRateSchedule } from './schedule';
import { sessionOptions, setUpTrainer, type SetUpOptions } from './setUpTrainer';
import { StepClock } from './stepClock';
import { TensorBoardWriter } from '../runs/tensorboard';
import { TrainingPlan } from './trainingPlan';
import type { PlannedStep, StepResult, TrainingSteps } from '../steps/trainingSteps';

export interface RunOptions extends SetUpOptions {
  readonly onReport: (report: TrainingReport) => void;
  readonly onEvaluation: (evaluation: EvaluationReport) => void;
  /** While the training waits for an evaluation. */
  readonly onEvaluationProgress?: (progress: EvaluationProgress) => void;
  /** Aborting finishes the step, saves a checkpoint and ends with the status `stopped`. */
  readonly stopSignal: AbortSignal;
  /** What was chosen, for the run's record. */
  readonly deviceChoice?: DeviceChoice;
}

/** One training from its first step, or a checkpoint, to its end. */
export class TrainingRun {
  private record: RunRecord;
  private counters: RunCounters = { step: 0, best: null, evaluationsWithoutGain: 0 };
  private memoryPlan: MemoryPlan | undefined;
  private lastEvaluation: EvaluationMetrics | undefined;
  private readonly evaluations: EvaluationReport[] = [];

  private constructor(
    readonly folder: RunFolder,
    private readonly recipe: ResolvedRecipe,
    private readonly material: RunMaterial,
    private readonly options: RunOptions,
    private readonly trainer: TrainingSteps,
    private readonly runner: ClassifierRunner,
    private readonly plan: TrainingPlan,
    private readonly metrics: MetricsLog,
    private readonly tensorBoard: TensorBoardWriter,
    startedAt: string,
    trainedCount: number,
    deviceChoice: readonly string[] | undefined,
  ) {
    this.record = {
      format: 1,
      id: folder.id,
      status: 'running',
      startedAt,
      updatedAt: startedAt,
      pid: process.pid,
      task: recipe.task,
      labels: material.labels,
      model: {
        path: recipe.model,
        contentHash: material.contentHash,
        parameterCount: material.parameters.flat.length,
        trainedCount,
        ...(material.isRandomStart && { randomStart: true }),
      },
      maxLength: material.maxLength,
      totalSteps: plan.totalSteps,
      step: 0,
      data: material.records,
      environment: describeEnvironment({
        device: sessionOptions(recipe).device ?? 'cpu',
        threads: sessionOptions(recipe).threads,
      }),
      ...(deviceChoice && { deviceChoice }),
      best: null,
    };
  }

  static async start(
    folder: RunFolder,
    recipe: ResolvedRecipe,
    material: RunMaterial,
    options: RunOptions,
    resumed?: { checkpoint: string; record: RunRecord },
  ): Promise<TrainingRun> {
    const plan = new TrainingPlan(recipe, material);
    const { parameters, folder: model } = material;
    const { trainer, session, memoryPlan, microBatchSize } = await setUpTrainer(
      recipe,
      material,
      plan,
      options,
      resumed?.record,
    );
    const counters = resumed && (await loadCheckpoint(resumed.checkpoint, { parameters, ...trainer.moments }));
    const run = new TrainingRun(
      folder,
      recipe,
      material,
      options,
      trainer,
      new ClassifierRunner(material.model.classifier, parameters, { ...session, padTokenId: model.config.padTokenId }),
      plan,
      await MetricsLog.open(folder.metricsFile, counters?.step ?? 0),
      TensorBoardWriter.open(folder.path, { step: counters?.step ?? 0 }),
      resumed?.record.startedAt ?? new Date().toISOString(),
      trainer.moments.firstMoments.flat.length,
      options.deviceChoice ? choiceLines(options.deviceChoice) : reasonsBefore(recipe, resumed?.record),
    );
    if (counters) run.counters = counters;
    run.memoryPlan = memoryPlan;
    if (microBatchSize !== undefined) run.record = { ...run.record, microBatchSize };
    await run.writeRecord();
    return run;
  }

  async train(): Promise<TrainingResult> {
    const { plan, recipe, options } = this;
    const schedule = scheduleOf(recipe.train, plan.totalSteps);
    const idle = idleSteps(schedule, plan.totalSteps);
    // Counted a little too short for each epoch, as ModelScope's recipes are, it costs nothing.
    if (idle > Math.max(recipe.train.max_epochs, 0.02 * plan.totalSteps)) {
      options.log(
        `Warning: train.lr_scheduler.total_iters is ${schedule.totalSteps}, and the training has ${plan.totalSteps} steps: the last ${idle} have a learning rate of 0 and learn nothing. Set it to null to fall to 0 at the end.`,
      );
    }
    const clock = new StepClock(plan.totalSteps - this.counters.step);
    let savedStep = this.counters.step;

    while (this.counters.step < plan.totalSteps) {
      const done = await this.steps(schedule);
      clock.stepsDone(
        done.map(({ planned }) => planned.batches.reduce((sum, { examples }) => sum + examples.length, 0)),
      );
      for (const { planned, result } of done) {
        const { step, batches, learningRate } = planned;
        this.counters = { ...this.counters, step };
        this.report({ ...result, learningRate, length: batches[0].length, clock });
      }
      const { step } = this.counters;
      const stopping = options.stopSignal.aborted;
      if (plan.evaluatesAfter(step) && !stopping) {
        const improved = await clock.pause(() => this.evaluate());
        if (improved === false && this.patienceIsOver()) {
          options.log(`Stopped early at step ${step}: no gain in ${this.counters.evaluationsWithoutGain} evaluations.`);
          break;
        }
      }
      if (stopping || plan.savesAfter(step)) {
        await clock.pause(() => this.save());
        savedStep = step;
      }
      if (stopping && step < plan.totalSteps) return this.end('stopped');
    }
    if (savedStep !== this.counters.step) await this.save();
    if (!this.material.validation) await this.saveModel();
    await this.test();
    await this.saveCard();
    return this.end('finished');
  }

  /** A model that cannot answer its test data is a model all the same. */
  private async test(): Promise<void> {
    const { material, options, recipe } = this;
    if (!material.test) return;
    const rows = material.test.data.examples.length;
    options.log(`The model of step ${this.counters.best?.step ?? this.counters.step} answers ${rows} test rows.`);
    try {
      const { device, threads } = sessionOptions(recipe);
      const outcome = await testModel(this.folder, material.test, recipe.dataset.test!.on_bad_row, {
        device,
        threads,
        onProgress: this.progressOf('test'),
        signal: options.stopSignal,
      });
      this.record = { ...this.record, ...outcome };
      if (outcome.predictions) options.log(`Test data without labels, labelled by the model: ${outcome.predictions}`);
    } catch (error) {
      const known = asMedTextError(error);
      if (isDeviceFailure(known)) throw known;
      options.log(`The test data was not answered: ${known.message}`);
    }
  }

  private progressOf(split: EvaluationProgress['split']): (done: number, total: number) => void {
    const began = performance.now();
    return (done, total) => {
      const secondsLeft = (((performance.now() - began) / done) * (total - done)) / 1000;
      this.options.onEvaluationProgress?.({ split, done, total, secondsLeft });
    };
  }

  /** The next steps, as many as the device takes at once, but none beyond an evaluation or a checkpoint. */
  private async steps(schedule: LearningRateSchedule): Promise<{ planned: PlannedStep; result: StepResult }[]> {
    const { plan, trainer } = this;
    const planned: PlannedStep[] = [];
    for (let step = this.counters.step + 1; planned.length < (trainer.stepsAtOnce ?? 1); step++) {
      planned.push({ step, batches: plan.batchesOf(step), learningRate: learningRateAt(step - 1, schedule) });
      if (plan.savesAfter(step)) break;
    }
    const results = await this.computed(planned);
    return planned.map((each, i) => ({ planned: each, result: results[i] }));
  }

  /** Steps that run out of memory are begun again with half as many examples at a time. */
  private async computed(planned: readonly PlannedStep[]): Promise<StepResult[]> {
    const { trainer } = this;
    const [{ step, batches, learningRate }] = planned;
    for (;;) {
      try {
        return trainer.steps ? await trainer.steps(planned) : [await trainer.step(batches, step, learningRate)];
      } catch (error) {
        if (!isOutOfMemory(error)) throw error;
        const rows = await trainer.halve();
        if (rows === undefined) throw tooLittleMemory(step, batches[0].length, error);
        this.options.log(`Step ${step} ran out of memory: batches are computed in parts of ${rows} from here on, whose gradients add up to the same.`); // prettier-ignore
        if (this.memoryPlan) {
          this.memoryPlan = { ...this.memoryPlan, microBatchSize: rows };
          this.options.onMemoryPlan?.(this.memoryPlan);
        }
        this.record = { ...this.record, microBatchSize: rows };
        await this.writeRecord();
      }
    }
  }

  async fail(error: MedTextError): Promise<void> {
    this.record = { ...this.record, error: toldError(error) };
    // The first error is the one to hear of, also where the disk takes nothing any more.
    await this.writeRecord('failed').catch(() => undefined);
  }

  async close(): Promise<void> {
    this.metrics.close();
    this.tensorBoard.close();
    await this.trainer.close();
    await this.runner.close();
  }

  private report(done: {
    loss: number;
    learningRate: number;
    gradientNorm: number;
    length: number;
    clock: StepClock;
  }): void {
    const { step } = this.counters;
    const report: TrainingReport = {
      runId: this.folder.id,
      step,
      totalSteps: this.plan.totalSteps,
      epoch: this.plan.epochOf(step),
      loss: done.loss,
      learningRate: done.learningRate,
      examplesPerSecond: done.clock.examplesPerSecond,
      secondsLeft: done.clock.secondsLeft,
      gradientNorm: done.gradientNorm,
      sequenceLength: done.length,
      device: sessionOptions(this.recipe).device ?? 'cpu',
      ...(this.material.isRandomStart && { randomStart: true }),
    };
    this.metrics.append({ ...report, time: new Date().toISOString() });
    this.tensorBoard.scalars(step, {
      'train/loss': done.loss,
      'train/learning_rate': done.learningRate,
      'train/gradient_norm': done.gradientNorm,
    });
    this.options.onReport(report);
  }

  /** Whether the evaluation is the best so far; then its weights are the run's model. */
  private async evaluate(): Promise<boolean> {
    const { step } = this.counters;
    const outputs = await this.validationOutputs();
    const metrics = this.validationMetrics(outputs);
    const report: EvaluationReport = { step, epoch: this.plan.epochOf(step), evaluation: { ...metrics } };
    this.lastEvaluation = metrics;
    this.evaluations.push(report);
    this.metrics.append({ ...report, time: new Date().toISOString() });
    this.tensorBoard.scalars(step, evaluationScalars(metrics));

    const metric = this.recipe.train.metric_for_best;
    const value = metricValue(metrics, metric);
    const { best } = this.counters;
    const gained = improves(metric, value, best?.value, this.recipe.train.early_stopping?.min_delta ?? 0);
    this.counters = {
      step,
      best: improves(metric, value, best?.value) ? { step, metric, value, evaluation: metrics } : best,
      evaluationsWithoutGain: gained ? 0 : this.counters.evaluationsWithoutGain + 1,
    };
    if (this.counters.best !== best) {
      await this.saveModel();
      await this.keepPredictions(outputs);
    }
    this.options.onEvaluation(report);
    return gained;
  }

  /** [examples, labels] row after row. */
  private async validationOutputs(): Promise<Float32Array> {
    await this.trainer.synchronize();
    const onProgress = this.progressOf('validation');
    const outputs = await this.runner.logits(this.material.validation!.encoded, { onProgress });
    // A device's copy would be of no use after the next step, and takes memory.
    this.runner.parametersChanged();
    return outputs;
  }

  /** For who doubts labels later: these rows the model has not learned by heart. */
  private async keepPredictions(outputs: Float32Array): Promise<void> {
    const { labels, validation, records } = this.material;
    if (this.isRegression) return;
    const { sha256, sizeBytes } = records.validation;
    const rows = validation!.data.examples.map(({ row }) => row);
    const probabilities = rows.flatMap((_, at) => [...softmax(outputs.subarray(at * labels.length, (at + 1) * labels.length))]); // prettier-ignore
    await writeHeldOutPredictions(this.folder, { file: { sha256, sizeBytes }, labels, step: this.counters.step, rows }, probabilities); // prettier-ignore
  }

  private validationMetrics(outputs: Float32Array): EvaluationMetrics {
    const { labels, validation } = this.material;
    return evaluationReport(validation!.data.examples, outputs, this.isRegression ? undefined : labels);
  }

  private get isRegression(): boolean {
    return describeTask(this.recipe.task).answer === 'number';
  }

  private patienceIsOver(): boolean {
    const early = this.recipe.train.early_stopping;
    return early !== null && this.counters.evaluationsWithoutGain >= early.patience;
  }

  private async save(): Promise<void> {
    this.metrics.flush();
    await this.trainer.synchronize();
    await saveCheckpoint(this.folder.checkpoints, this.counters, {
      parameters: this.material.parameters,
      ...this.trainer.moments,
    });
    await this.writeRecord();
  }

  /** The parameters as they are, as the run's model. */
  private async saveModel(): Promise<void> {
    const { folder, labels, parameters, maxLength, model } = this.material;
    const contents = {
      config: folder.config,
      labels,
      problemType: describeTask(this.recipe.task).problemType,
      task: this.recipe.task,
      copies: folder.tokenizerFiles,
      usage: {
        task: this.recipe.task,
        max_length: maxLength,
        run: this.folder.id,
        step: this.counters.step,
        ...(this.isRegression
          ? regressionUsage(this.material.train.data.examples)
          : labelUsage(this.recipe.dataset.train, labels)),
      },
      extraFiles: { 'README.md': this.card() },
    } as const;
    if (!model.graph) await writeModelFolder(this.folder.model, { ...contents, parameters });
    else await writeGraphFolder(this.folder.model, { ...contents, model: model.graph.trainedModel(parameters), rawConfig: folder.rawConfig }); // prettier-ignore
  }

  /** The card tells the whole run, so it is written again when the run has ended. */
  private async saveCard(): Promise<void> {
    await writeFileAtomically(resolve(this.folder.model, 'README.md'), this.card());
  }

  private card(): string {
    const { folder, labels, train, validation, maxLength } = this.material;
    return renderModelCard({
      name: this.folder.id,
      baseModel: basename(folder.path),
      isRandomStart: this.material.isRandomStart,
      recipe: this.recipe,
      labels,
      maxLength,
      data: this.material.records,
      fields: train.data.columns,
      parameterCount: this.material.parameters.flat.length,
      step: this.counters.step,
      totalSteps: this.plan.totalSteps,
      best: this.counters.best,
      evaluation: (this.counters.best?.evaluation ?? this.lastEvaluation) as EvaluationMetrics | undefined,
      test: this.record.test,
      evaluations: this.evaluations,
      environment: this.record.environment,
      hasValidation: validation !== undefined,
    });
  }

  private async end(status: TrainingResult['status']): Promise<TrainingResult> {
    await this.writeRecord(status);
    const hasModel = this.counters.best !== null || status === 'finished';
    const { test, predictions } = this.record;
    return {
      status,
      run: this.folder.path,
      model: hasModel ? this.folder.model : '',
      best: this.counters.best,
      ...(test && { test: { ...test } }),
      ...(predictions !== undefined && { predictions }),
      ...(this.material.isRandomStart && { randomStart: true }),
    };
  }

  private async writeRecord(status: RunRecord['status'] = 'running'): Promise<void> {
    const { pid: _, ...rest } = this.record;
    this.record = {
      ...(status === 'running' ? this.record : rest),
      status,
      updatedAt: new Date().toISOString(),
      step: this.counters.step,
      best: this.counters.best,
    };
    await writeRunRecord(this.folder, this.record);
  }
}

/** A run that goes on on the device that was chosen for it has its reasons still. */
function reasonsBefore(recipe: ResolvedRecipe, before: RunRecord | undefined): readonly string[] | undefined {
  return before?.environment.device === sessionOptions(recipe).device ? before?.deviceChoice : undefined;
}

function evaluationScalars(metrics: EvaluationMetrics): Record<string, number> {
  const named = Object.entries(metrics).filter((entry): entry is [string, number] => typeof entry[1] === 'number');
  return Object.fromEntries(
    named.filter(([name]) => name !== 'rows').map(([name, value]) => [`validation/${name}`, value]),
  );
}
