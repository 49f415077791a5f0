import type { AddedTokenJson } from './tokenizerJson';

/** A stretch of text, or the id of an added token that stood there. */
export type TextOrToken = string | number;

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

  split(text: string): TextOrToken[] {
    if (!this.pattern) return text === '' ? [] : [text];
    const parts: TextOrToken[] = [];
    let start = 0;
    for (const match of text.matchAll(this.pattern)) {
      const token = this.byContent.get(match[0])!;
      let from = match.index;
      let to = from + match[0].length;
      if (
        token.single_word &&
        (/[\p{L}\p{M}\p{N}\p{Pc}]$/u.test(text.slice(0, from)) || /^[\p{L}\p{M}\p{N}\p{Pc}]/u.test(text.slice(to)))
      ) {
        continue;
      }
      if (token.lstrip) from = start + text.slice(start, from).trimEnd().length;
      if (token.rstrip) to = text.length - text.slice(to).trimStart().length;
      // White space swallowed to the right of one token is not there for the next one to swallow.
      from = Math.max(from, start);
      if (from > start) parts.push(text.slice(start, from));
      parts.push(token.id);
      start = to;
    }
    if (start < text.length) parts.push(text.slice(start));
    return parts;
  }
}

function escapeRegExp(text: string): string {
  return text.replace(/[\\^$.*+?()[\]{}|/]/g, '\\$&');
}
