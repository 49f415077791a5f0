import assert from 'node:assert/strict';
import { cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { MedTextError } from '../../src/base/errors';
import { fingerprintFile } from '../../src/data/fingerprint';
import { openPairScorer } from '../../src/inference/pairScorer';
import { RunFolder } from '../../src/runs/runFolder';
import { writeHeldOutPredictions } from '../../src/runs/heldOutPredictions';
import { findSuspectLabels } from '../../src/evaluation/findSuspectLabels';
import { writeTinyModel } from '../cli/support/tinyModel';

const texts = [
  '肺炎怎么治疗',
  '感冒吃什么药',
  '高血压的症状',
  '糖尿病能不能手术',
  '头痛挂什么科',
  '胃镜',
  '头痛有什么方法',
  '肺炎的症状',
];

describe('suspect labels of a file', () => {
  let folder: string;
  let model: string;
  before(async () => {
    folder = mkdtempSync(join(tmpdir(), 'medtext-suspects-'));
    model = await writeTinyModel(join(folder, 'model'), { labels: ['no', 'yes'], usage: { task: 'sentence-similarity', label_mapping: { 是: 'yes' } } }); // prettier-ignore
  });
  after(() => rmSync(folder, { recursive: true, force: true }));

  /** Labels as the model itself gives them, but for every fifth row. */
  async function data(names: readonly [string, string]): Promise<{ file: string; wrong: readonly number[] }> {
    const pairs = texts.flatMap((first) => texts.map((second) => ({ first, second })));
    const scorer = await openPairScorer(model, { threads: 1 });
    const scores = await scorer.score(pairs);
    await scorer.close();
    const wrong = pairs.map((_, row) => row).filter((row) => row % 5 === 3);
    const rows = pairs.map(({ first, second }, row) => {
      const says = scores[row].probabilities.yes > 0.5 ? 1 : 0;
      return { query1: first, query2: second, label: names[wrong.includes(row) ? 1 - says : says] };
    });
    const file = join(folder, `${names.join('-')}.json`);
    writeFileSync(file, JSON.stringify(rows));
    return { file, wrong };
  }

  it('are rows that the model contradicts, with its own label, and where they stand', async () => {
    const { file, wrong } = await data(['no', 'yes']);
    const found = await findSuspectLabels(model, { file }, { threads: 1 });
    assert.equal(found.rows, 64);
    assert.ok(found.total >= 3, `${found.total}`);
    for (const { row, given, suggested, probability, selfConfidence, first, second } of found.suspects) {
      assert.ok(wrong.includes(row), `row ${row}`);
      assert.notEqual(given, suggested);
      assert.ok(probability > 0.5 && selfConfidence < 0.5);
      assert.deepEqual([first, second], [texts[Math.floor(row / 8)], texts[row % 8]]);
    }
    assert.equal(found.seenInTraining, false);
    assert.equal((await findSuspectLabels(model, { file }, { threads: 1, limit: 1 })).suspects.length, 1);
  });

  it('are told in the split’s names where the model knows them by its training’s mapping', async () => {
    const { file } = await data(['no', '是']);
    const { suspects, labels } = await findSuspectLabels(model, { file }, { threads: 1 });
    assert.deepEqual(labels, ['no', '是']);
    assert.ok(suspects.every(({ given, suggested }) => [given, suggested].sort().join() === 'no,是'));
  });

  it('are refused for labels the model does not know', async () => {
    const { file } = await data(['no', 'perhaps']);
    await assert.rejects(
      findSuspectLabels(model, { file }, { threads: 1 }),
      (error) =>
        error instanceof MedTextError && error.code === 'LABELS' && /"perhaps".*"no", "yes"/.test(error.message),
    );
  });

  it('say that the model has learned from this very file', async () => {
    const { file } = await data(['no', 'yes']);
    const { sha256, sizeBytes } = await fingerprintFile(file);
    writeFileSync(join(folder, 'run.json'), JSON.stringify({ data: { train: { sha256, sizeBytes } } }));
    assert.equal((await findSuspectLabels(model, { file }, { threads: 1 })).seenInTraining, true);
    rmSync(join(folder, 'run.json'));
  });

  it('are judged by what runs kept of rows they had not learned from: the own run’s first, then its like', async () => {
    const { file, wrong } = await data(['no', 'yes']);
    const { sha256, sizeBytes } = await fingerprintFile(file);
    const runs = join(folder, 'runs');
    const rowsOf = JSON.parse(readFileSync(file, 'utf8')) as { label: string }[];
    const keep = async (
      name: string,
      rows: number[],
      yes: (row: number) => number,
      more: object = {},
      sheet?: string,
    ) => {
      // prettier-ignore
      const run = new RunFolder(join(runs, name));
      mkdirSync(run.path, { recursive: true });
      const record = { status: 'finished', model: { contentHash: 'sha256:a' }, data: { train: { sha256, sizeBytes } } };
      writeFileSync(run.recordFile, JSON.stringify({ ...record, ...more }));
      const probabilities = rows.flatMap((row) => [1 - yes(row), yes(row)]);
      const about = {
        file: { sha256, sizeBytes, ...(sheet !== undefined && { sheet }) },
        labels: ['no', 'yes'],
        step: 3,
        rows,
      };
      await writeHeldOutPredictions(run, about, probabilities);
      return run;
    };
    const right = (row: number) => (rowsOf[row].label === 'yes' ? 0.9 : 0.1);
    const even = Array.from({ length: 32 }, (_, n) => 2 * n);
    // The own run finds nothing wrong with the even rows; another, older, doubts all of them, and row 1.
    const own = await keep('m-20260101-000003', even, right);
    await keep('m-20260101-000002', [...even, 1], (row) => 1 - right(row));
    await keep('m-20260101-000004', [1, 3], right, { model: { contentHash: 'sha256:b' } });
    await keep('m-20260101-000005', [1, 3], right, { status: 'failed' });
    // The sheets of a workbook have one fingerprint, and rows of equal numbers.
    await keep('m-20260101-000006', [3, 5], right, {}, 'dev');
    cpSync(model, own.model, { recursive: true });
    const found = await findSuspectLabels(own.model, { file }, { threads: 1 });
    assert.equal(found.outOfFold, 33);
    assert.equal(found.seenInTraining, true);
    const doubted = found.suspects.map(({ row }) => row);
    assert.ok(doubted.includes(1));
    assert.deepEqual(doubted.filter((row) => row % 2 === 0), []); // prettier-ignore
    assert.ok(doubted.filter((row) => row !== 1).every((row) => wrong.includes(row)));
    assert.equal((await findSuspectLabels(model, { file }, { threads: 1 })).outOfFold, 0);
  });
});
