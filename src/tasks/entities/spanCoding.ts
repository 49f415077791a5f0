import { byPlace, type Entity } from '../../data/entities/entity';
import { spanCrossEntropy, type TargetSpan } from '../losses/spanCrossEntropy';
import type { EntityCoding, TextReading } from './coding';
import type { FoundEntity } from './tagging';
import type { TextWindow, WindowedText } from './windows';

/** A score for each type and each stretch of tokens; a stretch is of a type where the score is above 0. Entities may be nested. */
export const spanCoding: EntityCoding<readonly TargetSpan[]> = {
  nested: true,
  columnsOf: (types) => types,
  typesOf: (columns) => columns,
  targets(text, entities, columns) {
    const spans = entities && tokenSpans(text, entities, columns);
    return text.windows.map((window) => spansWithin(window, spans ?? []));
  },
  objective: ({ columns, entities }) =>
    spanCrossEntropy({
      typeCount: columns.length,
      mostSpans: entities.reduce((most, { length }) => Math.max(most, length), 0),
    }),
  reading: (text, columns) => new SpanReading(text, columns),
};

/** The first and last token of each entity whose edges are those of tokens, and the id of its type. */
function tokenSpans(
  { starts, ends }: WindowedText,
  entities: readonly Entity[],
  types: readonly string[],
): TargetSpan[] {
  const idOf = new Map(types.map((type, id) => [type, id]));
  const firstAt = new Map<number, number>();
  const lastAt = new Map<number, number>();
  for (let token = 0; token < starts.length; token++) {
    if (starts[token] === ends[token]) continue;
    firstAt.set(starts[token], token);
    lastAt.set(ends[token], token);
  }
  return entities.flatMap(({ start, end, type }): TargetSpan[] => {
    const [first, last, id] = [firstAt.get(start), lastAt.get(end), idOf.get(type)];
    return first === undefined || last === undefined || id === undefined ? [] : [[first, last, id]];
  });
}

/** The spans that lie in the window as a whole, in its token positions, special tokens included. */
function spansWithin({ lead, first, end }: TextWindow, spans: readonly TargetSpan[]): readonly TargetSpan[] {
  return spans
    .filter(([from, to]) => from >= first && to < end)
    .map(([from, to, type]) => [lead + from - first, lead + to - first, type]);
}

/** The entities of a window that are kept, the likeliest; an untrained head may find one in every stretch. */
const MOST_FOUND = 1000;

class SpanReading implements TextReading {
  readonly loss = { sum: 0, weight: 0 };
  private readonly found: FoundEntity[] = [];

  constructor(
    private readonly text: WindowedText,
    private readonly types: readonly string[],
  ) {}

  /** @param output scores [types, length, length] */
  take(window: TextWindow, target: readonly TargetSpan[], output: Float32Array): void {
    const { lead, first, end, ownedFirst, ownedEnd, encoded } = window;
    const { length } = encoded;
    const { starts, ends } = this.text;
    const found: FoundEntity[] = [];
    this.types.forEach((type, id) => {
      for (let from = first; from < end; from++) {
        if (starts[from] === ends[from]) continue;
        const row = (id * length + lead + from - first) * length + lead - first;
        for (let to = from; to < end; to++) {
          const score = output[row + to];
          // Where two windows contain a span, the window that owns its middle decides.
          const middle = (from + to) >> 1;
          if (score <= 0 || starts[to] === ends[to] || middle < ownedFirst || middle >= ownedEnd) continue;
          found.push({ start: starts[from], end: ends[to], type, probability: 1 / (1 + Math.exp(-score)) });
        }
      }
    });
    found.sort((a, b) => b.probability - a.probability);
    this.found.push(...found.slice(0, MOST_FOUND));
    this.loss.sum += spanLoss(output, target, this.types.length, length);
    this.loss.weight++;
  }

  entities(): FoundEntity[] {
    return this.found.sort(byPlace);
  }
}

/** The objective's loss: the mean over types of log(1 + sum exp(score) of none) + log(1 + sum exp(-score) of entities). */
function spanLoss(scores: Float32Array, target: readonly TargetSpan[], types: number, length: number): number {
  const size = length * length;
  let total = 0;
  for (let type = 0; type < types; type++) {
    const own = scores.subarray(type * size, (type + 1) * size);
    const truth = new Set(target.flatMap(([first, last, id]) => (id === type ? [first * length + last] : [])));
    let [negative, positive] = [1, 1];
    // Scores of sane heads are far from where exp() ends; one beyond is infinite here as it would be wrong there.
    own.forEach((score, at) => {
      if (truth.has(at)) positive += Math.exp(-score);
      else negative += Math.exp(score);
    });
    total += Math.log(negative) + Math.log(positive);
  }
  return total / types;
}
