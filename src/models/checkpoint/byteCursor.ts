/** Bytes of a file taken one after another through a small window, for parsers that cannot know how much they need. */
import { MedTextError, words } from '../../base/errors';
import type { Words } from '../../base/words';

const WINDOW_BYTES = 2 ** 16;

export class ByteCursor {
  private window = new Uint8Array(0);
  private windowStart = 0;

  /**
   * @param readAt fills its first argument from a position of the file.
   * @param position where to begin. @param end the first position that must not be read.
   */
  constructor(
    private readonly readAt: (into: Uint8Array, position: number) => void,
    public position: number,
    readonly end: number,
    private readonly where: string,
  ) {}

  static over(bytes: Uint8Array, where: string): ByteCursor {
    const readAt = (into: Uint8Array, position: number) =>
      into.set(bytes.subarray(position, position + into.byteLength));
    return new ByteCursor(readAt, 0, bytes.byteLength, where);
  }

  byte(): number {
    if (this.position >= this.windowStart + this.window.byteLength || this.position < this.windowStart) this.fill(1);
    return this.window[this.position++ - this.windowStart];
  }

  /** The next `length` bytes; valid until the next call. */
  take(length: number): Uint8Array {
    this.assertLeft(length);
    const start = this.position - this.windowStart;
    if (start >= 0 && start + length <= this.window.byteLength) {
      this.position += length;
      return this.window.subarray(start, start + length);
    }
    this.fill(length);
    this.position += length;
    return this.window.subarray(0, length);
  }

  /** Bytes up to a line feed, which is consumed and not returned. */
  line(maxLength: number): Uint8Array {
    const bytes: number[] = [];
    for (let byte = this.byte(); byte !== 0x0a; byte = this.byte()) {
      if (bytes.length === maxLength) throw this.broken(words`a line is longer than ${maxLength} bytes`);
      bytes.push(byte);
    }
    return Uint8Array.from(bytes);
  }

  /** Little-endian unsigned integer of 1, 2, 4 or 8 bytes; one above 2^53 is refused. */
  unsigned(bytes: 1 | 2 | 4 | 8): number {
    const raw = this.take(bytes);
    let value = 0;
    for (let i = bytes - 1; i >= 0; i--) value = value * 256 + raw[i];
    if (!Number.isSafeInteger(value)) throw this.broken(words`a length is not possible`);
    return value;
  }

  broken(what: Words): MedTextError {
    return new MedTextError('CHECKPOINT_FORMAT', words`${this.where} is broken: ${what} (at byte ${this.position}).`, {
      file: this.where,
      byte: this.position,
    });
  }

  private fill(atLeast: number): void {
    this.assertLeft(atLeast);
    const length = Math.min(Math.max(WINDOW_BYTES, atLeast), this.end - this.position);
    this.window = new Uint8Array(length);
    this.windowStart = this.position;
    this.readAt(this.window, this.position);
  }

  private assertLeft(length: number): void {
    if (length <= this.end - this.position) return;
    throw this.broken(words`it ends in the middle of a value`);
  }
}
