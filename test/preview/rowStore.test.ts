import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { keyOf, RandomStream } from '../../src/base/random';
import { MedTextError } from '../../src/base/errors';
import { openDataFile, type TextAccess } from '../../src/data/dataFile';
import { isUnreadable, type StoredRow } from '../../src/preview/rowStore';
import { TextRowStore } from '../../src/preview/textRowStore';
import { fixture, temporaryFolder } from '../data/support';

async function indexed(path: string): Promise<{ store: TextRowStore; all: StoredRow[] }> {
  const store = new TextRowStore(await openDataFile(path));
  await store.build(() => undefined);
  const all: StoredRow[] = [];
  for await (const batch of store.scan()) all.push(...batch);
  return { store, all };
}

describe('the index of rows', () => {
  const temporary = temporaryFolder();

  it('gives any row as reading from the beginning does: formats, encodings, a broken row, a long one', async () => {
    const text = (i: number) => `${'头痛发热😀'.repeat(i % 40)}${i}`;
    const record = (i: number) => (i === 12344 ? '{"a": "broken' : JSON.stringify({ a: text(i), b: i }));
    const lines = Array.from({ length: 20_000 }, (_, i) => record(i));
    const csv = ['a,b', ...lines.map((_, i) => (i % 7 === 0 ? `"${text(i)}\n""x""",${i}` : `${text(i)},${i}`))];
    csv[9000] = 'one,two,three';
    lines[700] = JSON.stringify({ a: '长'.repeat(300_000), b: 700 });
    const files = [
      temporary.file('lines.jsonl', lines.join('\n')),
      temporary.file('flat.json', `[${lines.join(', ')}]`),
      temporary.file('tall.json', `[\n  ${lines.join(',\n  ')}\n]\n`),
      temporary.file('quoted.csv', csv.join('\r\n')),
      temporary.file('utf16.csv', Buffer.from(`\uFEFF${csv.join('\r\n')}`, 'utf16le')),
      temporary.file('mixed.jsonl', Buffer.concat([Buffer.from(`${lines.slice(0, 9000).join('\n')}\n`), Buffer.from([0x7b, 0xb0, 0xa1, 0x0a]), Buffer.from(lines.slice(9000).join('\n'))])), // prettier-ignore
    ];
    for (const path of files) {
      const { store, all } = await indexed(path);
      assert.equal(store.rows, all.length, path);
      assert.equal(store.badRows, all.filter(isUnreadable).length, path);
      assert.ok(store.badRows >= 1 && store.rows >= 19_999, `${path}: ${store.rows} rows, ${store.badRows} bad`);
      assert.ok(store.indexBytes < 300_000, `${path}: ${store.indexBytes} bytes of index`);
      const random = new RandomStream(keyOf(3, 5));
      for (const start of [
        0,
        699,
        700,
        701,
        8998,
        12343,
        12344,
        12345,
        ...Array.from({ length: 60 }, () => random.integer(19_900)),
      ]) {
        // prettier-ignore
        assert.deepEqual(await store.read(start, 50), all.slice(start, start + 50), `${path} from ${start}`);
      }
      assert.deepEqual(await store.read(store.rows, 10), []);
    }
  });

  it('forgets what it read of the last block before the index ended', async () => {
    const lines = Array.from({ length: 4 }, (_, i) => JSON.stringify({ a: i }));
    const file = await openDataFile(temporary.file('growing.jsonl', lines.join('\n')));
    let end = () => {};
    const ended = new Promise<void>((resolve) => (end = resolve));
    async function* afterTheIndex(...given: Parameters<TextAccess['chunks']>) {
      if (given[0]?.start !== undefined) await ended;
      yield* file.text!.chunks(...given);
    }
    const text = Object.create(file.text!, { chunks: { value: afterTheIndex } }) as TextAccess;
    const store = new TextRowStore({ ...file, text });
    let early: Promise<StoredRow[]> | undefined;
    await store.build(() => void (early ??= store.read(0, 4)));
    end();
    assert.equal((await early!).length, 3, 'the last row has no line feed, and is known when the index ends');
    assert.equal((await store.read(0, 4)).length, 4);
  });

  it('keeps what it read lately, also where two asked for it at once', async () => {
    const path = temporary.file('long.jsonl', Array.from({ length: 40_000 }, (_, i) => JSON.stringify({ a: `${i} ${'x'.repeat(230)}` })).join('\n')); // prettier-ignore
    const file = await openDataFile(path);
    let reads = 0;
    const chunks: TextAccess['chunks'] = (options) => (reads++, file.text!.chunks(options));
    const store = new TextRowStore({ ...file, text: { ...file.text!, chunks } });
    await store.build(() => undefined);
    for (let row = 0; row < store.rows; row += 128) await Promise.all([store.read(row, 50), store.read(row + 50, 50)]);
    reads = 0;
    for (let row = 20_000; row < 20_050; row++) await store.read(row, 1);
    assert.ok(reads <= 2, `${reads} reads`);
  });

  it('names the line of a broken row', async () => {
    const lines = Array.from({ length: 15_000 }, (_, i) => (i === 12_344 ? '{"a": ' : `{"a": ${i}}`));
    const { store } = await indexed(temporary.file('broken.jsonl', lines.join('\n')));
    assert.deepEqual(
      store.firstBadRows.map(({ row, line }) => [row, line]),
      [[12_344, 12_345]],
    );
    assert.match(store.firstBadRows[0].reason.toString(), /not valid JSON/);
  });

  it('of mutated files numbers the rows as reading from the beginning does', async () => {
    const names = ['pretty.json', 'compact.json', 'lines.jsonl', 'comma.csv', 'quoted.tsv', 'plain.txt', 'gb18030.csv'];
    for (let round = 0; round < Number(process.env.MEDTEXT_FUZZ_ROUNDS ?? 300); round++) {
      const random = new RandomStream(keyOf(12, round));
      const name = names[random.integer(names.length)];
      const bytes = Buffer.from(readFileSync(fixture(name)));
      for (let edits = 1 + random.integer(4); edits > 0; edits--) bytes[random.integer(bytes.length)] = 1 + random.integer(255); // prettier-ignore
      try {
        const { store, all } = await indexed(temporary.file(name, bytes));
        const read = await store.read(0, store.rows);
        assert.deepEqual(
          read.map(({ row }) => row),
          all.map(({ row }) => row),
          `round ${round}, ${name}`,
        );
      } catch (error) {
        assert.ok(
          error instanceof MedTextError && error.code !== 'INTERNAL',
          `round ${round}: ${(error as Error).stack}`,
        );
      }
    }
  });
});
