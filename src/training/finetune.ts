/** Fine-tuning from a recipe to a model folder; the one function behind the command line, the worker and the tests. */
import { mkdir, rm } from 'node:fs/promises';
import { basename, resolve } from 'node:path';
import { writeFileAtomically } from '../base/atomicFile';
import { asMedTextError, MedTextError, toldError, words } from '../base/errors';
import { fingerprintFile } from '../data/fingerprint';
import type { Example } from '../data/examples';
import { groupColumnOf, holdOut } from '../data/holdOut';
import { readRecipeSplit, type ResolvedFields } from '../data/recipeSplit';
import type { Examples } from '../data/examples';
import { ClassifierRunner } from '../inference/classifierRunner';
import { softmax } from '../inference/labelScores';
import { executionDevice } from '../inference/device';
import { bucketAmong, bucketLength, deviceBuckets } from '../inference/lengthBuckets';
import { supportedDevices, type SessionOptions } from '../inference/session';
import { loadClassifier, type LoadedClassifier } from '../models/loadClassifier';
import { modelContent } from '../models/modelContent';
import { openModelFolder, readTokenizerFiles, type ModelFolder } from '../models/modelFolder';
import { loadReportLines } from '../models/parameterNames';
import type { Parameters } from '../models/parameters';
import { writeGraphFolder } from '../models/writeGraphFolder';
import { writeModelFolder } from '../models/writeModelFolder';
import type { ResolvedRecipe, ResolvedSplit } from '../protocol/recipe';
import type { EvaluationReport, MemoryPlan, TrainingReport, TrainingResult } from '../protocol/trainer';
import { loadTokenizer, type EncodedExample, type Tokenizer } from '../tokenization/tokenizer';
import { planEpoch, type PlannedBatch } from './batchPlan';
import { loadCheckpoint, newestCheckpoint, saveCheckpoint, type RunCounters } from './checkpoints';
import { writeHeldOutPredictions } from './heldOutPredictions';
import {
  classificationReport,
  improves,
  metricValue,
  regressionReport,
  type EvaluationMetrics,
} from './evaluationReport';
import { createTrainer } from './createTrainer';
import { describeEnvironment } from './environment';
import { labelUsage } from './labelUsage';
import { cardMemory } from './adapters';
import { choiceLines, fastest, type DeviceChoice } from './deviceChoice';
import { buffersAreFew, estimateMemory } from './memoryEstimate';
import { availableMemory, cardOf, chooseRows, isOutOfMemory, tooLittleMemory } from './memoryPlan';
import { MetricsLog } from './metricsLog';
import { renderModelCard } from './modelCard';
import { createRunFolder, readRun, RunFolder, writeRunRecord, type DataRecord, type RunRecord } from './runFolder';
import { learningRateAt, scheduleOf, type LearningRateSchedule } from './schedule';
import { StepClock } from './stepClock';
import { TensorBoardWriter } from './tensorboard';
import { decayName, trainedGraphParameters, trainedParameters } from './trainable';
import type { PlannedStep, StepResult, TrainerOptions, TrainingExample, TrainingSteps } from './trainingSteps';

export interface FinetuneOptions {
  readonly recipe: ResolvedRecipe;
  /** The folder that the recipe's relative paths start from. */
  readonly baseFolder: string;
  /** A run folder to continue. Its own recipe counts then; of `recipe` only device and threads do. */
  readonly resumeFrom?: string;
  readonly onMemoryPlan?: (plan: MemoryPlan) => void;
  readonly onReport: (report: TrainingReport) => void;
  readonly onEvaluation: (evaluation: EvaluationReport) => void;
  readonly log: (line: string) => void;
  /** Aborting finishes the step, saves a checkpoint and ends with the status `stopped`. */
  readonly stopSignal: AbortSignal;
  /** What `device: auto` is on this machine; absent: the processor. */
  readonly chooseDevice?: (log: (line: string) => void) => Promise<DeviceChoice>;
  /** What computes the steps; absent: what suits the device. */
  readonly createTrainer?: typeof createTrainer;
  /** What was chosen, for the run's record. */
  readonly deviceChoice?: DeviceChoice;
}

/**
 * Trains, evaluates and saves as the recipe says, in a run folder of its own (see {@link RunFolder}).
 * @throws MedTextError with the code of what went wrong; the run folder's record then says `failed`, and the newest
 * checkpoint is there to resume from.
 */
export async function finetune(options: FinetuneOptions): Promise<TrainingResult> {
  const isAutomatic = options.recipe.device === 'auto';
  let placed = isAutomatic ? await withChosenDevice(options) : options;
  let run = placed.resumeFrom ? await continuedRun(placed.resumeFrom, placed) : await newRun(placed);
  for (const lost: string[] = []; ;) {
    try {
      return await toItsEnd(run);
    } catch (error) {
      const known = asMedTextError(error);
      const { device } = placed.recipe;
      if (!isAutomatic || device === 'cpu' || !isLossOfDevice(known)) throw error;
      options.log(`${device} failed: ${known.message}`);
      lost.push(device);
      placed = { ...placed, recipe: { ...placed.recipe, device: fastest(placed.deviceChoice?.trials ?? [], lost) } };
      run = await goneOn(placed, run.folder);
    }
  }
}

async function toItsEnd(run: Run): Promise<TrainingResult> {
  try {
    return await run.train();
  } catch (error) {
    await run.fail(asMedTextError(error));
    throw error;
  } finally {
    await run.close();
  }
}

/** A driver that was reset, a card without memory: what the next device may still do. */
const isLossOfDevice = ({ code }: MedTextError): boolean => code === 'RUNTIME' || code === 'OUT_OF_MEMORY';

/** On the next device: from the last checkpoint, or from the beginning. */
async function goneOn(placed: FinetuneOptions, folder: RunFolder): Promise<Run> {
  const next = placed.recipe.device === 'cpu' ? 'the processor' : placed.recipe.device;
  const checkpoint = await newestCheckpoint(folder.checkpoints);
  placed.log(
    checkpoint
      ? `The training goes on on ${next} from ${basename(checkpoint)}.`
      : `No checkpoint was saved yet: the training begins again on ${next}.`,
  );
  return checkpoint ? continuedRun(folder.path, placed) : newRun(placed, await emptied(folder));
}

/** What begins again is the same run: nobody should find a failed one besides. */
async function emptied(folder: RunFolder): Promise<RunFolder> {
  try {
    await rm(folder.path, { recursive: true, force: true });
    await mkdir(folder.path);
    return folder;
  } catch (error) {
    throw asMedTextError(error);
  }
}

/** A run that goes on stays on its device, whose last digits it has. */
async function withChosenDevice(options: FinetuneOptions): Promise<FinetuneOptions> {
  const { log, recipe, resumeFrom, chooseDevice } = options;
  const before = resumeFrom === undefined ? undefined : (await readRun(resumeFrom)).record.environment.device;
  const here = supportedDevices().map(({ name }) => name);
  if (typeof before === 'string' && here.includes(before)) {
    return { ...options, recipe: { ...recipe, device: executionDevice(before) } };
  }
  const choice = await chooseDevice?.(log);
  if (choice) for (const line of choiceLines(choice)) log(line);
  return { ...options, recipe: { ...recipe, device: choice?.device ?? 'cpu' }, deviceChoice: choice };
}

interface Split {
  readonly data: Examples & ResolvedFields;
  readonly encoded: readonly EncodedExample[];
}

/** @param begun the empty folder of a run that begins again */
async function newRun(options: FinetuneOptions, begun?: RunFolder): Promise<Run> {
  const given = withAbsolutePaths(options.recipe, options.baseFolder);
  const material = await prepare(given, options);
  const recipe = withDeviceBuckets(given, material.maxLength);
  const folder = begun ?? (await createRunFolder(recipe.work_dir, basename(material.folder.path), new Date()));
  await writeFileAtomically(folder.recipeFile, `${JSON.stringify(recipe, null, 2)}\n`);
  options.log(`Run folder: ${folder.path}`);
  return Run.start(folder, recipe, material, options);
}

/** Written into the run's recipe, so that a run that goes on elsewhere draws the same masks for the same lengths. */
function withDeviceBuckets(recipe: ResolvedRecipe, maxLength: number): ResolvedRecipe {
  if (recipe.device === 'cpu' || recipe.device === 'auto' || recipe.train.length_buckets !== 'auto') return recipe;
  return { ...recipe, train: { ...recipe.train, length_buckets: deviceBuckets(maxLength) } };
}

async function continuedRun(path: string, options: FinetuneOptions): Promise<Run> {
  const { folder, recipe: stored, record } = await readRun(path);
  const recipe = { ...stored, device: options.recipe.device, threads: options.recipe.threads };
  const checkpoint = await newestCheckpoint(folder.checkpoints);
  if (!checkpoint) {
    throw new MedTextError('RESUME', words`${folder.path} has no checkpoint to continue from; start the recipe anew.`, {
      run: folder.path,
    });
  }
  const material = await prepare(recipe, options);
  for (const [name, then] of Object.entries(record.data)) {
    const now = material.records[name];
    if (now?.sha256 === then.sha256) continue;
    throw new MedTextError(
      'RESUME',
      words`${then.file} is not the file this run began with (its contents changed), so the run cannot continue exactly. Restore it, or start the recipe anew.`,
      { file: then.file, split: name },
    );
  }
  const { contentHash } = record.model;
  if (contentHash !== undefined && contentHash !== material.contentHash) {
    options.log(`The model at ${recipe.model} has changed since this run began; its weights are the checkpoint's.`);
  }
  options.log(`Continuing ${folder.path} from ${basename(checkpoint)}`);
  return Run.start(folder, recipe, material, options, { checkpoint, record });
}

/** Everything a run needs that is read from files. */
interface Material {
  readonly folder: ModelFolder;
  readonly tokenizer: Tokenizer;
  readonly labels: readonly string[];
  readonly maxLength: number;
  readonly train: Split;
  readonly validation: Split | undefined;
  readonly model: LoadedClassifier;
  /** Of the model folder: what the training begins with. */
  readonly contentHash: string;
  readonly parameters: Parameters;
  readonly records: Readonly<Record<string, DataRecord>>;
}

async function prepare(recipe: ResolvedRecipe, { log, stopSignal: signal }: FinetuneOptions): Promise<Material> {
  // The runtime itself would leave an absent device out, and train on the processor.
  executionDevice(recipe.device);
  const folder = await openModelFolder(recipe.model);
  const tokenizer = loadTokenizer(await readTokenizerFiles(folder), folder.path);
  if (tokenizer.vocabSize > folder.config.vocabSize) {
    throw new MedTextError(
      'TOKENIZER',
      words`${folder.path}: the tokenizer knows ${tokenizer.vocabSize} tokens, but config.json's vocab_size is ${folder.config.vocabSize}. They are not of one model.`,
      { file: folder.path },
    );
  }

  const read = (split: ResolvedSplit, labels?: readonly string[], groupColumn?: string) =>
    readRecipeSplit(split, recipe.task, { labels, groupColumn, signal });
  const { split: heldOut, validation } = recipe.dataset;
  const allTrainData = await read(recipe.dataset.train, undefined, groupColumnOf(heldOut));
  const dealt = heldOut && holdOut(allTrainData, heldOut);
  const trainData = dealt?.train ?? allTrainData;
  const labels = recipe.task === 'regression' ? ['score'] : trainData.labels;
  if (labels.length < 2 && recipe.task !== 'regression') {
    throw new MedTextError(
      'LABELS',
      words`${trainData.file.path} has a single label (${labels[0]}); there is nothing to tell apart.`,
      {
        file: trainData.file.path,
      },
    );
  }
  const validationData =
    dealt?.validation ?? (validation && (await read(validation, recipe.task === 'regression' ? undefined : labels)));

  const everything = [trainData, ...(validationData ? [validationData] : [])].flatMap((data) => data.examples);
  const maxLength = maxLengthOf(
    recipe,
    folder,
    await encode(tokenizer, everything, folder.config.maxPositions, signal),
  );
  const split = async (data: Examples & ResolvedFields): Promise<Split> => ({
    data,
    encoded: await encode(tokenizer, data.examples, maxLength, signal),
  });
  const train = await split(trainData);
  const truncated = train.encoded.filter((example) => example.truncated).length;
  log(
    `${train.encoded.length} training examples, max_length ${maxLength}` +
      (truncated > 0 ? ` (${truncated} cut, ${((100 * truncated) / train.encoded.length).toFixed(1)} %)` : ''),
  );

  const labelCount = recipe.task === 'regression' ? 1 : labels.length;
  const model = await loadClassifier(folder, labelCount, { seed: recipe.train.seed, signal });
  for (const line of loadReportLines(model.report)) log(line);
  if (model.graph) log(`The ONNX graph itself is trained: ${model.graph.readout}, no dropout inside it`);
  return {
    folder,
    tokenizer,
    labels,
    maxLength,
    train,
    validation: validationData && (await split(validationData)),
    model,
    contentHash: (await modelContent(folder, { signal })).contentHash,
    parameters: model.parameters,
    records: {
      train: await dataRecord(trainData, signal),
      ...(validationData && { validation: await dataRecord(validationData, signal) }),
    },
  };
}

function encode(tokenizer: Tokenizer, examples: readonly Example[], maxLength: number, signal: AbortSignal) {
  return tokenizer.encodeAll(
    examples.map(({ first, second }) => ({ a: first, b: second })),
    maxLength,
    undefined,
    signal,
  );
}

/** `auto` is the longest example there is: buckets make a long maximum cost nothing where texts are short. */
function maxLengthOf(
  recipe: ResolvedRecipe,
  { config, path }: ModelFolder,
  encoded: readonly EncodedExample[],
): number {
  const wanted = recipe.train.max_length;
  if (wanted === 'auto') return encoded.reduce((longest, { length }) => Math.max(longest, length), 0);
  if (wanted <= config.maxPositions) return wanted;
  throw new MedTextError(
    'RECIPE',
    words`max_length is ${wanted}, but the model at ${path} has ${config.maxPositions} positions.`,
    {
      maxLength: wanted,
      maxPositions: config.maxPositions,
    },
  );
}

async function dataRecord(data: Examples, signal: AbortSignal): Promise<DataRecord> {
  const { file, sha256, sizeBytes } = await fingerprintFile(data.file.path, signal);
  return {
    file,
    sha256,
    sizeBytes,
    rows: data.examples.length,
    ...(data.labels.length > 0 && {
      counts: Object.fromEntries(data.labels.map((label, id) => [label, data.counts[id]])),
    }),
    dropped: data.dropped,
    badRows: data.badRows.count,
  };
}

function withAbsolutePaths(recipe: ResolvedRecipe, base: string): ResolvedRecipe {
  const split = <T extends ResolvedSplit | undefined>(s: T): T =>
    s ? { ...s, file: resolve(base, s.file), ...(s.corrections && { corrections: resolve(base, s.corrections) }) } : s;
  const { train, validation, test, split: heldOut } = recipe.dataset;
  return {
    ...recipe,
    model: resolve(base, recipe.model),
    work_dir: resolve(base, recipe.work_dir),
    dataset: {
      train: split(train),
      ...(validation && { validation: split(validation) }),
      ...(test && { test: split(test) }),
      ...(heldOut && { split: heldOut }),
    },
  };
}

/** One training from its first step, or a checkpoint, to its end. */
class Run {
  private record: RunRecord;
  private counters: RunCounters = { step: 0, best: null, evaluationsWithoutGain: 0 };
  private memoryPlan: MemoryPlan | undefined;
  private lastEvaluation: EvaluationMetrics | undefined;
  private readonly evaluations: EvaluationReport[] = [];

  private constructor(
    readonly folder: RunFolder,
    private readonly recipe: ResolvedRecipe,
    private readonly material: Material,
    private readonly options: FinetuneOptions,
    private readonly trainer: TrainingSteps,
    private readonly runner: ClassifierRunner,
    private readonly plan: TrainingPlan,
    private readonly metrics: MetricsLog,
    private readonly tensorBoard: TensorBoardWriter,
    startedAt: string,
    trainedCount: number,
  ) {
    const { deviceChoice } = options;
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
      },
      maxLength: material.maxLength,
      totalSteps: plan.totalSteps,
      step: 0,
      data: material.records,
      environment: describeEnvironment({
        device: sessionOptions(recipe).device ?? 'cpu',
        threads: sessionOptions(recipe).threads,
      }),
      ...(deviceChoice && { deviceChoice: choiceLines(deviceChoice) }),
      best: null,
    };
  }

  static async start(
    folder: RunFolder,
    recipe: ResolvedRecipe,
    material: Material,
    options: FinetuneOptions,
    resumed?: { checkpoint: string; record: RunRecord },
  ): Promise<Run> {
    const { parameters, folder: model } = material;
    const { classifier, graph } = material.model;
    const trained = graph
      ? trainedGraphParameters(graph, recipe.train.trainable)
      : trainedParameters(parameters.specs, recipe.train.trainable, model.config.layerCount);
    const { no_decay: undecayed } = recipe.train.optimizer;
    const decays = (name: string) => !undecayed.some((pattern) => decayName(name, parameters).includes(pattern));
    const plan = new TrainingPlan(recipe, material);
    const objective = objectiveOf(recipe, material);
    const dropout = recipe.train.dropout ?? undefined;
    const batchSize = Math.min(recipe.train.batch_size, material.train.encoded.length);
    const graphOptions = { classifier, specs: parameters.specs, trained, loss: objective.loss, dropout };
    const placed = sessionOptions(recipe);
    const { device = 'cpu' } = placed;
    const isOnProcessor = device === 'cpu';
    const cardBytes = isOnProcessor ? undefined : await cardMemory();
    const keepsBuffers = device === 'webgpu' && buffersAreFew(graphOptions, batchSize, plan.bucketsUsed, cardBytes); // prettier-ignore
    const session = { ...placed, keepsBuffers };
    if ((recipe.train.precision ?? 'float32') !== 'float32' && isOnProcessor) {
      options.log(
        `train.precision is ${recipe.train.precision}, which the processor has no use for: it computes in float32.`,
      );
    }
    const { microBatchSize, memory, memoryPlan } = chooseRows({
      wanted: recipe.train.micro_batch_size,
      batchSize,
      available: cardBytes ? cardOf(device, cardBytes) : isOnProcessor ? { bytes: availableMemory() } : undefined,
      resumed: resumed?.record,
      estimate: (rows) => estimateMemory(graphOptions, rows, plan.longest, device),
    });
    options.log(memory);
    options.onMemoryPlan?.(memoryPlan);
    const trainer = await (options.createTrainer ?? createTrainer)({
      classifier,
      parameters,
      trained,
      objective,
      adamW: {
        betas: recipe.train.optimizer.betas,
        eps: recipe.train.optimizer.eps,
        weightDecay: recipe.train.optimizer.weight_decay,
        decays,
      },
      maxGradientNorm: recipe.train.max_grad_norm,
      batchSize,
      microBatchSize,
      dropout,
      seed: recipe.train.seed,
      precision: recipe.train.precision,
      padTokenId: model.config.padTokenId,
      lengths: plan.bucketsUsed,
      session,
    });
    const counters = resumed && (await loadCheckpoint(resumed.checkpoint, { parameters, ...trainer.moments }));
    const run = new Run(
      folder,
      recipe,
      material,
      options,
      trainer,
      new ClassifierRunner(classifier, parameters, { ...session, padTokenId: model.config.padTokenId }),
      plan,
      await MetricsLog.open(folder.metricsFile, counters?.step ?? 0),
      TensorBoardWriter.open(folder.path, { step: counters?.step ?? 0 }),
      resumed?.record.startedAt ?? new Date().toISOString(),
      trainer.moments.firstMoments.flat.length,
    );
    if (counters) run.counters = counters;
    run.memoryPlan = memoryPlan;
    if (microBatchSize < batchSize) run.record = { ...run.record, microBatchSize };
    await run.writeRecord();
    return run;
  }

  async train(): Promise<TrainingResult> {
    const { plan, recipe, options } = this;
    const schedule = scheduleOf(recipe.train, plan.totalSteps);
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
    else await this.saveCard();
    return this.end('finished');
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
    const outputs = await this.runner.logits(this.material.validation!.encoded);
    // A device's copy would be of no use after the next step, and takes memory.
    this.runner.parametersChanged();
    return outputs;
  }

  /** For who doubts labels later: these rows the model has not learned by heart. */
  private async keepPredictions(outputs: Float32Array): Promise<void> {
    const { labels, validation, records } = this.material;
    if (this.recipe.task === 'regression') return;
    const { sha256, sizeBytes } = records.validation;
    const rows = validation!.data.examples.map(({ row }) => row);
    const probabilities = rows.flatMap((_, at) => [...softmax(outputs.subarray(at * labels.length, (at + 1) * labels.length))]); // prettier-ignore
    await writeHeldOutPredictions(this.folder, { file: { sha256, sizeBytes }, labels, step: this.counters.step, rows }, probabilities); // prettier-ignore
  }

  private validationMetrics(outputs: Float32Array): EvaluationMetrics {
    const { data } = this.material.validation!;
    const targets = data.examples.map((example) => example.label!);
    return this.recipe.task === 'regression'
      ? regressionReport({ targets, predictions: outputs })
      : classificationReport({ labels: this.material.labels, targets, logits: outputs });
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
      problemType: this.recipe.task === 'regression' ? 'regression' : 'single_label_classification',
      task: this.recipe.task,
      copies: folder.tokenizerFiles,
      usage: {
        task: this.recipe.task,
        max_length: maxLength,
        run: this.folder.id,
        step: this.counters.step,
        ...(this.recipe.task !== 'regression' && labelUsage(this.recipe.dataset.train, labels)),
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
      evaluations: this.evaluations,
      environment: this.record.environment,
      hasValidation: validation !== undefined,
    });
  }

  private async end(status: TrainingResult['status']): Promise<TrainingResult> {
    await this.writeRecord(status);
    const hasModel = this.counters.best !== null || status === 'finished';
    return { status, run: this.folder.path, model: hasModel ? this.folder.model : '', best: this.counters.best };
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

/** Which batches every step takes, and what happens after it: pure functions of the recipe and the data. */
class TrainingPlan {
  readonly totalSteps: number;
  private readonly stepsAnEpoch: number;
  private readonly lengths: readonly number[];
  private epoch = -1;
  private batches: readonly PlannedBatch[] = [];

  constructor(
    private readonly recipe: ResolvedRecipe,
    private readonly material: Material,
  ) {
    const { batch_size, gradient_accumulation, max_epochs } = recipe.train;
    this.lengths = material.train.encoded.map((example) => example.length);
    this.stepsAnEpoch = Math.ceil(Math.ceil(this.lengths.length / batch_size) / gradient_accumulation);
    this.totalSteps = Math.max(1, Math.ceil(this.stepsAnEpoch * max_epochs));
  }

  /** @param step from 1 */
  batchesOf(step: number): { examples: TrainingExample[]; length: number }[] {
    const epoch = Math.floor((step - 1) / this.stepsAnEpoch);
    if (epoch !== this.epoch) {
      this.batches = planEpoch(this.lengths, {
        batchSize: this.recipe.train.batch_size,
        seed: this.recipe.train.seed,
        epoch,
        bucketOf: (length) => this.bucketOf(length),
        groupByLength: this.recipe.train.length_buckets !== 'none',
      });
      this.epoch = epoch;
    }
    const { gradient_accumulation: count } = this.recipe.train;
    const first = ((step - 1) % this.stepsAnEpoch) * count;
    const { data, encoded } = this.material.train;
    return this.batches.slice(first, first + count).map(({ examples, length }) => ({
      length,
      examples: examples.map((i) => ({ encoded: encoded[i], label: data.examples[i].label! })),
    }));
  }

  /** Lengths that batches may have, ascending. */
  get bucketsUsed(): number[] {
    return [...new Set(this.lengths.map((length) => this.bucketOf(length)))].sort((a, b) => a - b);
  }

  /** Tokens of the longest batches. */
  get longest(): number {
    return this.bucketOf(this.lengths.reduce((longest, length) => Math.max(longest, length), 0));
  }

  epochOf(step: number): number {
    return step / this.stepsAnEpoch;
  }

  evaluatesAfter(step: number): boolean {
    return this.material.validation !== undefined && this.savesAfter(step);
  }

  savesAfter(step: number): boolean {
    const every = this.recipe.train.evaluate_every;
    return step === this.totalSteps || step % (every === 'epoch' ? this.stepsAnEpoch : every) === 0;
  }

  private bucketOf(length: number): number {
    const { length_buckets } = this.recipe.train;
    if (length_buckets === 'none') return this.material.maxLength;
    return length_buckets === 'auto'
      ? bucketLength(length, this.material.maxLength)
      : Math.min(bucketAmong(length, length_buckets), this.material.maxLength);
  }
}

function objectiveOf(recipe: ResolvedRecipe, { labels, train }: Material): TrainerOptions['objective'] {
  if (recipe.task === 'regression') return { loss: 'squaredError' };
  return {
    loss: 'crossEntropy',
    labelCount: labels.length,
    labelSmoothing: recipe.train.label_smoothing,
    classWeights: classWeightsOf(recipe, labels, train.data.counts),
  };
}

/** 'balanced' is scikit-learn's: rows / (classes * rows of the class). */
function classWeightsOf(
  recipe: ResolvedRecipe,
  labels: readonly string[],
  counts: readonly number[],
): readonly number[] | undefined {
  const weights = recipe.train.class_weights;
  if (weights === null) return undefined;
  if (weights === 'balanced') {
    const rows = counts.reduce((sum, count) => sum + count, 0);
    return counts.map((count) => (count === 0 ? 0 : rows / (labels.length * count)));
  }
  if (weights.length === labels.length) return weights;
  throw new MedTextError(
    'RECIPE',
    words`class_weights has ${weights.length} numbers for ${labels.length} labels (${labels.join(', ')}).`,
    {
      labels,
    },
  );
}

function sessionOptions(recipe: ResolvedRecipe): SessionOptions {
  return {
    device: executionDevice(recipe.device),
    threads: recipe.threads === 'auto' ? undefined : recipe.threads,
    allowTf32: recipe.train.precision === 'tf32',
  };
}

function evaluationScalars(metrics: EvaluationMetrics): Record<string, number> {
  const named = Object.entries(metrics).filter((entry): entry is [string, number] => typeof entry[1] === 'number');
  return Object.fromEntries(
    named.filter(([name]) => name !== 'rows').map(([name, value]) => [`validation/${name}`, value]),
  );
}
