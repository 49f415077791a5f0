import { refuseFullDisk } from '../base/diskFull';
import { choiceLines, type DeviceChoice } from '../devices/deviceChoice';
import { ClassifierRunner } from '../inference/classifierRunner';
import { FedNetwork } from '../inference/fedNetwork';
import type { ResolvedRecipe } from '../protocol/recipe';
import type { RunOwner, RunRecord } from '../protocol/runRecord';
import type { MemoryPlan } from '../protocol/trainer';
import { checkpointBytes, loadCheckpoint, type TrainingState } from '../runs/checkpoints';
import { describeEnvironment } from '../runs/environment';
import type { RunLock } from '../runs/runLock';
import { LossRunner } from '../steps/lossRunner';
import type { TrainingSteps } from '../steps/trainingSteps';
import { BestModel } from './bestModel';
import { objectiveOf } from './objective';
import { RunJournal } from './runJournal';
import type { RunMaterial } from './runMaterial';
import { RunReporter, type RunListeners } from './runReporter';
import { sessionOptions, setUpTrainer, type SetUpOptions } from './setUpTrainer';
import { TrainingPlan } from './trainingPlan';

export interface RunOptions extends SetUpOptions, RunListeners {
  /** Aborting finishes the step, saves a checkpoint and ends with the status `stopped`. */
  readonly stopSignal: AbortSignal;
  /** The program that started this process, for the run's record. */
  readonly owner?: RunOwner;
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
export interface RunParts extends Pick<RunSetUp, 'lock' | 'recipe' | 'material' | 'options'> {
  readonly plan: TrainingPlan;
  readonly trainer: TrainingSteps;
  readonly runner: ClassifierRunner;
  readonly losses: LossRunner | undefined;
  readonly reporter: RunReporter;
  readonly journal: RunJournal;
  readonly best: BestModel;
  readonly state: TrainingState;
  /** What it is expected to take, as it begins. */
  readonly memoryPlan: MemoryPlan;
  /** Optimiser steps that the checkpoint has done; 0 for a new run. */
  readonly step: number;
}

/** Sets the run up: trainer, runners, journal, and what the checkpoint holds. @throws MedTextError DISK_FULL where not one checkpoint would fit; what the parts throw. */
export async function openParts(setUp: RunSetUp): Promise<RunParts> {
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
  await refuseFullDisk({
    path,
    folder: path,
    neededBytes: checkpointBytes(state) + Float32Array.BYTES_PER_ELEMENT * parameters.elementCount,
  });
  const { padTokenId } = model.config;
  const { network } = material.model;
  const runner = new ClassifierRunner(network, new FedNetwork(network, parameters, { ...session, padTokenId }));
  const losses = material.definition.lossReport && new LossRunner({ network, parameters, objective: objectiveOf(recipe, material), padTokenId, session }); // prettier-ignore
  const reporter = await RunReporter.open(lock.folder, counters?.step ?? 0, options);
  const trainedCount = state.firstMoments.elementCount;
  const journal = new RunJournal(
    lock,
    recordOf(setUp, { totalSteps: plan.totalSteps, trainedCount, microBatchSize }),
    options.owner,
  );
  const record = () => journal.record;
  const { log } = options;
  const best = new BestModel({ lock, recipe, material, plan, runner, losses, reporter, record, log, counters });
  await best.restore();
  const step = counters?.step ?? 0;
  return {
    lock,
    recipe,
    material,
    options,
    plan,
    trainer,
    runner,
    losses,
    reporter,
    journal,
    best,
    state,
    memoryPlan,
    step,
  };
}

export async function closeParts({ reporter, trainer, runner, losses, material }: RunParts): Promise<void> {
  reporter.close();
  await trainer.close();
  await runner.close();
  await losses?.close();
  material.close?.();
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
      parameterCount: parameters.elementCount,
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
