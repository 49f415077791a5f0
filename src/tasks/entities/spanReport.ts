import { MedTextError, words } from '../../base/errors';
import type { Entity } from '../../data/entities/entity';
import { bootstrapSpanF1, type Interval } from '../intervals';
import { macroSpanF1, microSpanF1, ratio } from '../metrics';

/** What is counted of the entities of one type. */
export interface TypeScores {
  readonly precision: number;
  readonly recall: number;
  readonly f1: number;
  /** True entities of the type. */
  readonly support: number;
  readonly predicted: number;
}

/** What was found against what is there. */
export interface SpanReport {
  /** Texts. */
  readonly rows: number;
  readonly entities: number;
  readonly predicted: number;
  readonly microF1: number;
  readonly microF1Interval: Interval;
  readonly microPrecision: number;
  readonly microRecall: number;
  /** Mean over the types that occur among true or found entities. */
  readonly macroF1: number;
  readonly macroF1Interval: Interval;
  readonly perType: Readonly<Record<string, TypeScores>>;
  /**
   * [types + 1][types + 1]. Rows: true type; columns: found type, of the same stretch. The last row holds stretches that are no
   * entity and were found (spurious), the last column entities that were not found (missed).
   */
  readonly confusionMatrix: readonly (readonly number[])[];
  readonly labels: readonly string[];
}

/**
 * Strict span scores: an entity is found if its type and both its edges are. Equal to seqeval's `mode='strict', scheme=IOB2` where
 * entities do not overlap, and to the matching of exact sets where they may. What divides by zero is 0.
 *
 * @param labels the types in order; entities of others are an error
 * @param seed of the bootstrap
 * @throws DATA_FORMAT when there are no texts
 */
export function spanReport(input: {
  readonly labels: readonly string[];
  readonly truth: readonly (readonly Entity[])[];
  readonly found: readonly (readonly Entity[])[];
  readonly seed?: number;
}): SpanReport {
  const { labels, truth, found, seed = 0 } = input;
  const rows = truth.length;
  if (rows === 0) throw new MedTextError('DATA_FORMAT', words`There are no labelled rows to evaluate.`);
  const idOf = new Map(labels.map((label, id) => [label, id]));
  const typeId = ({ type }: Entity): number => {
    const id = idOf.get(type);
    if (id === undefined) throw new MedTextError('INTERNAL', `No type is called ${type}.`);
    return id;
  };
  const none = labels.length;
  const matrix = Array.from({ length: none + 1 }, () => new Array<number>(none + 1).fill(0));
  // For each text, one after another: type, hits, found and true entities of it.
  const texts = truth.map((own, row) => {
    const counts = new Map<number, [hits: number, found: number, truth: number]>();
    const countOf = (type: number) => counts.get(type) ?? (counts.set(type, [0, 0, 0]), counts.get(type)!);
    const unmatched = stretches(own);
    const spare = stretches(found[row]);
    for (const entity of own) countOf(typeId(entity))[2]++;
    for (const entity of found[row]) countOf(typeId(entity))[1]++;
    for (const [stretch, types] of unmatched) {
      const said = spare.get(stretch) ?? [];
      // What agrees first; what is left over of a stretch is one type taken for another.
      const left = types.filter((type) => {
        const at = said.indexOf(type);
        if (at < 0) return true;
        said.splice(at, 1);
        countOf(idOf.get(type)!)[0]++;
        matrix[idOf.get(type)!][idOf.get(type)!]++;
        return false;
      });
      for (const type of left) matrix[idOf.get(type)!][said.length > 0 ? idOf.get(said.shift()!)! : none]++;
    }
    for (const types of spare.values()) for (const type of types) matrix[none][idOf.get(type)!]++;
    return [...counts].map(([type, [hits, predicted, support]]) => ({ type, hits, predicted, support }));
  });
  const totals = labels.map(() => ({ hits: 0, predicted: 0, support: 0 }));
  for (const { type, hits, predicted, support } of texts.flat()) {
    totals[type].hits += hits;
    totals[type].predicted += predicted;
    totals[type].support += support;
  }
  const sum = (of: (counts: (typeof totals)[number]) => number) =>
    totals.reduce((total, counts) => total + of(counts), 0);
  const [hits, predicted, entities] = [sum((one) => one.hits), sum((one) => one.predicted), sum((one) => one.support)];
  const intervals = bootstrapSpanF1(texts, labels.length, { seed });
  return {
    rows,
    entities,
    predicted,
    microF1: microSpanF1(totals),
    microF1Interval: intervals.micro,
    microPrecision: ratio(hits, predicted),
    microRecall: ratio(hits, entities),
    macroF1: macroSpanF1(totals),
    macroF1Interval: intervals.macro,
    perType: Object.fromEntries(
      labels.map((label, id) => {
        const one = totals[id];
        const precision = ratio(one.hits, one.predicted);
        const recall = ratio(one.hits, one.support);
        return [label, { precision, recall, f1: ratio(2 * one.hits, one.predicted + one.support), support: one.support, predicted: one.predicted }]; // prettier-ignore
      }),
    ),
    confusionMatrix: matrix,
    labels,
  };
}

/** The types at each stretch. */
function stretches(entities: readonly Entity[]): Map<string, string[]> {
  const found = new Map<string, string[]>();
  for (const { start, end, type } of entities) {
    const key = `${start} ${end}`;
    const types = found.get(key);
    if (types) types.push(type);
    else found.set(key, [type]);
  }
  return found;
}
