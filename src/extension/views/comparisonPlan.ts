import type { MarkedEntity, TextPair } from '../../protocol/scorer';
import type { PairScore } from '../../protocol/scores';
import type { BothOrders, Comparison, PlacedText } from '../../protocol/similarityPanel';
import type { Question } from '../datasetPreview/modelUse';
import { sentenceAt, sentencesOf, type TextRange } from '../hover/sentenceAt';

/** A page of a screen can hold them, and a small model scores them in a minute; what is beyond is said above the list. */
const maxSentences = 5000;
const maxSelections = 12;
/** A bound on characters, beyond what models read; longer texts are cut for the scorer and the screen. */
const maxTextLength = 4000;

/** What it says of one pair or text. */
export type Answer = PairScore | readonly MarkedEntity[];

/** What stands to be compared: which pairs to score, and how their scores make what the panel shows. */
export interface ComparisonPlan<A extends Answer = Answer> {
  readonly question: Question;
  /** Place in the document of each text, by its id. */
  readonly ranges: readonly TextRange[];
  readonly texts: readonly string[];
  /** Both orders of each pair, pair after pair; of classes and entities the texts. */
  readonly pairs: readonly TextPair[];
  /** @param answers in the order of the pairs; what has not come yet is null in the comparison */
  comparison(answers: readonly (A | undefined)[]): Comparison;
}

/**
 * The plan for a selection: one text against the reference and every other sentence, several against each other. An
 * empty selection stands for the sentence it is in. Undefined when there is nothing to compare.
 */
export function comparisonPlan(
  document: string,
  selections: readonly TextRange[],
  reference: string | undefined,
  question: Question = 'pairs',
): ComparisonPlan | undefined {
  const chosen = selections.map((selection) => trimmed(document, selection)).filter((range) => range !== undefined);
  if (chosen.length > 1 && question === 'pairs') return pairsPlan(document, chosen);
  const selected = chosen[0] ?? (selections[0] && sentenceAt(document, selections[0].start));
  if (!selected) return undefined;
  if (question === 'pairs') return rankingPlan(document, selected, reference);
  return singlePlan(document, chosen.length > 0 ? chosen : [selected], question);
}

function singlePlan(document: string, selected: readonly TextRange[], question: 'texts' | 'entities'): ComparisonPlan {
  const isFree = ({ start, end }: TextRange): boolean =>
    selected.every((range) => end <= range.start || start >= range.end);
  const others = sentencesOf(document).filter(isFree);
  const { ranges, texts } = place(document, [...selected, ...others.slice(0, maxSentences)]);
  const asked = {
    question,
    ranges,
    texts: texts.map(({ text }) => text),
    pairs: texts.map(({ text }) => ({ first: text })),
  };
  const counts = { selected: selected.length, leftOut: Math.max(0, others.length - maxSentences) };
  const ofClasses: ComparisonPlan<PairScore> = {
    ...asked,
    comparison: (scores) => ({
      kind: 'texts',
      ...counts,
      texts: texts.map((text, index) => ({ ...text, score: scores[index] ?? null })),
    }),
  };
  const ofEntities: ComparisonPlan<readonly MarkedEntity[]> = {
    ...asked,
    comparison: (marks) => ({
      kind: 'entities',
      ...counts,
      texts: texts.map((text, index) => ({ ...text, entities: marks[index] ?? null })),
    }),
  };
  return question === 'texts' ? ofClasses : ofEntities;
}

function rankingPlan(document: string, selected: TextRange, reference: string | undefined): ComparisonPlan<PairScore> {
  const others = sentencesOf(document).filter(({ start, end }) => end <= selected.start || start >= selected.end);
  const placed = place(document, [selected, ...others.slice(0, maxSentences)]);
  const [own, ...sentences] = placed.texts;
  const pinned = reference?.slice(0, maxTextLength);
  const hasPin = pinned !== undefined;
  const against = hasPin ? [pinned, ...sentences.map(({ text }) => text)] : sentences.map(({ text }) => text);
  return {
    question: 'pairs',
    ranges: placed.ranges,
    texts: placed.texts.map(({ text }) => text),
    pairs: against.flatMap((text) => [
      { first: own.text, second: text },
      { first: text, second: own.text },
    ]),
    comparison: (scores) => ({
      kind: 'ranking',
      selected: own,
      reference: hasPin ? { text: pinned, score: bothOrders(scores, 0) } : null,
      sentences: sentences.map((sentence, index) => ({
        ...sentence,
        score: bothOrders(scores, index + (hasPin ? 1 : 0)),
      })),
      leftOut: Math.max(0, others.length - maxSentences),
    }),
  };
}

function pairsPlan(document: string, chosen: readonly TextRange[]): ComparisonPlan<PairScore> {
  const inOrder = [...chosen].sort((a, b) => a.start - b.start);
  const { ranges, texts } = place(document, inOrder.slice(0, maxSelections));
  const couples = texts.flatMap((_, i) => texts.slice(i + 1).map((_, offset) => [i, i + 1 + offset] as const));
  return {
    question: 'pairs',
    ranges,
    texts: texts.map(({ text }) => text),
    pairs: couples.flatMap(([i, j]) => [
      { first: texts[i].text, second: texts[j].text },
      { first: texts[j].text, second: texts[i].text },
    ]),
    comparison(scores) {
      const matrix: (PairScore | null)[][] = texts.map(() => texts.map(() => null));
      couples.forEach(([i, j], index) => {
        const both = bothOrders(scores, index);
        matrix[i][j] = both?.forward ?? null;
        matrix[j][i] = both?.backward ?? null;
      });
      return { kind: 'pairs', texts, scores: matrix, leftOut: Math.max(0, chosen.length - maxSelections) };
    },
  };
}

function bothOrders(scores: readonly (PairScore | undefined)[], index: number): BothOrders | null {
  const [forward, backward] = [scores[2 * index], scores[2 * index + 1]];
  return forward && backward ? { forward, backward } : null;
}

/** Texts of the ranges with their lines; ids are positions in the list. */
function place(document: string, ranges: readonly TextRange[]): { ranges: readonly TextRange[]; texts: PlacedText[] } {
  const lineStarts = [0];
  for (let at = document.indexOf('\n'); at >= 0; at = document.indexOf('\n', at + 1)) lineStarts.push(at + 1);
  const texts = ranges.map(({ start, end }, id) => ({
    id,
    text: document.slice(start, Math.min(end, start + maxTextLength)),
    line: lastAtMost(lineStarts, start) + 1,
  }));
  return { ranges, texts };
}

/** Index of the last entry that is not above the value, in an ascending list that starts with 0. */
function lastAtMost(ascending: readonly number[], value: number): number {
  let low = 0;
  let high = ascending.length - 1;
  while (low < high) {
    const middle = (low + high + 1) >> 1;
    if (ascending[middle] <= value) low = middle;
    else high = middle - 1;
  }
  return low;
}

function trimmed(document: string, { start, end }: TextRange): TextRange | undefined {
  const raw = document.slice(start, end);
  const text = raw.trim();
  if (text === '') return undefined;
  const from = start + raw.indexOf(text);
  return { start: from, end: from + text.length };
}
