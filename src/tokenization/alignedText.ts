/**
 * A text, or a part of one, on its way through normalisation and splitting. Where offsets are wanted, `origin` gives
 * for each UTF-16 unit the range of the original text that the unit stands for. Elsewhere the text has no origin and
 * costs no more than a string.
 */
export interface AlignedText {
  readonly text: string;
  readonly origin?: Origin;
}

/**
 * For each UTF-16 unit of a text, the range of the original that it stands for, in UTF-16 units. Both arrays are
 * [text.length].
 */
export interface Origin {
  readonly starts: Int32Array;
  readonly ends: Int32Array;
}

/** The original text, in which each character stands for itself. */
export function originalText(text: string, traced: boolean): AlignedText {
  if (!traced) return { text };
  const starts = new Int32Array(text.length);
  const ends = new Int32Array(text.length);
  for (let i = 0; i < text.length; i++) {
    // Both halves of a surrogate pair stand for the whole character.
    const width = text.codePointAt(i)! > 0xffff ? 2 : 1;
    starts.fill(i, i, i + width);
    ends.fill(i + width, i, i + width);
    i += width - 1;
  }
  return { text, origin: { starts, ends } };
}

/** The part of a text from unit `from` up to unit `to`, which is not included. */
export function sliceText({ text, origin }: AlignedText, from: number, to: number): AlignedText {
  if (!origin) return { text: text.slice(from, to) };
  const { starts, ends } = origin;
  return { text: text.slice(from, to), origin: { starts: starts.subarray(from, to), ends: ends.subarray(from, to) } };
}

/** Writes a text anew, edit by edit from left to right. Text that no edit touches keeps its origin. */
export class Rewriter {
  private text = '';
  private readonly starts: number[] = [];
  private readonly ends: number[] = [];
  private done = 0;
  private edited = false;

  constructor(private readonly source: AlignedText) {}

  /**
   * Puts `content` in place of the units from `from` up to `to`. The new content stands for what those units stood for.
   */
  replace(from: number, to: number, content: string): void {
    this.keepUntil(from);
    this.edited = true;
    this.text += content;
    this.done = to;
    const origin = this.source.origin;
    if (!origin || content === '') return;
    const [start, end] = from < to ? [origin.starts[from], origin.ends[to - 1]] : this.placeOf(from, origin);
    for (let i = 0; i < content.length; i++) {
      this.starts.push(start);
      this.ends.push(end);
    }
  }

  finish(): AlignedText {
    if (!this.edited) return this.source;
    this.keepUntil(this.source.text.length);
    if (!this.source.origin) return { text: this.text };
    return { text: this.text, origin: { starts: Int32Array.from(this.starts), ends: Int32Array.from(this.ends) } };
  }

  private keepUntil(to: number): void {
    if (to <= this.done) return;
    this.text += this.source.text.slice(this.done, to);
    const origin = this.source.origin;
    for (let i = this.done; origin && i < to; i++) {
      this.starts.push(origin.starts[i]);
      this.ends.push(origin.ends[i]);
    }
    this.done = to;
  }

  /** The origin of text inserted between two units: the empty range between them. */
  private placeOf(at: number, { starts, ends }: Origin): [number, number] {
    const place = at < starts.length ? starts[at] : at > 0 ? ends[at - 1] : 0;
    return [place, place];
  }
}
