import assert from 'node:assert/strict';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { dirname } from 'node:path';
import { textEncoder } from '../../src/data/textEncoding';
import { withJsonField, writeFilled, type FilledAnswer } from '../../src/data/writeFilled';
import { expected, FIXTURES, fixture, readAll, temporaryFolder } from './support';

describe('writing answers back', () => {
  const temporary = temporaryFolder();

  it('with the labels a file has already gives the same file, byte for byte', async () => {
    const names = readdirSync(FIXTURES).filter(
      (name) => /\.(jsonl?|csv|tsv|txt)$/.test(name) && name !== 'expected.json',
    );
    assert.ok(names.length >= 19);
    for (const name of names) {
      const label = /plain/.test(name) ? 0 : /headerless/.test(name) ? 3 : 'label';
      const output = temporary.path(name);
      const result = await writeFilled(fixture(name), output, (row) => expected.rows[row].label, { label });
      assert.deepEqual(result, { rows: 6, filled: 6, badRows: 0 });
      assert.deepEqual(readFileSync(output), readFileSync(fixture(name)), name);
    }
  });

  describe('Label Studio’s tasks', () => {
    const region = (type: string, value: object) => ({ from_name: 'asked', to_name: 'note', type, value });
    const task = (...results: object[][]) => ({
      id: 1,
      data: { text: '发热' },
      annotations: results.map((result) => ({ result })),
    });
    const written = async (tasks: object[], answer: FilledAnswer, more: object = {}) => {
      const [source, output] = [temporary.file('tasks.json', JSON.stringify(tasks)), temporary.path('out.json')];
      await writeFilled(source, output, (row) => (row === 0 ? answer : null), { label: 'asked', model: 'm', ...more });
      return JSON.parse(readFileSync(output, 'utf8')) as { predictions?: object[] }[];
    };

    it('get predictions in the form of their annotations', async () => {
      for (const [type, value, answer, predicted] of [
        ['choices', { choices: ['a'] }, 'b', { choices: ['b'] }],
        ['choices', { choices: ['a', 'b'] }, ['b', 'c'], { choices: ['b', 'c'] }],
        ['rating', { rating: 4 }, 3.5, { rating: 3.5 }],
        ['rating', { rating: 4 }, '3', { rating: 3 }],
        ['number', { number: 4 }, 3.5, { number: 3.5 }],
        ['textarea', { text: ['a'] }, 'b', { text: ['b'] }],
      ] as const) {
        const tasks = [task(), task([region(type, value)])];
        const [first, second] = await written(tasks, answer);
        const expected = { model_version: 'm', result: [region(type, predicted)] };
        assert.deepEqual([first, second], [{ ...tasks[0], predictions: [expected] }, tasks[1]], type);
      }
      const plain = { from_name: 'asked', to_name: 'text' };
      for (const [answer, result] of [
        ['b', [{ ...plain, type: 'choices', value: { choices: ['b'] } }]],
        [2, [{ ...plain, type: 'number', value: { number: 2 } }]],
        [[], []],
      ] as const) {
        assert.deepEqual((await written([task()], answer))[0].predictions, [{ model_version: 'm', result }]);
      }
    });

    it('that cannot be read as rows are copied as they are', async () => {
      const disagreed = task([region('choices', { choices: ['a'] })], [region('choices', { choices: ['b'] })]);
      const tasks = [disagreed, task([region('choices', { choices: ['a'] })])];
      const [first, second] = await written(tasks, 'c', { onBadRow: 'skip' });
      assert.deepEqual(first, disagreed);
      assert.equal(second.predictions?.length, 1);
    });
  });

  it('changes nothing but the label', async () => {
    for (const name of [
      'pretty.json',
      'crlf.json',
      'gb18030.json',
      'lines.json',
      'all.csv',
      'gb18030.csv',
      'quoted.tsv',
    ]) {
      const output = temporary.path(name);
      await writeFilled(fixture(name), output, (row) => (row === 2 ? null : `新"标签"${row}`), { label: 'label' });
      const { rows } = await readAll(output);
      assert.deepEqual(
        rows.map((row) => row.values),
        expected.rows.map((row, i) => (i === 2 ? row : { ...row, label: `新"标签"${i}` })),
        name,
      );
    }
  });

  it('a CBLUE test file becomes a submission: a string label at the end of each record', async () => {
    const records = (label?: string) =>
      [1, 2].map((n) => ({ id: `s${n}`, query1: `问${n}`, query2: `答${n}`, ...(label && { label }) }));
    const path = temporary.file('QQR_test.json', JSON.stringify(records(), null, 2));
    await writeFilled(path, temporary.path('submission.json'), () => '1', { label: 'label' });
    assert.equal(readFileSync(temporary.path('submission.json'), 'utf8'), JSON.stringify(records('1'), null, 2));
  });

  describe('a missing column is added', () => {
    const rows: [name: string, before: string, label: string | number, after: string][] = [
      [
        'new.csv',
        '\uFEFFtext1,text2\r\n"a,b",c\r\n\r\nd,e',
        'label',
        '\uFEFFtext1,text2,label\r\n"a,b",c,0\r\n\r\nd,e,1',
      ],
      ['quoted.csv', '"text1","id"\n"a","b"\n"c","d"\n', 'label', '"text1","id","label"\n"a","b","0"\n"c","d","1"\n'],
      ['plain.txt', '头痛怎么办\t发热\n咳嗽怎么办\t腹泻\n', 2, '头痛怎么办\t发热\t0\n咳嗽怎么办\t腹泻\t1\n'],
      [
        'new.jsonl',
        '{"a": "x"}\n{"a":"y","b":1.0}\n',
        'label',
        '{"a": "x", "label": "0"}\n{"a":"y","b":1.0,"label":"1"}\n',
      ],
      ['list.jsonl', '["a", "b"]\n["c", "d"]\n', '2', '["a", "b", "0"]\n["c", "d", "1"]\n'],
    ];
    for (const [name, before, label, after] of rows) {
      it(name, async () => {
        await writeFilled(temporary.file(name, before), temporary.path(`out-${name}`), String, { label });
        assert.equal(readFileSync(temporary.path(`out-${name}`), 'utf8'), after);
      });
    }
  });

  it('one JSON field set, the rest letter for letter', () => {
    const rows: [before: string, value: string | number, after: string][] = [
      ['{}', 'x', '{"label": "x"}'],
      ['{ "a" : 1.50 }', 'x', '{ "a" : 1.50, "label" : "x" }'],
      ['{"label":{"a":[1,"]"]},"b":1}', 0.5, '{"label":0.5,"b":1}'],
      ['{"a":{"label":1}}', 'x', '{"a":{"label":1},"label":"x"}'],
      ['{"\\u006cabel":"old"}', 'x', '{"\\u006cabel":"x"}'],
      ['{"label":1,"label":2}', 'x', '{"label":1,"label":"x"}'],
      ['{"a":"\\u75db"}', '痛', '{"a":"\\u75db","label":"\\u75db"}'],
      ['{\n\t"a": "\\"}"\n}', 'x', '{\n\t"a": "\\"}",\n\t"label": "x"\n}'],
      ['[]', 'x', '["x"]'],
    ];
    for (const [before, value, after] of rows) {
      assert.equal(withJsonField(before, before === '[]' ? '0' : 'label', value), after);
    }
  });

  it('refuses with a code, and leaves no file behind', async () => {
    const output = temporary.path('refused/output.csv');
    const refuse = (
      content: string,
      code: string,
      options: { label: string | number; textColumns?: string[] },
      value = 'x',
    ) =>
      assert.rejects(
        writeFilled(temporary.file('refused.csv', content), output, () => value, options),
        { code },
      );
    await refuse('text1,label\na,1\nb\n', 'DATA_FORMAT', { label: 'label' });
    await refuse('text1,label\na,1\n', 'USAGE', { label: 'text1', textColumns: ['text1'] });
    await refuse('1,2\n3,4\n', 'NOT_FOUND', { label: 'label' });
    await refuse('1,2\n3,4\n', 'NOT_FOUND', { label: 3 });
    const table = temporary.file('refused.csv', 'text1,label\na,1\n');
    await assert.rejects(
      writeFilled(table, `${output}.parquet`, () => 'x', { label: 'label' }),
      { code: 'UNSUPPORTED', message: /in the format of the data \(csv\)/ },
    );
    const plain = temporary.file('refused.txt', '1\ta\n0\tb\n');
    await assert.rejects(
      writeFilled(plain, output, () => 'a\tb', { label: 0 }),
      { code: 'UNSUPPORTED' },
    );
    assert.ok(!existsSync(output));
    assert.deepEqual(existsSync(dirname(output)) ? readdirSync(dirname(output)) : [], []);
  });

  it('bad rows that are skipped are copied as they are', async () => {
    const path = temporary.file('skipped.csv', 'text1,label\na,\nb\n"c,\nd,\n');
    const result = await writeFilled(path, path, String, { label: 'label', onBadRow: 'skip' });
    assert.deepEqual(result, { rows: 2, filled: 2, badRows: 2 });
    assert.equal(readFileSync(path, 'utf8'), 'text1,label\na,0\nb\n"c,\nd,1\n');
  });

  it('GB18030 is encoded so that decoding gives the text back, for every character', () => {
    const encode = textEncoder('gb18030');
    const decoder = new TextDecoder('gb18030');
    let text = '';
    let refused = 0;
    for (let codePoint = 0; codePoint <= 0x10ffff; codePoint += codePoint < 0x11000 ? 1 : 37) {
      if ((codePoint & 0xf800) === 0xd800) continue;
      const character = String.fromCodePoint(codePoint);
      try {
        encode(character);
        text += character;
      } catch (error) {
        // A few private-use code points that the standard's decoder never yields.
        assert.equal((error as { code: string }).code, 'UNSUPPORTED');
        assert.ok(codePoint >= 0xe000 && codePoint <= 0xf8ff, codePoint.toString(16));
        refused++;
      }
    }
    assert.ok(refused < 40);
    assert.ok(decoder.decode(encode(text)) === text);
    assert.deepEqual([...encode('痛€𠮷')], [0xcd, 0xb4, 0xa2, 0xe3, 0x95, 0x34, 0xb2, 0x35]);
  });
});
