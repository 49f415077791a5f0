/** Entities on the command line: from a file to a model that marks them. */
import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
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
    assert.match(
      stdout + stderr,
      /the task is token-classification, recognised from the data: "entities" holds entities/,
    );
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
    const wrong = await medtext('score', model, '肺炎', '--precision', 'bogus');
    assert.deepEqual([wrong.code, /--precision/.test(wrong.stderr)], [2, true]);
    const ownCache = { XDG_CACHE_HOME: join(folder, 'cache'), LOCALAPPDATA: join(folder, 'cache') };
    const int8 = await run(['score', model, '𠀀肺炎伴发热，予布洛芬。', '--precision', 'int8'], { cwd: folder, env: ownCache }); // prettier-ignore
    assert.match(int8.stderr, /^In int8, /m);
    assert.match(int8.stdout, /肺炎 +疾病 +1–3/);
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

  const predict = (file: string, output: string) => medtext('predict', model, '--data', file, '--output', output);

  it('without texts of their own are read and written by what a person says of their ends', async () => {
    writeFileSync(join(folder, 'doccano.jsonl'), '{"text":"肺炎伴发热","label":[[0,2,"疾病"]]}\n');
    const asked = await medtext('evaluate', model, '--data', 'doccano.jsonl');
    assert.equal(asked.code, 1);
    assert.match(
      asked.stderr,
      /RECIPE: doccano\.jsonl: the file does not show whether the end of an entity .*--span-end/,
    );
    const { code, stdout, stderr } = await medtext('evaluate', model, '--data', 'doccano.jsonl', '--span-end', 'exclusive', '--json'); // prettier-ignore
    assert.equal(code, 0, stderr);
    const { perType } = JSON.parse(stdout) as { perType: Record<string, { support: number; recall: number }> };
    assert.deepEqual([perType.疾病.support, perType.疾病.recall], [1, 1]);
    const written = async (said: string) => {
      const { code: rc, stderr: why } = await medtext('predict', model, '--data', 'doccano.jsonl', '--output', `${said}.jsonl`, '--span-end', said); // prettier-ignore
      assert.equal(rc, 0, why);
      return JSON.parse(readFileSync(join(folder, `${said}.jsonl`), 'utf8')).label;
    };
    assert.deepEqual(await written('exclusive'), [[0, 2, '疾病'], [3, 5, '症状']]); // prettier-ignore
    assert.deepEqual(await written('inclusive'), [[0, 1, '疾病'], [3, 4, '症状']]); // prettier-ignore
    assert.equal((await medtext('evaluate', model, '--data', 'data.jsonl', '--span-end', 'last')).code, 2);
  });

  it('are predictions beside the annotations of tasks that Label Studio exported', async () => {
    const marked = { id: 'x1', from_name: 'ner', to_name: 'note', type: 'labels', value: { start: 1, end: 3, text: '肺炎', labels: ['疾病'] } }; // prettier-ignore
    const annotations = [{ id: 3, completed_by: 1, result: [marked], was_cancelled: false }];
    const earlier = [{ model_version: 'other', score: 0.5, result: [] }, 7];
    const tasks = [
      {
        id: 1,
        annotations,
        file_upload: 'a.txt',
        data: { text: '𠀀肺炎伴发热' },
        meta: { z: 1.0 },
        predictions: earlier,
      },
      { id: 2, annotations: [], data: { text: '予布洛芬。' }, created_at: '2026-01-02' },
    ];
    // With the export's own spelling, which stays.
    const text = JSON.stringify(tasks, undefined, 2).replace('"z": 1', '"z": 1.0');
    writeFileSync(join(folder, 'tasks.json'), text);
    const { code, stdout, stderr } = await predict('tasks.json', 'predicted.json');
    assert.equal(code, 0, stderr);
    assert.match(stdout, /2 predictions in the column "ner"/);
    const written = readFileSync(join(folder, 'predicted.json'), 'utf8');
    assert.match(written, /"z": 1\.0/);
    type Region = { score: number };
    type Predicted = { predictions: { model_version: string; result: Region[] }[] };
    const predicted = JSON.parse(written) as Predicted[];
    assert.deepEqual(predicted.map(({ predictions: _, ...task }) => task), tasks.map(({ predictions: _, ...task }) => task)); // prettier-ignore
    const [first, second] = predicted.map(({ predictions }) => predictions);
    assert.deepEqual(first[0], earlier[0], 'what another model predicted stays');
    const region = (start: number, said: string, type: string) => ({ from_name: 'ner', to_name: 'note', type: 'labels', value: { start, end: start + [...said].length, text: said, labels: [type] } }); // prettier-ignore
    const shown = ({ result }: Predicted['predictions'][0]) => result.map(({ score: _, ...one }) => one);
    assert.deepEqual(shown(first[1]), [region(1, '肺炎', '疾病'), region(4, '发热', '症状')]);
    assert.deepEqual(shown(second[0]), [region(1, '布洛芬', '药物')]);
    assert.ok([...first[1].result, ...second[0].result].every(({ score }) => score > 0 && score <= 1));
    assert.deepEqual([first.length, second.length, first[1].model_version], [2, 1, second[0].model_version]);
    assert.match(first[1].model_version, /^encoder-\d/, 'the run that made it');

    // Predicted again, the model's own predictions are replaced.
    assert.equal((await predict('predicted.json', 'again.json')).code, 0);
    assert.equal(readFileSync(join(folder, 'again.json'), 'utf8'), written);
    assert.equal((await predict('tasks.json', 'table.csv')).code, 0);
    assert.match(readFileSync(join(folder, 'table.csv'), 'utf8'), /^text,ner\r?\n/, 'another ending asks for a table');
  });

  it('are in the place of brat’s, whose relations are not carried over: the output says so', async () => {
    mkdirSync(join(folder, 'brat'));
    writeFileSync(join(folder, 'brat/a.txt'), '𠀀肺炎伴发热');
    const relations = 'R1\tCauses Arg1:T7 Arg2:T9\nA1\tNegated T9\n#1\tAnnotatorNotes T7\tT here\n*\tEquiv T7 T9\n';
    writeFileSync(join(folder, 'brat/a.ann'), `T7\t疾病 1 3\t肺炎\nT9\t症状 4 6\t发热\n${relations}`);
    const { code, stdout, stderr } = await predict('brat', 'marked');
    assert.equal(code, 0, stderr);
    assert.match(stdout, /4 annotations of other kinds \(relations, events, attributes, notes\) not carried over/);
    assert.equal(readFileSync(join(folder, 'marked/a.ann'), 'utf8'), 'T1\t疾病 1 3\t肺炎\nT2\t症状 4 6\t发热\n');
    assert.equal(readFileSync(join(folder, 'marked/a.txt'), 'utf8'), '𠀀肺炎伴发热');
  });
});
