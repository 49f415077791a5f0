import { rankOf, type PairScore } from '../../protocol/scores';
import { sentencesOf, type TextRange } from './sentenceAt';

/** A bound on a sentence's characters; a hover ignores longer ones. */
export const maxSentenceLength = 2000;
/** Sentences around one that a hover compares it with. */
const maxNeighbours = 200;
const maxNearest = 3;

/** The sentences around one that it is compared with: each text once, in the order of the document, without its own. */
export function neighboursOf(text: string, range: TextRange): string[] {
  const sentences = sentencesOf(text);
  const own = sentences.findIndex(({ start }) => start === range.start);
  // The full number of neighbours, also for a sentence at the document's end.
  const from = Math.max(0, Math.min(own - maxNeighbours / 2, sentences.length - maxNeighbours - 1));
  const around = sentences.slice(from, from + maxNeighbours + 1).map(({ start, end }) => text.slice(start, end));
  const sentence = text.slice(range.start, range.end);
  return [...new Set(around)].filter((other) => other !== sentence && other.length <= maxSentenceLength);
}

export interface NearSentence {
  readonly text: string;
  readonly score: PairScore;
}

/** The few that are nearest, the nearest first; of equal ones the first of the document. `scores` are those of `texts`. */
export function nearestOf(texts: readonly string[], scores: readonly PairScore[]): NearSentence[] {
  return texts
    .map((text, i) => ({ text, score: scores[i] }))
    .sort((a, b) => rankOf(b.score) - rankOf(a.score))
    .slice(0, maxNearest);
}
