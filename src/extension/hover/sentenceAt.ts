/** Half-open range of character offsets. */
export interface TextRange {
  readonly start: number;
  readonly end: number;
}

// A full stop ends a sentence only before a blank or the end: 3.5 mg and e.g. 10.2.1 stay whole.
const boundary = /[。！？；!?;…]+[”’"'）)」』]*|\.+(?=\s|$)|\r?\n|\r/gu;

/** The sentences of a text, in order, without surrounding blanks; lines always end a sentence. */
export function sentencesOf(text: string): TextRange[] {
  const ranges: TextRange[] = [];
  let start = 0;
  const add = (end: number): void => {
    const raw = text.slice(start, end);
    const trimmed = raw.trim();
    if (/[\p{L}\p{N}]/u.test(trimmed)) {
      const from = start + raw.indexOf(trimmed);
      ranges.push({ start: from, end: from + trimmed.length });
    }
    start = end;
  };
  for (const match of text.matchAll(boundary)) add(match.index + match[0].length);
  add(text.length);
  return ranges;
}

/** The sentence that contains the offset, if any. */
export function sentenceAt(text: string, offset: number): TextRange | undefined {
  return sentencesOf(text).find(({ start, end }) => start <= offset && offset < end);
}
