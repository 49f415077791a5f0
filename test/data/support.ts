import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { openDataFile, type DataFileOptions } from '../../src/data/dataFile';
import { isBadRow, type BadRow, type DataRow, type Piece } from '../../src/data/dataRow';

export const FIXTURES = join(__dirname, '../fixtures/data');

export const fixture = (name: string) => join(FIXTURES, name);

export const expected = JSON.parse(readFileSync(fixture('expected.json'), 'utf8')) as {
  rows: Record<string, string>[];
  flat: Record<string, string>[];
  csvLines: number[];
  lengths: {
    values: number[];
    mean: number;
    median: number;
    p90: number;
    p95: number;
    p99: number;
    counts: number[];
    edges: number[];
  };
};

/** A folder for one suite's files, gone afterwards. */
export function temporaryFolder(): {
  file(name: string, content: string | Uint8Array): string;
  path(name: string): string;
} {
  let folder: string;
  before(() => {
    folder = mkdtempSync(join(tmpdir(), 'medtext-data-'));
  });
  after(() => rmSync(folder, { recursive: true, force: true }));
  const path = (name: string) => join(folder, name);
  return {
    path,
    file(name, content) {
      writeFileSync(path(name), content);
      return path(name);
    },
  };
}

export async function readAll(path: string, options?: DataFileOptions): Promise<{ rows: DataRow[]; bad: BadRow[] }> {
  const file = await openDataFile(path, options);
  const rows: DataRow[] = [];
  const bad: BadRow[] = [];
  for await (const row of file.rows()) {
    if (isBadRow(row)) bad.push(row);
    else rows.push(row);
  }
  return { rows, bad };
}

/** The text in pieces of the given size, so that every boundary is met. */
export async function* inChunks(text: string, size: number): AsyncGenerator<string> {
  for (let at = 0; at < text.length; at += size) yield text.slice(at, at + size);
}

export async function collect(pieces: AsyncIterable<Piece[]>): Promise<Piece[]> {
  const all: Piece[] = [];
  for await (const batch of pieces) all.push(...batch);
  return all;
}
