/** What a step feeds besides parameters and masks, and what it makes of the gradients' norm: the same on every device. */
import { MedTextError, words } from '../base/errors';
import type { Feed } from '../inference/session';
import { padBatch } from '../tokenization/batchEncoding';
import { elementCount } from '../onnx/dataType';
import type { Objective, StepShare } from '../tasks/objective';
import { partOutput, shapeOf } from './trainingGraph';
import type { Batch, StepResult, TrainerOptions } from './trainingSteps';

type InputOptions = Pick<TrainerOptions, 'objective' | 'padTokenId'>;

/** The weight of a step's examples, which its mean divides by; 1 where none weighs anything, so that the loss is 0 and a number. */
function totalWeight(batches: readonly Batch[], objective: Objective): number {
  const total = batches.reduce(
    (sum, { examples }) => examples.reduce((s, example) => s + objective.weightOf(example), sum),
    0,
  );
  return total || 1;
}

/** The inputs of the training graph of `rows` rows but parameters, masks and noise. */
export function batchFeeds(
  { examples, length }: Batch,
  rows: number,
  share: StepShare,
  { objective, padTokenId }: InputOptions,
): Record<string, Feed> {
  const batch = padBatch(
    examples.map((e) => e.encoded),
    { batchSize: rows, length },
    padTokenId,
    'int32',
  );
  const ids = (data: Int32Array): Feed => ({ dataType: 'int32', shape: [rows, length], data });
  const own = objective.feeds(examples, share);
  const ofObjective = objective.inputs.map((input): [string, Feed] => {
    const shape = shapeOf(input, rows, length);
    const data = new { float32: Float32Array, int32: Int32Array }[input.dataType](elementCount(shape));
    data.set(own[input.name]);
    return [input.name, { dataType: input.dataType, shape, data }];
  });
  return {
    inputIds: ids(batch.inputIds),
    tokenTypeIds: ids(batch.tokenTypeIds),
    attentionMask: ids(batch.attentionMask),
    ...Object.fromEntries(ofObjective),
  };
}

/** The loss and its parts of a training graph's outputs. */
export function lossesOf(
  outputs: Readonly<Record<string, { readonly data: ArrayLike<number | bigint> }>>,
  { parts }: Objective,
): Pick<StepResult, 'loss' | 'parts'> {
  const read = (name: string): number => Number(outputs[name].data[0]);
  if (parts.length === 0) return { loss: read('loss') };
  return { loss: read('loss'), parts: Object.fromEntries(parts.map((name) => [name, read(partOutput(name))])) };
}

/** The parts of a loss, each of which is a sum over the parts of a batch. */
export function addParts(a: StepResult['parts'], b: StepResult['parts']): StepResult['parts'] {
  return a && b && Object.fromEntries(Object.entries(a).map(([name, value]) => [name, value + b[name]]));
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

/** Examples that are computed at a time. */
export interface Part {
  readonly batch: Batch;
  /** The batch that it is of, among those of the step, and its first row there. */
  readonly index: number;
  readonly firstRow: number;
  readonly share: StepShare;
}

/**
 * A step's batches cut into parts of at most `rows` examples, between groups where the loss compares the examples of one. The parts' gradients add up to those of the whole, dropout
 * and noise included: a part's masks are its part of the whole's.
 */
export function partsOf(batches: readonly Batch[], rows: number, objective: Objective): Part[] {
  const total = totalWeight(batches, objective);
  const stepExamples = batches.reduce((sum, { examples }) => sum + examples.length, 0);
  const sumOf: StepShare['sumOf'] = (amount) =>
    batches.reduce((sum, { examples }) => examples.reduce((s, example) => s + amount(example), sum), 0);
  const cut = objective.together === undefined ? cutAnywhere : cutBetweenGroups;
  return batches.flatMap(({ examples, length }, index) => {
    let firstRow = 0;
    return cut(examples, rows).map((part) => {
      const share = { total, batchExamples: examples.length, stepExamples, length, sumOf };
      const first = firstRow;
      firstRow += part.length;
      return { batch: { examples: part, length }, index, firstRow: first, share };
    });
  });
}

function cutAnywhere(examples: Batch['examples'], rows: number): Batch['examples'][] {
  return Array.from({ length: Math.ceil(examples.length / rows) }, (_, part) =>
    examples.slice(part * rows, (part + 1) * rows),
  );
}

/** No group has more than `rows` examples: {@link halved} sees to that. */
function cutBetweenGroups(examples: Batch['examples'], rows: number): Batch['examples'][] {
  const parts: Batch['examples'][] = [];
  let first = 0;
  for (let at = 0; at < examples.length;) {
    const end = at + (examples[at].group?.size ?? 1);
    if (end - first > rows) {
      parts.push(examples.slice(first, at));
      first = at;
    }
    at = end;
  }
  return [...parts, examples.slice(first)];
}

/** Half as many examples at a time; undefined where that would be none, or cut what the loss compares. */
export function halved(rows: number, { together = 1 }: Pick<Objective, 'together'>): number | undefined {
  const half = Math.ceil(rows / 2);
  return half === rows || half < together ? undefined : half;
}
