// npm run fuzz: runs test/fuzz with many more damaged inputs than a test run. MEDTEXT_FUZZ_ROUNDS sets the number for
// each target (default 6,000; 180,000 in all), MEDTEXT_FUZZ_SEED the seed. The heap is limited to half a gigabyte.
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
