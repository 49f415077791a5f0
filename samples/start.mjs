// What `npm start` runs after the build: scores pairs with the encoder that comes with the program, fine-tunes it for a few
// steps, and scores them again. Everything is done by the command line itself; each command is printed, to be typed again.
import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { dirname, join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = dirname(dirname(fileURLToPath(import.meta.url)));
const cli = join(root, 'dist', 'cli.js');
if (!existsSync(cli)) fail('dist/cli.js is not there: build it first (npm run build).');
const startedAt = performance.now();

const PAIRS = [
  ['肺炎怎么治疗', '肺炎的治疗方法'],
  ['糖尿病能吃西瓜吗', '糖尿病人可以吃西瓜吗'],
  ['痛风怎么治疗', '痛风吃什么药'],
  ['高血压有什么症状', '高血压能治好吗'],
  ['胃镜前要空腹吗', '颈椎病挂什么科'],
];
/** A minute's worth of the bundled pairs: every twelfth and every sixth row. */
const FEW = { train: 12, validation: 6 };

heading('1. Score pairs at once, with the encoder that comes with the program (cosines: 1 is the same direction)');
console.log(`  $ medtext score "${PAIRS[0][0]}" "${PAIRS[0][1]}"\n`);
for (const [first, second] of PAIRS) {
  const { similarity, place } = JSON.parse(medtext(['score', 'starter', first, second, '--json'], 'pipe'));
  const above = `above ${(100 * place.random).toFixed(0).padStart(3)} % of random pairs`;
  console.log(`  ${similarity.toFixed(3)}  ${above}  ${first} / ${second}`);
}

const few = fewPairs();
heading(`2. Fine-tune it on ${few.rows} labelled pairs: 2 the same question, 1 partly, 0 another`);
console.log('  $ medtext finetune samples/starter.medtext.json\n');
const set = Object.entries(few.files).flatMap(([split, file]) => ['--set', `dataset.${split}.file=${file}`]);
medtext(['finetune', 'samples/starter.medtext.json', ...set, '--device', 'cpu']);
const run = newestRun(join(root, 'runs'));

heading('3. Score the pairs with what it has become');
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

heading('4. What next');
const shown = relative(process.cwd(), model) || '.';
console.log(`  The model is in ${shown}. It has seen ${few.rows} pairs, once: for work, train it on your own data, longer.

    node dist/cli.js finetune samples/starter.medtext.json                   all 5,159 bundled pairs, minutes
    node dist/cli.js finetune --model starter --train train.json --validation dev.json
    node dist/cli.js score ${shown} "肺炎怎么治疗" --against samples/medical-pairs/validation.json --top 5
    node dist/cli.js predict ${shown} --data samples/medical-pairs/test.json --output labelled.json
    node dist/cli.js import <checkpoint folder> --output models/mine         a larger encoder of yours
    node dist/cli.js --help

  ${((performance.now() - startedAt) / 1000).toFixed(0)} s since the build.
`);

/** A few of the bundled pairs, in files of their own below runs/. */
function fewPairs() {
  const folder = join(root, 'runs', 'first-minute');
  mkdirSync(folder, { recursive: true });
  let rows = 0;
  const files = Object.entries(FEW).map(([split, every]) => {
    const all = JSON.parse(readFileSync(join(root, 'samples', 'medical-pairs', `${split}.json`), 'utf8'));
    const some = all.filter((_, i) => i % every === 0);
    if (split === 'train') rows = some.length;
    const file = join(folder, `${split}.json`);
    writeFileSync(file, JSON.stringify(some));
    return [split, file];
  });
  return { files: Object.fromEntries(files), rows };
}

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
