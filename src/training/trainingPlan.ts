import { MedTextError, words } from '../base/errors';
import { bucketAmong, bucketLength } from '../inference/lengthBuckets';
import { mostOfGroup, type ResolvedRecipe } from '../protocol/recipe';
import type { TrainingExample } from '../tasks/objective';
import { planEpoch, planGroups, type PlannedBatch } from './batchPlan';
import type { RunMaterial } from './runMaterial';

/** Which batches every step takes, and what happens after it: pure functions of the recipe and the data. */
export class TrainingPlan {
  readonly totalSteps: number;
  /** By epoch, the step that ends it. */
  private readonly ends: readonly number[];
  private readonly lengths: readonly number[];
  private epoch = -1;
  private batches: readonly PlannedBatch[] = [];

  constructor(
    private readonly recipe: ResolvedRecipe,
    private readonly material: Pick<RunMaterial, 'train' | 'validation' | 'maxLength'>,
  ) {
    const { max_epochs } = recipe.train;
    this.lengths = material.train.windows.lengths;
    let end = 0;
    this.ends = Array.from({ length: max_epochs }, (_, epoch) => (end += this.stepsOf(epoch)));
    this.totalSteps = Math.max(1, end);
  }

  /** @param step from 1 */
  batchesOf(step: number): { examples: TrainingExample[]; length: number }[] {
    const epoch = this.epochAt(step);
    if (epoch !== this.epoch) {
      this.batches = this.planned(epoch);
      this.epoch = epoch;
    }
    const { gradient_accumulation: count } = this.recipe.train;
    const first = (step - 1 - this.startOf(epoch)) * count;
    const { windows } = this.material.train;
    return this.batches.slice(first, first + count).map(({ examples, groups, length }) => {
      const ofBatch = examples.map((i) => windows.at(i, epoch));
      return { length, examples: groups ? inGroups(ofBatch, groups) : ofBatch };
    });
  }

  /** Tokens of a step's batches, padding included. */
  tokensOf(step: number): number {
    return this.batchesOf(step).reduce((sum, { examples, length }) => sum + examples.length * length, 0);
  }

  /** Lengths that batches may have, ascending. */
  get bucketsUsed(): number[] {
    return [...new Set(this.lengths.map((length) => this.bucketOf(length)))].sort((a, b) => a - b);
  }

  /** Tokens of the longest batches. */
  get longest(): number {
    return this.bucketOf(this.lengths.reduce((longest, length) => Math.max(longest, length), 0));
  }

  /** Groups that no batch has as a whole, and how many examples of one it has at most; undefined where there are none. */
  get cutGroups(): { readonly count: number; readonly most: number } | undefined {
    const sizes = new Map<number, number>();
    for (const group of this.material.train.windows.groups ?? []) sizes.set(group, (sizes.get(group) ?? 0) + 1);
    const most = mostOfGroup(this.recipe.train);
    const count = [...sizes.values()].filter((size) => size > most).length;
    return count === 0 ? undefined : { count, most };
  }

  epochOf(step: number): number {
    const epoch = this.epochAt(step);
    const start = this.startOf(epoch);
    return epoch + (step - start) / (this.ends[epoch] - start);
  }

  evaluatesAfter(step: number): boolean {
    return this.material.validation !== undefined && this.savesAfter(step);
  }

  savesAfter(step: number): boolean {
    const every = this.recipe.train.evaluate_every;
    if (step === this.totalSteps) return true;
    return every === 'epoch' ? this.ends[this.epochAt(step)] === step : step % every === 0;
  }

  /** The epoch that a step is of, from 0; a step from 1. */
  private epochAt(step: number): number {
    return this.ends.findIndex((end) => step <= end);
  }

  /** Steps that are done when an epoch begins. */
  private startOf(epoch: number): number {
    return epoch === 0 ? 0 : this.ends[epoch - 1];
  }

  /** How many steps an epoch has: the same in each, unless its batches keep groups together. */
  private stepsOf(epoch: number): number {
    const { batch_size, gradient_accumulation, drop_last } = this.recipe.train;
    if (this.material.train.windows.groups) return Math.ceil(this.planned(epoch).length / gradient_accumulation);
    const count = this.lengths.length / batch_size;
    const batches = drop_last ? Math.floor(count) : Math.ceil(count);
    if (batches === 0 && drop_last) {
      throw new MedTextError(
        'RECIPE',
        words`With train.drop_last there are no training examples left: ${this.lengths.length} examples do not fill one batch of ${batch_size}.`,
        { examples: this.lengths.length, batch_size },
      );
    }
    return Math.ceil(batches / gradient_accumulation);
  }

  private planned(epoch: number): PlannedBatch[] {
    const { train } = this.recipe;
    const options = {
      batchSize: train.batch_size,
      seed: train.seed,
      epoch,
      bucketOf: (length: number) => this.bucketOf(length),
      groupByLength: train.length_buckets !== 'none',
      shuffle: train.shuffle,
      dropLast: train.drop_last,
    };
    const { groups } = this.material.train.windows;
    if (!groups) return planEpoch(this.lengths, options);
    return planGroups(this.lengths, groups, { ...options, mostOfGroup: mostOfGroup(train) });
  }

  private bucketOf(length: number): number {
    const { length_buckets } = this.recipe.train;
    if (length_buckets === 'none') return this.material.maxLength;
    return length_buckets === 'auto'
      ? bucketLength(length, this.material.maxLength)
      : Math.min(bucketAmong(length, length_buckets), this.material.maxLength);
  }
}

/** The examples of a batch with the groups that they are in. @param sizes of the groups, in order */
function inGroups(examples: readonly TrainingExample[], sizes: readonly number[]): TrainingExample[] {
  let at = 0;
  return sizes.flatMap((size, id) => {
    const members = examples.slice(at, (at += size));
    return members.map((example) => ({ ...example, group: { id, size } }));
  });
}
