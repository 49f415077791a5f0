import assert from 'node:assert/strict';
import { appendFileSync, mkdirSync, mkdtempSync, rmdirSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { RunLog, RunLogs } from '../../src/extension/runLog';
import { emptyHistory } from '../../src/extension/views/runHistory';
import { classificationOf } from '../support/evaluations';

describe('the metrics log of a run', () => {
  let folder: string;
  let file: string;
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'medtext-log-'));
    file = join(folder, 'metrics.jsonl');
  });
  afterEach(() => rmSync(folder, { recursive: true, force: true }));

  const line = (step: number, more: object = {}): string => `${JSON.stringify({ step, loss: 1 / step, learningRate: step / 1e6, ...more })}\n`; // prettier-ignore
  const lines = (from: number, to: number): string => Array.from({ length: to - from + 1 }, (_, i) => line(from + i)).join(''); // prettier-ignore
  const stepsOf = async (log: RunLog) => (await log.read()).history.steps;

  it('passes over lines that are torn or of another kind', async () => {
    const evaluation = { step: 2, epoch: 1, evaluation: classificationOf({ accuracy: 0.7, loss: 0.3 }) };
    const given = [line(1), line(2, { loss: null }), `${JSON.stringify(evaluation)}\n`, '"x"\nnull\n{"step":-1}\n', line(3)]; // prettier-ignore
    writeFileSync(file, `${given.join('')}{"step":4,"lo`);
    const { history } = await new RunLog(folder).read();
    assert.deepEqual([history.steps, history.losses], [[1, 2, 3], [1, null, 1 / 3]]); // prettier-ignore
    assert.deepEqual([history.evaluations[0].metrics.accuracy, history.last?.step], [0.7, 3]);
    assert.deepEqual(history.scores, [
      { step: 2, answer: 'class', highest: [{ name: '0', f1: 1, support: 1 }], leftOut: 0, lowest: [] },
    ]);
    assert.deepEqual(await new RunLog(join(folder, 'absent')).read(), { history: emptyHistory, series: [] });
  });

  it('has what was logged of each step besides its loss, bounded', async () => {
    writeFileSync(file, Array.from({ length: 5000 }, (_, i) => line(i + 1, i >= 10 ? { gradientNorm: i + 1 } : {})).join('')); // prettier-ignore
    const { series } = await new RunLog(folder).read();
    assert.deepEqual(series.map(({ name }) => name), ['learningRate', 'gradientNorm']); // prettier-ignore
    assert.ok(series[0].steps.length <= 1300 && series[0].steps.length === series[0].values.length);
    assert.deepEqual([series[0].steps[0], series[0].steps.at(-1), series[1].steps[0]], [1, 5000, 11]);
  });

  it('is read again after a read that failed', async () => {
    const log = new RunLog(folder);
    mkdirSync(file);
    await assert.rejects(log.read(), { code: 'EISDIR' });
    rmdirSync(file);
    writeFileSync(file, lines(1, 2));
    assert.deepEqual(await stepsOf(log), [1, 2]);
  });

  it('is read as it grows, what is new alone, a line in two parts included', async () => {
    writeFileSync(file, lines(1, 1000));
    const log = new RunLog(folder);
    assert.equal((await stepsOf(log)).length, 1000);
    const before = statSync(file).size;
    // What was read is not looked at again but for its end: were it, these would show.
    writeFileSync(file, `${'x'.repeat(99)}\n`.repeat(before / 100 + 1).slice(0, before - 300) + lines(1, 1000).slice(-300)); // prettier-ignore
    appendFileSync(file, line(1001) + line(1002).slice(0, 9));
    assert.deepEqual((await stepsOf(log)).slice(-2), [1000, 1001]);
    appendFileSync(file, line(1002).slice(9));
    assert.deepEqual((await stepsOf(log)).slice(-2), [1001, 1002]);
    assert.equal(log.last?.step, 1002);
    assert.equal(log.bytesRead, statSync(file).size);
  });

  it('is read anew when a resumed run has cut it, also where it has grown beyond what was read', async () => {
    writeFileSync(file, lines(1, 50));
    const log = new RunLog(folder);
    await log.read();
    writeFileSync(file, lines(1, 20));
    assert.equal((await stepsOf(log)).at(-1), 20);
    const again = Array.from({ length: 80 }, (_, i) => line(i + 1, { loss: 7 })).join('');
    writeFileSync(file, again);
    const { history } = await log.read();
    assert.deepEqual([history.steps.length, new Set(history.losses).size], [80, 1]);
    rmSync(file);
    assert.deepEqual(await stepsOf(log), []);
  });

  it('takes two looks at once for one after the other', async () => {
    writeFileSync(file, lines(1, 200));
    const log = new RunLog(folder);
    const looks = await Promise.all([log.read(), log.read(), log.read()]);
    for (const { history } of looks) assert.equal(history.steps.length, 200);
  });

  it('forgets a line without an end', async () => {
    writeFileSync(file, 'x'.repeat(40 << 20));
    appendFileSync(file, `\n${lines(1, 2)}`);
    assert.deepEqual(await stepsOf(new RunLog(folder)), [1, 2]);
  });

  it('of the run looked at last is kept, those of many runs are not', async () => {
    writeFileSync(file, lines(1, 5));
    const logs = new RunLogs();
    await logs.read(folder);
    assert.equal(logs.last(folder)?.step, 5);
    for (let i = 0; i < 20; i++) await logs.read(join(folder, String(i)));
    assert.equal(logs.last(folder), undefined);
  });
});
