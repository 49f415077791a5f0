// npm run fuzz: the damaged inputs of test/fuzz, many more of them than in a test run: MEDTEXT_FUZZ_ROUNDS of each target
// (6,000 unless set, 180,000 in all), edited by MEDTEXT_FUZZ_SEED, within half a gigabyte of heap.
import { spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';

const rounds = process.env.MEDTEXT_FUZZ_ROUNDS ?? '6000';
const mocha = fileURLToPath(new URL('../node_modules/mocha/bin/mocha.js', import.meta.url));
const { status } = spawnSync(
  process.execPath,
  ['--max-old-space-size=512', mocha, '--no-config', '--require', 'tsx/cjs', 'test/fuzz/fuzz.test.ts'],
  {
    cwd: fileURLToPath(new URL('..', import.meta.url)),
    stdio: 'inherit',
    env: { ...process.env, MEDTEXT_FUZZ_ROUNDS: rounds },
  },
);
process.exitCode = status ?? 1;
