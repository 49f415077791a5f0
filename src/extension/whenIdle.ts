import { disposable, type Disposable } from '../base/disposables';

const firstMs = 1000;
const againMs = 100;
const punctualMs = 20;
const neededInARow = 3;
const patienceMs = 15_000;

export interface Clock {
  nowMs(): number;
  ring(afterMs: number, then: () => void): Disposable;
}

const clockOfProcess: Clock = {
  nowMs: () => performance.now(),
  ring(afterMs, then) {
    const timer = setTimeout(then, afterMs);
    return disposable(() => clearTimeout(timer));
  },
};

/**
 * Runs once the process rests, which timers that ring on time show, several in a row; in a process that never rests,
 * when patience ends.
 */
export function whenIdle(run: () => void, clock: Clock = clockOfProcess): Disposable {
  const startMs = clock.nowMs();
  let punctual = 0;
  let ringing: Disposable;
  const wait = (delayMs: number): void => {
    const dueMs = clock.nowMs() + delayMs;
    ringing = clock.ring(delayMs, () => {
      const nowMs = clock.nowMs();
      punctual = nowMs - dueMs <= punctualMs ? punctual + 1 : 0;
      if (punctual >= neededInARow || nowMs - startMs >= patienceMs) run();
      else wait(againMs);
    });
  };
  wait(firstMs);
  return disposable(() => ringing.dispose());
}
