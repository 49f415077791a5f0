/** The training whose losses, norms and final weights test/fixtures/trajectory holds, as PyTorch computed it. */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { openCheckpoint } from '../../src/models/checkpoint/openCheckpoint';
import { bertNetwork } from '../../src/models/encoder';
import { loadParameters, openModelFolder } from '../../src/models/modelFolder';
import { encoderParameterSpecs } from '../../src/models/parameterNames';
import type { Parameters } from '../../src/models/parameters';
import { sequenceHead } from '../../src/models/heads/sequence';
import { createTrainer } from '../../src/steps/createTrainer';
import { crossEntropy } from '../../src/tasks/losses/crossEntropy';
import { learningRateAt } from '../../src/training/schedule';
import type { Batch, TrainerOptions, TrainingSteps } from '../../src/steps/trainingSteps';

const fixture = join(__dirname, '../fixtures/trajectory');
const json = (name: string) => JSON.parse(readFileSync(join(fixture, name), 'utf8'));

const BATCH_SIZE = 8;
export const TOTAL_STEPS = 100;

export interface Trajectory {
  readonly losses: number[];
  readonly norms: number[];
  /** Of each step, where the objective reports any. */
  readonly parts: Readonly<Record<string, number>>[];
  readonly parameters: Parameters;
}

export interface TrajectoryOptions extends Partial<
  Pick<TrainerOptions, 'session' | 'dropout' | 'microBatchSize' | 'objective'>
> {
  /** Of each batch's examples, in place of the label. */
  readonly targets?: readonly (readonly unknown[])[];
  /** Steps to do; by default all. */
  readonly steps?: number;
  /** Examples of a batch given at a time; their gradients add up. By default all. */
  readonly parts?: number;
  readonly create?: (options: TrainerOptions) => Promise<TrainingSteps>;
}

export interface Expected {
  readonly losses: readonly number[];
  readonly gradientNorms: readonly number[];
  /** The weights after the last step. */
  readonly final?: string;
}

export const expected: Expected = { ...json('losses.json'), final: join(fixture, 'final.safetensors') };

/** The batches of a step, from 1. */
export function batchesOf(step: number, parts = BATCH_SIZE, targets?: TrajectoryOptions['targets']): Batch[] {
  const { batches, length } = json('batches.json') as {
    length: number;
    batches: { inputIds: number[]; tokenTypeIds: number[]; label: number }[][];
  };
  const batch = (step - 1) % batches.length;
  const examples = batches[batch].map(({ inputIds, tokenTypeIds, label }, row) => ({
    target: targets ? targets[batch][row] : label,
    encoded: {
      inputIds: Int32Array.from(inputIds),
      tokenTypeIds: Int32Array.from(tokenTypeIds),
      length: inputIds.length,
      truncated: false,
    },
  }));
  return Array.from({ length: Math.ceil(BATCH_SIZE / parts) }, (_, i) => ({
    length,
    examples: examples.slice(i * parts, (i + 1) * parts),
  }));
}

export function rateOf(step: number): number {
  return learningRateAt(step - 1, { type: 'linear', peak: 5e-3, warmupSteps: 10, totalSteps: TOTAL_STEPS });
}

/**
 * How far a key's bias may end from PyTorch's. Softmax does not see it: its gradient is zero but for rounding, whose
 * sign differs from machine to machine and which Adam scales to steps of up to the learning rate. A gradient that is
 * not zero walks all of the way in one direction; a tenth of it is what rounding is allowed.
 */
const ROUNDING_WALK = 0.1 * Array.from({ length: TOTAL_STEPS }, (_, i) => rateOf(i + 1)).reduce((a, b) => a + b);

/** The model's first weights, and a trainer of them. */
export async function openTrajectory({
  session,
  dropout = 0,
  microBatchSize,
  objective = crossEntropy({ labelCount: 3, labelSmoothing: 0 }),
  create = createTrainer,
}: TrajectoryOptions) {
  const folder = await openModelFolder(join(fixture, 'model'));
  const specs = [...encoderParameterSpecs(folder.config), ...sequenceHead.specs(folder.config, 3)];
  const { parameters, report } = await loadParameters(folder, specs, { seed: 1 });
  assert.deepEqual(report.missing, []);
  const trainer = await create({
    network: bertNetwork(folder.config, sequenceHead, 3),
    parameters,
    trained: new Set(parameters.names),
    objective,
    adamW: {
      betas: [0.9, 0.999],
      eps: 1e-8,
      weightDecay: 0.01,
      decays: (name) => !name.includes('bias') && !name.includes('LayerNorm.weight'),
    },
    maxGradientNorm: 1,
    batchSize: BATCH_SIZE,
    microBatchSize,
    dropout,
    seed: 1,
    padTokenId: 0,
    session: { ...session },
  });
  return { trainer, parameters };
}

export async function trainTrajectory(options: TrajectoryOptions = {}): Promise<Trajectory> {
  const { trainer, parameters } = await openTrajectory(options);
  const losses: number[] = [];
  const norms: number[] = [];
  const parts: Readonly<Record<string, number>>[] = [];
  for (let step = 1; step <= (options.steps ?? TOTAL_STEPS); step++) {
    const {
      loss,
      gradientNorm,
      parts: ofLoss,
    } = await trainer.step(batchesOf(step, options.parts, options.targets), step, rateOf(step));
    losses.push(loss);
    norms.push(gradientNorm);
    if (ofLoss) parts.push(ofLoss);
  }
  await trainer.synchronize();
  await trainer.close();
  return { losses, norms, parts, parameters };
}

/** Throws where losses, norms or, after the last step, weights are not PyTorch's. */
export async function assertFollows(
  { losses, norms, parameters }: Trajectory,
  lossTolerance = 1e-4,
  theirs: Expected = expected,
): Promise<void> {
  losses.forEach((loss, i) => near(loss, theirs.losses[i], lossTolerance, `loss of step ${i + 1}`));
  norms.forEach((norm, i) => near(norm, theirs.gradientNorms[i], 1e-3, `gradient norm of step ${i + 1}`));
  if (losses.length < TOTAL_STEPS || theirs.final === undefined) return;
  const final = await openCheckpoint(theirs.final);
  for (const name of parameters.names) {
    const theirs = new Float32Array(parameters.values(name).length);
    await final.tensors.get(name)!.read(theirs);
    const ours = parameters.values(name);
    // Within 1e-3 of the tensor's largest element: single elements near zero have no relative error to speak of.
    const scale = theirs.reduce((largest, value) => Math.max(largest, Math.abs(value)), 0);
    const worst = ours.reduce((largest, value, i) => Math.max(largest, Math.abs(value - theirs[i])), 0);
    const tolerance = name.endsWith('key.bias') ? ROUNDING_WALK : 1e-3 * scale;
    assert.ok(worst <= tolerance, `${name}: off by ${worst} of ${scale}`);
  }
  await final.close();
}

function near(actual: number, wanted: number, relative: number, what: string): void {
  assert.ok(Math.abs(actual - wanted) <= relative * Math.abs(wanted), `${what}: ${actual}, PyTorch ${wanted}`);
}
