import assert from 'node:assert/strict';
import type { Silence } from '../../src/protocol/silence';
import { LifeSigns } from '../../src/worker/lifeSigns';

const limits = { frozenMs: 15_000, blockedMs: 600_000 };

function watched() {
  const seen: (Silence['kind'] | undefined)[] = [];
  const signs = new LifeSigns(limits, (silence) => seen.push(silence?.kind));
  /** Seconds pass; the watching thread beats every two, unless it is frozen. */
  const pass = (seconds: number, { beats = true } = {}): void => {
    for (let second = 1; second <= seconds; second++) {
      signs.tick(1000);
      if (beats && second % 2 === 0) signs.beat();
    }
  };
  signs.beat();
  signs.message();
  return { signs, seen, pass };
}

describe('signs of life of a child process', () => {
  it('a long step is work: nine minutes in one call alarm nobody', () => {
    const { seen, pass } = watched();
    pass(540);
    assert.deepEqual(seen, []);
  });

  it('a frozen process is noticed after its limit, once, and so is its return', () => {
    const { signs, seen, pass } = watched();
    pass(15, { beats: false });
    assert.deepEqual(seen, []);
    pass(60, { beats: false });
    assert.deepEqual(seen, ['frozen']);
    signs.beat();
    assert.deepEqual(seen, ['frozen', undefined]);
  });

  it('a main thread that hangs while the watching thread beats is noticed after ten minutes', () => {
    const { signs, seen, pass } = watched();
    pass(602);
    assert.deepEqual(seen, ['blocked']);
    signs.message();
    assert.deepEqual(seen, ['blocked', undefined]);
  });

  it('where steps take minutes, the limit is ten times the longest so far', () => {
    const { signs, seen, pass } = watched();
    pass(120);
    signs.message();
    pass(1190);
    assert.deepEqual(seen, []);
    pass(20);
    assert.deepEqual(seen, ['blocked']);
  });

  it('a machine that slept for hours, or a host that was held up, is no silence of the child', () => {
    const { signs, seen } = watched();
    signs.tick(8 * 3600 * 1000);
    assert.deepEqual(seen, []);
  });

  it('without beats the main thread alone counts', () => {
    const seen: unknown[] = [];
    const signs = new LifeSigns(limits, (silence) => seen.push(silence?.kind));
    for (let second = 0; second < 599; second++) signs.tick(1000);
    assert.deepEqual(seen, []);
    for (let second = 0; second < 3; second++) signs.tick(1000);
    assert.deepEqual(seen, ['blocked']);
  });
});
