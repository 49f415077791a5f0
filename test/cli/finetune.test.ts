import assert from 'node:assert/strict';
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { jsonLines, medtext, medtextFails, medtextJson, start } from './support/commandLine';
import { writeTinyModel } from './support/tinyModel';

const intents = [
  ['怎么治疗', '的治疗方法'],
  ['吃什么药', '能吃什么药'],
  ['有什么症状', '的症状'],
];
const topics = ['肺炎', '感冒', '高血压', '糖尿病', '头痛', '胃'];

/** Pairs of one intent (1) or of two (0). */
function pairs(): { query1: string; query2: string; label: string }[] {
  return topics.flatMap((topic) =>
    intents.flatMap(([first], i) =>
      intents.map(([, second], j) => ({ query1: topic + first, query2: topic + second, label: i === j ? '1' : '0' })),
    ),
  );
}

describe('medtext finetune', () => {
  let folder: string;
  let recipe: string;
  beforeEach(async () => {
    folder = mkdtempSync(join(tmpdir(), 'medtext-finetune-'));
    await writeTinyModel(join(folder, 'base'), {});
    writeFileSync(join(folder, 'train.json'), JSON.stringify(pairs()));
    writeFileSync(join(folder, 'dev.json'), JSON.stringify(pairs().slice(0, 20)));
    recipe = join(folder, 'tiny.medtext.json');
    const json = {
      task: 'sentence-similarity',
      model: 'base',
      dataset: { train: { file: 'train.json' }, validation: { file: 'dev.json' } },
      train: { max_epochs: 2, batch_size: 8, optimizer: { lr: 1e-3 }, evaluate_every: 'epoch' },
    };
    writeFileSync(recipe, JSON.stringify(json));
  });
  afterEach(() => rmSync(folder, { recursive: true, force: true }));

  it('takes the sheet of a workbook by name, and names the sheets where there is none of that name', async () => {
    const book = join(__dirname, '../fixtures/tables/splits.xlsx');
    const [report] = await medtextJson(['data', book, '--sheet', '训练集']);
    assert.deepEqual(report.columns.length, 3);
    const args = ['finetune', '--model', join(folder, 'base'), '--train', book, '--output', folder, '--skip-bad-rows', '--epochs', '1']; // prettier-ignore
    assert.match(
      await medtextFails([...args, '--sheet', 'train'], 1, 'NOT_FOUND'),
      /"封面", "训练集", "验证集", "备注"/,
    );
    const sheet = ['--sheet', '训练集', '--set', `dataset.validation.file=${book}`, '--set', 'dataset.validation.sheet=验证集']; // prettier-ignore
    const lines = await medtextJson([...args, ...sheet]);
    assert.deepEqual(lines.flatMap(({ evaluation }) => (evaluation ? [evaluation.rows] : [])), [1]); // prettier-ignore
  });

  it('a recipe: the contract, and a model that scores', async () => {
    const lines = await medtextJson(['finetune', recipe, '--set', 'train.batch_size=9']);
    const reports = lines.filter((line) => 'step' in line && !('evaluation' in line));
    const evaluations = lines.filter((line) => 'evaluation' in line);
    const end = lines[lines.length - 1];
    assert.equal(reports.length, 12); // 54 pairs in batches of 9, twice
    for (const key of ['step', 'totalSteps', 'epoch', 'loss', 'learningRate', 'examplesPerSecond', 'secondsLeft']) {
      for (const report of reports) assert.equal(typeof report[key], 'number', key);
    }
    assert.deepEqual([reports[11].step, reports[11].totalSteps, reports[11].epoch], [12, 12, 2]);
    assert.deepEqual(
      evaluations.map(({ evaluation }) => evaluation.rows),
      [20, 20],
    );
    assert.equal(end.status, 'finished');
    assert.equal(end.run, join(folder, 'runs', readdirSync(join(folder, 'runs'))[0]));
    assert.deepEqual(Object.keys(end).sort(), ['best', 'model', 'run', 'status']);
    assert.equal(end.best.metric, 'accuracy');

    const [score] = await medtextJson(['score', end.model, '肺炎怎么治疗', '肺炎的治疗方法']);
    assert.deepEqual(Object.keys(score.probabilities), ['0', '1']);
    assert.deepEqual((await medtextJson(['score', end.run, '肺炎怎么治疗', '肺炎的治疗方法']))[0], score);
    const [evaluated] = await medtextJson(['evaluate', end.model, '--data', join(folder, 'dev.json')]);
    assert.equal(evaluated.accuracy, end.best.value);
  });

  it('recognises several labels a row by the data, whether the labels are listed or not', async () => {
    const taskOf = async (cells: readonly string[], ...labels: string[]) => {
      const train = join(folder, 'cells.csv');
      writeFileSync(train, `text,label\n${cells.map((cell, i) => `肺炎第${i}次,${cell}`).join('\n')}\n`);
      const { code, stderr } = await medtext(['finetune', '--model', join(folder, 'base'), '--train', train, ...labels, '--estimate']); // prettier-ignore
      assert.equal(code, 0, stderr);
      return /the task is ([\w-]+), recognised/.exec(stderr)![1];
    };
    const several = ['内科', '外科', '内科;外科', '外科;内科'];
    assert.equal(await taskOf(several), 'multi-label-classification');
    assert.equal(await taskOf(several, '--labels', '外科,内科'), 'multi-label-classification');
    // Each cell is a label of the list: it is one.
    const one = ['内科;外科', '外科;内科', '内科;外科'];
    assert.equal(await taskOf(one, '--labels', '内科;外科,外科;内科'), 'text-classification');
    assert.equal(await taskOf(['0.5', '0.25', '0.5'], '--labels', '0.25,0.5'), 'text-classification');
  });

  it('says before its first step what it took for what, and keeps it with the run; bad rows stop it, or are left out', async () => {
    const rows = pairs().map(({ query1, label }, i) => `${900 - i},${query1}第${i}次,1,${label === '1' ? '同' : '异'},2024-01-01T00:00:${10 + i}Z,${i * 1.5}`); // prettier-ignore
    const train = join(folder, 'export.csv');
    writeFileSync(train, `annotation_id,text,annotator,choice,created_at,lead_time\n${rows.join('\n')}\n,,,同,,\n`);
    const flags = ['finetune', '--model', join(folder, 'base'), '--train', train, '--epochs', '1', '--output', join(folder, 'out')]; // prettier-ignore
    const stopped = await medtext(flags);
    assert.equal(stopped.code, 1);
    assert.match(stopped.stderr, /export\.csv line 56: first_sequence \(column "text"\) is empty/);

    const { code, stdout, stderr } = await medtext([...flags, '--skip-bad-rows']);
    assert.equal(code, 0, stderr);
    assert.match(stderr, /the task is text-classification, recognised from the data: each row has one text/);
    const said = [
      'export.csv: 54 rows; the task is text-classification',
      'first_sequence: column "text", by its name',
      'label: column "choice", what Label Studio’s annotators chose',
      'left out: 1 bad row (first: line 56',
      '2 labels: 同 (18), 异 (36)',
    ].map((line) => stdout.indexOf(line));
    assert.ok(said[0] >= 0 && said.every((at, i) => i === 0 || at > said[i - 1]), `${said}\n${stdout}`);
    const [run] = readdirSync(join(folder, 'out'));
    const record = JSON.parse(readFileSync(join(folder, 'out', run, 'run.json'), 'utf8'));
    assert.deepEqual(record.data.train.fields, [
      { role: 'firstSequence', column: 'text', reason: 'name' },
      { role: 'label', column: 'choice', reason: 'labelStudio' },
    ]);
  });

  it('answers the test data at the end: metrics where it has labels, a file with them where it has none', async () => {
    writeFileSync(join(folder, 'test.json'), JSON.stringify(pairs().slice(20, 40)));
    const [labelled] = (await medtextJson(['finetune', recipe, '--test', join(folder, 'test.json')])).slice(-1);
    const [evaluated] = await medtextJson(['evaluate', labelled.model, '--data', join(folder, 'test.json')]);
    assert.deepEqual(labelled.test, evaluated);
    const bare = pairs().slice(20, 40).map(({ query1, query2 }) => ({ query1, query2 })); // prettier-ignore
    writeFileSync(join(folder, 'bare.json'), JSON.stringify(bare));
    const { stdout } = await medtext(['finetune', recipe, '--test', join(folder, 'bare.json')]);
    const file = /predictions +(\S+)/.exec(stdout)?.[1];
    const rows = JSON.parse(readFileSync(file!, 'utf8')) as { query1: string; label: string }[];
    assert.deepEqual(rows.map(({ query1 }) => query1), bare.map(({ query1 }) => query1)); // prettier-ignore
    assert.ok(rows.every(({ label }) => ['0', '1'].includes(label)));
  });

  it('flags alone; for people too', async () => {
    const flags = ['--model', join(folder, 'base'), '--train', join(folder, 'train.json'), '--epochs', '1'];
    const more = ['--validation', join(folder, 'dev.json'), '--batch-size', '27', '--labels', '1,0', '--threads', '1'];
    const { code, stdout, stderr } = await medtext(['finetune', ...flags, ...more, '--output', join(folder, 'out')]);
    assert.equal(code, 0, stderr);
    assert.match(stdout, /54 training examples/);
    assert.match(stdout, /majority baseline/);
    const [run] = readdirSync(join(folder, 'out'));
    assert.ok(stdout.includes(join(folder, 'out', run, 'model')));
    const config = JSON.parse(readFileSync(join(folder, 'out', run, 'model', 'config.json'), 'utf8'));
    assert.deepEqual(config.label2id, { '1': 0, '0': 1 });
    assert.equal(config.medtext.task, 'sentence-similarity');
  });

  it('what is wrong with a recipe or its flags', async () => {
    assert.match(await medtextFails(['finetune', recipe, '--set', 'lr=1'], 1, 'RECIPE'), /train\.optimizer\.lr/);
    assert.match(await medtextFails(['finetune', recipe, '--epochs', '0'], 1, 'RECIPE'), /max_epochs/);
    assert.match(await medtextFails(['finetune', '--model', 'x'], 1, 'RECIPE'), /"task" is missing|dataset/);
    await medtextFails(['finetune', join(folder, 'absent.medtext.json')], 1, 'NOT_FOUND');
    await medtextFails(['finetune', recipe, '--resume'], 1, 'RESUME');
    await medtextFails(['finetune', '--resume', folder], 1, 'RESUME');
    await medtextFails(['finetune', recipe, '--map', 'NA'], 2, 'USAGE');
  });

  it('--resume drops no flag in silence, and leaves a run that is over as it is', async () => {
    const [end] = (await medtextJson(['finetune', recipe, '--epochs', '1'])).slice(-1);
    for (const resume of [
      [recipe, '--resume'],
      ['--resume', end.run],
    ]) {
      const said = await medtextFails(['finetune', ...resume, '--epochs', '9', '--set', 'train.seed=3'], 2, 'USAGE');
      assert.match(said, /--set, --epochs cannot be used with --resume \(only --device, --threads/);
      const over = await medtextFails(['finetune', ...resume, '--threads', '1'], 1, 'RESUME');
      assert.match(over, /has finished \(step \d+, best at \d+\); nothing was changed\./);
      const further = /medtext (finetune \S+ --model \S+)/.exec(over)![1].split(' ');
      assert.deepEqual(further, ['finetune', join(end.run, 'recipe.medtext.json'), '--model', end.run]);
    }
    assert.match(await medtextFails(['finetune', '--resume', end.run, '--model', 'x'], 2, 'USAGE'), /--model cannot/);
    assert.equal(readdirSync(join(folder, 'runs')).length, 1);
    const [again] = (await medtextJson(['finetune', join(end.run, 'recipe.medtext.json'), '--model', end.run])).slice(
      -1,
    );
    assert.deepEqual([again.status, again.run === end.run], ['finished', false]);
  });

  for (const [name, env] of [
    ['in one process', {}],
    ['in a second process with huge pages', { MEDTEXT_NO_RESPAWN: '', GLIBC_TUNABLES: '' }],
  ] as const) {
    it(`Ctrl-C saves and ends with 130, and --resume goes on, ${name}`, async function () {
      if (process.platform === 'win32') this.skip(); // Windows ends a process at once.
      const run = start(['finetune', recipe, '--epochs', '200', '--json'], { env });
      await run.until('"step":3,');
      run.process.kill('SIGINT');
      const { code, stdout, stderr } = await run.ended;
      assert.equal(code, 130, stderr);
      const lines = jsonLines(stdout);
      const end = lines[lines.length - 1];
      const last = lines.filter((line) => 'loss' in line).pop();
      assert.equal(end.status, 'stopped');
      assert.ok(last.step >= 3 && last.step < last.totalSteps);
      assert.ok(existsSync(join(end.run, 'checkpoints', `step-${String(last.step).padStart(9, '0')}`)));
      assert.ok(stderr.includes(`medtext finetune --resume ${end.run}`));

      const resumed = start(['finetune', recipe, '--resume', '--json'], { env });
      await resumed.until(`"step":${last.step + 1},`);
      resumed.process.kill('SIGTERM');
      const again = await resumed.ended;
      assert.equal(again.code, 130, again.stderr);
      assert.equal(jsonLines(again.stdout).pop().run, end.run);
    });
  }

  it('--resume without a run takes the newest, also where that was killed before its first checkpoint', async () => {
    const older = start(['finetune', recipe, '--epochs', '200', '--json']);
    await older.until('"step":3,');
    older.process.kill('SIGINT');
    const { stdout } = await older.ended;
    const newer = start(['finetune', recipe, '--epochs', '900', '--set', 'train.evaluate_every=5000', '--json']);
    await newer.until('"step":3,');
    newer.process.kill('SIGKILL');
    await newer.ended;
    const resumed = start(['finetune', recipe, '--resume', '--json']);
    await resumed.until('"step":1,');
    resumed.process.kill('SIGINT');
    const again = await resumed.ended;
    assert.match(again.stderr, /ended before its first checkpoint: it begins again at step 1/);
    assert.notEqual(jsonLines(again.stdout).pop().run, jsonLines(stdout).pop().run);
  });

  it('a second process ends with the first', async function () {
    if (process.platform !== 'linux') this.skip();
    const run = start(['finetune', recipe, '--epochs', '5000', '--json'], {
      env: { MEDTEXT_NO_RESPAWN: '', GLIBC_TUNABLES: '' },
    });
    await run.until('"step":2,');
    run.process.kill('SIGKILL');
    // The second process holds the pipe: it closes when that one is gone too.
    const { stdout } = await run.ended;
    const steps = jsonLines(stdout.slice(0, stdout.lastIndexOf('\n'))).filter((line) => 'loss' in line);
    assert.ok(steps[steps.length - 1].step < 5000);
  });
});
