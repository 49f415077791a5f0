import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { userCacheFolder } from '../../src/base/userFolders';
import { untranslated } from '../../src/base/translate';
import { checkPrecision, refuseHarm, soundPrecision } from '../../src/exports/precisionCheck';
import { openClassifier } from '../../src/inference/openClassifier';
import { openPairScorer } from '../../src/inference/pairScorer';
import { openModelFolder } from '../../src/models/modelFolder';
import { quantizedKey, writeQuantizedNote } from '../../src/models/quantizedCopy';
import { precisionCheckText } from '../../src/protocol/precisionCheck';
import { scorerEngine } from '../../src/worker/scorerEngine';
import { start } from '../cli/support/commandLine';
import { writeTinyModel } from '../cli/support/tinyModel';

const PAIRS = [
  { first: '肺炎怎么治疗', second: '肺炎的治疗方法' },
  { first: '头痛挂什么科', second: '胃镜手术' },
  { first: '感冒', second: '高血压能吃什么药不' },
];

describe('scoring in int8', () => {
  let home: string;
  let model: string;
  const at = (name: string) => join(home, name);
  const kept = () => readdirSync(join(userCacheFolder(), 'quantized')).filter((name) => name.endsWith('.onnx'));
  const logitsOf = async (precision: 'float32' | 'int8', folder = model, pairs = PAIRS) => {
    const classifier = await openClassifier(folder, { threads: 1, precision });
    const logits = await classifier.logits(pairs);
    await classifier.close();
    return Array.from(logits);
  };

  before(async () => {
    home = mkdtempSync(join(tmpdir(), 'medtext-int8-'));
    model = await writeTinyModel(at('model'), { labels: ['0', '1', '2'], usage: { task: 'sentence-similarity' } });
  });
  after(() => {
    rmSync(home, { recursive: true, force: true });
    rmSync(join(userCacheFolder(), 'quantized'), { recursive: true, force: true });
  });

  it('is near float32, and from the copy that was kept the same to the bit; a damaged copy is made anew', async () => {
    const exact = await logitsOf('float32');
    const first = await logitsOf('int8');
    assert.notDeepEqual(first, exact);
    first.forEach((value, i) => assert.ok(Math.abs(value - exact[i]) < 0.1, `logit ${i}: ${value}, not ${exact[i]}`));
    const [name, ...others] = kept();
    assert.deepEqual(others, []);
    const file = join(userCacheFolder(), 'quantized', name);
    const bytes = readFileSync(file);
    assert.deepEqual(await logitsOf('int8'), first);
    writeFileSync(file, 'damaged');
    assert.deepEqual(await logitsOf('int8'), first);
    assert.deepEqual(readFileSync(file), bytes);
  });

  it('keeps by content: the same weights elsewhere share a copy, others do not', async () => {
    const before = kept().length;
    const twin = await writeTinyModel(at('twin'), { labels: ['0', '1', '2'], usage: { task: 'sentence-similarity' } });
    await logitsOf('int8', twin);
    assert.equal(kept().length, before);
    await logitsOf(
      'int8',
      await writeTinyModel(at('other'), { labels: ['0', '1'], usage: { task: 'sentence-similarity' } }),
    );
    assert.equal(kept().length, before + 1);
    for (let i = 1; i <= 8; i++) {
      await logitsOf('int8', await writeTinyModel(at(`many-${i}`), { labels: ['a', 'b'], layers: 1 + i }));
    }
    assert.equal(kept().length, 6, 'the oldest go');
  });

  it('is measured once on the rows of the model’s run, with an interval, and counts from then on', async () => {
    const { folder, rows } = await modelOfRun('run');
    assert.equal(await soundPrecision(folder, 'int8', 'cpu'), 'float32', 'not measured yet');
    let told = 0;
    const check = await checkPrecision(folder, 'int8', { threads: 1, onProgress: () => void told++ });
    assert.deepEqual([check.precision, check.of, check.rows, check.harms], ['int8', 'validation', rows, false]);
    const { metric, gain, changedAnswers } = check;
    assert.equal(metric!.name, 'accuracy');
    assert.ok(Math.abs(gain!.difference - (metric!.after - metric!.before)) < 1e-12);
    assert.ok(gain!.low < gain!.difference && gain!.difference < gain!.high);
    assert.ok(Math.abs(gain!.difference) * rows <= changedAnswers! + 1e-9);
    assert.ok(told > 0);
    told = 0;
    assert.deepEqual(await checkPrecision(folder, 'int8', { onProgress: () => void told++ }), check);
    assert.equal(told, 0, 'measured once');
    assert.equal(await soundPrecision(folder, 'int8', 'cpu'), 'int8');
    assert.equal(
      await soundPrecision(folder, 'float16', 'webgpu'),
      'float32',
      'another precision is measured by itself',
    );
    const text = precisionCheckText(check, untranslated);
    assert.match(text, /^In int8, on 12 validation rows of its run: \d+ of 12 predictions change\. Accuracy [\d.]+ % becomes [\d.]+ %\. Difference [+−][\d.]+ points, 95 % interval [+−]/); // prettier-ignore
  });

  it('of an encoder: its vectors are compared', async () => {
    const encoder = await writeTinyModel(at('encoder'), {});
    const check = await checkPrecision(encoder, 'int8', { threads: 1 });
    assert.ok(check.cosines!.mean > 0.99 && check.cosines!.lowest <= check.cosines!.mean, JSON.stringify(check));
    assert.equal(check.harms, false);
    const score = async (precision: 'float32' | 'int8') => {
      const scorer = await openPairScorer(encoder, { precision, threads: 1 });
      const [{ similarity }] = await scorer.score(PAIRS);
      await scorer.close();
      return similarity!;
    };
    const [exact, near] = [await score('float32'), await score('int8')];
    assert.notEqual(near, exact);
    assert.ok(Math.abs(near - exact) < 0.02);
  });

  it('of a model that gives a number: how far its logit moves', () => {
    const check = { precision: 'int8', rows: 12, of: 'samples', largestDifference: 0.0281, harms: false } as const;
    assert.match(precisionCheckText(check, untranslated), /: The largest difference of a logit is 0\.028\.$/);
  });

  it('is refused where it harms, and the scorer stays in float32', async () => {
    const { folder } = await modelOfRun('harmed', 3);
    const harmful = {
      ...{ precision: 'int8', rows: 200, of: 'validation', harms: true, changedAnswers: 9 },
      ...{
        metric: { name: 'accuracy', before: 0.9, after: 0.87 },
        gain: { difference: -0.03, low: -0.06, high: -0.004 },
      },
    };
    await writeQuantizedNote(await quantizedKey(await openModelFolder(folder)), harmful);
    const check = await checkPrecision(folder, 'int8');
    assert.deepEqual(check, harmful);
    assert.throws(() => refuseHarm(check, folder), { code: 'UNSUPPORTED' });
    const scorer = await scorerEngine.openPairScorer(folder, { device: 'cpu', threads: 1, precision: 'int8' });
    await scorer.close();
    assert.equal(scorer.precision, 'float32');
    const argv = ['score', folder, PAIRS[0].first, PAIRS[0].second, '--precision', 'int8'];
    const { code, stderr } = await start(argv).ended;
    assert.notEqual(code, 0);
    assert.match(stderr, /9 of 200 predictions change[^]*is harmed by int8/);
  });

  it('harms a model whose weights have outliers, measured on texts of the program’s own', async () => {
    const labels = ['0', '1', '2'];
    const usage = { task: 'sentence-similarity' };
    const harmed = await writeTinyModel(at('outliers'), { labels, usage, isHarmedByInt8: true });
    const check = await checkPrecision(harmed, 'int8', { threads: 1 });
    assert.deepEqual([check.of, check.harms], ['samples', true], JSON.stringify(check));
    assert.match(
      precisionCheckText(check, untranslated),
      /This changes the model’s results too much, so it is scored in float32\.$/,
    );
    const chinese = precisionCheckText(check, (text) => (text.startsWith('In {0}') ? 'int8：' : '一句。'));
    assert.match(chinese, /^int8：(一句。)+$/);
    assert.equal(await soundPrecision(harmed, 'int8', 'cpu'), 'float32');
  });

  it('in the editor’s scorer: entities too; float16 is refused where the device is the CPU, and float32 computes', async () => {
    const tagger = join(__dirname, '../fixtures/tokenClassifier/bert');
    const job = { device: 'cpu', threads: 1, signal: new AbortController().signal, onProgress: () => undefined };
    const precisionOf = async (precision: 'int8' | 'float16') => {
      const scorer = await scorerEngine.openPairScorer(tagger, { device: 'cpu', threads: 1, precision });
      assert.equal((await scorer.mark!(['糖尿病与肺炎'])).length, 1);
      await scorer.close();
      return scorer.precision;
    };
    assert.equal(await precisionOf('int8'), 'float32', 'not measured yet');
    await writeQuantizedNote(await quantizedKey(await openModelFolder(tagger)), { precision: 'int8', rows: 1, of: 'samples', harms: false }); // prettier-ignore
    assert.equal(await precisionOf('int8'), 'int8');
    await assert.rejects(scorerEngine.checkPrecision(tagger, 'float16', job), { code: 'USAGE', message: /^float16 runs only on GPUs/ }); // prettier-ignore
    assert.equal(await precisionOf('float16'), 'float32');
  });

  it('on the command line: the cost first, then the answer; a device is a contradiction', async () => {
    const { folder } = await modelOfRun('told', 2);
    const argv = ['score', folder, PAIRS[0].first, PAIRS[0].second, '--precision', 'int8', '--json'];
    const { code, stdout, stderr } = await start(argv).ended;
    assert.equal(code, 0, stderr);
    assert.match(stderr, /In int8, on 12 validation rows of its run/);
    const { logits } = JSON.parse(stdout) as { logits: number[] };
    // Alone: an activation's scale is that of its whole batch.
    assert.deepEqual(logits, await logitsOf('int8', folder, PAIRS.slice(0, 1)));
    const refused = await start([...argv, '--device', 'webgpu']).ended;
    assert.match(refused.stderr, /error: USAGE: int8 runs only on the CPU/);
  });

  /** A model in the folder of a run that was validated on twelve rows. */
  async function modelOfRun(name: string, layers = 1): Promise<{ folder: string; rows: number }> {
    mkdirSync(at(name));
    const folder = await writeTinyModel(at(`${name}/model`), {
      ...{ labels: ['0', '1', '2'], usage: { task: 'sentence-similarity' }, layers },
    });
    const rows = Array.from({ length: 12 }, (_, i) => ({ query1: PAIRS[i % 3].first, query2: PAIRS[i % 3].second, label: String(i % 3) })); // prettier-ignore
    writeFileSync(at(`${name}/dev.json`), JSON.stringify(rows));
    const split = { file: at(`${name}/dev.json`), labels: ['0', '1', '2'] };
    writeFileSync(at(`${name}/recipe.medtext.json`), JSON.stringify({ task: 'sentence-similarity', model: folder, dataset: { train: split, validation: split } })); // prettier-ignore
    const record = { format: 1, id: name, status: 'finished', startedAt: '', updatedAt: '', task: 'sentence-similarity', labels: ['0', '1', '2'], model: { path: folder, parameterCount: 1, trainedCount: 1 }, maxLength: 24, totalSteps: 1, step: 1, data: {}, environment: {}, best: null }; // prettier-ignore
    writeFileSync(at(`${name}/run.json`), JSON.stringify(record));
    return { folder, rows: rows.length };
  }
});
