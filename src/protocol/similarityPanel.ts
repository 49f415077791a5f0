import { count, flag, listOf, nothing, nullable, object, oneOf, text, variant, type Checked } from './check';
import { defineContract } from './contract';
import { markedEntity } from './scorer';
import { pairScore } from './scores';
import { webviewStart } from './webviewStart';

/** The scores of a pair in both orders, which may differ. `forward` reads the first text first. */
const bothOrders = object({ forward: pairScore, backward: pairScore });
export type BothOrders = Checked<typeof bothOrders>;

/** A text of the document; `line` counts from 1. */
const placedText = object({ id: count, text, line: count });
export type PlacedText = Checked<typeof placedText>;

/** A sentence with its score against the selected text; null until the score has arrived. */
const rankedText = object({ id: count, text, line: count, score: nullable(bothOrders) });
export type RankedText = Checked<typeof rankedText>;

const ranking = object({
  kind: oneOf('ranking'),
  selected: placedText,
  reference: nullable(object({ text, score: nullable(bothOrders) })),
  /** Sentences in the order of the document. */
  sentences: listOf(rankedText),
  /** The number of sentences beyond the limit, which are not scored. */
  leftOut: count,
});
export type Ranking = Checked<typeof ranking>;

const pairs = object({
  kind: oneOf('pairs'),
  texts: listOf(placedText),
  /** `scores[i][j]`: the score with text i first and text j second; null on the diagonal and until it has arrived. */
  scores: listOf(listOf(nullable(pairScore))),
  leftOut: count,
});
export type Pairs = Checked<typeof pairs>;

/** Texts that a model classifies one by one: the selected texts, then the other sentences of the document. */
const texts = object({
  kind: oneOf('texts'),
  /** How many of the texts are selected. */
  selected: count,
  texts: listOf(object({ id: count, text, line: count, score: nullable(pairScore) })),
  leftOut: count,
});
export type ClassedTexts = Checked<typeof texts>;

/** Texts in which a model finds entities: the selected texts, then the other sentences of the document. */
const entities = object({
  kind: oneOf('entities'),
  /** How many of the texts are selected. */
  selected: count,
  /** Entities in text order; null until they have arrived. */
  texts: listOf(object({ id: count, text, line: count, entities: nullable(listOf(markedEntity)) })),
  leftOut: count,
});
export type MarkedTexts = Checked<typeof entities>;

const comparison = variant({ ranking, pairs, texts, entities });
export type Comparison = Checked<typeof comparison>;

/** Everything the panel shows. Each snapshot is complete. */
export const similaritySnapshot = object({
  /** Rises with every comparison. A click sends it back, so that it cannot act on a text of another comparison. */
  revision: count,
  follows: flag,
  hasReference: flag,
  /** How many of the `total` requested scores have arrived. */
  done: count,
  total: count,
  /** The person stopped the scoring, which can continue. */
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
    /** Shows the text in the editor. @throws NOT_FOUND when the panel now shows another comparison or the text is gone */
    jump: { params: target, result: nothing },
    /** Pins the text. @throws NOT_FOUND as `jump` */
    setReference: { params: target, result: nothing },
    clearReference: { params: nothing, result: nothing },
    /** Stops the scoring; `goOn` continues it. @throws NOT_FOUND when the panel now shows another comparison */
    stop: { params: object({ revision: count }), result: nothing },
    goOn: { params: object({ revision: count }), result: nothing },
    follow: { params: object({ on: flag }), result: nothing },
    /** Asks the person for the similarity scores of the active model's labels. */
    setScale: { params: nothing, result: nothing },
    chooseModel: { params: nothing, result: nothing },
  },
  events: { snapshot: similaritySnapshot },
});
export type SimilarityPanelContract = typeof similarityPanelContract;
