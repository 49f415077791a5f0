/** Where to go on reading: the beginning of a row somewhere in a file. */
export interface ReadPosition {
  /** 1-based line of the file. */
  readonly line: number;
  /** The character lines of the file end with, where that is known. */
  readonly newline: string | undefined;
}

/**
 * A window sliding over a text that arrives in chunks. A reader looks ahead in `text` from `position`, asks for more with
 * `grow` when it sees no end, and takes what it has understood; lines are counted as editors count them (LF, CRLF, lone CR).
 */
export class TextWindow {
  text = '';
  position = 0;
  /** 1-based line of `position`. */
  line: number;
  /** Whether `text` reaches to the end of the file. */
  ended = false;

  private afterCarriageReturn = false;
  private readonly chunks: AsyncIterator<string>;

  constructor(chunks: AsyncIterable<string>, from?: ReadPosition) {
    this.line = from?.line ?? 1;
    this.chunks = chunks[Symbol.asyncIterator]();
  }

  get unread(): number {
    return this.text.length - this.position;
  }

  /**
   * Doubles what is unread, so that a reader which starts its look afresh after each growth does linear work in all.
   * Returns whether anything was added.
   */
  async grow(): Promise<boolean> {
    if (this.ended) return false;
    const parts = [this.text.slice(this.position)];
    const wanted = this.unread;
    let added = 0;
    do {
      const next = await this.chunks.next();
      if (next.done) {
        this.ended = true;
        break;
      }
      parts.push(next.value);
      added += next.value.length;
    } while (added < wanted);
    this.text = parts.join('');
    this.position = 0;
    return added > 0;
  }

  /** The text up to the index `end`, which is then read. */
  take(end: number): string {
    const taken = this.text.slice(this.position, end);
    this.position = end;
    this.countLines(taken);
    return taken;
  }

  /** Closes the file behind the chunks. */
  async close(): Promise<void> {
    await this.chunks.return?.();
  }

  private countLines(taken: string): void {
    if (taken === '') return;
    if (!this.afterCarriageReturn && !taken.includes('\r')) {
      for (let i = taken.indexOf('\n'); i >= 0; i = taken.indexOf('\n', i + 1)) this.line++;
      return;
    }
    for (let i = 0; i < taken.length; i++) {
      const code = taken.charCodeAt(i);
      if (code === 13 || (code === 10 && !this.afterCarriageReturn)) this.line++;
      this.afterCarriageReturn = code === 13;
    }
  }
}
