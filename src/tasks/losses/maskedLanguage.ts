/** The losses of pretraining: masked language modelling, and StructBERT's two beside it. */
import { buildSentenceOrder, SENTENCE_ORDERS } from '../../models/heads/maskedLanguage';
import type { Value } from '../../onnx/graphBuilder';
import type { Operators } from '../../onnx/operators';
import { maskBudget, shuffleBudget, type Predicted } from '../masking';
import type { LossContext, Objective, ObjectiveInput, StepShare, TrainingExample } from '../objective';
import { softCrossEntropy } from './crossEntropy';

/** What an example is to learn: the tokens of its masked and its shuffled places, and how its two texts follow on each other. */
export interface PretrainingTarget {
  readonly masked: Predicted;
  readonly shuffled?: Predicted;
  /** 0 the second is next, 1 it is the one before, 2 it is of another document. */
  readonly sentence?: number;
}

export interface PretrainingOptions {
  /** The share of an example's tokens that is masked. */
  readonly maskedShare: number;
  /** StructBERT's objectives beside it; absent: none. */
  readonly structural?: {
    /** The share of trigrams that is shuffled. */
    readonly shuffledShare: number;
    readonly weights: { readonly masked: number; readonly shuffled: number; readonly sentence: number };
  };
}

type Example = TrainingExample<PretrainingTarget>;
type Kind = 'masked' | 'shuffled';

/** Special tokens of an example, at least: none of them is predicted. */
const SPECIAL_TOKENS = 2;

/**
 * Cross-entropy over the vocabulary, the mean over the step's predicted places (PyTorch's CrossEntropyLoss with -100 at all others). The places of
 * each row are fed in a row of the length; as many of them are computed as a row of that length can have. With `structural` the
 * weighted sum of three means, as in StructBERT (arXiv 1908.04577, 2.2): over masked places, over shuffled ones through the same head, over
 * pairs. Accuracies are parts besides.
 */
export function pretraining({ maskedShare, structural }: PretrainingOptions): Objective<PretrainingTarget> {
  const placesIn: Record<Kind, (length: number) => number> = {
    // One at least: of a graph that is made for its parameters alone, too.
    masked: (length) => maskBudget(Math.max(1, length - SPECIAL_TOKENS), maskedShare),
    shuffled: (length) => shuffleBudget(length - SPECIAL_TOKENS, structural?.shuffledShare ?? 0),
  };
  const kinds: readonly Kind[] = structural ? ['masked', 'shuffled'] : ['masked'];
  const weights = structural?.weights ?? { masked: 1, shuffled: 0, sentence: 0 };
  return {
    inputs: [
      ...kinds.flatMap((kind) => placeInputs(kind)),
      ...(structural
        ? [{ name: 'sentenceTargets', dataType: 'float32', axes: ['rows', SENTENCE_ORDERS] } as const]
        : []),
    ],
    weightOf: ({ target }) => target.masked.positions.length,
    parts: structural
      ? ['masked', 'shuffled', 'sentence', 'masked_accuracy', 'shuffled_accuracy', 'sentence_accuracy']
      : ['masked_accuracy'],
    feeds: (examples, share) => ({
      ...Object.assign({}, ...kinds.map((kind) => placeFeeds(kind, examples, share))),
      ...(structural && { sentenceTargets: sentenceFeed(examples, share) }),
    }),
    loss(g, context) {
      const { pass, input, part, parameter } = context;
      const counts = Object.fromEntries(kinds.map((kind) => [kind, placesIn[kind](input(inputName(kind, 'Places')).shape[1])])) as Record<Kind, number>; // prettier-ignore
      const used = kinds.filter((kind) => counts[kind] > 0);
      let states!: Value;
      const shape = input(inputName('masked', 'Places')).shape;
      const logits = pass('', {
        tokens: (all) => {
          states = all;
          return g.gather(all, g.concat(used.map((kind) => flatPlaces(g, context, kind, counts[kind])), 0)); // prettier-ignore
        },
      });
      const zero = g.scalar(0);
      const losses: Record<Kind | 'sentence', Value> = { masked: zero, shuffled: zero, sentence: zero };
      let first = 0;
      for (const kind of used) {
        const rows = shape[0] * counts[kind];
        const own = used.length === 1 ? logits : g.slice(logits, [first], [first + rows], [0]);
        first += rows;
        const { loss, hits } = g.scope(kind, () => placeLoss(g, own, columns(g, input(inputName(kind, 'Ids')), counts[kind]), columns(g, input(inputName(kind, 'Weights')), counts[kind]))); // prettier-ignore
        losses[kind] = loss;
        part(`${kind}_accuracy`, hits);
      }
      if (!structural) return losses.masked;
      if (!used.includes('shuffled')) part('shuffled_accuracy', g.identity(zero));
      const targets = input('sentenceTargets');
      const orders = buildSentenceOrder(g, states, shape, parameter);
      losses.sentence = g.scope('sentence', () => softCrossEntropy(g, orders, targets));
      part(
        'sentence_accuracy',
        g.scope('sentence', () => softHits(g, orders, targets)),
      );
      for (const kind of ['masked', 'shuffled', 'sentence'] as const) part(kind, kind === 'shuffled' && !used.includes(kind) ? g.identity(zero) : losses[kind]); // prettier-ignore
      const weighted = [...used, 'sentence' as const].map((kind) => g.mul(losses[kind], weights[kind]));
      return weighted.reduce((sum, one) => g.add(sum, one));
    },
  };
}

const inputName = (kind: Kind, what: 'Places' | 'Ids' | 'Weights'): string => `${kind}${what}`;

function placeInputs(kind: Kind): ObjectiveInput[] {
  const axes = ['rows', 'length'] as const;
  return [
    { name: inputName(kind, 'Places'), dataType: 'int32', axes },
    { name: inputName(kind, 'Ids'), dataType: 'int32', axes },
    { name: inputName(kind, 'Weights'), dataType: 'float32', axes },
  ];
}

const predictedOf = ({ target }: Example, kind: Kind): Predicted | undefined => target[kind];

/** Places in their row, the tokens that stood there, and their share in the mean over the step; zeros behind them. */
function placeFeeds(
  kind: Kind,
  examples: readonly Example[],
  { length, sumOf }: StepShare,
): Record<string, ArrayLike<number>> {
  // prettier-ignore
  const total = sumOf((example) => predictedOf(example as Example, kind)?.positions.length ?? 0);
  const places = new Int32Array(examples.length * length);
  const ids = new Int32Array(examples.length * length);
  const weights = new Float32Array(examples.length * length);
  examples.forEach((example, row) => {
    const predicted = predictedOf(example, kind);
    if (!predicted) return;
    places.set(predicted.positions, row * length);
    ids.set(predicted.targets, row * length);
    weights.fill(1 / total, row * length, row * length + predicted.positions.length);
  });
  return { [inputName(kind, 'Places')]: places, [inputName(kind, 'Ids')]: ids, [inputName(kind, 'Weights')]: weights };
}

/** One-hot times the share of an example; an example of one text has none. */
function sentenceFeed(examples: readonly Example[], { sumOf }: StepShare): Float32Array {
  const total = sumOf((example) => ((example as Example).target.sentence === undefined ? 0 : 1));
  const targets = new Float32Array(examples.length * SENTENCE_ORDERS);
  examples.forEach(({ target: { sentence } }, row) => {
    if (sentence !== undefined) targets[row * SENTENCE_ORDERS + sentence] = 1 / total;
  });
  return targets;
}

/** The first columns of x [rows, length], one row after the other: [rows * count]. WebGPU has no Slice of integers. */
function columns(g: Operators, x: Value, count: number): Value {
  const [rows, length] = x.shape;
  const first = count === length ? x : g.gather(x, g.range(count), 1);
  return g.reshape(first, [rows * count]);
}

/** Places in the states [rows * length, hidden]: int32 [rows * count]. */
function flatPlaces(g: Operators, { input }: LossContext, kind: Kind, count: number): Value {
  const places = input(inputName(kind, 'Places'));
  const [rows, length] = places.shape;
  const first = count === length ? places : g.gather(places, g.range(count), 1); // [rows, count]
  const starts = g.mul(g.reshape(g.range(rows), [rows, 1]), g.scalar(length, 'int32'));
  return g.reshape(g.add(first, starts), [rows * count]);
}

/**
 * -sum(weight * log softmax(logits)[id]), and the weighted share of places whose largest logit is the id's; scalars.
 * @param logits [places, vocabulary] @param ids int32 [places] @param weights [places]
 */
function placeLoss(g: Operators, logits: Value, ids: Value, weights: Value): { loss: Value; hits: Value } {
  const [places, vocabulary] = logits.shape;
  const isTarget = g.equal(g.reshape(g.range(vocabulary), [1, vocabulary]), g.reshape(ids, [places, 1]));
  const targets = g.mul(g.cast(isTarget, 'float32'), g.reshape(weights, [places, 1]));
  return { loss: softCrossEntropy(g, logits, targets), hits: softHits(g, logits, targets) };
}

/** The share, by the weights in `targets` [rows, columns], of rows whose largest logit is that of their target. */
function softHits(g: Operators, logits: Value, targets: Value): Value {
  const isLargest = g.cast(g.equal(logits, g.reduceMax(logits, [1], true)), 'float32');
  return g.reduceSum(g.mul(isLargest, targets));
}
