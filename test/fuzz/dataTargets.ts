/** Data files as a preview meets them: opened, indexed, read anywhere, searched, sorted, counted and closed again. */
import assert from 'node:assert/strict';
import { rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { MedTextError, type ErrorCode } from '../../src/base/errors';
import { readEntities } from '../../src/data/entities/readEntities';
import { TestPreview } from '../preview/previewSupport';
import { mutatedBytes } from './mutations';
import type { Target } from './targets';

/** What is read must be refused or told: a file that cannot be opened, or rows that cannot be read. */
async function attempt(input: Buffer, path: string): Promise<void> {
  writeFileSync(path, input);
  const preview = await TestPreview.open({ train: path, test: path }, { maxLength: 8, model: { name: 'm', description: '', folder: '' } }); // prettier-ignore
  try {
    await preview.indexed();
    const { error, index, view } = preview.state;
    if (error) throw new MedTextError(error.code as ErrorCode, error.message);
    const { insights, findings } = await preview.settledStatistics();
    for (const { error: failure } of [insights.work, findings.work]) {
      if (failure) throw new MedTextError(failure.code as ErrorCode, failure.message);
    }
    const last = await preview.session.rows(view.id, Math.max(0, index.rows - 10), 10);
    assert.deepEqual(last.rows.map(({ row }) => row), Array.from(last.rows, (_, i) => Math.max(0, index.rows - 10) + i)); // prettier-ignore
    const [column] = preview.state.columns;
    if (column !== undefined) {
      const search = { text: 'a|[0-9]', regex: true, caseSensitive: false, columns: [] };
      const sort = { kind: 'column', column, measure: 'value', descending: true } as const;
      const { rows } = await preview.view({ search, sort });
      assert.ok(rows.length <= index.rows - index.bad && new Set(rows).size === rows.length);
    }
    const { bad, badRows } = preview.state.index;
    assert.ok(badRows.every(({ line, message }) => message !== '' && (line === null || line >= 1)));
    if (bad > 0 || index.rows === 0) throw new MedTextError('DATA_FORMAT', `${bad} bad rows`);
  } finally {
    await preview.session.close();
  }
}

const dataFile = (name: string, extension: string, seeds: Target['seeds']): Target => ({
  name: `preview-${name}`,
  codes: ['DATA_FORMAT', 'UNSUPPORTED'],
  seeds,
  mutate: mutatedBytes,
  attempt: (input, folder) => attempt(input, join(folder, `input${extension}`)),
});

/** Entities as a training reads them: each within its text, in order, and where they must be flat without overlap. */
async function attemptEntities(path: string): Promise<void> {
  const [flat, nested] = [false, true].map((isNested) => readEntities(path, { onBadRow: 'skip', nested: isNested }));
  for (const [data, isFlat] of [
    [await flat, true],
    [await nested, false],
  ] as const) {
    for (const { first, label } of data.examples) {
      let before = { start: 0, end: 0 };
      for (const { start, end, type } of label!) {
        assert.ok(start >= (isFlat ? before.end : before.start) && end > start && end <= first.length && type !== '');
        before = { start, end };
      }
    }
    const { badRows, findings } = data;
    if (badRows.count + findings.flawed.count > 0) throw new MedTextError('DATA_FORMAT', 'bad rows or entities');
  }
}

const entityFile = (
  name: string,
  extension: string,
  seeds: Target['seeds'],
  beside?: { extension: string; content: string },
): Target => ({
  name: `entities-${name}`,
  codes: ['DATA_FORMAT', 'UNSUPPORTED', 'NOT_FOUND', 'RECIPE'],
  seeds,
  mutate: mutatedBytes,
  async attempt(input, folder) {
    const path = join(folder, `input${extension}`);
    writeFileSync(path, input);
    const other = beside && join(folder, `input${beside.extension}`);
    if (other) writeFileSync(other, beside.content);
    try {
      await attemptEntities(path);
    } finally {
      if (other) for (const file of [path, other]) rmSync(file);
    }
  },
});

export function dataTargets(seeds: (topic: string, names: readonly string[]) => Target['seeds']): Target[] {
  return [
    dataFile('json', '.json', seeds('data', ['pretty.json', 'compact.json', 'lines.jsonl', 'gb18030.json', 'utf16.json'])), // prettier-ignore
    dataFile('csv', '.csv', seeds('data', ['comma.csv', 'excel.csv', 'gb18030.csv', 'semicolon.csv', 'headerless.csv'])), // prettier-ignore
    dataFile('tsv', '.tsv', seeds('data', ['quoted.tsv', 'unquoted.tsv'])),
    dataFile('text', '.txt', seeds('data', ['plain.txt', 'plain_gb18030.txt'])),
    dataFile('xlsx', '.xlsx', seeds('tables', ['book.xlsx'])),
    entityFile('json', '.jsonl', seeds('entities', ['cmeee.jsonl', 'doccano.jsonl', 'labelStudio.json'])),
    entityFile('conll', '.conll', seeds('entities', ['tags.conll', 'bmes.txt'])),
    entityFile('brat', '.ann', seeds('entities', ['standoff.ann']), {
      extension: '.txt',
      content: '患者😀有糖尿病，左肺\r\n叶 cough。',
    }),
    dataFile('conll', '.conll', seeds('entities', ['tags.conll', 'bmes.txt'])),
    dataFile('parquet', '.parquet', seeds('tables', ['none.parquet', 'snappy.parquet', 'zstd.parquet', 'gzip.parquet', 'lz4.parquet', 'brotli.parquet'])), // prettier-ignore
  ];
}
