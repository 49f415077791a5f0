/** The losses of several forward passes that test/fixtures/disturbedLosses holds, as PyTorch computed them in float64. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { adversarial, type AdversarialOptions } from '../../src/tasks/losses/adversarial';
import { crossEntropy } from '../../src/tasks/losses/crossEntropy';
import { fgm } from '../../src/tasks/losses/fgm';
import { rDrop } from '../../src/tasks/losses/rDrop';
import type { Objective } from '../../src/tasks/objective';

interface Run {
  readonly losses: readonly number[];
  readonly gradientNorms: readonly number[];
  readonly parts: Readonly<Record<string, readonly number[]>>;
}

interface Fixture {
  readonly options: {
    readonly dropout: number;
    readonly adversarial: AdversarialOptions;
    readonly fgm: { readonly epsilon: number };
    readonly r_drop: { readonly alpha: number };
  };
  readonly plain: Run;
  readonly adversarial: Run;
  readonly fgm: Run;
  readonly r_drop: Run;
}

/** PyTorch's losses with the same dropout masks and noise. */
export const disturbedLosses = JSON.parse(
  readFileSync(join(__dirname, '../fixtures/disturbedLosses/losses.json'), 'utf8'),
) as Fixture;

export const plain = crossEntropy({ labelCount: 3, labelSmoothing: 0 });

const { options } = disturbedLosses;
export const OBJECTIVES = {
  adversarial: adversarial(plain, options.adversarial, 3),
  fgm: fgm(plain, options.fgm),
  r_drop: rDrop(plain, options.r_drop),
} satisfies Record<string, Objective>;

/** The largest relative difference between two lists. */
export const worst = (ours: readonly number[], theirs: readonly number[]): number =>
  ours.reduce((most, value, i) => Math.max(most, Math.abs(value - theirs[i]) / Math.abs(theirs[i])), 0);
