/** Data files as a preview meets them: opened, indexed, read anywhere, searched, sorted, counted and closed again. */
import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { MedTextError, type ErrorCode } from '../../src/base/errors';
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

export function dataTargets(seeds: (topic: string, names: readonly string[]) => Target['seeds']): Target[] {
  return [
    dataFile('json', '.json', seeds('data', ['pretty.json', 'compact.json', 'lines.jsonl', 'gb18030.json', 'utf16.json'])), // prettier-ignore
    dataFile('csv', '.csv', seeds('data', ['comma.csv', 'excel.csv', 'gb18030.csv', 'semicolon.csv', 'headerless.csv'])), // prettier-ignore
    dataFile('tsv', '.tsv', seeds('data', ['quoted.tsv', 'unquoted.tsv'])),
    dataFile('text', '.txt', seeds('data', ['plain.txt', 'plain_gb18030.txt'])),
    dataFile('xlsx', '.xlsx', seeds('tables', ['book.xlsx'])),
    dataFile('parquet', '.parquet', seeds('tables', ['none.parquet', 'snappy.parquet', 'zstd.parquet', 'gzip.parquet', 'lz4.parquet', 'brotli.parquet'])), // prettier-ignore
  ];
}
