import assert from 'node:assert/strict';
import { closeSync, mkdtempSync, openSync, readdirSync, readFileSync, rmSync, writeSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { MedTextError } from '../../src/base/errors';
import { openDataFile } from '../../src/data/dataFile';
import { isBadRow } from '../../src/data/dataRow';
import { isUnreadable } from '../../src/preview/rowStore';
import { SpooledRowStore } from '../../src/preview/spooledRowStore';
import { wholeFile } from '../../src/protocol/datasetPreview';
import { TestPreview } from './previewSupport';
import { fixture, readAll, temporaryFolder } from '../data/support';

const table = (name: string) => join(__dirname, '../fixtures/tables', name);
const withCode = (code: string) => (error: MedTextError) => error.code === code;

describe('a preview', function () {
  this.timeout(180_000);
  const temporary = temporaryFolder();
  const open: TestPreview[] = [];
  const preview = async (...args: Parameters<typeof TestPreview.open>): Promise<TestPreview> => {
    const opened = await TestPreview.open(...args);
    open.push(opened);
    await opened.indexed();
    return opened;
  };
  afterEach(async () => {
    for (const opened of open.splice(0)) await opened.session.close();
  });
  const shown = async (opened: TestPreview, start = 0, count = 100) =>
    (await opened.session.rows(opened.state.view.id, start, count)).rows;

  it('of a workbook or a Parquet file gives any row as reading it does, and leaves nothing behind', async () => {
    const { TMPDIR } = process.env;
    const spools = (process.env.TMPDIR = mkdtempSync(join(tmpdir(), 'medtext-spools-')));
    after(() => rmSync(spools, { recursive: true, force: true }));
    for (const name of ['book.xlsx', 'snappy.parquet', 'zstd.parquet']) {
      const file = await openDataFile(table(name));
      const store = new SpooledRowStore(file);
      await store.build(() => undefined);
      const all: unknown[] = [];
      for await (const row of file.rows()) all.push(isBadRow(row) ? `${row.reason}` : row.values);
      const content = (rows: readonly Awaited<ReturnType<typeof store.read>>[number][]) => rows.map((row) => (isUnreadable(row) ? `${row.reason}` : row.values)); // prettier-ignore
      assert.ok(all.length >= 3 && store.rows === all.length, `${name}: ${store.rows}`);
      const plain = JSON.parse(JSON.stringify(all)) as unknown[];
      assert.deepEqual(content(await store.read(0, all.length)), plain, name);
      for (let row = 0; row < all.length; row += 7) assert.deepEqual(content(await store.read(row, 1)), [plain[row]], name); // prettier-ignore
      await store.close();
    }
    assert.deepEqual(readdirSync(spools), []);
    if (TMPDIR === undefined) delete process.env.TMPDIR;
    else process.env.TMPDIR = TMPDIR;
    const opened = await preview({ train: table('book.xlsx') });
    assert.deepEqual([opened.state.file!.format, opened.state.file!.hasLines, opened.state.error], ['xlsx', false, null]); // prettier-ignore
    assert.equal((await shown(opened))[0].line, 2);
    const parquet = await preview({ train: table('snappy.parquet') });
    assert.equal((await shown(parquet))[0].line, null);
  });

  it('tells formulas of a workbook, repeated column names, and keys that come late', async () => {
    const book = await preview({ train: table('book.xlsx') });
    assert.ok(book.state.file!.warnings.some(({ message }) => /formula/.test(message)));
    const csv = await preview({ train: temporary.file('twice.csv', 'text,label,label\na,1,2\nb,3,4\n') });
    assert.deepEqual(csv.state.columns, ['text', 'label', 'label.1']);
    assert.match(csv.state.file!.warnings[0].message, /repeats the name "label"/);
    const lines = Array.from({ length: 500 }, (_, i) => JSON.stringify(i === 450 ? { text: 't', late: 1 } : { text: `t${i}` })); // prettier-ignore
    const json = await preview({ train: temporary.file('late.jsonl', lines.join('\n')) });
    await json.settledStatistics();
    assert.deepEqual(json.state.columns, ['text', 'late']);
    assert.equal((await shown(json, 450, 1))[0].cells[1]!.text, '1');
    const late = json.insights.at(-1)!.columns[1];
    assert.deepEqual([late.count, late.missing, late.distinct], [500, 499, 1]);
  });

  it('of a workbook shows the sheet that is chosen, and names the others where one cannot be shown', async () => {
    const book = table('splits.xlsx');
    const opened = await preview({ book });
    assert.deepEqual([opened.state.error, opened.state.sheet], [null, '训练集']);
    await opened.session.setSplits([{ name: 'book', file: book, sheet: '封面' }]);
    await opened.session.showSplit('book');
    assert.deepEqual([opened.state.error?.code, opened.state.sheet], ['DATA_FORMAT', '封面']);
    assert.deepEqual(opened.state.sheets, ['封面', '训练集', '验证集', '备注']);
    await opened.session.setSplits([{ name: 'book', file: book, sheet: '训练集' }]);
    await opened.session.showSplit('book');
    await opened.indexed();
    const { state } = opened;
    assert.deepEqual([state.error, state.sheet, state.index.rows], [null, '训练集', 3]);
    assert.deepEqual([state.mapping.first_sequence, state.file!.warnings], ['query1', []]);
    const other = await preview({ train: table('snappy.parquet') });
    assert.deepEqual([other.state.sheet, other.state.sheets], [null, []]);
  });

  it('compares two sheets of one workbook as two splits', async () => {
    const splits = ['训练集', '验证集'].map((sheet) => ({ name: sheet, file: table('splits.xlsx'), sheet }));
    const opened = await preview({ any: table('splits.xlsx') }, { splits, shown: '验证集' });
    const { findings } = await opened.settledStatistics();
    assert.equal(findings.findings.find(({ kind }) => kind === 'overlap')?.split, '训练集');
  });

  describe('of bad files names the place and shows the rest:', () => {
    it('broken JSON in row 12,345', async () => {
      const lines = Array.from({ length: 15_000 }, (_, i) => (i === 12_344 ? '{"text": "t", ' : `{"text": "t${i}"}`));
      const opened = await preview({ train: temporary.file('broken.jsonl', lines.join('\n')) });
      const { rows, bad, badRows } = opened.state.index;
      assert.deepEqual([rows, bad, badRows[0].row, badRows[0].line], [15_000, 1, 12_344, 12_345]);
      const [before, broken, after] = await shown(opened, 12_343, 3);
      assert.deepEqual([before.cells[0]?.text, broken.bad?.excerpt, after.cells[0]?.text], ['t12343', '{"text": "t",', 't12345']); // prettier-ignore
      assert.deepEqual((await opened.view({ filters: [{ kind: 'bad' }] })).rows, [12_344]);
      // By their places among the readable rows, as a model counts them.
      const places = [0, 12_343, 12_344, 14_998];
      const picked = await opened.view({ filters: [{ kind: 'rows', title: 'some', rows: places }] });
      assert.deepEqual(picked.rows, [0, 12_343, 12_345, 14_999]);
      const both = await opened.view({ filters: [{ kind: 'rows', title: 'some', rows: places }, { kind: 'value', column: 'text', values: ['t0', 't12345', 't7'], missing: false, exclude: false }] }); // prettier-ignore
      assert.deepEqual(both.rows, [0, 12_345]);
    });

    it('two encodings in one file', async () => {
      const gb = Buffer.from([0xb8, 0xdf, 0xd1, 0xaa, 0xd1, 0xb9]);
      const bytes = Buffer.concat([
        Buffer.from(`text,label\n${'咽喉炎,0\n'.repeat(20)}`),
        gb,
        Buffer.from(',2\n咳嗽,1\n'),
      ]);
      const opened = await preview({ train: temporary.file('mixed.csv', bytes) });
      assert.deepEqual(opened.state.index.badRows.map(({ row, line }) => [row, line]), [[20, 22]]); // prettier-ignore
      assert.match(opened.state.index.badRows[0].message, /not valid in the file’s encoding/);
      assert.equal((await shown(opened))[21].cells[0]?.text, '咳嗽');
    });

    it('ragged CSV', async () => {
      const opened = await preview({ train: temporary.file('ragged.csv', 'text,label\na,1\nb\nc,2,3\n"d\ne",4\n') });
      assert.deepEqual(opened.state.index.badRows.map(({ line, message }) => [line, message]), [[3, '2 fields are expected, 1 found'], [4, '2 fields are expected, 3 found']]); // prettier-ignore
      assert.equal((await shown(opened))[3].cells[0]?.text, 'd\ne');
    });

    it('a line of 200 MB', async () => {
      const path = temporary.path('long.jsonl');
      const file = openSync(path, 'w');
      writeSync(file, '{"text": "before"}\n{"text": "');
      const part = Buffer.alloc(1 << 20, 'x');
      for (let i = 0; i < 200; i++) writeSync(file, part);
      writeSync(file, '"}\n{"text": "after"}\n');
      closeSync(file);
      const opened = await preview({ train: path });
      const rows = await shown(opened);
      assert.deepEqual(rows.map(({ line, bad }) => [line, bad?.message]), [[1, undefined], [2, 'the line is longer than 16777216 characters'], [3, undefined]]); // prettier-ignore
      assert.equal(rows[2].cells[0]?.text, 'after');
    });

    it('a Parquet file and a workbook cut short', async () => {
      const whole = readFileSync(table('snappy.parquet'));
      const parquet = await TestPreview.open({ train: temporary.file('cut.parquet', whole.subarray(0, whole.length - 300)) }); // prettier-ignore
      assert.equal(parquet.state.error?.code, 'DATA_FORMAT');
      assert.match(parquet.state.error!.message, /cut\.parquet.*cut short or broken/);
      const book = readFileSync(table('book.xlsx'));
      const xlsx = await TestPreview.open({ train: temporary.file('cut.xlsx', book.subarray(0, book.length - 200)) });
      assert.equal(xlsx.state.error?.code, 'DATA_FORMAT');
      await assert.rejects(xlsx.session.rows(xlsx.state.view.id, 0, 1), withCode('NOT_FOUND'));
      await assert.rejects(xlsx.session.setView(wholeFile), withCode('NOT_FOUND'));
    });

    it('a Parquet file whose middle is broken: what stands before', async () => {
      const bytes = readFileSync(join(__dirname, '../fixtures/preview/groups.parquet'));
      // The pages of the second of three row groups.
      bytes.fill(0xff, Math.floor(bytes.length * 0.4), Math.floor(bytes.length * 0.45));
      const opened = await preview({ train: temporary.file('middle.parquet', bytes) });
      const { error, index } = opened.state;
      assert.deepEqual([error, index.rows, index.working], [null, 400, false]);
      assert.match(index.error!.message, /middle\.parquet: the Parquet file is cut short or broken/);
      assert.equal((await shown(opened, 399, 1))[0].cells[0]?.text, '头痛399');
      const { insights } = await opened.settledStatistics();
      assert.deepEqual([insights.rows, insights.work.error], [400, null]);
    });

    it('an empty file, a folder, a picture', async () => {
      for (const [path, code] of [
        [temporary.file('empty.json', ''), 'DATA_FORMAT'],
        [tmpdir(), 'DATA_FORMAT'],
        [temporary.file('picture.csv', Buffer.from([0x89, 0x50, 0x4e, 0x47, 0, 0, 0, 13])), 'DATA_FORMAT'],
      ] as const) {
        const opened = await TestPreview.open({ train: path });
        assert.equal(opened.state.error?.code, code, path);
        assert.notEqual(opened.state.splits[0].problem, null);
      }
    });
  });

  it('plans a split that keeps groups together and shares of labels, and writes it', async () => {
    const rows = Array.from({ length: 1000 }, (_, i) => ({
      q: `q${i % 200}`,
      label: String(i % 4 === 0 ? 1 : 0),
      n: i,
    }));
    const lines = rows.map((row) => JSON.stringify(row));
    lines[500] = '{"broken';
    const opened = await preview({ train: temporary.file('all.jsonl', lines.join('\n')) }, { mapping: { first_sequence: 'q', second_sequence: null, label: 'label' }, mappingSource: 'person' }); // prettier-ignore
    const options = { train: 0.8, validation: 0.1, test: 0.1, seed: 7, stratify: 'label', group: 'q' };
    const { signal } = new AbortController();
    const plan = await opened.session.planSplit(options, signal);
    assert.deepEqual([plan.leftOut, plan.parts.map(({ name }) => name)], [1, ['train', 'validation', 'test']]);
    assert.equal(plan.parts.reduce((sum, part) => sum + part.rows, 0), 999); // prettier-ignore
    assert.equal(plan.parts.reduce((sum, { groups }) => sum + groups!, 0), 200); // prettier-ignore
    for (const { labels } of plan.parts) {
      const total = labels.reduce((sum, { count }) => sum + count, 0);
      assert.ok(Math.abs(labels.find(({ text }) => text === '1')!.count / total - 0.25) < 0.05);
    }
    const files = { train: temporary.path('s.train.jsonl'), validation: temporary.path('s.validation.jsonl'), test: temporary.path('s.test.jsonl') }; // prettier-ignore
    assert.deepEqual(await opened.session.writeSplit(options, files, signal), plan);
    const parts = Object.values(files).map((file) => readFileSync(file, 'utf8').trim().split('\n').map((line) => JSON.parse(line) as (typeof rows)[number])); // prettier-ignore
    assert.deepEqual(parts.flat().map(({ n }) => n).sort((a, b) => a - b), rows.filter((_, i) => i !== 500).map(({ n }) => n)); // prettier-ignore
    const queries = parts.map((part) => new Set(part.map(({ q }) => q)));
    assert.ok([...queries[1], ...queries[2]].every((q) => !queries[0].has(q)));
    for (const wrong of [{ train: 0.5 }, { train: 0, validation: 0.9 }, { stratify: 'absent' }, { train: NaN }]) {
      await assert.rejects(opened.session.planSplit({ ...options, ...wrong }, signal), withCode('USAGE'));
    }
  });

  it('writes splits and exports that are read back as they were: headers or none, quotes, line breaks', async () => {
    const csv = temporary.file('quoted.csv', 'text,label\n"a,\n""b""",1\n c ,0\n中文,1\n');
    const sources = [csv, fixture('headerless.csv'), fixture('plain.txt'), fixture('pretty.json')];
    const { signal } = new AbortController();
    for (const source of sources) {
      const opened = await preview({ train: source });
      const { columns } = opened.state;
      const content = async (path: string): Promise<unknown[]> => {
        const rows: unknown[] = [];
        for await (const row of (await openDataFile(path)).rows()) rows.push(isBadRow(row) ? row.reason : row.values);
        return rows;
      };
      const extension = source.endsWith('json') ? 'json' : source.endsWith('csv') ? 'csv' : 'tsv';
      const file = temporary.path(`out.${extension}`);
      const options = { train: 1, validation: 0, test: 0, seed: 1, stratify: null, group: null };
      await opened.session.writeSplit(options, { train: file }, signal);
      const original = (await content(source)).filter((row) => typeof row !== 'string');
      assert.deepEqual(await content(file), original, source);
      const done = await opened.session.export(opened.state.view.id, { columns, format: extension, predictions: false, file }, () => undefined, signal); // prettier-ignore
      assert.deepEqual([done, await content(file)], [original.length, original], source);
    }
  });

  it('writes parts with blanks around texts, and rows of nothing else, which are read back as they were', async () => {
    for (const [name, content] of [
      ['blanks.txt', '1\t发热 \n0\t 咳嗽\n'],
      ['quotations.txt', 'label\ttext\n1\t"发热" \n0\t咳嗽 \n'],
      ['lines.txt', '发热 \n咳嗽\n'],
      ['late-quote.txt', `${'1\t发热\n'.repeat(60_000)}0\t说"咳嗽"\n`],
      ['empty.csv', 'text\n发热\n""\n" "\n'],
      ['empty.tsv', 'text\tlabel\n发热\t1\n""\t""\n'],
    ]) {
      const source = temporary.file(name, content);
      const part = temporary.path(`part-${name}`);
      const opened = await preview({ train: source });
      const shares = { train: 1, validation: 0, test: 0, seed: 1, stratify: null, group: null };
      await opened.session.writeSplit(shares, { train: part }, new AbortController().signal);
      const [before, after] = [(await readAll(source)).rows, (await readAll(part)).rows];
      assert.deepEqual(after.map(({ values }) => values), before.map(({ values }) => values), name); // prettier-ignore
    }
  });

  it('exports the rows of a view as a workbook, and writes the parts of a workbook as workbooks', async () => {
    const csv = await preview({ train: temporary.file('ids.csv', 'id,text\n007,=1+1\n008,@x\n009,"a\nb"\n') });
    const { id } = await csv.view({ sort: { kind: 'column', column: 'id', descending: true, measure: 'value' } });
    const file = temporary.path('rows.xlsx');
    const { signal } = new AbortController();
    const done = await csv.session.export(id, { columns: ['text', 'id'], format: 'xlsx', predictions: false, file }, () => undefined, signal); // prettier-ignore
    const { sample, columns } = await openDataFile(file);
    assert.deepEqual([done, columns], [3, ['text', 'id']]);
    assert.deepEqual(sample.map(({ values }) => [values.id, values.text]), [['009', 'a\nb'], ['008', '@x'], ['007', '=1+1']]); // prettier-ignore
    const book = await preview({ train: table('book.xlsx') });
    const options = { train: 0.5, validation: 0.5, test: 0, seed: 1, stratify: null, group: null };
    const files = { train: temporary.path('a.xlsx'), validation: temporary.path('b.xlsx') };
    const plan = await book.session.writeSplit(options, files, signal);
    for (const { name, rows } of plan.parts) {
      const part = await openDataFile(files[name as 'train']);
      assert.deepEqual([part.format, part.sample.length, typeof part.sample[0].values.label], ['xlsx', rows, 'number']);
    }
  });

  it('takes labels as training does: white space around is not part of them, one choice of several is it', async () => {
    const labels = ['1', ' 1', '1 ', '0', ' ', '{"choices":["0"]}'];
    const rows = labels.map((label, i) => `"头痛第${i}天","${label.replaceAll('"', '""')}"`);
    const opened = await preview({ train: temporary.file('spaces.csv', `text,label\n${rows.join('\n')}\n`) });
    const { insights, findings } = await opened.settledStatistics();
    const [{ counts, missing }] = insights.labels;
    assert.deepEqual(counts.map(({ text, count }) => [text, count]), [['1', 3], ['0', 2]]); // prettier-ignore
    assert.equal(missing, 1);
    const column = insights.columns.find(({ column }) => column === 'label')!;
    assert.deepEqual([column.missing, column.distinct], [1, 2]);
    assert.equal(findings.findings.find(({ kind }) => kind === 'missingLabels')?.rows, 1);
    const filter = { kind: 'value' as const, column: 'label', values: ['1'], missing: false, exclude: false };
    const { rows: shown } = await opened.view({ filters: [filter] });
    assert.deepEqual(shown.map(Number), [0, 1, 2]); // prettier-ignore
  });

  it('sorts numbers before texts and both by value, missing ones last, whichever way round', async () => {
    const values = ['b', 10, null, '9', 'a\uffff', 'a😀', '', -1, 'ä', 2.5];
    const path = temporary.file('sort.jsonl', values.map((value) => JSON.stringify({ value })).join('\n'));
    const opened = await preview({ train: path });
    const sorted = async (descending: boolean) => {
      const { rows } = await opened.view({ sort: { kind: 'column', column: 'value', measure: 'value', descending } });
      return rows.map((row) => values[row]);
    };
    assert.deepEqual(await sorted(false), [-1, 2.5, '9', 10, 'a\uffff', 'a😀', 'b', 'ä', null, '']);
    assert.deepEqual(await sorted(true), ['ä', 'b', 'a😀', 'a\uffff', 10, '9', 2.5, -1, null, '']);
  });

  it('sorts more rows than one run holds, and gives up a sort when told', async () => {
    const path = temporary.file('many.csv', `n,t\n${Array.from({ length: 30_000 }, (_, i) => `${(i * 7919) % 30_011},t${(i * 31) % 1000}`).join('\n')}\n`); // prettier-ignore
    const opened = await preview({ train: path });
    const { rows } = await opened.view({ sort: { kind: 'column', column: 'n', measure: 'value', descending: false } });
    const number = (row: number) => (row * 7919) % 30_011;
    assert.equal(rows.length, 30_000);
    assert.ok(rows.every((row, i) => i === 0 || number(rows[i - 1]) < number(row)));
    const search = { text: 't', regex: false, caseSensitive: true, columns: ['t'] };
    const view = await opened.session.setView({ ...wholeFile, search });
    opened.session.cancel('view');
    await opened.until(() => opened.states.some((state) => state.view.id === view && !state.view.working));
    assert.equal(opened.state.view.partial, true);
    assert.equal(opened.state.view.error, null);
  });
});
