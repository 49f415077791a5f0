/** Ownership: whoever creates something disposable puts it in a store or a slot, and nothing else ends it. */
export interface Disposable {
  dispose(): void;
}

/** A disposable from a function that runs at most once. */
export function disposable(end: () => void): Disposable {
  let ended = false;
  return {
    dispose() {
      if (ended) return;
      ended = true;
      end();
    },
  };
}

/** Things that live exactly as long as their owner. Added to a store that has ended, a thing ends at once. */
export class DisposableStore implements Disposable {
  private readonly items = new Set<Disposable>();
  private ended = false;

  get isDisposed(): boolean {
    return this.ended;
  }

  add<T extends Disposable>(item: T): T {
    if (this.ended) item.dispose();
    else this.items.add(item);
    return item;
  }

  /** Ends everything, last added first; a failing item does not keep the others alive. */
  dispose(): void {
    this.ended = true;
    const items = [...this.items].reverse();
    this.items.clear();
    const failures: unknown[] = [];
    for (const item of items) {
      try {
        item.dispose();
      } catch (error) {
        failures.push(error);
      }
    }
    if (failures.length > 0) throw failures[0];
  }
}

/** Something that lives shorter than its owner and is replaced: at most one at a time, the old one ends first. */
export class Slot<T extends Disposable> implements Disposable {
  private current: T | undefined;
  private ended = false;

  get value(): T | undefined {
    return this.current;
  }

  set value(next: T | undefined) {
    if (next === this.current) return;
    const previous = this.current;
    this.current = undefined;
    previous?.dispose();
    if (this.ended) next?.dispose();
    else this.current = next;
  }

  dispose(): void {
    this.value = undefined;
    this.ended = true;
  }
}
