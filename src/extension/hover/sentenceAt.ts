import { characterOfReference } from '../../base/htmlEntities';

/** Half-open range of character offsets. */
export interface TextRange {
  readonly start: number;
  readonly end: number;
}

// A full stop ends a sentence only before a blank or the end: 3.5 mg and e.g. 10.2.1 stay whole. What may be a reference of HTML comes first.
const boundary =
  /&(?:#[0-9]{1,7}|#[xX][0-9a-fA-F]{1,6}|[A-Za-z][A-Za-z0-9]{1,31});|[。！？；!?;…]+[”’"'）)」』]*|\.+(?=\s|$)|\r?\n|\r/gu;

/** What stands before a line's text in Markdown: the marks of headings, lists and quotations. */
const lineMark = /^(?:#{1,6}|[-*+>]|\d{1,3}[.)])[ \t]+/;
const isLineMark = /^\d{1,3}[.)]$/;

/** The sentences of a text, in order, without surrounding blanks and marks; lines always end a sentence. */
export function sentencesOf(text: string): TextRange[] {
  const ranges: TextRange[] = [];
  let start = 0;
  const add = (end: number): void => {
    const raw = text.slice(start, end);
    const trimmed = raw.trim().replace(lineMark, '');
    if (/[\p{L}\p{N}]/u.test(trimmed) && !isLineMark.test(trimmed)) {
      const from = start + raw.lastIndexOf(trimmed);
      ranges.push({ start: from, end: from + trimmed.length });
    }
    start = end;
  };
  for (const { 0: found, index } of text.matchAll(boundary)) {
    // The semicolon of &nbsp; belongs to a character: a model that cleans its texts reads it as one.
    if (found.startsWith('&') && characterOfReference(found) !== undefined) continue;
    add(index + found.length);
  }
  add(text.length);
  return ranges;
}

/** The sentence that contains the offset, if any. */
export function sentenceAt(text: string, offset: number): TextRange | undefined {
  return sentencesOf(text).find(({ start, end }) => start <= offset && offset < end);
}
