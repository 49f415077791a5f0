import assert from 'node:assert/strict';
import { chmodSync, existsSync, readFileSync, statSync, symlinkSync } from 'node:fs';
import { join } from 'node:path';
import type { MedTextError } from '../../src/base/errors';
import { vectorFile, type VectorBlock } from '../../src/data/vectorFile';
import { embedFile } from '../../src/evaluation/embedFile';
import { openEmbedder } from '../../src/inference/embedder';
import { medtext, medtextFails, medtextJson } from '../cli/support/commandLine';
import { readAll, temporaryFolder } from '../data/support';

const MODEL = join(__dirname, '../fixtures/layouts/sentences-mean');
const texts = ['头痛怎么办', '发热三天', '咳嗽', '糖尿病人能不能吃西瓜,或者"别的"水果', '皮疹'];

/** The header's shape and the numbers of a version 1.0 file, as NumPy reads them. */
function readNpy(bytes: Buffer): { shape: number[]; values: Float32Array } {
  assert.equal(bytes.toString('latin1', 0, 8), '\x93NUMPY\x01\x00');
  const end = 10 + bytes.readUInt16LE(8);
  assert.equal(end % 64, 0);
  const header = bytes.toString('latin1', 10, end);
  const match = /^\{'descr': '<f4', 'fortran_order': False, 'shape': \((\d+), (\d+)\), \} *\n$/.exec(header)!;
  const data = bytes.subarray(end);
  return { shape: [Number(match[1]), Number(match[2])], values: new Float32Array(new Uint8Array(data).buffer) };
}

describe('vectors of a file', () => {
  const temporary = temporaryFolder();
  let expected: Float32Array;
  let dimensions = 0;

  before(async () => {
    const embedder = await openEmbedder(MODEL, { threads: 1 });
    expected = await embedder.embed(texts);
    dimensions = embedder.dimensions;
    await embedder.close();
  });

  const csv = () => temporary.file('texts.csv', `id,text\n${texts.map((text, i) => `${i},"${text.replaceAll('"', '""')}"`).join('\n')}\n`); // prettier-ignore
  const close = (found: ArrayLike<number>, wanted: ArrayLike<number>) => {
    assert.equal(found.length, wanted.length);
    // Other texts in the batch, other paddings: the last digits differ.
    for (let i = 0; i < wanted.length; i++) assert.ok(Math.abs(found[i] - wanted[i]) < 2e-6, `${i}`);
  };

  it('are those of the texts, in the file’s order: NumPy', async () => {
    const output = temporary.path('out.npy');
    const result = await embedFile(MODEL, csv(), output, { threads: 1 });
    assert.deepEqual(result, { output, rows: 5, badRows: 0, dimensions, column: 'text' });
    const { shape, values } = readNpy(readFileSync(output));
    assert.deepEqual(shape, [5, dimensions]);
    close(values, expected);
  });

  it('with line and text: Parquet and JSON Lines', async () => {
    for (const name of ['out.parquet', 'out.jsonl']) {
      const output = temporary.path(name);
      await embedFile(MODEL, csv(), output, { threads: 1 });
      const { rows, bad } = await readAll(output);
      assert.deepEqual(bad, []);
      assert.deepEqual(rows.map(({ values }) => [values.line, values.text]), texts.map((text, i) => [i + 2, text])); // prettier-ignore
      close(rows.flatMap(({ values }) => values.embedding as number[]), expected); // prettier-ignore
    }
  });

  it('are for nobody who may not read the texts', async function () {
    if (process.platform === 'win32') this.skip();
    const input = csv();
    chmodSync(input, 0o600);
    const output = temporary.path('private.jsonl');
    await embedFile(MODEL, input, output, { threads: 1 });
    assert.equal(statSync(output).mode & 0o777, 0o600);
  });

  it('of several blocks are one table; each block is taken before the next is computed', async () => {
    for (const format of ['npy', 'parquet', 'jsonl'] as const) {
      let taken = 0;
      let given = 0;
      async function* blocks(): AsyncGenerator<VectorBlock> {
        for (let block = 0; block < 3; block++) {
          assert.ok(taken >= given, `${format}: block ${block} was asked for before the one before was written`);
          given++;
          const at = block * 2;
          yield {
            texts: [`a${at}`, `a${at + 1}`],
            lines: [at, at + 1],
            vectors: Float32Array.from([at, 0.5, at + 1, -0.5]),
          };
        }
      }
      const parts: Uint8Array[] = [];
      for await (const part of vectorFile(format, { rows: 6, dimensions: 2 }, blocks())) {
        parts.push(typeof part === 'string' ? Buffer.from(part) : new Uint8Array(part));
        taken++;
      }
      const bytes = Buffer.concat(parts);
      if (format === 'npy') {
        assert.deepEqual([...readNpy(bytes).values], [0, 0.5, 1, -0.5, 2, 0.5, 3, -0.5, 4, 0.5, 5, -0.5]);
        continue;
      }
      const { rows } = await readAll(temporary.file(`blocks.${format}`, bytes));
      assert.deepEqual(rows.map(({ values }) => values.line), [0, 1, 2, 3, 4, 5]); // prettier-ignore
      assert.deepEqual(rows[5].values.embedding, [5, -0.5]);
      assert.equal(rows[4].values.text, 'a4');
    }
  });

  it('of lines of plain text; rows without a text are told, or left out', async () => {
    const plain = temporary.file('texts.txt', `${texts.slice(0, 2).join('\n')}\n`);
    assert.equal((await embedFile(MODEL, plain, temporary.path('plain.npy'), { threads: 1 })).rows, 2);
    const gaps = temporary.file(
      'gaps.jsonl',
      '{"text": "头痛"}\n{"text": ""}\n{"text": null}\n{"text": "发热"}\nnope\n',
    );
    const output = temporary.path('gaps.parquet');
    await assert.rejects(embedFile(MODEL, gaps, output), (error: MedTextError) => {
      assert.equal(error.code, 'DATA_FORMAT');
      assert.match(error.message, /line 2: column "text" has no text.*3 rows cannot be read/);
      return true;
    });
    assert.equal(existsSync(output), false);
    const { rows, badRows } = await embedFile(MODEL, gaps, output, { threads: 1, onBadRow: 'skip' });
    assert.deepEqual([rows, badRows], [2, 3]);
    assert.deepEqual((await readAll(output)).rows.map(({ values }) => values.line), [1, 4]); // prettier-ignore
  });

  it('are refused before anything is computed where the output is wrong, and stop when cancelled', async () => {
    const input = csv();
    await assert.rejects(embedFile(MODEL, input, temporary.path('out.csv')), { code: 'USAGE', message: /\.npy \(NumPy\)/ }); // prettier-ignore
    const npy = temporary.file('same.npy', 'x');
    await assert.rejects(embedFile(MODEL, npy, npy), { code: 'USAGE' });
    const link = temporary.path('link.npy');
    symlinkSync(npy, link);
    await assert.rejects(embedFile(MODEL, npy, link), { code: 'USAGE', message: /would replace the input/ });
    await assert.rejects(embedFile(MODEL, input, temporary.path('o.npy'), { column: 'nope' }), { code: 'NOT_FOUND' });
    const cancelled = embedFile(MODEL, input, temporary.path('o.npy'), { signal: AbortSignal.abort() });
    await assert.rejects(cancelled, { code: 'CANCELLED' });
    assert.equal(existsSync(temporary.path('o.npy')), false);
  });

  it('on the command line', async () => {
    const output = temporary.path('cli.npy');
    const [result] = await medtextJson(['embed', MODEL, '--file', csv(), '--output', output, '--threads', '1']);
    assert.deepEqual(result, { output, rows: 5, badRows: 0, dimensions, column: 'text' });
    await medtextFails(['embed', MODEL, '--file', csv()], 2, 'USAGE');
    await medtextFails(['embed', MODEL, 'a', '--output', output], 2, 'USAGE');
    // A table of all cosines is quadratic in the texts: of many it is not made.
    const many = Array.from({ length: 13 }, (_, i) => `头痛${i}`);
    const { stdout } = await medtext(['embed', MODEL, ...many, '--threads', '1']);
    assert.match(stdout, /13 texts; cosines are shown for at most 12/);
    assert.equal(stdout.trim().split('\n').length, 2);
  });
});
