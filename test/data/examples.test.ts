import assert from 'node:assert/strict';
import { guessFields, resolveColumn } from '../../src/data/columns';
import { openDataFile } from '../../src/data/dataFile';
import { readExamples } from '../../src/data/examples';
import { inferLabels } from '../../src/protocol/labelScheme';
import { readRecipeSplit } from '../../src/data/recipeSplit';
import { expected, fixture, temporaryFolder } from './support';

const PAIR = { firstSequence: 'query1', secondSequence: 'query2', label: 'label' };
const jsonLines = (...rows: object[]) => rows.map((row) => JSON.stringify(row)).join('\n');

describe('examples', () => {
  const temporary = temporaryFolder();

  it('of pairs, labels in the order given', async () => {
    const { examples, counts, labels } = await readExamples(fixture('pretty.json'), PAIR, 'sentence-similarity', {
      labels: ['NA', 2, '1', '0'],
    });
    assert.deepEqual(labels, ['NA', '2', '1', '0']);
    assert.deepEqual(counts, [1, 1, 2, 2]);
    assert.deepEqual(examples[1], {
      first: expected.rows[1].query1,
      second: expected.rows[1].query2,
      label: 2,
      line: 8,
      row: 1,
    });
  });

  it('labels absent are inferred: numbers ascending, then the others by code point', async () => {
    const { labels, counts } = await readExamples(fixture('pretty.json'), PAIR, 'sentence-similarity');
    assert.deepEqual(labels, ['0', '1', '2', 'NA']);
    assert.deepEqual(counts, [2, 2, 1, 1]);
    assert.deepEqual(inferLabels(['10', '9', '-1', 'b', '1e1', '乙', 'B', '9', '甲']), [
      '-1',
      '9',
      '10',
      '1e1',
      'B',
      'b',
      '乙',
      '甲',
    ]);
  });

  it('a mapping renames, merges and drops; numbers and strings are the same', async () => {
    const path = temporary.file(
      'mapping.jsonl',
      jsonLines(
        { text: 'a', label: 0 },
        { text: 'b', label: '0' },
        { text: 'c', label: 1 },
        { text: 'd', label: ' NA ' },
        { text: 'e', label: true },
        { text: 'f', label: null },
        { text: 'g' },
      ),
    );
    const fields = { firstSequence: 'text', label: 'label' };
    const { examples, labels, counts, dropped, rawLabels } = await readExamples(path, fields, 'text-classification', {
      labels: ['否', '是'],
      labelMapping: { 0: '否', NA: '否', 1: '是', true: null, '': null },
    });
    assert.deepEqual(labels, ['否', '是']);
    assert.deepEqual(counts, [3, 1]);
    assert.equal(dropped, 3);
    assert.deepEqual(
      examples.map(({ first, label }) => [first, label]),
      [
        ['a', 0],
        ['b', 0],
        ['c', 1],
        ['d', 0],
      ],
    );
    assert.deepEqual(rawLabels, [
      { value: '0', count: 2, firstLine: 1 },
      { value: '1', count: 1, firstLine: 3 },
      { value: 'NA', count: 1, firstLine: 4 },
      { value: 'true', count: 1, firstLine: 5 },
      { value: '', count: 2, firstLine: 6 },
    ]);
    const inferred = await readExamples(path, fields, 'text-classification', { labelMapping: { NA: '0', '': null } });
    assert.deepEqual(inferred.labels, ['0', '1', 'true']);
  });

  it('every unmapped value is listed with its count and first line', async () => {
    const rows = ['0', '3', 'x', '3', '', '3'].map((label, i) => ({ text: `t${i}`, label }));
    const path = temporary.file('unmapped.jsonl', jsonLines(...rows));
    const fields = { firstSequence: 'text', label: 'label' };
    await assert.rejects(readExamples(path, fields, 'text-classification', { labels: ['0', '1'] }), {
      code: 'LABELS',
      message:
        /"3" in 3 rows, first on line 2; "x" in 1 row, first on line 3; \(no label\) in 1 row, first on line 5\./,
    });
    await assert.rejects(readExamples(path, fields, 'text-classification'), { code: 'LABELS', message: /no label/ });
  });

  it('lists of labels that make no sense are refused', async () => {
    const read = (labels: string[], labelMapping?: Record<string, string>) =>
      readExamples(fixture('pretty.json'), PAIR, 'sentence-similarity', { labels, labelMapping });
    await assert.rejects(read([]), { code: 'LABELS' });
    await assert.rejects(read(['0', '0 ']), { code: 'LABELS', message: /twice/ });
    await assert.rejects(read(['0', '']), { code: 'LABELS' });
    await assert.rejects(read(['0', '1', '2'], { NA: '3' }), { code: 'LABELS', message: /"NA" to "3"/ });
  });

  it('regression takes numbers, and lists what is none', async () => {
    const scores = [1, '0.5', '-2e1', 'NA'].map((score, i) => ({ a: `a${i}`, b: `b${i}`, score }));
    const path = temporary.file('scores.jsonl', jsonLines(...scores));
    const fields = { firstSequence: 'a', secondSequence: 'b', label: 'score' };
    await assert.rejects(readExamples(path, fields, 'regression'), {
      code: 'LABELS',
      message: /"NA" in 1 row, first on line 4/,
    });
    const { examples, labels, dropped } = await readExamples(path, fields, 'regression', {
      labelMapping: { NA: null },
    });
    assert.deepEqual(
      examples.map((example) => example.label),
      [1, 0.5, -20],
    );
    assert.deepEqual([labels, dropped], [[], 1]);
  });

  it('bad rows stop with file, line and reason, or are counted', async () => {
    const rows = [
      { text: 'a', label: 0 },
      { text: '  ', label: 0 },
      { label: 1 },
      { text: ['b'], label: 1 },
      { text: 5, label: [1] },
      { text: 7, label: 1 },
    ];
    const path = temporary.file('bad.jsonl', `${jsonLines(...rows)}\n{"text": "c", `);
    const fields = { firstSequence: 'text', label: 'label' };
    await assert.rejects(readExamples(path, fields, 'text-classification'), {
      code: 'DATA_FORMAT',
      message: /bad\.jsonl line 2: first_sequence \(column "text"\) is empty/,
    });
    const { examples, badRows } = await readExamples(path, fields, 'text-classification', {
      onBadRow: 'skip',
      maxReports: 3,
    });
    assert.deepEqual(
      examples.map(({ first, row }) => [first, row]),
      [
        ['a', 0],
        ['7', 5],
      ],
    );
    assert.equal(badRows.count, 5);
    assert.deepEqual(
      badRows.reports.map((report) => report.line),
      [2, 3, 4],
    );
  });

  it('predicting needs no label column and keeps every row', async () => {
    const path = temporary.file('test.jsonl', jsonLines({ query1: 'a', query2: '' }, { query1: 'c', query2: 'd' }));
    const { examples, counts } = await readExamples(path, PAIR, 'sentence-similarity', { mode: 'predict' });
    assert.deepEqual(examples, [
      { first: 'a', second: '', line: 1, row: 0 },
      { first: 'c', second: 'd', line: 2, row: 1 },
    ]);
    assert.deepEqual(counts, []);
  });

  it('columns by index, names before indexes, unknown ones listed', async () => {
    const fields = { firstSequence: 1, secondSequence: '2', label: 0 };
    const { examples } = await readExamples(fixture('plain.txt'), fields, 'sentence-similarity');
    assert.equal(examples[0].first, expected.flat[0].query1);
    const file = { path: 'f', columns: ['b', '0'] };
    assert.equal(resolveColumn(file, '0'), '0');
    assert.equal(resolveColumn(file, 0), 'b');
    assert.throws(() => resolveColumn(file, 2), { code: 'NOT_FOUND', message: /"b", "0"/ });
    assert.throws(() => resolveColumn(file, 'constructor'), { code: 'NOT_FOUND' });
    await assert.rejects(readExamples(fixture('plain.txt'), { ...fields, label: 'label' }, 'sentence-similarity'), {
      code: 'NOT_FOUND',
    });
    await assert.rejects(readExamples(fixture('plain.txt'), { firstSequence: 1, label: 0 }, 'sentence-similarity'), {
      code: 'USAGE',
    });
  });

  it('a file whose rows are all dropped gives no examples', async () => {
    const read = readExamples(fixture('pretty.json'), PAIR, 'sentence-similarity', {
      labelMapping: { 0: null, 1: null, 2: null, NA: null },
    });
    await assert.rejects(read, { code: 'DATA_FORMAT', message: /6 dropped/ });
  });

  it('a file that is a header alone has no rows', async () => {
    const path = temporary.file('只有 表头.csv', '\ufeff句子1,句子2,标签\n');
    const fields = { firstSequence: '句子1', secondSequence: '句子2', label: '标签' };
    const read = readExamples(path, fields, 'sentence-similarity');
    await assert.rejects(read, { code: 'DATA_FORMAT', message: `${path} has no rows.` });
  });

  describe('guesses of fields', () => {
    const texts = ['高血压能吃柚子吗', '孩子发烧怎么办', '痛风可以喝啤酒吗', '二甲双胍的用法'];
    const sample = (make: (i: number) => Record<string, string | number>) => texts.map((_, i) => make(i));
    const rows: [name: string, rows: Record<string, string | number>[], guess: (string | undefined)[]][] = [
      [
        'CBLUE pairs',
        sample((i) => ({ id: `s${i}`, query1: texts[i], query2: texts[3 - i], label: '0' })),
        ['query1', 'query2', 'label'],
      ],
      [
        'CBLUE single',
        sample((i) => ({ id: `s${i}`, query: texts[i], label: i < 2 ? 'a' : 'b' })),
        ['query', undefined, 'label'],
      ],
      [
        'query and title',
        sample((i) => ({ id: i, query: texts[i], title: texts[3 - i], label: i })),
        ['query', 'title', 'label'],
      ],
      ['Chinese names', sample((i) => ({ 序号: i, 文本: texts[i], 标签: '是' })), ['文本', undefined, '标签']],
      [
        'capitals and marks',
        sample((i) => ({ 'Sentence A': texts[i], sentence_b: texts[3 - i], Similarity: i })),
        ['Sentence A', 'sentence_b', 'Similarity'],
      ],
      ['no names: label first', sample((i) => ({ 0: String(i % 2), 1: texts[i], 2: texts[3 - i] })), ['1', '2', '0']],
      [
        'no names: single, label last',
        sample((i) => ({ 0: texts[i], 1: i < 2 ? '疾病' : '年龄' })),
        ['0', undefined, '1'],
      ],
      ['no names: no label', sample((i) => ({ 0: texts[i], 1: texts[3 - i] })), ['0', '1', undefined]],
    ];
    for (const [name, values, guess] of rows) {
      it(name, () => {
        const { firstSequence, secondSequence, label, found } = guessFields(Object.keys(values[0]), values);
        assert.deepEqual([firstSequence, secondSequence, label], guess);
        assert.equal(found.length, guess.filter(Boolean).length);
      });
    }
  });

  it('a recipe’s split leaves open what the file tells', async () => {
    const split = { file: fixture('plain.txt') };
    const { fields, guess, examples } = await readRecipeSplit(split, 'sentence-similarity');
    assert.deepEqual(fields, { firstSequence: '1', secondSequence: '2', label: '0' });
    assert.equal(guess!.found.length, 3);
    assert.equal(examples.length, 6);
    await assert.rejects(readRecipeSplit({ ...split, second_sequence: null }, 'sentence-similarity'), {
      code: 'NOT_FOUND',
      message: /second_sequence/,
    });
    const file = await openDataFile(fixture('pretty.json'));
    assert.equal(file.sample.length, 6);
  });
});
