/** How a batch is cut so that its step fits into the memory, and what is said of that. */
import { freemem } from 'node:os';
import { MedTextError, words } from '../../base/errors';
import type { ExecutionDevice } from '../../inference/session';
import { sizeText } from '../../base/sizeText';
import type { MemoryPlan } from '../../protocol/trainer';
import type { MemoryEstimate } from '../../steps/memoryEstimate';
import { halved } from '../../steps/stepInputs';
import type { Objective } from '../../tasks/objective';

export interface ChosenRows {
  readonly rows: number;
  readonly estimate: MemoryEstimate;
  /** Not even one row at a time is likely to fit. */
  readonly exceeds: boolean;
}

/** The most rows at a time, halving the batch, whose step fits into the memory; the fewest that the objective allows if none does. */
export function rowsThatFit(
  batchSize: number,
  availableBytes: number,
  estimate: (rows: number) => MemoryEstimate,
  objective: Pick<Objective, 'together'> = {},
): ChosenRows {
  for (let rows = batchSize; ;) {
    const estimated = estimate(rows);
    const fits = estimated.total <= availableBytes;
    const half = halved(rows, objective);
    if (fits || half === undefined) return { rows, estimate: estimated, exceeds: !fits };
    rows = half;
  }
}

/** What this process may still take: of the machine, or of its container where that is less. */
export function availableMemory(): number {
  // Absent before Node 20.13.
  const { availableMemory: ask } = process as { availableMemory?: () => number };
  return ask?.() || freemem();
}

export interface AvailableMemory {
  /** What may be planned with. */
  readonly bytes: number;
  /** The whole memory of a GPU; the system does not tell how much of it is free. */
  readonly cardBytes?: number;
}

/** Others use the GPU too, and CUDA's allocator takes more than it needs. */
export function cardOf(device: ExecutionDevice, cardBytes: number): AvailableMemory {
  return { bytes: Math.round((device === 'webgpu' ? 0.85 : 0.6) * cardBytes), cardBytes };
}

/** One line for the log, before the start. @param available undefined where the device does not tell */
function memoryText(
  { rows, estimate, exceeds }: ChosenRows,
  batchSize: number,
  available: AvailableMemory | undefined,
): string {
  const { parameters, moments, gradients, activations, copies, total } = estimate;
  const besides = copies > 0 ? `, ${sizeText(copies)} copies on the device` : '';
  const parts = `${sizeText(parameters)} parameters, ${sizeText(moments)} optimiser, ${sizeText(gradients)} gradients, ${sizeText(activations)} activations${besides}`;
  const free = available ? `; ${available.cardBytes ? `the GPU has ${sizeText(available.cardBytes)}` : `${sizeText(available.bytes)} free`}` : ''; // prettier-ignore
  const about = `About ${sizeText(total)} of memory for the longest batches (${parts})${free}`;
  if (exceeds) {
    return `${about}. That will probably not be enough, even for one example at a time. Train fewer parameters (train.trainable), shorten max_length, or close other programs.`;
  }
  if (rows === batchSize) return `${about}.`;
  return `${about}. Batches of ${batchSize} are computed in parts of ${rows}. The result is the same.`;
}

export interface RowOptions {
  readonly wanted: 'auto' | number;
  readonly batchSize: number;
  /** Undefined where nobody tells. */
  readonly available: AvailableMemory | undefined;
  /** What the run that goes on began with. */
  readonly resumed: { readonly microBatchSize?: number } | undefined;
  readonly estimate: (rows: number) => MemoryEstimate;
  /** What the loss compares is computed at once. Absent: each example is by itself. */
  readonly objective?: Pick<Objective, 'together'>;
}

/**
 * How many examples are computed at a time, and the line that says what memory that takes.
 * @throws MedTextError RECIPE for fewer than the loss compares.
 */
export function chooseRows({ wanted, batchSize, available, resumed, estimate, objective = {} }: RowOptions): {
  microBatchSize: number;
  memory: string;
  memoryPlan: MemoryPlan;
  exceeds: boolean;
} {
  const most = available?.bytes ?? Infinity;
  // A run goes on in the parts it began with: other parts would add up in another order, to other last digits.
  const given = wanted === 'auto' ? undefined : Math.min(wanted, batchSize);
  const { together = 1 } = objective;
  if (given !== undefined && given < together) {
    throw new MedTextError(
      'RECIPE',
      words`train.micro_batch_size is ${given}, but the loss compares ${together} texts of one query, which are computed at once. Set train.max_candidates to ${given}, or raise train.micro_batch_size.`,
      { micro_batch_size: given, together },
    );
  }
  const fixed = resumed ? (resumed.microBatchSize ?? batchSize) : given;
  const chosen =
    fixed === undefined
      ? rowsThatFit(batchSize, most, estimate, objective)
      : { rows: fixed, estimate: estimate(fixed), exceeds: estimate(together).total > most };
  const { rows: microBatchSize, estimate: estimated } = chosen;
  const known = { estimatedBytes: estimated.total, batchSize, microBatchSize };
  const memoryPlan = { ...known, ...(available && !available.cardBytes && { availableBytes: available.bytes }) };
  return { microBatchSize, memory: memoryText(chosen, batchSize, available), memoryPlan, exceeds: chosen.exceeds };
}

export function isOutOfMemory(error: unknown): boolean {
  if (error instanceof MedTextError) return error.code === 'OUT_OF_MEMORY';
  return error instanceof RangeError && /allocation failed/i.test(error.message);
}

export function tooLittleMemory(step: number, length: number, cause: unknown): MedTextError {
  return new MedTextError(
    'OUT_OF_MEMORY',
    words`Step ${step}: the memory does not hold a single example of ${length} tokens. Train fewer parameters (train.trainable), shorten max_length, choose another device, or close other programs; then resume.`,
    { step, length },
    { cause },
  );
}
