import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { openDataFile } from '../../src/data/dataFile';
import type { Piece } from '../../src/data/dataRow';
import { readDelimited } from '../../src/data/delimitedReader';
import { readJsonArray } from '../../src/data/jsonArrayReader';
import { readJsonLines, readPlainText } from '../../src/data/lineReader';
import type { DataFormat } from '../../src/protocol/dataFormat';
import { collect, expected, fixture, inChunks, readAll, temporaryFolder } from './support';

const LIMIT = 1 << 20;

describe('data readers', () => {
  const temporary = temporaryFolder();

  describe('read every format as Python does', () => {
    const rows: [file: string, format: DataFormat, encoding: string, mark: boolean][] = [
      ['pretty.json', 'json', 'utf-8', false],
      ['tabs.json', 'json', 'utf-8', false],
      ['compact.json', 'json', 'utf-8', false],
      ['escaped.json', 'json', 'utf-8', false],
      ['crlf.json', 'json', 'utf-8', true],
      ['utf16.json', 'json', 'utf-16le', true],
      ['utf16be.json', 'json', 'utf-16be', true],
      ['gb18030.json', 'json', 'gb18030', false],
      ['lines.jsonl', 'jsonl', 'utf-8', false],
      ['lines.json', 'jsonl', 'utf-8', false],
      ['comma.csv', 'csv', 'utf-8', false],
      ['excel.csv', 'csv', 'utf-8', true],
      ['all.csv', 'csv', 'utf-8', false],
      ['semicolon.csv', 'csv', 'utf-8', false],
      ['gb18030.csv', 'csv', 'gb18030', false],
      ['quoted.tsv', 'tsv', 'utf-8', false],
    ];
    for (const [name, format, encoding, mark] of rows) {
      it(name, async () => {
        const file = await openDataFile(fixture(name));
        assert.equal(file.format, format);
        assert.equal(file.encoding, encoding);
        assert.equal(file.byteOrderMark, mark);
        assert.deepEqual(file.columns, ['id', 'query1', 'query2', 'label']);
        const { rows, bad } = await readAll(fixture(name));
        assert.deepEqual(bad, []);
        assert.deepEqual(
          rows.map((row) => row.values),
          expected.rows,
        );
        if (format === 'csv' || format === 'tsv') {
          assert.deepEqual(
            rows.map((row) => row.line),
            expected.csvLines,
          );
        }
      });
    }

    it('unquoted.tsv, whose quotes are letters', async () => {
      const { rows, bad } = await readAll(fixture('unquoted.tsv'));
      assert.deepEqual(bad, []);
      assert.deepEqual(
        rows.map((row) => row.values),
        expected.flat,
      );
    });

    for (const name of ['plain.txt', 'plain_gb18030.txt']) {
      it(`${name}, without a header`, async () => {
        const { rows, bad } = await readAll(fixture(name));
        assert.deepEqual(bad, []);
        const values = expected.flat.map(({ label, query1, query2 }) => ({ 0: label, 1: query1, 2: query2 }));
        assert.deepEqual(
          rows.map((row) => row.values),
          values,
        );
        assert.deepEqual(
          rows.map((row) => row.line),
          [1, 2, 3, 4, 5, 6],
        );
      });
    }

    it('headerless.csv, without a header', async () => {
      const file = await openDataFile(fixture('headerless.csv'));
      assert.equal(file.header, false);
      assert.deepEqual(file.columns, ['0', '1', '2', '3']);
      const { rows } = await readAll(fixture('headerless.csv'));
      assert.deepEqual(
        rows.map((row) => Object.values(row.values)),
        expected.rows.map((row) => Object.values(row)),
      );
    });

    it('lines of JSON rows are those on which the rows start', async () => {
      const lines = async (name: string) => (await readAll(fixture(name))).rows.map((row) => row.line);
      assert.deepEqual(await lines('pretty.json'), [2, 8, 14, 20, 26, 32]);
      assert.deepEqual(await lines('crlf.json'), [2, 8, 14, 20, 26, 32]);
      assert.deepEqual(await lines('compact.json'), [1, 1, 1, 1, 1, 1]);
      assert.deepEqual(await lines('lines.json'), [1, 2, 3, 4, 5, 6]);
    });
  });

  it('see the same whatever the chunks, and lose no character', async () => {
    const delimited = { columns: ['id', 'query1', 'query2', 'label'], header: true, quoted: true };
    const readers: [string, (chunks: AsyncIterable<string>) => AsyncGenerator<Piece[]>][] = [
      ['pretty.json', (chunks) => readJsonArray(chunks, LIMIT)],
      ['compact.json', (chunks) => readJsonArray(chunks, LIMIT)],
      ['crlf.json', (chunks) => readJsonArray(chunks, LIMIT)],
      ['lines.json', (chunks) => readJsonLines(chunks, LIMIT)],
      ['comma.csv', (chunks) => readDelimited(chunks, LIMIT, { ...delimited, delimiter: ',' })],
      ['quoted.tsv', (chunks) => readDelimited(chunks, LIMIT, { ...delimited, delimiter: '\t' })],
      [
        'plain.txt',
        (chunks) => readPlainText(chunks, LIMIT, { columns: ['0', '1', '2'], header: false, quoted: false }),
      ],
    ];
    for (const [name, read] of readers) {
      const text = readFileSync(fixture(name), 'utf8').replace(/^\uFEFF/, '');
      const whole = (await collect(read(inChunks(text, text.length)))).filter((piece) => piece.kind !== 'gap');
      assert.equal(whole.filter((piece) => piece.kind === 'row').length, 6, name);
      for (const size of [1, 2, 3, 7, 64]) {
        const pieces = await collect(read(inChunks(text, size)));
        assert.equal(pieces.map((piece) => piece.text).join(''), text, `${name} in chunks of ${size}`);
        assert.deepEqual(
          pieces.filter((piece) => piece.kind !== 'gap'),
          whole,
          `${name} in chunks of ${size}`,
        );
      }
    }
  });

  describe('broken JSON arrays: the element is reported with its line, the others are read', () => {
    const pretty = (...elements: string[]) => `[\n${elements.join(',\n')}\n]\n`;
    const element = (n: number, rest = `"b": "值${n}"`) => `  {\n    "a": ${n},\n    ${rest}\n  }`;
    const rows: [name: string, text: string, read: number[], badLines: number[], reason: RegExp][] = [
      [
        'a string is not closed',
        pretty(element(1), element(2, '"b": "值'), element(3)),
        [1, 3],
        [6],
        /string is not closed.*line 8/,
      ],
      [
        'a brace is missing',
        pretty(element(1), '  {\n    "a": 2', element(3), element(4)),
        [1, 3, 4],
        [6],
        /bracket is not closed/,
      ],
      [
        'a brace too many',
        pretty(element(1), `${element(2)}\n  }`, element(3)),
        [1, 2, 3],
        [10],
        /expected|closes nothing|missing/,
      ],
      [
        'a comma is missing inside',
        pretty(element(1), '  {\n    "a": 2\n    "b": 3\n  }', element(3)),
        [1, 3],
        [6],
        /not valid JSON.*line 8/,
      ],
      ['a value is no JSON', pretty(element(1), element(2, '"b": nix'), element(3)), [1, 3], [6], /not valid JSON/],
      ['an element is no record', pretty(element(1), '  17', '  "text"', element(3)), [1, 3], [6, 7], /a record/],
      [
        'the wrong bracket closes',
        pretty(element(1), '  {\n    "a": [1, 2}\n  }', element(3)),
        [1, 3],
        [6],
        /closes nothing/,
      ],
      ['a comma is missing between', `[\n${element(1)}\n${element(2)}\n]`, [1, 2], [6], /comma is missing/],
      ['a comma too many between', `[\n${element(1)},\n,\n${element(2)}\n]`, [1, 2], [6], /there is a comma/],
      ['a comma before the end', `[\n${element(1)},\n]`, [1], [6], /there is a comma before/],
      ['the end is missing', `[\n${element(1)},\n${element(2)}`, [1, 2], [9], /ends before/],
      ['the file is cut', `[\n${element(1)},\n  {\n    "a": 2,\n    "b": "值`, [1], [6], /ends inside/],
      ['something follows the end', `${pretty(element(1))}{"a": 2}`, [1], [7], /text after/],
      [
        'all on one line, a string is not closed',
        '[{"a":1,"b":"x},\n{"a":2},{"a":3}]',
        [2, 3],
        [1],
        /string is not closed/,
      ],
      ['all on one line, a brace is missing', '[{"a":1},{"a":2,{"a":3},{"a":4}]', [1, 3, 4], [1], /not closed/],
      [
        'nested and on one line: no telling',
        '[{"a":1,"b":[{"a":9}]},{"a":2,"b":[{"a":9},{"a":9}},{"a":3}]',
        [1],
        [1],
        /cannot be found/,
      ],
    ];
    for (const [name, text, read, badLines, reason] of rows) {
      it(name, async () => {
        for (const size of [1, 5, text.length]) {
          const pieces = await collect(readJsonArray(inChunks(text, size), LIMIT));
          assert.equal(pieces.map((piece) => piece.text).join(''), text);
          const bad = pieces.filter((piece) => piece.kind === 'bad');
          assert.deepEqual(
            pieces.filter((piece) => piece.kind === 'row').map((piece) => piece.values.a),
            read,
          );
          assert.deepEqual(
            bad.map((piece) => piece.line),
            badLines,
          );
          assert.match(`${bad[0].reason}`, reason);
        }
      });
    }

    it('an element longer than the limit, in bounded memory', async () => {
      const long = `"${'长'.repeat(10_000)}"`;
      for (const text of [
        `[\n  {"a": 1},\n  {"a": ${long}},\n  {"a": 3}\n]`,
        `[{"a":1},{"a":${long}},{"a":3}]`,
        `[{"a":1},${long},{"a":3}]`,
      ]) {
        const pieces = await collect(readJsonArray(inChunks(text, 100), 1000));
        const values = pieces.filter((piece) => piece.kind === 'row').map((piece) => piece.values.a);
        assert.deepEqual(values, [1, 3]);
        assert.ok(Math.max(...pieces.map((piece) => piece.text.length)) < 8192);
        assert.equal(pieces.map((piece) => piece.text).join(''), text);
      }
    });

    it('nesting without end', async () => {
      const pieces = await collect(readJsonArray(inChunks(`[${'{"a":['.repeat(200_000)}`, 1 << 16), LIMIT));
      assert.match(pieces.filter((piece) => piece.kind === 'bad')[0].reason.toString(), /deeper/);
    });

    it('a column called __proto__ is a column', async () => {
      const [piece] = (await collect(readJsonArray(inChunks('[{"__proto__": "x"}]', 99), LIMIT))).filter(
        (piece) => piece.kind === 'row',
      );
      assert.deepEqual(Object.keys(piece.values), ['__proto__']);
      const { rows } = await readAll(temporary.file('proto.csv', '__proto__,label\n一,1\n'));
      assert.deepEqual(Object.entries(rows[0].values), [
        ['__proto__', '一'],
        ['label', '1'],
      ]);
    });
  });

  describe('broken delimited files', () => {
    it('ragged rows are reported, the others read', async () => {
      const path = temporary.file('ragged.csv', 'text1,text2,label\na,b,1\nc,d\n\ne,f,0,9\n"g\ng",h,1\n');
      const { rows, bad } = await readAll(path);
      assert.deepEqual(
        rows.map((row) => [row.line, row.values.text1]),
        [
          [2, 'a'],
          [6, 'g\ng'],
        ],
      );
      assert.deepEqual(
        bad.map((row) => [row.line, `${row.reason}`]),
        [
          [3, '3 fields are expected, 2 found'],
          [5, '3 fields are expected, 4 found'],
        ],
      );
    });

    it('an unclosed quote costs one row', async () => {
      const path = temporary.file('quote.csv', 'text1,label\na,1\n"b,0\nc,1\nd,0\n');
      const { rows, bad } = await readAll(path);
      assert.deepEqual(
        rows.map((row) => row.values.text1),
        ['a', 'c', 'd'],
      );
      assert.deepEqual(
        bad.map((row) => [row.line, `${row.reason}`]),
        [[3, 'a quote is not closed']],
      );
    });

    it('a stray quote does not swallow the rows up to the next one', async () => {
      const path = temporary.file('stray.csv', 'text1,label\na,1\n"b,0\nc,1\n"d,0\ne,1\n');
      const { rows, bad } = await readAll(path);
      assert.deepEqual(
        rows.map((row) => row.values.text1),
        ['a', 'c', 'e'],
      );
      assert.deepEqual(
        bad.map((row) => row.line),
        [3, 5],
      );
    });

    it('quotes inside a field are letters', async () => {
      const { rows, bad } = await readAll(temporary.file('inner.csv', 'text1,label\n5" 的伤口,1\n"x"y,0\n'));
      assert.deepEqual(bad, []);
      assert.deepEqual(
        rows.map((row) => row.values.text1),
        ['5" 的伤口', '"x"y'],
      );
    });

    it('a row longer than the limit, in bounded memory', async () => {
      const text = `a,1\n"${'长\n'.repeat(5000)}",2\nb,3\n`;
      const layout = { columns: ['0', '1'], header: false, delimiter: ',', quoted: true };
      const pieces = await collect(readDelimited(inChunks(text, 100), 1000, layout));
      assert.equal(pieces.map((piece) => piece.text).join(''), text);
      assert.match(pieces.find((piece) => piece.kind === 'bad')!.reason.toString(), /longer than 1000/);
      assert.deepEqual(pieces.filter((piece) => piece.kind === 'row').at(-1)!.values, { 0: 'b', 1: '3' });
    });

    it('repeated and empty column names are told apart', async () => {
      const file = await openDataFile(temporary.file('names.csv', 'text,text,text.1,,label\na,b,c,d,1\n'));
      assert.deepEqual(file.columns, ['text', 'text.2', 'text.1', '3', 'label']);
      assert.equal(file.warnings.length, 1);
    });

    it('old Mac line breaks', async () => {
      const { rows, bad } = await readAll(temporary.file('mac.csv', 'text1,label\ra,1\r"b\rb",0\r'));
      assert.deepEqual(bad, []);
      assert.deepEqual(
        rows.map((row) => [row.line, row.values.text1]),
        [
          [2, 'a'],
          [3, 'b\rb'],
        ],
      );
    });
  });

  it('ChineseBLUE text quoted by pandas: doubled quotes prove it', async () => {
    const text = '0\t痛吗\t"中医""乳癖""范畴"\n1\t"引用"\t回答\n';
    const { rows } = await readAll(temporary.file('pandas.txt', text));
    assert.deepEqual(Object.values(rows[0].values), ['0', '痛吗', '中医"乳癖"范畴']);
    const { rows: plain } = await readAll(temporary.file('quotation.txt', '0\t"引用"\t回答\n1\ta\tb\n'));
    assert.deepEqual(Object.values(plain[0].values), ['0', '"引用"', '回答']);
  });

  it('lines with undecodable bytes are bad, the others read', async () => {
    const line = (text: string) => Buffer.from(`{"text": "${text}", "label": 1}\n`);
    const broken = Buffer.from(line('头痛'));
    broken[12] = 0xff;
    const path = temporary.file(
      'mixed.jsonl',
      Buffer.concat([line('发热'), broken, line('咳嗽 \uFFFD'), line('腹泻')]),
    );
    const { rows, bad } = await readAll(path);
    assert.deepEqual(
      rows.map((row) => [row.line, row.values.text]),
      [
        [1, '发热'],
        [3, '咳嗽 \uFFFD'],
        [4, '腹泻'],
      ],
    );
    assert.deepEqual(
      bad.map((row) => row.line),
      [2],
    );
    assert.match(`${bad[0].reason}`, /encoding/);
  });

  describe('refuse with a code', () => {
    const rows: [name: string, content: Uint8Array | string, code: string, message: RegExp][] = [
      ['empty.json', '', 'DATA_FORMAT', /empty/],
      ['blank.csv', ' \n\n', 'DATA_FORMAT', /empty/],
      ['object.json', '{\n "data": []\n}', 'DATA_FORMAT', /array of records is expected/],
      ['text.json', '头痛', 'DATA_FORMAT', /array of records is expected/],
      ['book.xlsx', Buffer.from('PK\x03\x04abcd'), 'DATA_FORMAT', /cut short or broken/],
      ['table.parquet', Buffer.from('PAR1abcd'), 'DATA_FORMAT', /Parquet file is cut short/],
      ['weights.csv', Buffer.from([1, 2, 0, 0, 3]), 'DATA_FORMAT', /zero bytes/],
      [
        'latin.csv',
        Buffer.from('text,label\nr\xe9 a,1\nf\xe9 b,0\n', 'latin1'),
        'DATA_FORMAT',
        /neither UTF-8 nor GB18030/,
      ],
    ];
    for (const [name, content, code, message] of rows) {
      it(name, async () => {
        await assert.rejects(readAll(temporary.file(name, content)), { code, message });
      });
    }

    it('a file that is not there, a folder, an unknown encoding', async () => {
      await assert.rejects(readAll(temporary.path('absent.json')), { code: 'NOT_FOUND' });
      await assert.rejects(readAll(temporary.path('.')), { code: 'DATA_FORMAT' });
      await assert.rejects(readAll(fixture('pretty.json'), { encoding: 'klingon' }), { code: 'UNSUPPORTED' });
    });
  });

  it('the caller may name encoding, format and header', async () => {
    const latin = temporary.file('latin.txt', Buffer.from('r\xe9\t1\n', 'latin1'));
    const { rows } = await readAll(latin, { encoding: 'latin1' });
    assert.deepEqual(rows[0].values, { 0: 'ré', 1: '1' });
    const file = await openDataFile(fixture('headerless.csv'), { header: true });
    assert.equal(file.columns[1], '高血压能吃柚子吗');
  });

  it('stop when cancelled', async () => {
    const file = await openDataFile(fixture('pretty.json'));
    const rows = file.rows(AbortSignal.abort());
    await assert.rejects(rows.next(), { code: 'CANCELLED' });
  });

  it('read 15,000 pretty-printed records at a rate fit for interactive use', async () => {
    const records = Array.from({ length: 15_000 }, (_, i) => ({ ...expected.rows[i % 6], id: `s${i}` }));
    const path = temporary.file('large.json', JSON.stringify(records, null, 2));
    const started = performance.now();
    const { rows } = await readAll(path);
    const elapsedMs = performance.now() - started;
    assert.equal(rows.length, 15_000);
    assert.deepEqual(rows[14_999], { line: 2 + 14_999 * 6, values: records[14_999] });
    assert.ok(elapsedMs < 3000, `${elapsedMs} ms`); // Ten times what it takes: catches only a change of order.
  });
});
