// Runs after the build in `npm start`: scores pairs with the bundled encoder, fine-tunes it for a few steps on
// questions with their departments, and predicts departments of new questions. The command line does all the work. Each
// command is printed, so that a person can repeat it.
import { spawnSync } from 'node:child_process';
import { existsSync, readdirSync, statSync } from 'node:fs';
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
const QUESTIONS = ['血糖高可以吃水果吗', '膝盖疼上下楼梯困难', '眼睛干涩看不清', '胸口闷心跳快', '胃胀反酸怎么回事'];

heading('1. Score pairs at once, with the encoder that comes with the program (cosines: 1 is the same direction)');
console.log(`  $ medtext score "${PAIRS[0][0]}" "${PAIRS[0][1]}"\n`);
for (const [first, second] of PAIRS) {
  const { similarity, place } = JSON.parse(medtext(['score', 'starter', first, second, '--json'], 'pipe'));
  const above = `above ${(100 * place.random).toFixed(0).padStart(3)} % of random pairs`;
  console.log(`  ${similarity.toFixed(3)}  ${above}  ${first} / ${second}`);
}

heading('2. Fine-tune it on 240 questions, each with the department that answers it');
console.log('  $ medtext finetune samples/first-minute.medtext.json\n');
medtext(['finetune', 'samples/first-minute.medtext.json', '--device', 'cpu']);
const run = newestRun(join(root, 'runs'));

heading('3. Ask what it has become: questions that it has not seen');
const model = join(run, 'model');
for (const question of QUESTIONS) {
  const { label, probabilities } = JSON.parse(medtext(['score', model, question, '--json'], 'pipe'));
  console.log(`  ${label.padEnd(5, '　')} ${(100 * probabilities[label]).toFixed(0).padStart(3)} %  ${question}`);
}

heading('4. What next');
const shown = relative(process.cwd(), model) || '.';
console.log(`  The model is in ${shown}. It has seen 240 questions, twice: for work, train it on your own data, longer.

    node dist/cli.js finetune samples/starter.medtext.json                   a judge of pairs, from 5,159 of them: minutes
    node dist/cli.js finetune --model starter --train train.json --validation dev.json
    node dist/cli.js score 肺炎怎么治疗 --against samples/medical-pairs/validation.json --top 5
    node dist/cli.js evaluate ${shown} --data samples/departments/validation.jsonl
    node dist/cli.js import <checkpoint folder> --output models/mine         a larger encoder of yours
    node dist/cli.js --help

  ${((performance.now() - startedAt) / 1000).toFixed(0)} s since the build.
`);

function heading(text) {
  console.log(`\n${text}\n`);
}

/** Runs the command line. With `pipe` it returns the output. */
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

/** The run that has just ended. Names of runs end in the time, so it is the last one. */
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
