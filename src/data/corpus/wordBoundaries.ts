/** Where words begin in a text: by the runtime's segmenter, joined with terms that a person lists. */
import { MedTextError, words } from '../../base/errors';

/** A prefix tree of terms. */
interface TermNode {
  readonly next: Map<string, TermNode>;
  isEnd: boolean;
}

/** A bound on terms; each takes a few hundred bytes. */
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
  if (terms.length > MAX_TERMS) throw new MedTextError('DATA_FORMAT', words`${where} lists ${terms.length} terms, but at most ${MAX_TERMS} are allowed.`, { file: where }); // prettier-ignore
  return terms;
}

/** Stretches of a text whose words the segmenter finds whatever stands beside them: ideographs, and what is none. */
const STRETCH = /[\u3400-\u4dbf\u4e00-\u9fff]+|[^\u3400-\u4dbf\u4e00-\u9fff]+/g;
/** A text of ideographs, and of letters, digits and signs that never join one: no mark, no kana, no surrogate. */
const HAS_STRETCHES =
  /^[\x20-\x7e\u00a1-\u00ac\u00ae-\u00ff\u0391-\u03c9\u2010-\u2027\u2030-\u205e\u20a0-\u20bf\u2100-\u218b\u2190-\u23ff\u2460-\u27bf\u3000-\u3004\u3008-\u3020\u3400-\u4dbf\u4e00-\u9fff\uff01-\uff5e]*$/;
const REMEMBERED_STRETCHES = 100_000;
const REMEMBERED_LENGTH = 24;

/** Finds words. A word of the segmenter that a term overlaps is cut at the term's ends; inside a term there is no boundary. */
export class WordBoundaries {
  private readonly segmenter = new Intl.Segmenter('zh', { granularity: 'word' });
  private readonly known = new Map<string, readonly number[]>();
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
    if (HAS_STRETCHES.test(text)) {
      let at = 0;
      for (const stretch of text.match(STRETCH) ?? []) {
        for (const start of this.segmented(stretch)) starts[at + start] = 1;
        at += stretch.length;
      }
    } else for (const start of this.segmented(text)) starts[start] = 1;
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

  /** Where the segmenter's words begin. A person's notes repeat themselves: what is short is remembered. */
  private segmented(text: string): readonly number[] {
    const known = this.known.get(text);
    if (known) return known;
    const starts: number[] = [];
    for (const { index } of this.segmenter.segment(text)) starts.push(index);
    if (text.length > REMEMBERED_LENGTH) return starts;
    if (this.known.size >= REMEMBERED_STRETCHES) this.known.clear();
    this.known.set(text, starts);
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
