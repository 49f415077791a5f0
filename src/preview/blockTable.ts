/**
 * Where the blocks of a file begin: growing columns of typed arrays, 36 bytes a block. A block is at most `maxRows` rows
 * or about `maxLength` characters, so that finding a row means to parse one block.
 */
export class BlockTable {
  static readonly maxRows = 128;
  static readonly maxLength = 1 << 15;

  count = 0;
  /** The row a block begins with. */
  private row = new Float64Array(64);
  /** The character of the file's text (or byte of a spool file) it begins at. */
  private position = new Float64Array(64);
  /** The byte decoding can begin at, and the character it gives first. */
  private anchorOffset = new Float64Array(64);
  private anchorPosition = new Float64Array(64);
  private line = new Uint32Array(64);

  get bytes(): number {
    return this.row.byteLength * 4 + this.line.byteLength;
  }

  add(row: number, position: number, line: number, anchorOffset: number, anchorPosition: number): void {
    if (this.count === this.row.length) this.grow();
    const at = this.count++;
    this.row[at] = row;
    this.position[at] = position;
    this.line[at] = line;
    this.anchorOffset[at] = anchorOffset;
    this.anchorPosition[at] = anchorPosition;
  }

  /** The block that holds a row. */
  find(row: number): number {
    let low = 0;
    let high = this.count - 1;
    while (low < high) {
      const middle = (low + high + 1) >> 1;
      if (this.row[middle] <= row) low = middle;
      else high = middle - 1;
    }
    return low;
  }

  block(at: number) {
    return {
      row: this.row[at],
      position: this.position[at],
      line: this.line[at],
      anchorOffset: this.anchorOffset[at],
      anchorPosition: this.anchorPosition[at],
    };
  }

  private grow(): void {
    const grown = <A extends Float64Array | Uint32Array>(old: A): A => {
      const next = new (old.constructor as new (length: number) => A)(old.length * 2);
      next.set(old);
      return next;
    };
    this.row = grown(this.row);
    this.position = grown(this.position);
    this.line = grown(this.line);
    this.anchorOffset = grown(this.anchorOffset);
    this.anchorPosition = grown(this.anchorPosition);
  }
}
