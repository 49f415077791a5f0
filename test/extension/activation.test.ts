import assert from 'node:assert/strict';
import { join } from 'node:path';
import { build } from 'esbuild';
import { whenIdle, type Clock } from '../../src/extension/whenIdle';

const root = join(__dirname, '../..');

describe('what is loaded when the window opens', () => {
  it('registers and looks whether there are runs, and nothing else: the core is a bundle of its own', async () => {
    const { metafile, outputFiles } = await build({
      absWorkingDir: root,
      entryPoints: ['src/extension/main.ts'],
      bundle: true,
      write: false,
      metafile: true,
      minify: true,
      platform: 'node',
      format: 'cjs',
      external: ['vscode', join(root, 'src/extension/core')],
    });
    assert.deepEqual(Object.keys(metafile.inputs).sort(), [
      'src/base/disposables.ts',
      'src/base/events.ts',
      'src/extension/ids.ts',
      'src/extension/main.ts',
      'src/extension/registrations.ts',
      'src/extension/runStore.ts',
      'src/extension/startNotes.ts',
      'src/extension/whenIdle.ts',
    ]);
    assert.ok(outputFiles[0].contents.length < 10_000, `${outputFiles[0].contents.length} bytes`);
  });
});

describe('whenIdle', () => {
  /** Rings of which each comes as late as the test says; how long it took, or undefined when it never ran. */
  function ranAfter(lateMs: (ring: number) => number, disposeAtRing = Infinity): number | undefined {
    let nowMs = 0;
    let next: (() => void) | undefined;
    let ranMs: number | undefined;
    const clock: Clock = {
      nowMs: () => nowMs,
      ring(afterMs, then) {
        const dueMs = nowMs + afterMs;
        const late = (): void => {
          nowMs = dueMs + lateMs(rings);
          then();
        };
        next = late;
        return { dispose: () => next === late && (next = undefined) };
      },
    };
    let rings = 0;
    const waiting = whenIdle(() => (ranMs = nowMs), clock);
    for (; next && rings < 1000; rings++) {
      if (rings === disposeAtRing) waiting.dispose();
      const ring = next as (() => void) | undefined;
      next = undefined;
      ring?.();
    }
    return ranMs;
  }

  it('runs after three rings on time', () =>
    assert.equal(
      ranAfter(() => 2),
      1206,
    ));
  it('waits while others keep the process busy, however lucky one ring is', () => {
    const busyTill = 40;
    const ran = ranAfter((ring) => (ring >= busyTill || ring % 3 === 0 ? 0 : 90))!;
    assert.ok(ran > 1000 + busyTill * 100, `${ran} ms`);
  });
  it('runs in the end in a process that never rests', () => {
    const ran = ranAfter(() => 200)!;
    assert.ok(ran >= 15_000 && ran < 16_000, `${ran} ms`);
  });
  it('does not run once it is disposed of', () =>
    assert.equal(
      ranAfter(() => 0, 1),
      undefined,
    ));
});
