// What `npm start` runs after the build: fine-tunes the bundled encoder on the bundled pairs, and shows what came of it.
// Everything is done by the command line itself; each command is printed, to be typed again with other data.
import { spawnSync } from 'node:child_process';
import { existsSync, readdirSync, statSync } from 'node:fs';
import { dirname, join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = dirname(dirname(fileURLToPath(import.meta.url)));
const cli = join(root, 'dist', 'cli.js');
if (!existsSync(cli)) fail('dist/cli.js is not there: build it first (npm run build).');

const PAIRS = [
  ['肺炎怎么治疗', '肺炎的治疗方法'],
  ['糖尿病能吃西瓜吗', '糖尿病人可以吃西瓜吗'],
  ['痛风怎么治疗', '痛风吃什么药'],
  ['高血压有什么症状', '高血压能治好吗'],
  ['胃镜前要空腹吗', '颈椎病挂什么科'],
];

heading('1. Fine-tune a small encoder on 5,159 pairs of Chinese medical questions');
console.log('  $ medtext finetune samples/medical-pairs.medtext.json\n');
medtext(['finetune', 'samples/medical-pairs.medtext.json']);
const run = newestRun(join(root, 'runs'));

heading('2. Score pairs it has not seen: 2 the same question, 1 partly, 0 another');
const model = join(run, 'model');
for (const [first, second] of PAIRS) {
  const { similarity, probabilities } = JSON.parse(medtext(['score', model, first, second, '--json'], 'pipe'));
  const [label, probability] = Object.entries(probabilities).reduce((best, entry) =>
    entry[1] > best[1] ? entry : best,
  );
  const bar = '█'.repeat(Math.round(similarity * 20)).padEnd(20, '·');
  console.log(
    `  ${bar} ${similarity.toFixed(2)}  label ${label} (${(100 * probability).toFixed(0)} %)  ${first} / ${second}`,
  );
}

heading('3. What next');
const shown = relative(process.cwd(), model) || '.';
console.log(`  The model is in ${shown} (Hugging Face's layout: transformers loads it as it is).
  This encoder began with random weights and knows the wordings of these pairs, nothing else: it often misjudges freely
  worded questions (the second pair above asks the same). For your own data, begin with a pretrained encoder:

    node dist/cli.js score ${shown} "肺炎怎么治疗" --against samples/medical-pairs/validation.json --top 5
    node dist/cli.js predict ${shown} --data samples/medical-pairs/test.json --output labelled.json
    node dist/cli.js import <checkpoint folder> --output models/mine
    node dist/cli.js finetune --model models/mine --train train.json --validation dev.json
    node dist/cli.js --help
`);

function heading(text) {
  console.log(`\n${text}\n`);
}

/** Runs the command line; with `pipe` gives what it prints. */
function medtext(args, stdout = 'inherit') {
  const result = spawnSync(process.execPath, [cli, ...args], {
    cwd: root,
    stdio: ['inherit', stdout, 'inherit'],
    encoding: 'utf8',
  });
  if (result.error) fail(result.error.message);
  if (result.status !== 0) process.exit(result.status ?? 1);
  return result.stdout;
}

/** The run that has just ended: names end in the time. */
function newestRun(folder) {
  const ended = readdirSync(folder)
    .filter((name) => existsSync(join(folder, name, 'model', 'config.json')))
    .map((name) => ({ path: join(folder, name), time: statSync(join(folder, name, 'run.json')).mtimeMs }))
    .sort((a, b) => b.time - a.time);
  return ended[0].path;
}

function fail(message) {
  console.error(`error: ${message}`);
  process.exit(1);
}
