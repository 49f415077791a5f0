/**
 * Passes the newest value on, at most `perSecond` times a second. The first passes at once; `flush` passes what is
 * waiting, so that the last value always arrives.
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
    // No timer: a training step blocks the thread, so a timer would only fire when the next value is there anyway.
    push(value) {
      waiting = { value };
      if (now() - lastMs >= intervalMs) flush();
    },
    flush,
  };
}
