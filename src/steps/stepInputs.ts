/** What a step feeds besides parameters and masks, and what it makes of the gradients' norm: the same on every device. */
import { MedTextError, words } from '../base/errors';
import type { Feed } from '../inference/session';
import { padBatch } from '../tokenization/batchEncoding';
import { exampleWeight, softTargets } from '../tasks/losses';
import type { MicroBatch, StepResult, TrainerOptions, TrainingExample } from './trainingSteps';

type InputOptions = Pick<TrainerOptions, 'objective' | 'classifier' | 'padTokenId'>;

/** The weight of a step's examples, which its mean divides by. */
export function totalWeight(batches: readonly MicroBatch[], objective: TrainerOptions['objective']): number {
  const weightOf = ({ label }: TrainingExample) =>
    objective.loss === 'crossEntropy' ? exampleWeight(label, objective) : 1;
  return batches.reduce((sum, { examples }) => examples.reduce((s, example) => s + weightOf(example), sum), 0);
}

/** The inputs of the training graph of `rows` rows but parameters and masks. */
export function batchFeeds(
  { examples, length }: MicroBatch,
  rows: number,
  total: number,
  { objective, classifier, padTokenId }: InputOptions,
): Record<string, Feed> {
  const batch = padBatch(
    examples.map((e) => e.encoded),
    { batchSize: rows, length },
    padTokenId,
    'int32',
  );
  const ids = (data: Int32Array): Feed => ({ dataType: 'int32', shape: [rows, length], data });
  const inputs = {
    inputIds: ids(batch.inputIds),
    tokenTypeIds: ids(batch.tokenTypeIds),
    attentionMask: ids(batch.attentionMask),
  };
  const { labelCount } = classifier;
  const targets = new Float32Array(rows * labelCount);
  if (objective.loss === 'crossEntropy') {
    examples.forEach(({ label }, row) =>
      softTargets(label, total, objective, targets.subarray(row * labelCount, (row + 1) * labelCount)),
    );
    return { ...inputs, targets: { dataType: 'float32', shape: [rows, labelCount], data: targets } };
  }
  const weights = new Float32Array(rows).fill(1 / total, 0, examples.length);
  examples.forEach(({ label }, row) => (targets[row] = label));
  return {
    ...inputs,
    targets: { dataType: 'float32', shape: [rows, 1], data: targets },
    weights: { dataType: 'float32', shape: [rows, 1], data: weights },
  };
}

/** PyTorch's clip_grad_norm_: max / (norm + 1e-6), at most 1. */
export function clippingScale(gradientNorm: number, maxGradientNorm: number | null): number {
  return maxGradientNorm === null ? 1 : Math.min(1, maxGradientNorm / (gradientNorm + 1e-6));
}

/** @throws MedTextError DIVERGED when loss or gradient are no longer finite. */
export function requireFinite({ loss, gradientNorm }: StepResult, step: number, learningRate: number): void {
  if (Number.isFinite(loss) && Number.isFinite(gradientNorm)) return;
  throw new MedTextError(
    'DIVERGED',
    words`Step ${step}: the loss is ${loss} and the gradient's norm ${gradientNorm}. Lower the learning rate, or clip gradients (max_grad_norm).`,
    { step, loss, gradientNorm, learningRate },
  );
}

/**
 * The batches cut into parts of at most `rows` examples; of each its place: the batch it is of, and its first row in it.
 * The parts' gradients add up to those of the whole, dropout included: a part's masks are its part of the whole's.
 */
export function microBatches(
  batches: readonly MicroBatch[],
  rows: number,
): { batch: MicroBatch; index: number; firstRow: number }[] {
  return batches.flatMap(({ examples, length }, index) =>
    Array.from({ length: Math.ceil(examples.length / rows) }, (_, part) => ({
      batch: { examples: examples.slice(part * rows, (part + 1) * rows), length },
      index,
      firstRow: part * rows,
    })),
  );
}
