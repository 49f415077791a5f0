/** A gradient that is zeros but for rows, on the host. */
export class RowGradient {
  /** Elements of a row. */
  private readonly width: number;

  /**
   * @param ids the rows' places, ascending, each once
   * @param values of the rows, one after the other
   */
  constructor(
    readonly ids: Int32Array,
    readonly values: Float32Array,
  ) {
    this.width = ids.length === 0 ? 0 : values.length / ids.length;
  }

  /** Writes the gradient's elements from `start` on to `into`, as many as that has. */
  copy(start: number, into: Float32Array): void {
    into.fill(0);
    if (this.ids.length === 0) return;
    const end = start + into.length;
    for (let row = this.firstRow(start); row < this.ids.length; row++) {
      const at = this.ids[row] * this.width;
      if (at >= end) return;
      const [from, to] = [Math.max(at, start), Math.min(at + this.width, end)];
      const source = row * this.width - at;
      into.set(this.values.subarray(source + from, source + to), from - start);
    }
  }

  /** The first row that ends behind the element. */
  private firstRow(element: number): number {
    const id = Math.floor(element / this.width);
    let [low, high] = [0, this.ids.length];
    while (low < high) {
      const middle = (low + high) >> 1;
      if (this.ids[middle] < id) low = middle + 1;
      else high = middle;
    }
    return low;
  }

  /** The sum with another one of the same parameter, this one's rows first where both have one. */
  plus(other: RowGradient): RowGradient {
    const width = this.width || other.width;
    const ids = Int32Array.from(new Set([...this.ids, ...other.ids])).sort();
    const slotOf = new Map(Array.from(ids, (id, slot): [number, number] => [id, slot]));
    const values = new Float32Array(ids.length * width);
    for (const part of [this, other]) {
      part.ids.forEach((id, row) => {
        const at = slotOf.get(id)! * width;
        for (let i = 0; i < width; i++) values[at + i] += part.values[row * width + i];
      });
    }
    return new RowGradient(ids, values);
  }
}
