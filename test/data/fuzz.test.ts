import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { keyOf, RandomStream } from '../../src/base/random';
import { MedTextError } from '../../src/base/errors';
import { openDataFile } from '../../src/data/dataFile';
import { isBadRow, type Piece } from '../../src/data/dataRow';
import { readDelimited } from '../../src/data/delimitedReader';
import { readJsonArray } from '../../src/data/jsonArrayReader';
import { readJsonLines, readPlainText } from '../../src/data/lineReader';
import { writeFilled } from '../../src/data/writeFilled';
import { collect, FIXTURES, fixture, inChunks, readAll, temporaryFolder } from './support';

const NAMES = readdirSync(FIXTURES).filter((name) => /\.(jsonl?|csv|tsv|txt)$/.test(name) && name !== 'expected.json');
const TOKENS = [
  '"',
  '\\',
  '{',
  '}',
  '[',
  ']',
  ',',
  ':',
  '\n',
  '\r',
  '\r\n',
  '\t',
  '""',
  '},{',
  '\0',
  '病',
  '\uD83C',
  '\uDC80',
  ' ',
  '1e',
  'null',
];

/** Other forms of a table, as programs write them. */
const FORMS: Readonly<Record<string, string>> = {
  'columns.json': '{"text":{"0":"发热","1":"头痛","2":"咳嗽"},"label":{"0":1,"1":0,"2":null}}',
  'index.json': '{"0":{"text":"发热","label":1},"1":{"text":"头痛","label":NaN}}',
  'listed.json': '{"text": ["发热", "头痛"], "label": [1, 0]}',
  'split.json': '{"columns":["text","label"],"index":[0,1],"data":[["发热",1],["头痛",0]]}',
  'wrapped.json':
    '{"version": "1.0",\n"data": [\n{"text": "发热", "label": 1},\n{"text": "头痛", "label": 0}\n],\n"more": [{}]}\n',
  'tasks.json': `[${[1, 2, 3].map((i) => `{"id":${i},"data":{"text":"头痛${i}"},"annotations":[{"result":[{"value":{"choices":["甲"]},"from_name":"y"}]}]}`).join(',\n')}]`, // prettier-ignore
  'separator.csv': 'sep=;\r\ntext;label\r\n发热;1\r\n头痛;0\r\n',
  'titled.csv': '标题,\n由甲医院整理\ntext,label\n发热,1\n头痛,0\n',
};

/** A few random edits: bytes changed, cut out, repeated or put in. */
function mutated(random: RandomStream, bytes: Buffer): Buffer {
  let result = bytes;
  for (let edits = 1 + random.integer(4); edits > 0; edits--) {
    const at = random.integer(result.length + 1);
    const to = Math.min(result.length, at + random.integer(random.integer(3) === 0 ? 200 : 6));
    const head = result.subarray(0, at);
    const tail = result.subarray(to);
    const middle = [
      () => Buffer.alloc(0),
      () => Buffer.from(TOKENS[random.integer(TOKENS.length)]),
      () => Buffer.concat([result.subarray(at, to), result.subarray(at, to)]),
      () => Buffer.from(Array.from({ length: to - at }, () => random.integer(256))),
    ][random.integer(4)]();
    result = Buffer.concat(random.integer(40) === 0 ? [head, middle] : [head, middle, tail]);
  }
  return result;
}

describe('mutated data files', () => {
  const temporary = temporaryFolder();

  it('are read, or refused with a code', async () => {
    const forms = Object.entries(FORMS).map(([name, text]) => ({ name, bytes: Buffer.from(text) }));
    const sources = [...NAMES.map((name) => ({ name, bytes: readFileSync(fixture(name)) })), ...forms];
    const codes = new Map<string, number>();
    let rows = 0;
    for (let round = 0; round < 2600; round++) {
      const random = new RandomStream(keyOf(7, round));
      const { name, bytes } = sources[random.integer(sources.length)];
      const path = temporary.file(name, mutated(random, bytes));
      try {
        const read = await readAll(path, { maxRowLength: random.integer(5) === 0 ? 50 : undefined });
        rows += read.rows.length;
        for (const { line, reason } of read.bad) assert.ok(line >= 1 && `${reason}` !== '', `round ${round}`);
        if (round % 10 !== 0) continue; // Writing waits for the disk.
        const file = await openDataFile(path);
        if (!file.text) continue;
        await writeFilled(file, `${path}.out`, () => '0', { label: file.columns.length - 1, onBadRow: 'skip' });
      } catch (error) {
        assert.ok(error instanceof MedTextError, `round ${round}, ${name}: ${(error as Error).stack}`);
        assert.notEqual(error.code, 'INTERNAL', `round ${round}, ${name}: ${(error as Error).stack}`);
        codes.set(error.code, (codes.get(error.code) ?? 0) + 1);
      }
    }
    assert.ok(rows > 5000, `${rows} rows`);
    assert.ok((codes.get('DATA_FORMAT') ?? 0) > 5);
  });

  it('lose no character and do not depend on the chunks', async () => {
    const layout = { columns: ['id', 'query1', 'query2', 'label'], header: true };
    const readers: Record<string, (chunks: AsyncIterable<string>, limit: number) => AsyncGenerator<Piece[]>> = {
      'pretty.json': readJsonArray,
      'compact.json': readJsonArray,
      'crlf.json': readJsonArray,
      // Behind a key of an object; what stands before the array is not read.
      'pretty.json ': (chunks, limit) => readJsonArray(chunks, limit, undefined, 1),
      'lines.jsonl': readJsonLines,
      'comma.csv': (chunks, limit) => readDelimited(chunks, limit, { ...layout, delimiter: ',', quoted: true }),
      'quoted.tsv': (chunks, limit) => readDelimited(chunks, limit, { ...layout, delimiter: '\t', quoted: true }),
      'plain.txt': (chunks, limit) => readPlainText(chunks, limit, { ...layout, quoted: true }),
    };
    const names = Object.keys(readers);
    for (let round = 0; round < 3000; round++) {
      const random = new RandomStream(keyOf(8, round));
      const name = names[random.integer(names.length)];
      const text = mutated(random, readFileSync(fixture(name.trim())))
        .toString('utf8')
        .replace(/^\uFEFF/, '');
      const start = name.trim().endsWith('.json') && !/^\s*\[/.test(text) ? `[${text}` : text;
      if (start === '') continue;
      const whole = await collect(readers[name](inChunks(start, start.length), 1 << 20));
      const cut = await collect(readers[name](inChunks(start, 1 + random.integer(40)), 1 << 20));
      assert.equal(whole.map((piece) => piece.text).join(''), start, `round ${round}`);
      assert.equal(cut.map((piece) => piece.text).join(''), start, `round ${round}`);
      const substance = (pieces: Piece[]) => pieces.filter((piece) => piece.kind === 'row');
      assert.deepEqual(substance(cut), substance(whole), `round ${round}, ${name}`);
      const lines = whole.map((piece) => piece.line);
      assert.deepEqual(
        lines,
        [...lines].sort((a, b) => a - b),
      );
      let consumed = 0;
      for (const piece of whole) {
        const before = start.slice(0, consumed);
        if (!before.endsWith('\r'))
          assert.equal(piece.line, before.split(/\r\n|\r|\n/).length, `round ${round}, ${name}`);
        consumed += piece.text.length;
      }
      // Bounded windows: still every character, still the end.
      const tight = await collect(readers[name](inChunks(start, 16), 60));
      assert.equal(tight.map((piece) => piece.text).join(''), start, `round ${round}`);
    }
  });

  it('hostile texts end quickly', async () => {
    const size = 1 << 18;
    const texts = [
      '{"a":[',
      '[',
      '"',
      '{',
      '}',
      ',',
      '{"a":\n',
      '\n  {',
      '\\',
      '"\\',
      '{"a":1},{',
      '[[],',
      ' ',
      '\n',
      '"a\n',
      '""',
      'x,"\n',
    ];
    const started = performance.now();
    for (const unit of texts) {
      const text = unit.repeat(size / unit.length);
      await collect(readJsonArray(inChunks(`[${text}`, 1 << 14), 1 << 16));
      await collect(readJsonArray(inChunks(`[\n  {"a": 1},\n  ${text}`, 1 << 16), 1 << 24));
      await collect(readJsonLines(inChunks(text, 1 << 14), 1 << 16));
      const layout = { columns: ['0', '1'], header: false, delimiter: ',', quoted: true };
      await collect(readDelimited(inChunks(text, 1 << 14), 1 << 16, layout));
      await collect(readDelimited(inChunks(text, 1 << 16), 1 << 24, layout));
    }
    const seconds = (performance.now() - started) / 1000;
    assert.ok(seconds < 60, `${seconds} s`);
  });

  it('a row may be bad without the sample or the file ending early', async () => {
    const lines = Array.from({ length: 20_000 }, (_, i) =>
      i === 12_344 ? '{"text": "t", "label": ' : `{"text": "t${i}", "label": ${i % 2}}`,
    );
    const file = await openDataFile(temporary.file('late.jsonl', lines.join('\n')));
    let rows = 0;
    const bad: number[] = [];
    for await (const row of file.rows()) {
      if (isBadRow(row)) bad.push(row.line);
      else rows++;
    }
    assert.deepEqual([rows, bad], [19_999, [12_345]]);
  });
});
