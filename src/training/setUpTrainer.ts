/** What computes a run's steps: the trainer that its recipe, device and memory ask for. */
import { processorThreads } from '../devices/processorThreads';
import { executionDevice } from '../inference/device';
import type { SessionOptions } from '../inference/session';
import type { ResolvedRecipe } from '../protocol/recipe';
import type { UnderstoodData } from '../protocol/fieldGuess';
import type { MemoryPlan } from '../protocol/trainer';
import { cardMemory } from '../devices/adapters';
import { createTrainer } from '../steps/createTrainer';
import { buffersAreFew, estimateMemory } from '../steps/memoryEstimate';
import { availableMemory, cardOf, chooseRows } from './memoryPlan';
import { objectiveOf } from './objective';
import type { RunRecord } from '../protocol/runRecord';
import type { RunMaterial } from './runMaterial';
import { decayName, trainedGraphParameters, trainedParameters } from './trainable';
import type { TrainingPlan } from './trainingPlan';
import type { TrainingSteps } from '../steps/trainingSteps';

export interface SetUpOptions {
  readonly log: (line: string) => void;
  /** The training data as they were understood, before the first step. */
  readonly onUnderstoodData?: (data: UnderstoodData) => void;
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
  const { network, graph } = material.model;
  const trained = graph
    ? trainedGraphParameters(graph, recipe.train.trainable)
    : trainedParameters(parameters.specs, recipe.train.trainable, network);
  const { no_decay: undecayed } = recipe.train.optimizer;
  const decays = (name: string) => !undecayed.some((pattern) => decayName(name, parameters).includes(pattern));
  const objective = objectiveOf(recipe, material);
  const dropout = recipe.train.dropout ?? undefined;
  const batchSize = Math.min(recipe.train.batch_size, material.train.windows.lengths.length);
  const graphOptions = { network, specs: parameters.specs, trained, objective, dropout };
  const placed = sessionOptions(recipe);
  const { device = 'cpu' } = placed;
  const isOnProcessor = device === 'cpu';
  const cardBytes = isOnProcessor ? undefined : await cardMemory();
  const keepsBuffers = device === 'webgpu' && buffersAreFew(graphOptions, batchSize, plan.bucketsUsed, cardBytes); // prettier-ignore
  const session = { ...placed, keepsBuffers };
  if ((recipe.train.precision ?? 'float32') !== 'float32' && isOnProcessor) {
    log(`train.precision is ${recipe.train.precision}, which the CPU does not support: it computes in float32.`);
  }
  const { microBatchSize, memory, memoryPlan } = chooseRows({
    wanted: recipe.train.micro_batch_size,
    batchSize,
    available: cardBytes ? cardOf(device, cardBytes) : isOnProcessor ? { bytes: availableMemory() } : undefined,
    resumed,
    estimate: (rows) => estimateMemory(graphOptions, rows, plan.longest, { device, accumulates: rows < batchSize || recipe.train.gradient_accumulation > 1 }), // prettier-ignore
  });
  log(memory);
  onMemoryPlan?.(memoryPlan);
  const trainer = await create({
    network,
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
