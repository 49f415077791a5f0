import assert from 'node:assert/strict';
import { StepsAtOnce } from '../../src/steps/stepsAtOnce';

/** The counts of the runs, on a device where a run costs `overheadMs` and so much for each step. */
function countsOn(
  overheadMs: number,
  stepMs: (run: number) => number,
  runs = 30,
): { counts: number[]; times: number[] } {
  const pace = new StepsAtOnce();
  const counts: number[] = [];
  const times: number[] = [];
  for (let run = 0; run < runs; run++) {
    counts.push(pace.count);
    times.push(overheadMs + pace.count * stepMs(run));
    pace.ran(pace.count, run === 0 ? 10_000 : times[run], run === 0);
  }
  return { counts, times };
}

describe('steps a run', () => {
  // As measured: BERT-base at 16 x 32 on an H200 with and without huge pages, a small encoder, a slow card.
  const DEVICES: readonly [name: string, overheadMs: number, stepMs: number, atLeastMs: number][] = [
    ['much overhead, fast steps', 550, 14, 1900],
    ['more overhead than half of the target', 1000, 40, 1900],
    ['no overhead, very fast steps', 5, 1, 1900],
    ['steps of half a second', 200, 500, 1600],
  ];
  for (const [name, overheadMs, stepMs, atLeastMs] of DEVICES) {
    it(`take about two seconds: ${name}`, () => {
      const { counts, times } = countsOn(overheadMs, () => stepMs);
      assert.ok(times.at(-1)! >= atLeastMs && times.at(-1)! <= 2100, `${times.at(-1)} ms, ${counts}`);
      counts.slice(1).forEach((count, i) => assert.ok(count <= 2 * counts[i], `from ${counts[i]} to ${count}`));
    });
  }

  it('take as long again as what is besides them, where that is more than the target', () => {
    const { times } = countsOn(3000, () => 50);
    assert.ok(times.at(-1)! > 5500 && times.at(-1)! <= 6000, `${times.at(-1)}`);
  });

  it('are one where one takes longer than two seconds', () => {
    assert.ok(countsOn(100, () => 5000).counts.every((count) => count === 1));
    assert.ok(
      countsOn(100, () => 2500)
        .counts.slice(3)
        .every((count) => count === 1),
      'after one try of two',
    );
    assert.equal(countsOn(100, () => 1500).counts.at(-1), 1);
  });

  it('stay near the target when a machine has its moods', () => {
    const { times } = countsOn(550, (run) => 14 * (1 + 0.3 * Math.sin(run * 2.1)), 200);
    times.slice(20).forEach((time, i) => assert.ok(time > 1200 && time < 3200, `run ${20 + i}: ${time} ms`));
  });
});
