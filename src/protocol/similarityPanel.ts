import { count, flag, listOf, nothing, nullable, object, oneOf, text, type Checked } from './check';
import { defineContract } from './contract';
import { markedEntity, pairScore } from './scorer';
import { webviewStart } from './webviewStart';

/** A pair in both orders: `forward` reads the first-named text first. A model need not treat them alike. */
const bothOrders = object({ forward: pairScore, backward: pairScore });
export type BothOrders = Checked<typeof bothOrders>;

/** A text of the document; `line` counts from 1. */
const placedText = object({ id: count, text, line: count });
export type PlacedText = Checked<typeof placedText>;

/** A sentence against the selected text; the score is null until it has come. */
const rankedText = object({ id: count, text, line: count, score: nullable(bothOrders) });
export type RankedText = Checked<typeof rankedText>;

const ranking = object({
  kind: oneOf('ranking'),
  selected: placedText,
  reference: nullable(object({ text, score: nullable(bothOrders) })),
  /** In the order of the document. */
  sentences: listOf(rankedText),
  /** Sentences beyond the limit, which are not scored. */
  leftOut: count,
});
export type Ranking = Checked<typeof ranking>;

const pairs = object({
  kind: oneOf('pairs'),
  texts: listOf(placedText),
  /** `scores[i][j]`: text i read first, text j second; null on the diagonal and until it has come. */
  scores: listOf(listOf(nullable(pairScore))),
  leftOut: count,
});
export type Pairs = Checked<typeof pairs>;

/** Texts that a model classes one by one: those selected, then the other sentences of the document. */
const texts = object({
  kind: oneOf('texts'),
  /** How many of the texts are selected. */
  selected: count,
  texts: listOf(object({ id: count, text, line: count, score: nullable(pairScore) })),
  leftOut: count,
});
export type ClassedTexts = Checked<typeof texts>;

/** Texts in which a model finds entities: those selected, then the other sentences of the document. */
const entities = object({
  kind: oneOf('entities'),
  /** How many of the texts are selected. */
  selected: count,
  /** Entities in the order of the text; null until they have come. */
  texts: listOf(object({ id: count, text, line: count, entities: nullable(listOf(markedEntity)) })),
  leftOut: count,
});
export type MarkedTexts = Checked<typeof entities>;

export type Comparison = Ranking | Pairs | ClassedTexts | MarkedTexts;

function comparison(value: unknown, path = 'message'): Comparison {
  const kind = (value as { kind?: unknown } | null)?.kind;
  if (kind === 'texts') return texts(value, path);
  if (kind === 'entities') return entities(value, path);
  return kind === 'pairs' ? pairs(value, path) : ranking(value, path);
}

/** Everything the panel shows; always complete. */
export const similaritySnapshot = object({
  /** Rises with every comparison; a click carries it, so that it cannot hit a text of another one. */
  revision: count,
  follows: flag,
  hasReference: flag,
  /** Scores that have come, of those asked for. */
  done: count,
  total: count,
  /** The person ended the scoring; it can go on. */
  stopped: flag,
  model: nullable(object({ name: text, description: text })),
  documentName: nullable(text),
  comparison: nullable(comparison),
  error: nullable(object({ code: text, message: text })),
});
export type SimilaritySnapshot = Checked<typeof similaritySnapshot>;

const target = object({ revision: count, id: count });

export const similarityPanelContract = defineContract({
  name: 'similarity panel',
  version: 1,
  requests: {
    initialize: { params: nothing, result: webviewStart(similaritySnapshot) },
    /** Shows the text in the editor. @throws NOT_FOUND when another comparison is shown by now or the text is gone */
    jump: { params: target, result: nothing },
    /** Pins the text. @throws NOT_FOUND as `jump` */
    setReference: { params: target, result: nothing },
    clearReference: { params: nothing, result: nothing },
    /** Ends the scoring, or goes on with it. @throws NOT_FOUND when another comparison is shown by now */
    stop: { params: object({ revision: count }), result: nothing },
    goOn: { params: object({ revision: count }), result: nothing },
    follow: { params: object({ on: flag }), result: nothing },
    /** Asks what the active model's labels count for in a similarity. */
    setScale: { params: nothing, result: nothing },
    chooseModel: { params: nothing, result: nothing },
  },
  events: { snapshot: similaritySnapshot },
});
export type SimilarityPanelContract = typeof similarityPanelContract;
