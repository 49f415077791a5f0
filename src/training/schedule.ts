import type { ResolvedRecipe } from '../protocol/recipe';

/** How the learning rate depends on the step; counts are optimiser steps. */
export interface LearningRateSchedule {
  readonly type: 'linear' | 'cosine' | 'constant';
  /** The highest learning rate. */
  readonly peak: number;
  /** Steps of the rise to the peak. */
  readonly warmupSteps: number;
  /** Step at which the decay ends, warm-up included. */
  readonly totalSteps: number;
  /** Absent: `linear`. */
  readonly warmupType?: 'linear' | 'constant' | 'exponential';
  /** Share of the peak that the warm-up begins with; absent: 0. */
  readonly warmupStart?: number;
  /** The lowest rate of a decay; absent: 0. */
  readonly lowest?: number;
  /** Absent: `warmup`. */
  readonly decayFrom?: 'warmup' | 'start';
}

/**
 * The schedule of a recipe.
 * @param trainingSteps optimiser steps of the whole training; the decay ends there unless `total_iters` says otherwise
 */
export function scheduleOf(train: ResolvedRecipe['train'], trainingSteps: number): LearningRateSchedule {
  const { type, warmup, total_iters, warmup_type, warmup_start, eta_min, decay_from } = train.lr_scheduler;
  const totalSteps = total_iters ?? trainingSteps;
  return {
    type,
    peak: train.optimizer.lr,
    warmupSteps: warmupSteps(warmup, totalSteps),
    totalSteps,
    warmupType: warmup_type,
    warmupStart: warmup_start,
    lowest: eta_min,
    decayFrom: decay_from,
  };
}

/** `warmup` below 1 is a share of all steps, rounded up as in transformers' TrainingArguments; else it is the number. */
export function warmupSteps(warmup: number, totalSteps: number): number {
  return warmup < 1 ? Math.ceil(warmup * totalSteps) : warmup;
}

/**
 * The learning rate of the update with index `step`, counted from 0: with a warm-up from 0 the first update has rate 0.
 * Equal to transformers' linear, cosine and constant schedules with warm-up, and without a warm-up to PyTorch's
 * LinearLR and CosineAnnealingLR. After `totalSteps` a decayed rate stays the lowest.
 */
export function learningRateAt(step: number, schedule: LearningRateSchedule): number {
  const { type, peak, warmupSteps, totalSteps, lowest = 0, decayFrom = 'warmup' } = schedule;
  if (step < warmupSteps && (type === 'constant' || decayFrom === 'warmup')) return peak * risen(step, schedule);
  if (type === 'constant') return peak;
  if (decayFrom === 'start') return risen(step, schedule) * decayedFromStart(step, schedule);
  const left = remaining(type, step - warmupSteps, totalSteps - warmupSteps);
  return lowest + (peak - lowest) * left;
}

/** The share of its peak that the rate has reached. */
function risen(step: number, { warmupSteps, warmupType = 'linear', warmupStart = 0 }: LearningRateSchedule): number {
  if (step >= warmupSteps) return 1;
  const done = step / Math.max(1, warmupSteps);
  if (warmupType === 'constant') return warmupStart;
  return warmupType === 'linear' ? warmupStart + (1 - warmupStart) * done : warmupStart ** (1 - done);
}

/** What is left of a decay after `step` of `steps`, from 1 to 0. */
function remaining(type: 'linear' | 'cosine', step: number, steps: number): number {
  const decayed = Math.min(1, step / Math.max(1, steps));
  return type === 'linear' ? 1 - decayed : 0.5 * (1 + Math.cos(Math.PI * decayed));
}

/**
 * A scheduler of PyTorch that counts from the first step, under a warm-up of ModelScope's (1.36.3,
 * trainers/lrscheduler/warmup/base.py): until the warm-up ends the rate is put back to the peak before each step of the
 * scheduler, which computes its rate from the one before; so what it has lost by then is one step's share.
 */
function decayedFromStart(step: number, schedule: LearningRateSchedule): number {
  const { type, peak, warmupSteps, totalSteps, lowest = 0 } = schedule;
  if (type === 'constant' || step === 0) return peak;
  const before = step < warmupSteps ? step - 1 : Math.max(0, warmupSteps - 1);
  const share = (at: number): number => remaining(type, at, totalSteps);
  // LinearLR multiplies rates, CosineAnnealingLR what lies above the lowest one.
  const rate = (at: number): number => lowest / peak + (1 - lowest / peak) * share(at);
  if (type === 'linear') return rate(before) === 0 ? 0 : peak * (rate(step) / rate(before));
  return share(before) === 0 ? lowest : lowest + (peak - lowest) * (share(step) / share(before));
}

/** Steps at the end of a training that learn nothing, for their rate is 0. */
export function idleSteps(schedule: LearningRateSchedule, trainingSteps: number): number {
  const { type, totalSteps, lowest = 0 } = schedule;
  return type === 'constant' || lowest > 0 ? 0 : Math.max(0, trainingSteps - totalSteps);
}

/** Says so where a training has more steps than its schedule. */
export function warnOfIdleSteps(
  schedule: LearningRateSchedule,
  { max_epochs: epochs, totalSteps }: { readonly max_epochs: number; readonly totalSteps: number },
  log: (line: string) => void,
): void {
  const idle = idleSteps(schedule, totalSteps);
  // Counted a little too short for each epoch, as ModelScope's recipes are, it costs nothing.
  if (idle <= Math.max(epochs, 0.02 * totalSteps)) return;
  log(
    `Warning: train.lr_scheduler.total_iters is ${schedule.totalSteps}, and the training has ${totalSteps} steps: the last ${idle} have a learning rate of 0 and learn nothing. Set it to null to fall to 0 at the end.`,
  );
}
