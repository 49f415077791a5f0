/** A growing list of row numbers, four bytes each. */
export class RowNumbers {
  length = 0;
  private numbers: Uint32Array;

  constructor(capacity = 1024) {
    this.numbers = new Uint32Array(capacity);
  }

  static of(rows: Iterable<number>): RowNumbers {
    const list = new RowNumbers();
    for (const row of rows) list.push(row);
    return list;
  }

  push(row: number): void {
    if (this.length === this.numbers.length) {
      const grown = new Uint32Array(Math.max(1024, this.length * 2));
      grown.set(this.numbers);
      this.numbers = grown;
    }
    this.numbers[this.length++] = row;
  }

  at(index: number): number {
    return this.numbers[index];
  }

  indexOf(row: number): number {
    return this.view().indexOf(row);
  }

  /** Without a copy; valid until the next push. */
  view(): Uint32Array {
    return this.numbers.subarray(0, this.length);
  }
}

/** A set of row numbers, a bit each. */
export class RowSet {
  private readonly bits: Uint8Array;

  constructor(private readonly rows: number) {
    this.bits = new Uint8Array(Math.ceil(rows / 8));
  }

  static of(numbers: Iterable<number>, rows: number): RowSet {
    const set = new RowSet(rows);
    for (const row of numbers) set.add(row);
    return set;
  }

  add(row: number): void {
    if (row < this.rows) this.bits[row >> 3] |= 1 << (row & 7);
  }

  has(row: number): boolean {
    return row < this.rows && (this.bits[row >> 3] & (1 << (row & 7))) !== 0;
  }
}
