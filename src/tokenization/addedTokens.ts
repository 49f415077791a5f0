import { isSpace, isWord } from './characterClasses';
import type { AddedTokenJson } from './tokenizerJson';

/** A stretch of a text. With an id, it is the added token that stands there. Stretches cover the whole text. */
export interface TextStretch {
  readonly from: number;
  readonly to: number;
  readonly id?: number;
}

/**
 * Finds added tokens (such as a literal `[SEP]`) in a text. Source: Hugging Face's `tokenizers`. The leftmost token
 * wins, then the longest. `single_word` tokens count only between word boundaries. `lstrip` and `rstrip` tokens take
 * the white space beside them.
 */
export class AddedTokenSplitter {
  private readonly byContent: ReadonlyMap<string, AddedTokenJson>;
  private readonly pattern: RegExp | undefined;

  constructor(tokens: Iterable<readonly [content: string, token: AddedTokenJson]>) {
    // A token whose content is empty after normalisation can stand nowhere.
    this.byContent = new Map([...tokens].filter(([content]) => content !== ''));
    const longestFirst = [...this.byContent.keys()].sort((x, y) => y.length - x.length);
    if (longestFirst.length > 0) this.pattern = new RegExp(longestFirst.map(escapeRegExp).join('|'), 'gu');
  }

  /** Whether any added token stands in the text. Word boundaries are not looked at. */
  finds(text: string): boolean {
    return this.pattern !== undefined && text.search(this.pattern) >= 0;
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
      // A token cannot take white space that the token before it has taken.
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
