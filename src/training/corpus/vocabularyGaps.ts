/** What a tokenizer has no token for in texts: characters that it does not know, and words that it splits. */
import { MedTextError } from '../../base/errors';
import { findCorpusFiles } from '../../data/corpus/corpusFiles';
import { corpusLines } from '../../data/corpus/corpusLines';
import { WordBoundaries } from '../../data/corpus/wordBoundaries';
import { ownPieces } from '../../tokenization/extendVocabulary';
import type { Tokenizer } from '../../tokenization/tokenizer';

export interface VocabularyGap {
  readonly text: string;
  /** How often it occurs. */
  readonly count: number;
  readonly pieces: readonly string[];
  /** Whether the tokenizer does not know a part of it. */
  readonly isUnknown: boolean;
}

export interface GapOptions {
  /** Absolute: files and folders. */
  readonly paths: readonly string[];
  /** The column of a table. */
  readonly column?: string;
  readonly terms: readonly string[];
  readonly top: number;
  readonly signal: AbortSignal;
  readonly onProgress?: (doneFiles: number, files: number) => void;
}

/** Words that are counted at once; of more, those that came once are forgotten. */
const MAX_WORDS = 1_000_000;

/**
 * The words that cost most: unknown ones first, then by count times the pieces that one token would save. Words are the runtime's segmenter's,
 * joined with the terms.
 * @throws MedTextError what finding and reading the texts throw; CANCELLED.
 */
export async function vocabularyGaps(
  tokenizer: Tokenizer,
  { paths, column, terms, top, signal, onProgress }: GapOptions,
): Promise<VocabularyGap[]> {
  const { files } = await findCorpusFiles(paths, signal);
  const boundaries = new WordBoundaries(terms);
  const counts = new Map<string, number>();
  for (const [done, file] of files.entries()) {
    for await (const lines of corpusLines(file, { rule: 'line', column }, signal)) {
      if (signal.aborted) throw new MedTextError('CANCELLED', 'Counting words was cancelled.');
      for (const line of lines) if ('text' in line) countWords(line.text, boundaries, counts);
      if (counts.size > MAX_WORDS) for (const [word, count] of counts) if (count === 1) counts.delete(word);
    }
    onProgress?.(done + 1, files.length);
  }
  const { unk } = tokenizer.specialIds;
  const gaps: (VocabularyGap & { readonly cost: number })[] = [];
  for (const [text, count] of counts) {
    const ids = ownPieces(tokenizer, text);
    const isUnknown = ids.includes(unk!);
    if (!isUnknown && ids.length < 2) continue;
    const pieces = ids.map((id) => tokenizer.tokenText(id));
    gaps.push({ text, count, pieces, isUnknown, cost: count * Math.max(1, ids.length - 1) });
  }
  gaps.sort((a, b) => Number(b.isUnknown) - Number(a.isUnknown) || b.cost - a.cost || (a.text < b.text ? -1 : 1));
  return gaps.slice(0, top).map(({ cost: _, ...gap }) => gap);
}

function countWords(text: string, boundaries: WordBoundaries, counts: Map<string, number>): void {
  const starts = boundaries.of(text);
  for (let from = 0; from < text.length;) {
    let to = from + 1;
    while (!starts[to]) to++;
    const word = text.slice(from, to);
    from = to;
    // Numbers and signs are no words to be learned.
    if (/\p{L}/u.test(word)) counts.set(word, (counts.get(word) ?? 0) + 1);
  }
}
