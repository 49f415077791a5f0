/** Entities on the command line: from a file to a model that marks them. */
import assert from 'node:assert/strict';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { medtext as run } from './support/commandLine';
import { tinySentences, writeTinyEntities } from '../support/tinyEntities';

describe('medtext: entities', function () {
  this.timeout(120_000);
  let folder: string;
  let model: string;
  const rows = tinySentences();
  before(() => {
    folder = mkdtempSync(join(tmpdir(), 'medtext-cli-entities-'));
    writeTinyEntities(folder, rows);
  });
  after(() => rmSync(folder, { recursive: true, force: true }));

  const medtext = (...args: string[]) => run(args, { cwd: folder });

  it('are recognised in a file, and learned', async () => {
    const { code, stdout, stderr } = await medtext('finetune', '--model', 'encoder', '--train', 'data.jsonl', '--validation', 'data.jsonl', '--epochs', '12', '--batch-size', '10', '--lr', '3e-3', '--set', 'train.dropout=0', '--set', 'train.evaluate_every=epoch', '--seed', '3', '--device', 'cpu', '--threads', '1'); // prettier-ignore
    assert.equal(code, 0, stderr);
    assert.match(stdout + stderr, /the task is taken to be token-classification: "entities" holds entities/);
    assert.match(stdout, /F1 [\d.]+ % \([\d.]+ to [\d.]+ %\) {3}precision/);
    assert.match(stdout, /micro F1 +(0\.9|1)/);
    model = /model {2}(\S+)/.exec(stdout)![1];
  });

  it('of a text are printed with their places and probability', async () => {
    const { code, stdout } = await medtext('score', model, '𠀀肺炎伴发热，予布洛芬。', '--json');
    assert.equal(code, 0);
    const { entities } = JSON.parse(stdout) as { entities: { probability: number }[] };
    assert.deepEqual(
      entities.map(({ probability: _, ...one }) => one),
      [
        // Characters, as Python counts them.
        { start: 1, end: 3, type: '疾病', text: '肺炎' },
        { start: 4, end: 6, type: '症状', text: '发热' },
        { start: 8, end: 11, type: '药物', text: '布洛芬' },
      ],
    );
    const shown = await medtext('score', model, '𠀀肺炎伴发热，予布洛芬。');
    assert.match(shown.stdout, /肺炎 +疾病 +1–3 +\d+\.\d %/);
    const two = await medtext('score', model, '肺炎', '发热');
    assert.equal(two.code, 2);
    assert.match(two.stderr, /reads one text and marks its entities/);
  });

  it('a file of new tokens that is not there is named; words of texts are one object of JSON', async () => {
    const missing = await medtext('extend', model, '--add', 'nowhere.txt', '--output', 'extended');
    assert.match(missing.stderr, /^error: NOT_FOUND: nowhere\.txt does not exist\.$/m);
    const { stdout } = await medtext('extend', model, '--texts', 'data.jsonl', '--column', 'text', '--json');
    assert.ok(Array.isArray((JSON.parse(stdout) as { words: unknown }).words));
  });

  it('are evaluated and predicted', async () => {
    const { stdout } = await medtext('evaluate', model, '--data', 'data.jsonl', '--json');
    const report = JSON.parse(stdout) as { microF1: number; perType: object };
    assert.ok(report.microF1 > 0.95);
    assert.deepEqual(Object.keys(report.perType), ['疾病', '症状', '药物']);
    const predicted = await medtext('predict', model, '--data', 'data.jsonl', '--output', 'out.jsonl', '--json');
    assert.equal(predicted.code, 0, predicted.stderr);
    assert.equal((JSON.parse(predicted.stdout) as { counted?: string }).counted, 'entities');
    const shares = (await medtext('predict', model, '--data', 'data.jsonl', '--output', 'again.jsonl')).stdout.matchAll(/([\d.]+) %/g); // prettier-ignore
    const sum = [...shares].reduce((all, [, share]) => all + Number(share), 0);
    assert.ok(Math.abs(sum - 100) < 0.5, `${sum} % of the entities`);
    const same = readFileSync(join(folder, 'out.jsonl'), 'utf8').split('\n').filter((line, i) => line === JSON.stringify(rows[i])); // prettier-ignore
    assert.ok(same.length > 0.9 * rows.length, `${same.length} lines are as they were`);
  });
});
