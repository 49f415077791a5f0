/** Trains the model of test/fixtures/trajectory, which holds PyTorch's losses, norms and final weights. */
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
  /** The parts of each step's loss, if the objective reports them. */
  readonly parts: Readonly<Record<string, number>>[];
  readonly parameters: Parameters;
}

export interface TrajectoryOptions extends Partial<
  Pick<TrainerOptions, 'session' | 'dropout' | 'microBatchSize' | 'objective'>
> {
  /** The targets of each batch's examples, in place of the labels. */
  readonly targets?: readonly (readonly unknown[])[];
  /** The sizes of the groups in each batch; absent: no groups. */
  readonly groups?: readonly (readonly number[])[];
  /** The number of steps, by default all. */
  readonly steps?: number;
  /** The number of examples computed at a time, by default all. Their gradients add up. */
  readonly parts?: number;
  readonly create?: (options: TrainerOptions) => Promise<TrainingSteps>;
}

export interface Expected {
  readonly losses: readonly number[];
  readonly gradientNorms: readonly number[];
  /** The file with PyTorch's weights after the last step. */
  readonly final?: string;
}

export const expected: Expected = { ...json('losses.json'), final: join(fixture, 'final.safetensors') };

/** The batches of a step, counted from 1. */
export function batchesOf(
  step: number,
  parts = BATCH_SIZE,
  targets?: TrajectoryOptions['targets'],
  groups?: TrajectoryOptions['groups'],
): Batch[] {
  const { batches, length } = json('batches.json') as {
    length: number;
    batches: { inputIds: number[]; tokenTypeIds: number[]; label: number }[][];
  };
  const batch = (step - 1) % batches.length;
  const groupOf = groups?.[batch % groups.length].flatMap((size, id) => Array.from({ length: size }, () => ({ id, size }))); // prettier-ignore
  const examples = batches[batch].map(({ inputIds, tokenTypeIds, label }, row) => ({
    target: targets ? targets[batch][row] : label,
    ...(groupOf && { group: groupOf[row] }),
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
 * The allowed distance of a key's bias from PyTorch's. Softmax cancels this bias, so its gradient is zero except for rounding.
 * The sign of the rounding differs between machines, and Adam scales it to steps of up to the learning rate. A gradient above
 * zero would move the bias by the sum of all learning rates; rounding may move it by a tenth of that.
 */
const ROUNDING_WALK = 0.1 * Array.from({ length: TOTAL_STEPS }, (_, i) => rateOf(i + 1)).reduce((a, b) => a + b);

/** The settings of both trainings except the loss. */
export const TRAINING = {
  adamW: {
    betas: [0.9, 0.999],
    eps: 1e-8,
    weightDecay: 0.01,
    decays: (name: string) => !name.includes('bias') && !name.includes('LayerNorm.weight'),
  },
  maxGradientNorm: 1,
  batchSize: BATCH_SIZE,
  dropout: 0,
  seed: 1,
  padTokenId: 0,
} as const;

/** Opens a trainer with the model's initial weights. */
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
    ...TRAINING,
    microBatchSize,
    dropout,
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
    } = await trainer.step(batchesOf(step, options.parts, options.targets, options.groups), step, rateOf(step));
    losses.push(loss);
    norms.push(gradientNorm);
    if (ofLoss) parts.push(ofLoss);
  }
  await trainer.synchronize();
  await trainer.close();
  return { losses, norms, parts, parameters };
}

/** Asserts that losses, norms and, after the last step, weights equal PyTorch's. */
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
    // The tolerance is relative to the tensor's largest element, because relative errors of elements near zero mean nothing.
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
