/** What npm start takes once the packages are installed. See USAGE. */
import { spawnSync } from 'node:child_process';
import { benchOptions, printResult, runMain, seconds } from './support/report';

const USAGE = `npm run bench:start -- [--json FILE]

From a clone with its packages to a fine-tuned model and scored pairs: the build, and samples/start.mjs, as npm start runs them.`;

async function main(): Promise<void> {
  const options = benchOptions(USAGE, {});
  const timed = (script: string): number => {
    const started = performance.now();
    const { status } = spawnSync(process.execPath, [script], { stdio: ['ignore', 'ignore', 'inherit'] });
    if (status !== 0) throw new Error(`${script} ended with ${status}`);
    return (performance.now() - started) / 1000;
  };
  const [build, samples] = [timed('esbuild.mjs'), timed('samples/start.mjs')];
  const value = build + samples;
  printResult(
    'start',
    {
      threads: Number(options.threads),
      notes: [],
      columns: ['', 'took'],
      rows: [
        ['build', seconds(build)],
        ['fine-tuning and scoring', seconds(samples)],
        ['together', seconds(value)],
      ],
      figures: [{ name: 'npm start', value, unit: 's' }],
      results: { buildSeconds: build, samplesSeconds: samples },
      reference: null,
    },
    options.json,
  );
}

runMain(main);
