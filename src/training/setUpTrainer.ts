/** What computes a run's steps: the trainer that its recipe, device and memory ask for. */
import { processorThreads } from '../devices/processorThreads';
import { executionDevice } from '../inference/device';
import type { SessionOptions } from '../inference/session';
import type { ResolvedRecipe } from '../protocol/recipe';
import type { UnderstoodData } from '../protocol/fieldGuess';
import type { MemoryPlan, PreparationProgress } from '../protocol/trainer';
import { cardMemory } from '../devices/adapters';
import { createTrainer } from '../steps/createTrainer';
import { buffersAreFew, estimateMemory } from '../steps/memoryEstimate';
import { availableMemory, cardOf, chooseRows } from './forecast/memoryPlan';
import type { ParameterSpec } from '../models/parameters';
import type { Objective } from '../tasks/objective';
import { objectiveOf } from './objective';
import type { RunRecord } from '../protocol/runRecord';
import type { RunMaterial, StepMaterial } from './runMaterial';
import { decayName, trainedGraphParameters, trainedParameters } from './trainable';
import type { TrainingPlan } from './trainingPlan';
import type { TrainingSteps } from '../steps/trainingSteps';

export interface SetUpOptions {
  readonly log: (line: string) => void;
  /** The training data as they were understood, before the first step. */
  readonly onUnderstoodData?: (data: UnderstoodData) => void;
  /** While the texts of a corpus are prepared. */
  readonly onPreparation?: (progress: PreparationProgress) => void;
  readonly onMemoryPlan?: (plan: MemoryPlan) => void;
  /** Absent: what suits the device. */
  readonly createTrainer?: typeof createTrainer;
}

export interface SetUp {
  readonly trainer: TrainingSteps;
  /** For whatever else computes with the run's parameters. */
  readonly session: SessionOptions;
  readonly memoryPlan: MemoryPlan;
  /** Examples computed at a time, where a batch is cut into parts. */
  readonly microBatchSize: number | undefined;
}

/** How a step is computed, before anything is: its graph's parts and how many examples fit the memory. */
export interface PlannedSteps {
  readonly session: SessionOptions;
  readonly trained: ReadonlySet<string>;
  readonly objective: Objective;
  readonly dropout: number | undefined;
  /** The recipe's batch size, or the number of examples where there are fewer. */
  readonly batchSize: number;
  readonly microBatchSize: number;
  /** A line for the log. */
  readonly memory: string;
  readonly memoryPlan: MemoryPlan;
  /** Not even one example at a time is likely to fit. */
  readonly exceeds: boolean;
}

/**
 * @param resumed the record of the run that goes on
 * @throws MedTextError RECIPE.
 */
export async function planSteps(
  recipe: ResolvedRecipe,
  material: StepMaterial,
  specs: readonly ParameterSpec[],
  plan: TrainingPlan,
  resumed: RunRecord | undefined,
): Promise<PlannedSteps> {
  const { network, graph } = material.model;
  const trained = graph
    ? trainedGraphParameters(graph, recipe.train.trainable)
    : trainedParameters(specs, recipe.train.trainable, network);
  const objective = objectiveOf(recipe, material);
  const dropout = recipe.train.dropout ?? undefined;
  const batchSize = Math.min(recipe.train.batch_size, material.train.windows.lengths.length);
  const graphOptions = { network, specs, trained, objective, dropout };
  const placed = sessionOptions(recipe);
  const { device = 'cpu' } = placed;
  const isOnProcessor = device === 'cpu';
  const cardBytes = isOnProcessor ? undefined : await cardMemory();
  const keepsBuffers = device === 'webgpu' && buffersAreFew(graphOptions, batchSize, plan.bucketsUsed, cardBytes); // prettier-ignore
  const { microBatchSize, memory, memoryPlan, exceeds } = chooseRows({
    wanted: recipe.train.micro_batch_size,
    batchSize,
    available: cardBytes ? cardOf(device, cardBytes) : isOnProcessor ? { bytes: availableMemory() } : undefined,
    resumed,
    objective,
    estimate: (rows) => estimateMemory(graphOptions, rows, plan.longest, { device, accumulates: rows < batchSize || recipe.train.gradient_accumulation > 1 }), // prettier-ignore
  });
  const session = { ...placed, keepsBuffers };
  return { session, trained, objective, dropout, batchSize, microBatchSize, memory, memoryPlan, exceeds };
}

/**
 * @param resumed the record of the run that goes on
 * @throws MedTextError RECIPE, RUNTIME, OUT_OF_MEMORY.
 */
export async function setUpTrainer(
  recipe: ResolvedRecipe,
  material: RunMaterial,
  plan: TrainingPlan,
  { log, onMemoryPlan, createTrainer: create = createTrainer }: SetUpOptions,
  resumed: RunRecord | undefined,
): Promise<SetUp> {
  const { parameters, folder: model } = material;
  const { no_decay: undecayed } = recipe.train.optimizer;
  const decays = (name: string) => !undecayed.some((pattern) => decayName(name, parameters).includes(pattern));
  const planned = await planSteps(recipe, material, parameters.specs, plan, resumed);
  const { session, trained, objective, dropout, batchSize, microBatchSize, memory, memoryPlan } = planned;
  if ((recipe.train.precision ?? 'float32') !== 'float32' && (session.device ?? 'cpu') === 'cpu') {
    log(`train.precision is ${recipe.train.precision}, which the CPU does not support: it computes in float32.`);
  }
  log(memory);
  if (plan.cutGroups) {
    const { count, most } = plan.cutGroups;
    log(
      `${count} ${count === 1 ? 'query has' : 'queries have'} more than ${most} texts: a batch has ${most} of them at most, the others are in further batches (train.max_candidates).`,
    );
  }
  onMemoryPlan?.(memoryPlan);
  const trainer = await create({
    network: material.model.network,
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
  return { trainer, session, memoryPlan, microBatchSize: microBatchSize < batchSize ? microBatchSize : undefined };
}

export function sessionOptions(recipe: ResolvedRecipe): SessionOptions {
  return {
    device: executionDevice(recipe.device),
    threads: recipe.threads === 'auto' ? processorThreads() : recipe.threads,
    allowTf32: recipe.train.precision === 'tf32',
  };
}
