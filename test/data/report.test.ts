import assert from 'node:assert/strict';
import { openDataFile } from '../../src/data/dataFile';
import { renderReport, reportOn } from '../../src/data/report';
import { temporaryFolder } from './support';

describe('data report', () => {
  const temporary = temporaryFolder();
  const rows = [
    'text1,text2,标签',
    '头痛怎么办,头疼怎么办,相似',
    '头痛怎么办,头疼怎么办,不相似',
    '发热,发热,相似',
    '发热,发热,相似',
    '咳嗽,,',
    '坏行',
    '腹泻\u001b[31m,"拉\n肚子",相似',
  ];

  it('tells what is in a file', async () => {
    const file = await openDataFile(temporary.file('data.csv', rows.join('\n')));
    const report = await reportOn(file);
    assert.equal(report.rows, 6);
    assert.deepEqual(report.fields, { firstSequence: 'text1', secondSequence: 'text2', label: '标签' });
    assert.deepEqual(report.columns[1], {
      name: 'text2',
      missing: 1,
      distinct: 3,
      distinctIsMore: false,
      type: 'text',
    });
    assert.deepEqual(report.labels, [
      { value: '相似', count: 4, firstLine: 2, share: 4 / 6 },
      { value: '不相似', count: 1, firstLine: 3, share: 1 / 6 },
      { value: '', count: 1, firstLine: 6, share: 1 / 6 },
    ]);
    assert.deepEqual(report.majority, { label: '相似', count: 4, share: 4 / 6 });
    assert.equal(report.lengths.both!.max, 11);
    assert.deepEqual(
      [report.duplicates!.exact, report.duplicates!.contradictions, report.duplicates!.equalSides],
      [1, 1, 2],
    );
    assert.deepEqual(
      report.badRows.reports.map(({ line, reason }) => [line, reason]),
      [[7, '3 fields are expected, 1 found']],
    );
    assert.deepEqual(JSON.parse(JSON.stringify(report)), report);
  });

  it('compares the labels of equal texts: several in any order, and none where a row has none', async () => {
    const others = (label: (n: number) => unknown) => Array.from({ length: 8 }, (_, n) => ({ text: `other ${n}`, label: label(n) })); // prettier-ignore
    const same = (labels: readonly unknown[]) => labels.map((label) => ({ text: 'same', label }));
    const lists = [...same([['a', 'b'], ['b', 'a'], ['c']]), ...others((n) => [n % 2 ? 'a' : 'c', 'b'])];
    const texts = [...same(['a;b', 'b; a', 'b']), ...others((n) => (n % 2 ? 'a;b' : 'b'))];
    const gaps = [...same([1, '1', null, '']), ...others((n) => n % 2)];
    for (const [rows, exact, contradictions, contradictoryRows] of [
      [lists, 1, 1, 3],
      [texts, 1, 1, 3],
      [gaps, 2, 0, 0],
    ] as const) {
      const file = await openDataFile(
        temporary.file('labels.jsonl', rows.map((row) => JSON.stringify(row)).join('\n')),
      );
      const { duplicates } = await reportOn(file);
      assert.deepEqual(
        [duplicates!.exact, duplicates!.contradictions, duplicates!.contradictoryRows],
        [exact, contradictions, contradictoryRows],
      );
    }
  });

  it('as text, aligned, without control characters', async () => {
    const file = await openDataFile(temporary.file('data.csv', rows.join('\n')));
    const lines = renderReport({ ...(await reportOn(file)), file: 'data.csv' });
    assert.deepEqual(lines, [
      'data.csv',
      'csv, with header, utf-8, 189 B, 6 rows',
      '',
      'Columns',
      '  text1  text  4 distinct             <- first_sequence',
      '  text2  text  3 distinct  1 missing  <- second_sequence',
      '  标签   text  2 distinct  1 missing  <- label',
      '  guessed first_sequence: column "text1", by its name',
      '  guessed label: column "标签", by its name',
      '  guessed second_sequence: column "text2", by its name',
      '',
      'Labels (3 distinct)',
      '  相似        4  66.7 %  ██████████████████████████████',
      '  不相似      1  16.7 %  ████████',
      '  (no label)  1  16.7 %  ████████',
      '  always predicting "相似" is right in 66.7 %',
      '',
      'Lengths in characters',
      '                 min  median  mean  90 %  95 %  99 %  max',
      '  first            2     3.5   3.8     6   6.5   6.9    7',
      '  second           0       3     3     5     5     5    5',
      '  both together    2       7   6.8  10.5  10.8    11   11',
      '',
      'Findings',
      '  1 duplicate row, first on lines 4, 5',
      '  1 text with contradictory labels, 2 rows, first on lines 2, 3',
      '  2 pairs of equal texts, first on line 4',
      '',
      'Bad rows: 1',
      '  line 7: 3 fields are expected, 1 found: 坏行',
    ]);
    const hostile = await openDataFile(temporary.file('hostile.csv', 'text,label\n一,"\u001b[31m红\n\u202e"\n'));
    for (const line of renderReport(await reportOn(hostile))) assert.doesNotMatch(line, /[\p{Cc}\p{Cf}]/u);
  });

  it('names rows where a JSON array stands on one line', async () => {
    const pairs = [['头痛', '头疼', 0], ['发热', '发热', 1], ['头痛', '头疼', 1], ['头痛', '头疼', 1]]; // prettier-ignore
    const json = pairs.map(([first, second, label]) => ({ query1: first, query2: second, label }));
    const findings = async (text: string) => {
      const lines = renderReport(await reportOn(await openDataFile(temporary.file('pairs.json', text))));
      return lines.slice(lines.indexOf('Findings') + 1);
    };
    assert.deepEqual(await findings(JSON.stringify(json)), [
      '  1 duplicate row, first in rows 1, 3, 4',
      '  1 text with contradictory labels, 3 rows, first in rows 1, 3, 4',
      '  1 pair of equal texts, first in row 2',
    ]);
    assert.deepEqual(await findings(`[\n${json.map((row) => JSON.stringify(row)).join(',\n')}\n]`), [
      '  1 duplicate row, first on lines 2, 4, 5',
      '  1 text with contradictory labels, 3 rows, first on lines 2, 4, 5',
      '  1 pair of equal texts, first on line 3',
    ]);
  });

  it('has a majority baseline for classes alone', async () => {
    const majorityOf = async (name: string, text: string) => {
      const report = await reportOn(await openDataFile(temporary.file(name, text)));
      const isShown = renderReport(report).some((line) => line.includes('always predicting'));
      assert.equal(isShown, report.majority !== undefined);
      return report.majority;
    };
    const query = { query: '甲', documents: [{ title: '一', label: 2 }, { title: '二', label: 0 }, { title: '三', label: 0 }] }; // prettier-ignore
    assert.equal(await majorityOf('queries.jsonl', `${JSON.stringify(query)}\n`), undefined);
    const amounts = [0.5, 0.5, 2.25].map((label, i) => JSON.stringify({ text: `头痛${i}`, label }));
    assert.equal(await majorityOf('amounts.jsonl', `${amounts.join('\n')}\n`), undefined);
    const classes = [0, 0, 2].map((label, i) => JSON.stringify({ text: `头痛${i}`, label }));
    assert.deepEqual(await majorityOf('classes.jsonl', `${classes.join('\n')}\n`), { label: '0', count: 2, share: 2 / 3 }); // prettier-ignore
  });

  it('columns that JSON rows bring late count as missing before', async () => {
    const path = temporary.file(
      'late.jsonl',
      '{"text": "a", "n": 1}\n{"text": "b", "n": "x", "note": {}}\n{"text": null}',
    );
    const report = await reportOn(await openDataFile(path), { fields: { firstSequence: 'text' } });
    assert.deepEqual(
      report.columns.map(({ name, missing, type }) => [name, missing, type]),
      [
        ['text', 1, 'text'],
        ['n', 1, 'mixed'],
        ['note', 2, 'list or object'],
      ],
    );
    assert.deepEqual([report.guesses, report.labels], [[], []]);
  });

  it('counts entities by type, and says what their ends mean, which are misplaced and which overlap', async () => {
    const rows = [
      { text: '𠮷急性肺炎', entities: [{ start: 1, end: 5, type: '疾病', text: '急性肺炎' }, { start: 3, end: 5, type: '疾病', text: '肺炎' }] }, // prettier-ignore
      { text: '患者发热', entities: [{ start: 2, end: 4, type: '症状', text: '发热' }, { start: 0, end: 2, type: '症状', text: '咳嗽' }] }, // prettier-ignore
      { text: '查tct', entities: [{ start: 1, end: 4, type: '检查', text: 'TCT' }] },
      { text: '无异常', entities: [] },
    ];
    const path = temporary.file('entities.jsonl', rows.map((row) => JSON.stringify(row)).join('\r\n'));
    const report = await reportOn(await openDataFile(path));
    assert.deepEqual(report.fields, { firstSequence: 'text', secondSequence: undefined, label: 'entities' });
    assert.deepEqual(
      report.labels.map(({ value, count }) => [value, count]),
      [['疾病', 2], ['症状', 2], ['检查', 1]], // prettier-ignore
    );
    assert.equal(report.majority, undefined);
    const { convention, flawed, normalized, overlapping, ...counts } = report.entities!;
    assert.deepEqual(counts, { count: 5, rows: 3 });
    assert.deepEqual(convention, { end: 'exclusive', unit: 'characters', source: 'text' });
    assert.deepEqual(flawed.reports.map(({ line }) => line), [2]); // prettier-ignore
    assert.deepEqual(normalized.reports.map(({ line, reason }) => [line, reason]), [[3, 'the entity "TCT" (检查) at 1 is written "tct" in the text']]); // prettier-ignore
    assert.deepEqual(overlapping.reports.map(({ line, reason }) => [line, reason]), [[1, '"急性肺炎" (疾病) and "肺炎" (疾病)']]); // prettier-ignore
    const lines = renderReport(report);
    assert.ok(lines.includes('Types of entities (3 distinct)'));
    assert.ok(lines.includes('  5 in 3 rows'));
    assert.ok(
      lines.some((line) => line.startsWith('  1 are written in another case or width in the text, first on line 3')),
    );
    assert.ok(lines.some((line) => /^ {2}entities .*<- label$/.test(line)));
    assert.ok(!lines.some((line) => line.includes('contradictory')));
  });

  it('says that a recipe needs span_end where a file of entities does not tell it', async () => {
    const row = { text: '患者发热了', entities: [{ start: 2, end: 4, type: '症状' }] };
    const report = await reportOn(await openDataFile(temporary.file('ends.jsonl', JSON.stringify(row) + '\n')));
    assert.equal(report.entities!.convention, undefined);
    assert.ok(renderReport(report).some((line) => line.includes('span_end')));
  });

  it('takes another label column, and pairs, where they are named', async () => {
    const row = { text: '患者发热', title: '主诉内容', kind: 'a', entities: [{ start: 2, end: 4, type: '症状' }] };
    const file = await openDataFile(temporary.file('other.jsonl', JSON.stringify(row) + '\n'));
    assert.equal((await reportOn(file, { fields: { label: 'kind' } })).entities, undefined);
    assert.equal((await reportOn(file, { fields: { secondSequence: 'title' } })).entities, undefined);
  });
});
