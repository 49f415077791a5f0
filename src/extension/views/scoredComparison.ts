import { MedTextError } from '../../base/errors';
import type { TextPair } from '../../protocol/scorer';
import type { Answer, ComparisonPlan } from './comparisonPlan';

const pairsAtATime = 32;

/** Answers, and the model that gave them, as {@link Scored} of the scoring service. */
interface Answered {
  readonly modelId: string;
  readonly scores: readonly Answer[];
}

/** A plan with the scores that have come: all of one model, by that model's id. */
export class ScoredComparison {
  private readonly order: readonly number[];
  private found: (Answer | undefined)[];
  private asked = 0;
  private modelId: string | undefined;

  constructor(readonly plan: ComparisonPlan) {
    this.order = byLength(plan.pairs);
    this.found = plan.pairs.map(() => undefined);
  }

  /** Pairs scored by that model. */
  doneFor(modelId: string | undefined): number {
    return modelId !== undefined && modelId === this.modelId ? this.asked : 0;
  }

  isWhole(modelId: string | undefined): boolean {
    return modelId !== undefined && modelId === this.modelId && this.asked === this.order.length;
  }

  /** What that model has said so far; another model's scores are not among it. */
  scoresFor(modelId: string | undefined): readonly (Answer | undefined)[] {
    return modelId !== undefined && modelId === this.modelId ? this.found : [];
  }

  /**
   * Asks for what has not come yet, a few pairs at a time, texts of like length together; begins anew where another model
   * gave the scores before. Ends when aborted.
   * @throws what `ask` throws · CANCELLED when another model answers than the one it began with
   */
  async score(
    modelId: string | undefined,
    ask: (pairs: readonly TextPair[], signal: AbortSignal) => Promise<Answered>,
    signal: AbortSignal,
    onScores: () => void,
  ): Promise<void> {
    if (modelId !== this.modelId) {
      this.modelId = modelId;
      this.asked = 0;
      this.found = this.plan.pairs.map(() => undefined);
    }
    while (this.asked < this.order.length) {
      const places = this.order.slice(this.asked, this.asked + pairsAtATime);
      const answer = await ask(places.map((place) => this.plan.pairs[place]), signal); // prettier-ignore
      if (signal.aborted) return;
      if (this.modelId !== undefined && answer.modelId !== this.modelId) {
        throw new MedTextError('CANCELLED', 'Another model is active by now.');
      }
      this.modelId = answer.modelId;
      places.forEach((place, i) => (this.found[place] = answer.scores[i]));
      this.asked += places.length;
      onScores();
    }
  }
}

/** Places of the pairs, short texts first: a batch is padded to its longest. Both orders of a pair stay together. */
function byLength(pairs: readonly TextPair[]): readonly number[] {
  const lengthOf = ({ first, second }: TextPair): number => first.length + (second?.length ?? 0);
  const lengths = pairs.map(lengthOf);
  return pairs.map((_, place) => place).sort((a, b) => lengths[a] - lengths[b] || a - b);
}
