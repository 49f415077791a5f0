/** Whether a later run of the suite is slower than an earlier one. See USAGE. */
import { readFileSync } from 'node:fs';
import { parseArgs } from 'node:util';
import { compareFigures, type SuiteFile } from './support/compareFigures';
import { markdownTable, runMain } from './support/report';

const USAGE = `npm run bench:compare -- EARLIER.json LATER.json [--tolerance 0.15]

Compares the figures that both files of npm run bench have, and ends with 1 where a later one is worse by more than the tolerance.
A figure that was measured in turns with another program is compared by its ratio to that program; any other one by itself, and only
between files of one machine. Two quick runs show that the comparison works: the figures of few turns say little. A benchmark that failed in the later file is a regression.`;

async function main(): Promise<void> {
  const { values, positionals } = parseArgs({
    options: { tolerance: { type: 'string', default: '0.15' }, help: { type: 'boolean', default: false } },
    allowPositionals: true,
  });
  const tolerance = Number(values.tolerance);
  if (values.help || positionals.length !== 2 || !(tolerance > 0)) {
    console.log(USAGE);
    process.exit(values.help ? 0 : 2);
  }
  const [earlier, later] = positionals.map((file) => JSON.parse(readFileSync(file, 'utf8')) as SuiteFile);
  if (later.isQuick) console.log('Quick runs: figures of few turns.\n');
  const { rows, regressions, failed } = compareFigures(earlier, later, tolerance);
  console.log(markdownTable(['figure', 'compared by', 'earlier', 'later', 'change'], rows));
  if (failed.length > 0) console.log(`\nfailed in the later run: ${failed.join(', ')}`);
  if (regressions.length + failed.length === 0) return;
  throw new Error(
    `${regressions.length} figures are worse by more than ${100 * tolerance} %: ${regressions.join('; ')}`,
  );
}

runMain(main);
