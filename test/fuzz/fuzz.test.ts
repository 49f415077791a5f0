/**
 * Damaged inputs are read, or refused with a code, in bounded time. `npm run fuzz` does MEDTEXT_FUZZ_ROUNDS of each
 * target (6,000 unless set, 180,000 in all); a plain test run a few hundred. An input that was ever handled wrongly is
 * written to out/fuzz and belongs, once mended, into test/fixtures/fuzz/<target>/: those are replayed first.
 */
import assert from 'node:assert/strict';
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { MedTextError } from '../../src/base/errors';
import { keyOf, RandomStream } from '../../src/base/random';
import { TARGETS, type Target } from './targets';

const ROUNDS = Number(process.env.MEDTEXT_FUZZ_ROUNDS ?? 300);
/** The seed of the random edits: another one finds other things. */
const SEED = Number(process.env.MEDTEXT_FUZZ_SEED ?? 20260101);
/** Most inputs take a millisecond. A machine may be busy; what never ends is found all the same. */
const MAX_ROUND_MS = 20_000;
/** Of the whole test: what a single small file may take (src/base/fileWatch.ts). */
const MAX_RSS_BYTES = 1.5e9;
const KEPT = join(__dirname, '../fixtures/fuzz');

describe('damaged files of strangers', () => {
  let folder: string;
  before(() => void (folder = mkdtempSync(join(tmpdir(), 'medtext-fuzz-'))));
  after(() => rmSync(folder, { recursive: true, force: true }));

  /** Whether the input was refused. */
  async function isRefused({ attempt, codes }: Target, input: Buffer, what: string): Promise<boolean> {
    const start = performance.now();
    try {
      await attempt(input, folder);
      return false;
    } catch (error) {
      assert.ok(error instanceof MedTextError, `${what}: ${(error as Error).stack}`);
      assert.ok(codes.includes(error.code), `${what}: ${error.code}: ${error.message}`);
      return true;
    } finally {
      assert.ok(performance.now() - start < MAX_ROUND_MS, `${what} took ${performance.now() - start} ms`);
    }
  }

  for (const target of TARGETS) {
    it(`${target.name}: right as they are, read or refused with a code when damaged`, async () => {
      for (const [name, seed] of Object.entries(target.seeds)) {
        assert.ok(!(await isRefused(target, seed, name)), `${name} itself is refused`);
      }
      const kept = join(KEPT, target.name);
      for (const name of existsSync(kept) ? readdirSync(kept) : []) {
        await isRefused(target, readFileSync(join(kept, name)), name);
      }
      const entries = Object.entries(target.seeds);
      let refused = 0;
      for (let round = 0; round < ROUNDS; round++) {
        const [name, seed] = entries[round % entries.length];
        const input = target.mutate(seed, new RandomStream(keyOf(SEED, round, ...Buffer.from(target.name))));
        try {
          if (await isRefused(target, input, `${target.name}, round ${round} (${name})`)) refused++;
        } catch (error) {
          const found = join(__dirname, '../../out/fuzz', target.name);
          mkdirSync(found, { recursive: true });
          writeFileSync(join(found, `${SEED}-${round}`), input);
          throw error;
        }
      }
      assert.ok(refused > (target.isMild ? 0 : ROUNDS / 20) && refused < ROUNDS, `${refused} of ${ROUNDS} refused`);
      assert.ok(process.memoryUsage.rss() < MAX_RSS_BYTES, `${process.memoryUsage.rss()} bytes of memory`);
    }).timeout(60_000 + 100 * ROUNDS);
  }

  it('write nothing but what they are asked to', () => {
    assert.deepEqual(readdirSync(folder).filter((name) => !name.startsWith('input.')), []); // prettier-ignore
  });
});
