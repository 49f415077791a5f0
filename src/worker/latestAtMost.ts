/**
 * Passes on the newest value, at most `perSecond` times a second. The first value passes at once. `flush` passes a waiting
 * value, so that the last value always arrives.
 */
export function latestAtMost<T>(
  perSecond: number,
  pass: (value: T) => void,
  now: () => number = () => performance.now(),
): { push(value: T): void; flush(): void } {
  const intervalMs = 1000 / perSecond;
  let lastMs = -Infinity;
  let waiting: { readonly value: T } | undefined;
  const flush = (): void => {
    if (!waiting) return;
    const { value } = waiting;
    waiting = undefined;
    lastMs = now();
    pass(value);
  };
  return {
    // A timer would be useless: a training step blocks the thread until the next value arrives.
    push(value) {
      waiting = { value };
      if (now() - lastMs >= intervalMs) flush();
    },
    flush,
  };
}
