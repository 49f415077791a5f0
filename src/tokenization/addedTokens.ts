import { isSpace, isWord } from './characterClasses';
import type { AddedTokenJson } from './tokenizerJson';

/** A stretch of a text; with an id, the added token that stands there. Stretches cover the text. */
export interface TextStretch {
  readonly from: number;
  readonly to: number;
  readonly id?: number;
}

/**
 * Finds added tokens (such as a literal `[SEP]`) in a text, as Hugging Face's tokenizers do: leftmost first, longest first;
 * `single_word` tokens only between word boundaries; `lstrip`/`rstrip` tokens swallow the white space beside them.
 */
export class AddedTokenSplitter {
  private readonly byContent: ReadonlyMap<string, AddedTokenJson>;
  private readonly pattern: RegExp | undefined;

  constructor(tokens: Iterable<readonly [content: string, token: AddedTokenJson]>) {
    // A content that normalisation leaves nothing of can be found nowhere.
    this.byContent = new Map([...tokens].filter(([content]) => content !== ''));
    const longestFirst = [...this.byContent.keys()].sort((x, y) => y.length - x.length);
    if (longestFirst.length > 0) this.pattern = new RegExp(longestFirst.map(escapeRegExp).join('|'), 'gu');
  }

  split(text: string): TextStretch[] {
    const stretches: TextStretch[] = [];
    let done = 0;
    for (const match of this.pattern ? text.matchAll(this.pattern) : []) {
      const token = this.byContent.get(match[0])!;
      let from = match.index;
      let to = from + match[0].length;
      if (token.single_word && (endsWithWord(text, from) || (to < text.length && isWord(text.codePointAt(to)!))))
        continue;
      // White space swallowed to the right of one token is not there for the next one to swallow.
      while (token.lstrip && from > done && isSpace(text.charCodeAt(from - 1))) from--;
      while (token.rstrip && to < text.length && isSpace(text.charCodeAt(to))) to++;
      from = Math.max(from, done);
      if (from > done) stretches.push({ from: done, to: from });
      stretches.push({ from, to, id: token.id });
      done = to;
    }
    if (done < text.length) stretches.push({ from: done, to: text.length });
    return stretches;
  }
}

/** Whether the last character before `end` is one of a word. */
function endsWithWord(text: string, end: number): boolean {
  if (end === 0) return false;
  const low = text.charCodeAt(end - 1);
  const isPair = low >= 0xdc00 && low < 0xe000 && end > 1;
  return isWord(isPair ? text.codePointAt(end - 2)! : low);
}

function escapeRegExp(text: string): string {
  return text.replace(/[\\^$.*+?()[\]{}|/]/g, '\\$&');
}
