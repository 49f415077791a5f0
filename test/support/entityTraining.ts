/** The fixtures of test/fixtures/entityTraining: trainings on entities by PyTorch in float64. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { openCheckpoint } from '../../src/models/checkpoint/openCheckpoint';
import { bertNetwork, networkParameterSpecs, type Network } from '../../src/models/encoder';
import type { Head } from '../../src/models/heads/head';
import { spansHead } from '../../src/models/heads/spans';
import { tokenHead } from '../../src/models/heads/token';
import { loadParameters, openModelFolder } from '../../src/models/modelFolder';
import type { Parameters } from '../../src/models/parameters';
import { createTrainer } from '../../src/steps/createTrainer';
import type { TrainerOptions, TrainingSteps } from '../../src/steps/trainingSteps';
import { spanCrossEntropy, type TargetSpan } from '../../src/tasks/losses/spanCrossEntropy';
import { tokenCrossEntropy } from '../../src/tasks/losses/tokenCrossEntropy';
import type { Objective, TrainingExample } from '../../src/tasks/objective';
import { learningRateAt } from '../../src/training/schedule';

interface Run {
  /** The outputs for the first text before the first step. */
  readonly outputs: readonly number[];
  readonly losses: readonly number[];
  readonly gradientNorms: readonly number[];
}

interface Row {
  readonly inputIds: number[];
  readonly tags: number[];
  readonly spans: TargetSpan[];
}

const FIXTURES = join(__dirname, '../fixtures');
export const entityTraining = JSON.parse(readFileSync(join(FIXTURES, 'entityTraining/training.json'), 'utf8')) as {
  length: number;
  types: number;
  batches: Row[][];
  tags: Run;
  spans: Run;
};

const { types, batches, length } = entityTraining;
const BATCH_SIZE = 8;
const TOTAL_STEPS = 100;

export type EntityHead = 'tags' | 'spans';

const KINDS: Record<
  EntityHead,
  { head: Head; columns: number; objective: Objective; targetOf: (row: Row) => unknown }
> = {
  tags: {
    head: tokenHead,
    columns: 1 + 2 * types,
    objective: tokenCrossEntropy({ columns: 1 + 2 * types, labelSmoothing: 0 }),
    targetOf: ({ tags }) => Int32Array.from(tags),
  },
  spans: {
    head: spansHead,
    columns: types,
    objective: spanCrossEntropy({ typeCount: types, mostSpans: length }),
    targetOf: ({ spans }) => spans,
  },
};

/** The examples of a step, counted from 1. */
export function examplesOf(kind: EntityHead, step: number): TrainingExample[] {
  return batches[(step - 1) % batches.length].map((row) => ({
    target: KINDS[kind].targetOf(row),
    encoded: {
      inputIds: Int32Array.from(row.inputIds),
      tokenTypeIds: new Int32Array(row.inputIds.length),
      length: row.inputIds.length,
      truncated: false,
    },
  }));
}

export async function openEntityTraining(kind: EntityHead): Promise<{ network: Network; parameters: Parameters }> {
  const { head, columns } = KINDS[kind];
  const folder = await openModelFolder(join(FIXTURES, 'trajectory/model'));
  const { parameters } = await loadParameters(folder, networkParameterSpecs(folder.config, head, columns), { seed: 1 });
  const stored = await openCheckpoint(join(FIXTURES, 'entityTraining/heads.safetensors'));
  for (const { name } of head.specs(folder.config, columns))
    await stored.tensors.get(name)!.read(parameters.values(name));
  await stored.close();
  return { network: bertNetwork(folder.config, head, columns), parameters };
}

export async function trainEntities(
  kind: EntityHead,
  options: Partial<Pick<TrainerOptions, 'session' | 'microBatchSize'>> & {
    readonly steps?: number;
    readonly create?: (options: TrainerOptions) => Promise<TrainingSteps>;
  } = {},
): Promise<{ losses: number[]; norms: number[] }> {
  const { network, parameters } = await openEntityTraining(kind);
  const { create = createTrainer, steps = TOTAL_STEPS, ...rest } = options;
  const trainer = await create({
    network,
    parameters,
    trained: new Set(parameters.names),
    objective: KINDS[kind].objective,
    adamW: {
      betas: [0.9, 0.999],
      eps: 1e-8,
      weightDecay: 0.01,
      decays: (name) => !name.includes('bias') && !name.includes('LayerNorm.weight'),
    },
    maxGradientNorm: 1,
    batchSize: BATCH_SIZE,
    microBatchSize: undefined,
    dropout: 0,
    seed: 1,
    padTokenId: 0,
    session: {},
    ...rest,
  });
  const losses: number[] = [];
  const norms: number[] = [];
  for (let step = 1; step <= steps; step++) {
    const rate = learningRateAt(step - 1, { type: 'linear', peak: 5e-3, warmupSteps: 10, totalSteps: TOTAL_STEPS });
    const { loss, gradientNorm } = await trainer.step([{ length, examples: examplesOf(kind, step) }], step, rate);
    losses.push(loss);
    norms.push(gradientNorm);
  }
  await trainer.close();
  return { losses, norms };
}
