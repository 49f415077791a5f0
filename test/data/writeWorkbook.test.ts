import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { open, type Entry, type ZipFile } from 'yauzl';
import { writeFileAtomically } from '../../src/base/atomicFile';
import { openDataFile } from '../../src/data/dataFile';
import type { DataValue } from '../../src/data/dataRow';
import { tableFile } from '../../src/data/tableFile';
import { writeFilled } from '../../src/data/writeFilled';
import { readAll, temporaryFolder } from './support';

interface Reference {
  readonly columns: readonly string[];
  readonly rows: readonly (readonly DataValue[])[];
}

const folder = join(__dirname, '../fixtures/tables');
/** What was written, and what openpyxl reads of it: `readWorkbook.py` beside it. */
const { columns, rows } = JSON.parse(readFileSync(join(folder, 'written.json'), 'utf8')) as Reference;
const fixture = (name: string): string => join(folder, name);

async function* batches(all: readonly (readonly DataValue[])[], size = 3): AsyncGenerator<(readonly DataValue[])[]> {
  for (let at = 0; at < all.length; at += size) yield all.slice(at, at + size);
}

/** Each part's text; how it is compressed depends on the zlib at hand. */
async function partsOf(path: string): Promise<Record<string, string>> {
  const zip = await new Promise<ZipFile>((resolve, reject) =>
    open(path, { lazyEntries: true, autoClose: true }, (error, file) => (error ? reject(error) : resolve(file))),
  );
  const parts: Record<string, string> = {};
  await new Promise<void>((resolve, reject) => {
    zip.on('entry', (entry: Entry) =>
      zip.openReadStream(entry, (error, stream) => {
        if (error) return reject(error);
        text(stream).then((found) => {
          parts[entry.fileName] = found;
          zip.readEntry();
        }, reject);
      }),
    );
    zip.on('end', resolve).on('error', reject);
    zip.readEntry();
  });
  return parts;
}

describe('writing a workbook', () => {
  const temporary = temporaryFolder();
  const write = async (name: string, all: readonly (readonly DataValue[])[], names = columns) => {
    const path = temporary.path(name);
    await writeFileAtomically(path, tableFile('xlsx', { columns: names, isNamed: true, sheet: '数据' }, batches(all)));
    return path;
  };
  const content = async (path: string) => (await readAll(path)).rows.map(({ values }) => Object.values(values));

  it('gives back every value with its type: no text becomes a number, a date or a formula', async () => {
    const path = await write('written.xlsx', rows);
    const file = await openDataFile(path);
    assert.deepEqual([file.columns, file.workbook?.sheet], [columns, '数据']);
    assert.deepEqual(await content(path), rows.map((row) => row.map((value) => (typeof value === 'object' && value !== null ? JSON.stringify(value) : value)))); // prettier-ignore
  });

  it('is part for part the workbook that openpyxl was asked to read', async () => {
    assert.deepEqual(await partsOf(await write('same.xlsx', rows)), await partsOf(fixture('written.xlsx')));
  });

  it('is an archive that other programs find whole', async function () {
    if (!existsSync('/usr/bin/unzip')) this.skip();
    execFileSync('/usr/bin/unzip', ['-tqq', await write('whole.xlsx', rows)]);
  });

  it('holds 32,767 characters a cell, names the cell of a longer text, and leaves no file behind', async () => {
    const most = '癌'.repeat(32_767);
    assert.deepEqual(await content(await write('most.xlsx', [['1', most]], ['id', 'text'])), [['1', most]]);
    const failed = write('failed.xlsx', [['1', 'short'], ['2', `${most}x`]], ['id', 'text']); // prettier-ignore
    await assert.rejects(failed, { code: 'UNSUPPORTED', message: /cell B3 would have 32768 characters.*JSON Lines/ });
    assert.ok(!existsSync(temporary.path('failed.xlsx')));
  });

  it('refuses more rows and columns than a sheet has', async () => {
    async function* many(): AsyncGenerator<DataValue[][]> {
      const batch = Array.from({ length: 4096 }, () => [null]);
      for (let rows = 0; rows < 1_048_576; rows += 4096) yield batch;
    }
    const work = async () => {
      for await (const _ of tableFile('xlsx', { columns: ['a'], isNamed: true }, many()));
    };
    await assert.rejects(work(), { code: 'UNSUPPORTED', message: /1048576 rows/ });
    const wide = Array.from({ length: 16_385 }, (_, i) => `c${i}`);
    assert.throws(() => tableFile('xlsx', { columns: wide, isNamed: true }, many()), { code: 'UNSUPPORTED' });
  });

  it('what the rows throw ends it, and no file is left', async () => {
    async function* broken(): AsyncGenerator<DataValue[][]> {
      yield [['a']];
      throw new Error('the source broke');
    }
    const path = temporary.path('broken.xlsx');
    const failed = writeFileAtomically(path, tableFile('xlsx', { columns: ['a'], isNamed: true }, broken()));
    await assert.rejects(failed, /the source broke/);
    assert.ok(!existsSync(path));
  });
});

describe('predictions in a workbook', () => {
  const temporary = temporaryFolder();

  it('from CSV: texts stay texts, the label column is filled or added', async () => {
    const csv = temporary.file('a.csv', 'id,text\n007,=1+1\n1e5,@x\n');
    const output = temporary.path('a.xlsx');
    const written = await writeFilled(csv, output, (row) => ['内科', null][row], { label: 'label' });
    assert.deepEqual(written, { rows: 2, filled: 1, badRows: 0 });
    const { rows } = await readAll(output);
    assert.deepEqual(
      rows.map(({ values }) => ({ ...values })),
      [
        { id: '007', text: '=1+1', label: '内科' },
        { id: '1e5', text: '@x', label: null },
      ],
    );
  });

  it('from JSON: keys that come late are columns too, and lists are JSON', async () => {
    const lines = Array.from({ length: 300 }, (_, i) => JSON.stringify(i === 250 ? { text: 't', late: [1] } : { text: `t${i}`, n: 1.5 })); // prettier-ignore
    const output = temporary.path('late.xlsx');
    await writeFilled(temporary.file('late.jsonl', lines.join('\n')), output, () => ['a', 'b'], { label: 'labels' });
    const { rows } = await readAll(output);
    assert.deepEqual({ ...rows[250].values }, { text: 't', n: null, late: '[1]', labels: '["a","b"]' });
    assert.equal(rows[0].values.n, 1.5);
  });

  it('from a sheet of a workbook: the sheet alone, in every format that the output’s name can ask for', async () => {
    const book = () => openDataFile(fixture('splits.xlsx'), { sheet: '训练集' });
    for (const ending of ['xlsx', 'csv', 'tsv', 'json', 'jsonl']) {
      const output = temporary.path(`book.${ending}`);
      const { filled } = await writeFilled(await book(), output, String, { label: 'label' });
      const { rows } = await readAll(output);
      assert.deepEqual([filled, rows.length, rows[2].values.label], [3, 3, '2'], ending);
      assert.equal(rows[0].values.query1, '头痛怎么办');
    }
    assert.equal((await openDataFile(temporary.path('book.xlsx'))).workbook?.sheet, '训练集');
    for (const ending of ['parquet', 'txt', 'out']) {
      const refused = writeFilled(await book(), temporary.path(`no.${ending}`), String, { label: 'label' });
      await assert.rejects(refused, { code: 'UNSUPPORTED', message: /\.xlsx, \.csv, \.tsv, \.json or \.jsonl/ });
    }
    await assert.rejects(writeFilled(await book(), temporary.path('n.csv'), String, { label: 'query1', textColumns: ['query1'] }), { code: 'USAGE' }); // prettier-ignore
    const parquet = temporary.path('parquet.xlsx');
    assert.equal((await writeFilled(fixture('snappy.parquet'), parquet, () => 1, { label: 'label' })).filled, 3);
  });

  it('stops at bad rows, or leaves them out', async () => {
    const csv = temporary.file('bad.csv', 'text,label\na,1\nb\nc,1\n');
    await assert.rejects(writeFilled(csv, temporary.path('bad.xlsx'), String, { label: 'label' }), { code: 'DATA_FORMAT' }); // prettier-ignore
    assert.ok(!existsSync(temporary.path('bad.xlsx')));
    const written = await writeFilled(csv, temporary.path('bad.xlsx'), String, { label: 'label', onBadRow: 'skip' });
    assert.deepEqual([written.badRows, (await readAll(temporary.path('bad.xlsx'))).rows.length], [1, 2]);
  });
});
