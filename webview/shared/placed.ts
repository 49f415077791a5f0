import type { Disposable } from '../../src/base/disposables';

/** Things of a page that live as long as the element that each was placed in, by their names. */
export class Placed<Name extends string, E extends object, T extends Disposable> {
  private readonly all = new Map<Name, { readonly element: E; readonly thing: T; isLeft: boolean }>();

  constructor(private readonly create: (element: E) => T) {}

  /**
   * The callback of lit's `ref`. Lit passes the element after rendering it, and undefined after removing it. At each
   * rendering with a new callback it passes undefined and then the same element again, whose thing stays.
   */
  place(name: Name, element: E | undefined): void {
    const known = this.all.get(name);
    if (known) known.isLeft = element !== known.element;
    if (known && !element) return queueMicrotask(() => known.isLeft && this.remove(name, known.element));
    if (!element || known?.element === element) return;
    known?.thing.dispose();
    this.all.set(name, { element, thing: this.create(element), isLeft: false });
  }

  get(name: Name): T | undefined {
    return this.all.get(name)?.thing;
  }

  forEach(act: (thing: T) => void): void {
    this.all.forEach(({ thing }) => act(thing));
  }

  private remove(name: Name, element: E): void {
    const known = this.all.get(name);
    if (known?.element !== element) return;
    this.all.delete(name);
    known.thing.dispose();
  }
}
