import type { ResolvedRecipe } from '../protocol/recipe';

/** How the learning rate depends on the step; counts are optimiser steps. */
export interface LearningRateSchedule {
  readonly type: 'linear' | 'cosine' | 'constant';
  /** The highest learning rate. */
  readonly peak: number;
  /** Steps of the rise from zero. */
  readonly warmupSteps: number;
  /** Step at which the decay reaches zero, warm-up included. */
  readonly totalSteps: number;
}

/**
 * The schedule of a recipe.
 * @param trainingSteps optimiser steps of the whole training; the decay ends there unless `total_iters` says otherwise
 */
export function scheduleOf(train: ResolvedRecipe['train'], trainingSteps: number): LearningRateSchedule {
  const { type, warmup, total_iters } = train.lr_scheduler;
  const totalSteps = total_iters ?? trainingSteps;
  return { type, peak: train.optimizer.lr, warmupSteps: warmupSteps(warmup, totalSteps), totalSteps };
}

/** `warmup` below 1 is a share of all steps, rounded up as in transformers' TrainingArguments; else it is the number. */
export function warmupSteps(warmup: number, totalSteps: number): number {
  return warmup < 1 ? Math.ceil(warmup * totalSteps) : warmup;
}

/**
 * The learning rate of the update with index `step`, counted from 0: with a warm-up the first update has rate 0. Equal
 * to transformers' linear, cosine and constant schedules with warm-up, and without a warm-up to PyTorch's
 * LinearLR(1.0, 0.0, total_iters) of ModelScope's recipe. After `totalSteps` a decayed rate stays 0.
 */
export function learningRateAt(step: number, { type, peak, warmupSteps, totalSteps }: LearningRateSchedule): number {
  if (step < warmupSteps) return peak * (step / Math.max(1, warmupSteps));
  if (type === 'constant') return peak;
  const decayed = Math.min(1, (step - warmupSteps) / Math.max(1, totalSteps - warmupSteps));
  return peak * (type === 'linear' ? 1 - decayed : 0.5 * (1 + Math.cos(Math.PI * decayed)));
}
