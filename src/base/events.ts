import { disposable, type Disposable } from './disposables';

/** Subscribes a listener; structurally a `vscode.Event`, so host code passes one for the other. */
export type Event<T> = (listener: (value: T) => unknown) => Disposable;

/** The firing end of an event. Listeners run in the order they came; one that throws does not silence the others. */
export class Emitter<T> implements Disposable {
  private readonly listeners = new Set<{ readonly call: (value: T) => unknown }>();

  readonly event: Event<T> = (listener) => {
    const entry = { call: listener };
    this.listeners.add(entry);
    return disposable(() => this.listeners.delete(entry));
  };

  fire(value: T): void {
    for (const listener of [...this.listeners]) {
      try {
        listener.call(value);
      } catch (error) {
        reportListenerError(error);
      }
    }
  }

  dispose(): void {
    this.listeners.clear();
  }
}

/** A mistake in a listener belongs to that listener: it surfaces as an uncaught error, after the others have run. */
function reportListenerError(error: unknown): void {
  queueMicrotask(() => {
    throw error;
  });
}
