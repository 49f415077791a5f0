import type { TextHash } from './textHash';

/** Rows of equal hash, found as they come: 20 to 28 bytes a row. Rows are added once each, in ascending order. */
export class GroupTable {
  groups = 0;
  private readonly high: Uint32Array;
  private readonly low: Uint32Array;
  /** The next row of the group; the last one's is the first. */
  private readonly next: Int32Array;
  /** The last row of a group + 1, by hash with linear probing. */
  private readonly slots: Int32Array;
  private readonly mask: number;

  constructor(rows: number) {
    const size = 2 ** Math.ceil(Math.log2(Math.max(16, rows * 1.5)));
    this.mask = size - 1;
    this.slots = new Int32Array(size);
    this.high = new Uint32Array(rows);
    this.low = new Uint32Array(rows);
    this.next = new Int32Array(rows);
  }

  /** The row of the same group that came before it; -1: the first of its group. */
  add(row: number, { high, low }: TextHash): number {
    this.high[row] = high;
    this.low[row] = low;
    const slot = this.slotOf(high >>> 0, low >>> 0);
    const last = this.slots[slot] - 1;
    this.slots[slot] = row + 1;
    if (last < 0) {
      this.groups++;
      this.next[row] = row;
      return -1;
    }
    this.next[row] = this.next[last];
    this.next[last] = row;
    return last;
  }

  /** A row of the group with this hash, the same one each time; -1: there is none. */
  find({ high, low }: TextHash): number {
    return this.slots[this.slotOf(high >>> 0, low >>> 0)] - 1;
  }

  /** What `find` gives for a row's own hash. */
  lastOf(row: number): number {
    return this.slots[this.slotOf(this.high[row], this.low[row])] - 1;
  }

  /** The first row of a row's group. */
  firstOf(row: number): number {
    return this.next[this.lastOf(row)];
  }

  isSame(a: number, b: number): boolean {
    return this.high[a] === this.high[b] && this.low[a] === this.low[b];
  }

  /** The rows of a group, ascending, of which `last` is what `find` gave. */
  rowsOf(last: number): number[] {
    const rows: number[] = [];
    for (let row = this.next[last]; ; row = this.next[row]) {
      rows.push(row);
      if (row === last) return rows;
    }
  }

  /** Groups of two rows and more, in the order of their first rows. */
  *repeated(): Generator<number[]> {
    const lasts: number[] = [];
    for (const slot of this.slots) if (slot > 0 && this.next[slot - 1] !== slot - 1) lasts.push(slot - 1);
    lasts.sort((a, b) => this.next[a] - this.next[b]);
    for (const last of lasts) yield this.rowsOf(last);
  }

  private slotOf(high: number, low: number): number {
    for (let slot = low & this.mask; ; slot = (slot + 1) & this.mask) {
      const row = this.slots[slot] - 1;
      if (row < 0 || (this.high[row] === high && this.low[row] === low)) return slot;
    }
  }
}

/** How many different hashes there are, up to a limit; 8 to 24 bytes each. */
export class DistinctHashes {
  count = 0;
  isExact = true;
  private high = new Uint32Array(64);
  private low = new Uint32Array(64);

  constructor(private readonly limit: number) {}

  add({ high, low }: TextHash): void {
    if (this.put(high >>> 0, low >>> 0) && this.count * 3 > this.high.length * 2) this.grow();
  }

  private put(high: number, low: number): boolean {
    // Two zeros mark an empty place; the one text in 2^64 that has them counts as another.
    if (high === 0 && low === 0) low = 1;
    const mask = this.high.length - 1;
    for (let slot = low & mask; ; slot = (slot + 1) & mask) {
      if (this.high[slot] === high && this.low[slot] === low) return false;
      if (this.high[slot] !== 0 || this.low[slot] !== 0) continue;
      if (this.count >= this.limit) {
        this.isExact = false;
        return false;
      }
      this.high[slot] = high;
      this.low[slot] = low;
      this.count++;
      return true;
    }
  }

  private grow(): void {
    const { high, low } = this;
    this.high = new Uint32Array(high.length * 2);
    this.low = new Uint32Array(high.length * 2);
    this.count = 0;
    for (let slot = 0; slot < high.length; slot++) {
      if (high[slot] !== 0 || low[slot] !== 0) this.put(high[slot], low[slot]);
    }
  }
}
