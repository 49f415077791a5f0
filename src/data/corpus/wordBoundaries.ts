/** Where words begin in a text: by the runtime's segmenter, joined with terms that a person lists. */
import { MedTextError, words } from '../../base/errors';

/** A prefix tree of terms. */
interface TermNode {
  readonly next: Map<string, TermNode>;
  isEnd: boolean;
}

/** More than any list of terms has; each takes a few hundred bytes. */
const MAX_TERMS = 1_000_000;

/**
 * A list of terms: one a line, `#` begins a comment line. Capitals count as small letters.
 * @param where the file, for messages
 * @throws MedTextError DATA_FORMAT for an empty list, or one too long.
 */
export function readTerms(text: string, where: string): string[] {
  const lines = text.split(/\r\n|\n|\r/).map((line) => line.trim());
  const terms = [...new Set(lines.filter((line) => line !== '' && !line.startsWith('#')))];
  if (terms.length === 0) throw new MedTextError('DATA_FORMAT', words`${where} lists no terms: write one a line.`, { file: where }); // prettier-ignore
  if (terms.length > MAX_TERMS) throw new MedTextError('DATA_FORMAT', words`${where} lists ${terms.length} terms; ${MAX_TERMS} are the most.`, { file: where }); // prettier-ignore
  return terms;
}

/** Finds words. A word of the segmenter that a term overlaps is cut at the term's ends; inside a term there is no boundary. */
export class WordBoundaries {
  private readonly segmenter = new Intl.Segmenter('zh', { granularity: 'word' });
  private readonly root: TermNode = { next: new Map(), isEnd: false };

  constructor(terms: readonly string[] = []) {
    for (const term of terms) {
      let node = this.root;
      for (const unit of foldedCase(term).split('')) {
        const next = node.next.get(unit) ?? { next: new Map(), isEnd: false };
        node.next.set(unit, next);
        node = next;
      }
      node.isEnd = true;
    }
  }

  /** [text.length + 1] 1 where a word begins, or the text ends; in UTF-16 units. */
  of(text: string): Uint8Array {
    const starts = new Uint8Array(text.length + 1);
    starts[text.length] = 1;
    for (const { index } of this.segmenter.segment(text)) starts[index] = 1;
    if (this.root.next.size === 0) return starts;
    const folded = foldedCase(text);
    for (let at = 0; at < text.length;) {
      const end = this.longestTerm(folded, at);
      if (end > at) {
        starts.fill(0, at, end);
        starts[at] = 1;
        starts[end] = 1;
        at = end;
      } else at++;
    }
    return starts;
  }

  /** The end of the longest term that begins at `at`; `at` where none does. */
  private longestTerm(text: string, at: number): number {
    let node: TermNode | undefined = this.root;
    let end = at;
    for (let i = at; i < text.length; i++) {
      node = node.next.get(text[i]);
      if (!node) break;
      if (node.isEnd) end = i + 1;
    }
    return end;
  }
}

/** Small letters, of the same length: a few capitals of other scripts would become two letters. */
function foldedCase(text: string): string {
  const folded = text.toLowerCase();
  return folded.length === text.length ? folded : text;
}
