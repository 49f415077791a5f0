import { MedTextError, words } from '../base/errors';
import { bucketAmong, bucketLength } from '../inference/lengthBuckets';
import type { ResolvedRecipe } from '../protocol/recipe';
import type { TrainingExample } from '../tasks/objective';
import { planEpoch, type PlannedBatch } from './batchPlan';
import type { RunMaterial } from './runMaterial';

/** Which batches every step takes, and what happens after it: pure functions of the recipe and the data. */
export class TrainingPlan {
  readonly totalSteps: number;
  private readonly stepsAnEpoch: number;
  private readonly lengths: readonly number[];
  private epoch = -1;
  private batches: readonly PlannedBatch[] = [];

  constructor(
    private readonly recipe: ResolvedRecipe,
    private readonly material: RunMaterial,
  ) {
    const { batch_size, gradient_accumulation, max_epochs, drop_last } = recipe.train;
    this.lengths = material.train.windows.lengths;
    const count = this.lengths.length / batch_size;
    const batches = drop_last ? Math.floor(count) : Math.ceil(count);
    if (batches === 0 && drop_last) {
      throw new MedTextError(
        'RECIPE',
        words`train.drop_last leaves nothing to learn from: ${this.lengths.length} examples do not fill one batch of ${batch_size}.`,
        { examples: this.lengths.length, batch_size },
      );
    }
    this.stepsAnEpoch = Math.ceil(batches / gradient_accumulation);
    this.totalSteps = Math.max(1, Math.ceil(this.stepsAnEpoch * max_epochs));
  }

  /** @param step from 1 */
  batchesOf(step: number): { examples: TrainingExample[]; length: number }[] {
    const epoch = Math.floor((step - 1) / this.stepsAnEpoch);
    if (epoch !== this.epoch) {
      this.batches = planEpoch(this.lengths, {
        batchSize: this.recipe.train.batch_size,
        seed: this.recipe.train.seed,
        epoch,
        bucketOf: (length) => this.bucketOf(length),
        groupByLength: this.recipe.train.length_buckets !== 'none',
        shuffle: this.recipe.train.shuffle,
        dropLast: this.recipe.train.drop_last,
      });
      this.epoch = epoch;
    }
    const { gradient_accumulation: count } = this.recipe.train;
    const first = ((step - 1) % this.stepsAnEpoch) * count;
    const { windows } = this.material.train;
    return this.batches.slice(first, first + count).map(({ examples, length }) => ({
      length,
      examples: examples.map((i) => windows.at(i, epoch)),
    }));
  }

  /** Lengths that batches may have, ascending. */
  get bucketsUsed(): number[] {
    return [...new Set(this.lengths.map((length) => this.bucketOf(length)))].sort((a, b) => a - b);
  }

  /** Tokens of the longest batches. */
  get longest(): number {
    return this.bucketOf(this.lengths.reduce((longest, length) => Math.max(longest, length), 0));
  }

  epochOf(step: number): number {
    return step / this.stepsAnEpoch;
  }

  evaluatesAfter(step: number): boolean {
    return this.material.validation !== undefined && this.savesAfter(step);
  }

  savesAfter(step: number): boolean {
    const every = this.recipe.train.evaluate_every;
    return step === this.totalSteps || step % (every === 'epoch' ? this.stepsAnEpoch : every) === 0;
  }

  private bucketOf(length: number): number {
    const { length_buckets } = this.recipe.train;
    if (length_buckets === 'none') return this.material.maxLength;
    return length_buckets === 'auto'
      ? bucketLength(length, this.material.maxLength)
      : Math.min(bucketAmong(length, length_buckets), this.material.maxLength);
  }
}
