/**
 * npx tsx bench/starter.ts --cblue DIR --chineseblue DIR [--whole DIR] [--out FILE]: what fine-tuning makes of the starter encoder, of the same
 * shape from random weights and (--whole) of the whole multilingual-e5-small, under the default recipe with three seeds, on KUAKE-QQR, KUAKE-QIC
 * and cMedQQ. Hours: each finished run is a line of FILE (default bench/out/starter.jsonl), and the next call goes on after it.
 */
import { appendFileSync, cpSync, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { execFileSync } from 'node:child_process';

import { tmpdir } from 'node:os';
import { dirname, join, resolve } from 'node:path';
import { parseArgs } from 'node:util';

const SEEDS = [1, 2, 3];
const { values } = parseArgs({
  options: {
    cblue: { type: 'string' },
    chineseblue: { type: 'string' },
    whole: { type: 'string' },
    out: { type: 'string', default: 'bench/out/starter.jsonl' },
  },
});

interface Bench {
  readonly name: string;
  readonly flags: readonly string[];
  readonly judge: string;
}

function sets(): Bench[] {
  const found: Bench[] = [];
  if (values.chineseblue !== undefined) {
    const file = (name: string) => resolve(values.chineseblue!, 'cMedQQ', name);
    const flags = ['--labels', '0,1', '--train', file('train.txt'), '--validation', file('dev.txt')];
    found.push({ name: 'cMedQQ', flags, judge: file('test.txt') });
  }
  if (values.cblue !== undefined) {
    // Their test files have no labels: the dev file judges, and an eighth of the training data chooses.
    const held = ['--set', 'dataset.split={"validation":0.125}'];
    for (const [name, labels] of [
      ['KUAKE-QQR', ['--labels', '0,1,2', '--map', 'NA=']],
      ['KUAKE-QIC', []],
    ] as const) {
      const file = (split: string) => resolve(values.cblue!, name, `${name}_${split}.json`);
      found.push({ name, flags: [...labels, '--train', file('train'), ...held], judge: file('dev') });
    }
  }
  return found;
}

/** The starter's shape and vocabulary without its weights. */
function randomStart(folder: string): string {
  cpSync('starter', folder, { recursive: true, filter: (path) => !path.endsWith('.q4') });
  return folder;
}

function medtext(args: readonly string[]): Record<string, any> {
  const text = execFileSync(process.execPath, ['dist/cli.js', ...args, '--json'], { encoding: 'utf8', maxBuffer: 2 ** 28, stdio: ['ignore', 'pipe', 'inherit'] }); // prettier-ignore
  return JSON.parse(text.trim().split('\n').at(-1)!) as Record<string, any>;
}

const out = resolve(values.out);
mkdirSync(dirname(out), { recursive: true });
const done = new Set(existsSync(out) ? readFileSync(out, 'utf8').split('\n').filter(Boolean).map((line) => JSON.parse(line).key as string) : []); // prettier-ignore
const home = mkdtempSync(join(tmpdir(), 'medtext-bench-starter-'));
try {
  const models = { starter: 'starter', random: randomStart(join(home, 'random')), ...(values.whole !== undefined && { whole: values.whole }) }; // prettier-ignore
  for (const { name, flags, judge } of sets()) {
    for (const seed of SEEDS) {
      for (const [start, model] of Object.entries(models)) {
        const key = `${name} ${start} ${seed}`;
        if (done.has(key)) continue;
        const began = performance.now();
        const run = medtext(['finetune', '--model', model, ...flags, '--seed', String(seed), '--set', `work_dir=${join(home, 'runs')}`]); // prettier-ignore
        const report = medtext(['evaluate', String(run.model), '--data', judge]);
        const { accuracy, accuracyInterval, macroF1, macroF1Interval, majorityBaseline } = report;
        const line = { key, accuracy, accuracyInterval, macroF1, macroF1Interval, majorityBaseline, minutes: (performance.now() - began) / 60_000 }; // prettier-ignore
        appendFileSync(out, `${JSON.stringify(line)}\n`);
        console.log(key, accuracy, macroF1);
      }
    }
  }
} finally {
  rmSync(home, { recursive: true, force: true });
}
