import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { resolveColumn } from '../../src/data/columns';
import { openDataFile } from '../../src/data/dataFile';
import { readExamples } from '../../src/data/examples';
import { readRecipeSplit } from '../../src/data/recipeSplit';
import { reportOn } from '../../src/data/report';
import { writeFilled } from '../../src/data/writeFilled';
import { readAll, temporaryFolder } from './support';

const table = (name: string): string => join(__dirname, '../fixtures/tables', name);
const records = [
  { text: '发热', label: 1 },
  { text: '头痛', label: 0 },
];

describe('forms of a table', () => {
  const temporary = temporaryFolder();
  const valuesOf = async (path: string) => (await readAll(path)).rows.map(({ values }) => ({ ...values }));

  describe('one JSON object that holds it', () => {
    /** As pandas 3.0 writes them (`to_json(orient=…)`, `to_dict('list')`). */
    const forms: Record<string, string> = {
      columns: '{"text":{"0":"发热","1":"头痛"},"label":{"0":1,"1":0}}',
      'columns of named rows': '{"text":{"x":"发热","y":"头痛"},"label":{"x":1,"y":0}}',
      index: '{"0":{"text":"发热","label":1},"1":{"text":"头痛","label":0}}',
      lists: '{"text": ["发热", "头痛"], "label": [1, 0]}',
      split: '{"columns":["text","label"],"index":[0,1],"data":[["发热",1],["头痛",0]]}',
      wrapped: '{"version": "1.0", "data": [{"text": "发热", "label": 1}, {"text": "头痛", "label": 0}]}',
      'wrapped under another key': `{"n": 2,\n "rows": ${JSON.stringify(records, null, 2)},\n "note": {"data": []}}\n`,
    };
    for (const [form, text] of Object.entries(forms)) {
      it(form, async () => {
        const path = temporary.file('form.json', text);
        assert.deepEqual(await valuesOf(path), records);
        const { examples, labels } = await readRecipeSplit({ file: path }, 'text-classification');
        assert.deepEqual(labels, ['0', '1']);
        assert.deepEqual(
          examples.map(({ first, label }) => [first, label]),
          [
            ['发热', 1],
            ['头痛', 0],
          ],
        );
      });
    }

    it('pandas’ table form, whose rows have an index', async () => {
      const text = '{"schema":{"fields":[{"name":"index"}]},"data":[{"index":0,"text":"发热","label":1}]}';
      assert.deepEqual(await valuesOf(temporary.file('table.json', text)), [{ index: 0, text: '发热', label: 1 }]);
    });

    it('says which key the rows are from; a broken row has its line; what surrounds the array is copied', async () => {
      const text = `{"version": 1,\n"data": [\n{"text": "发热", "label": 1},\n{"text": "头痛" "label": 0},\n{"text": "咳嗽"}\n],\n"more": [1, 2]}\n`;
      const path = temporary.file('wrapped.json', text);
      const file = await openDataFile(path);
      assert.match(String(file.warnings[0]), /the rows are those of "data"/);
      const { rows, bad } = await readAll(path);
      assert.deepEqual(
        rows.map(({ line }) => line),
        [3, 5],
      );
      assert.deepEqual(
        bad.map(({ line }) => line),
        [4],
      );
      const output = temporary.path('filled.json');
      await writeFilled(path, output, (row) => row, { label: 'label', onBadRow: 'skip' });
      const expected = text.replace('"发热", "label": 1', '"发热", "label": 0').replace('"咳嗽"', '"咳嗽", "label": 1');
      assert.equal(await readFile(output, 'utf8'), expected);
    });

    it('columns of different lengths and an object without a table are refused; columns are written anew as rows', async () => {
      const uneven = temporary.file('uneven.json', '{"text": ["发热", "头痛"], "label": [1]}');
      await assert.rejects(openDataFile(uneven), {
        code: 'DATA_FORMAT',
        message: /do not fit together.*orient="records"/,
      });
      const settings = temporary.file('settings.json', '{\n  "name": "x",\n  "size": {"a": 1}\n}');
      await assert.rejects(openDataFile(settings), { code: 'DATA_FORMAT', message: /the keys "name", "size"/ });
      const columns = temporary.file('columns.json', forms.columns);
      const output = temporary.path('out.json');
      await writeFilled(columns, output, () => 0, { label: 'label' });
      assert.deepEqual(JSON.parse(await readFile(output, 'utf8')), [
        { text: '发热', label: 0 },
        { text: '头痛', label: 0 },
      ]);
    });

    it('JSON Lines of one line or with lists and objects in them stay lines', async () => {
      const one = temporary.file('one.jsonl', '{"text": "发热", "label": 1}\n');
      assert.equal((await openDataFile(one)).format, 'jsonl');
      const nested = temporary.file(
        'nested.json',
        '{"text": "a", "data": [{"x": 1}]}\n{"text": "b", "data": [{"x": 2}]}\n',
      );
      const file = await openDataFile(nested);
      assert.deepEqual([file.format, file.columns], ['jsonl', ['text', 'data']]);
    });
  });

  describe('Label Studio', () => {
    const annotation = (choice: string[], more = {}) => ({
      completed_by: 1,
      result: [{ value: { choices: choice }, from_name: 'sentiment', to_name: 'text', type: 'choices' }],
      ...more,
    });
    const task = (text: string, ...annotations: object[]) => ({ id: 1, data: { text, source: 's3' }, annotations });

    it('its full JSON: the fields of a task, and what was chosen', async () => {
      const tasks = [
        task('发热三天咳嗽', annotation(['呼吸科'])),
        task('头痛头晕', annotation(['眼科'], { was_cancelled: true }), annotation(['神经科'])),
        task('皮疹瘙痒', annotation(['感染科', '皮肤科']), annotation(['皮肤科', '感染科'])),
        task('恶心呕吐', annotation(['消化科']), annotation(['心内科'])),
        task('心悸胸闷'),
        task('打分', {
          result: [
            { value: { rating: 4 }, from_name: 'quality', type: 'rating' },
            { value: { start: 0, end: 2, text: '打分', labels: ['x'] }, from_name: 'spans', type: 'labels' },
          ],
        }),
      ];
      const path = temporary.file('tasks.json', JSON.stringify(tasks, null, 2));
      const { rows, bad } = await readAll(path);
      assert.deepEqual(
        rows.map(({ values }) => values.sentiment),
        ['呼吸科', '神经科', ['皮肤科', '感染科'], undefined, undefined],
      );
      assert.deepEqual(rows[4].values.quality, 4);
      assert.deepEqual(rows[4].values.spans, [{ start: 0, end: 2, text: '打分', labels: ['x'] }]);
      assert.match(String(bad[0].reason), /annotators disagree on sentiment: "消化科" and "心内科"/);
      const split = { file: path, label: 'sentiment', on_bad_row: 'skip' } as const;
      const read = await readRecipeSplit(split, 'text-classification');
      assert.deepEqual([read.columns.first, read.labels, read.badRows.count], ['text', ['呼吸科', '神经科'], 4]);
      // Unnamed, too: the source that the task shows has few values as well, and a remark is no text to learn from.
      const many = Array.from({ length: 12 }, (_, i) => ({
        id: i,
        data: { source: ['s3', 'gs'][i % 2], post: `头痛第${i}天怎么办` },
        annotations: [
          {
            result: [
              ...annotation([['呼吸科', '神经科'][i % 2]]).result,
              { value: { text: [`说得不太清楚${i}`] }, from_name: 'remark', type: 'textarea' },
            ],
          },
        ],
      }));
      const unnamed = await readRecipeSplit({ file: temporary.file('many.json', JSON.stringify(many)) }, 'text-classification'); // prettier-ignore
      assert.deepEqual([unnamed.columns.first, unnamed.columns.label], ['post', 'sentiment']);
      const output = temporary.path('out.jsonl');
      const fill = (onBadRow: 'stop' | 'skip') =>
        writeFilled(path, output, () => 'x', { label: 'sentiment', onBadRow });
      await assert.rejects(fill('stop'), { code: 'DATA_FORMAT' });
      assert.deepEqual(await fill('skip'), { rows: 5, filled: 5, badRows: 1 });
      const lines = (await readFile(output, 'utf8')).trim().split('\n');
      const written = lines.map((line) => JSON.parse(line) as { sentiment: string });
      assert.deepEqual(written.map(({ sentiment }) => sentiment), Array(5).fill('x')); // prettier-ignore
    });

    it('CSV and JSON_MIN: the text and what was chosen, neither ids nor times; two choices follow on_bad_row', async () => {
      const rows = Array.from({ length: 12 }, (_, i) => ({
        text: `咳嗽第${i}天`,
        id: 500 + i,
        sentiment:
          i === 7 ? { choices: ['呼吸科', '感染科'] } : i === 8 ? { choices: ['眼科'] } : i % 2 ? '呼吸科' : '神经科',
        annotator: 1,
        annotation_id: 100 + i,
        created_at: `2024-01-${10 + i}T00:11:22.123Z`,
        updated_at: `2024-02-01T00:00:00Z`,
        lead_time: 5.334 + i,
      }));
      const names = Object.keys(rows[0]).sort();
      const cell = (value: unknown) => (typeof value === 'object' ? `"${JSON.stringify(value).replaceAll('"', '""')}"` : String(value)); // prettier-ignore
      const csv = [names, ...rows.map((row) => names.map((name) => cell(row[name as keyof typeof row])))];
      const files = [
        temporary.file('min.json', JSON.stringify(rows)),
        temporary.file('ls.csv', csv.map((line) => line.join(',')).join('\n')),
      ];
      for (const file of files) {
        const read = await readRecipeSplit({ file, on_bad_row: 'skip' }, 'text-classification');
        assert.deepEqual(read.columns, { first: 'text', second: undefined, label: 'sentiment' });
        assert.deepEqual(read.labels, ['呼吸科', '眼科', '神经科']);
        assert.deepEqual(
          read.badRows.reports.map(({ reason }) => String(reason)),
          ['label (column "sentiment") is a list or an object'],
        );
        await assert.rejects(readRecipeSplit({ file }, 'text-classification'), { code: 'DATA_FORMAT' });
      }
    });
  });

  it('Excel’s line sep= is no row, and says what stands between the fields', async () => {
    for (const [name, text] of [
      ['comma', 'sep=,\r\ntext,label\r\n发热,1\r\n头痛,0\r\n'],
      ['semicolon', 'sep=;\ntext;label\n发热;1\n头痛;0\n'],
      ['quoted', '"sep=|"\ntext|label\n发热|1\n头痛|0\n'],
    ]) {
      const path = temporary.file(`${name}.csv`, text);
      const { rows } = await readAll(path);
      assert.deepEqual(
        rows.map(({ line, values }) => [line, { ...values }]),
        [
          [3, { text: '发热', label: '1' }],
          [4, { text: '头痛', label: '0' }],
        ],
        name,
      );
      const output = temporary.path('filled.csv');
      await writeFilled(path, output, () => 7, { label: 'label' });
      assert.equal(await readFile(output, 'utf8'), text.replace(/[10](\r?\n)/g, '7$1'));
      assert.equal((await openDataFile(path)).skipped, 1);
    }
  });

  it('rows of titles above the names of the columns, in a workbook and in CSV', async () => {
    const expected = [
      { text: '咳嗽三天', label: '呼吸科' },
      { text: '皮疹瘙痒', label: '皮肤科' },
    ];
    const csv = temporary.file(
      'titled.csv',
      '科室分诊数据 2024,\n由甲医院整理\ntext,label\n咳嗽三天,呼吸科\n皮疹瘙痒,皮肤科\n',
    );
    for (const path of [table('titled.xlsx'), csv]) {
      const file = await openDataFile(path);
      assert.deepEqual([file.header, file.columns], [true, ['text', 'label']]);
      assert.match(String(file.warnings[0]), /not read: "科室分诊数据 2024", "由甲医院整理"/);
      assert.deepEqual(await valuesOf(path), expected);
    }
    // A row whose label is missing is one all the same.
    const unlabelled = temporary.file('unlabelled.csv', '咳嗽三天,\n皮疹瘙痒,皮肤科\n头晕,神经科\n头痛,神经科\n');
    assert.equal((await valuesOf(unlabelled)).length, 4);
  });

  it('two columns of one name: an error that names both, unless a place says which', async () => {
    const path = temporary.file('twice.csv', 'text,label,text\n发热,1,x\n头痛,0,y\n');
    const twice = { code: 'DATA_FORMAT', message: /the columns 1 and 3 are all named "text".*\(0, 2\)/ };
    await assert.rejects(readRecipeSplit({ file: path }, 'text-classification'), twice);
    await assert.rejects(readRecipeSplit({ file: path, first_sequence: 'text' }, 'text-classification'), twice);
    const file = await openDataFile(path);
    assert.equal(resolveColumn(file, 0), 'text');
    const { examples } = await readExamples(file, { firstSequence: 2, label: 'label' }, 'text-classification');
    assert.deepEqual(
      examples.map(({ first }) => first),
      ['x', 'y'],
    );
    const { labels } = await readRecipeSplit({ file: path, first_sequence: 0 }, 'text-classification');
    assert.deepEqual(labels, ['0', '1']);
    // A report shows the file all the same, and says that it took neither.
    const report = await reportOn(file);
    assert.deepEqual(report.fields, { firstSequence: undefined, secondSequence: undefined, label: 'label' });
    assert.match(report.warnings.at(-1)!, twice.message);
    await assert.rejects(openDataFile(table('twice.parquet')), { code: 'DATA_FORMAT', message: /columns 1, 2 are all named "text"/ }); // prettier-ignore
  });

  it('whole numbers in JSON beyond 2^53, as ids are, keep their digits as texts', async () => {
    const text =
      '[{"text":"id 12345678901234567890, \\"1\\"","id":12345678901234567890,"low":-9007199254740993,"kept":9007199254740991,"float":0.1234567890123456,"big":1e20,"label":NaN}]';
    const [values] = await valuesOf(temporary.file('ids.json', text));
    assert.deepEqual(values, { text: 'id 12345678901234567890, "1"', id: '12345678901234567890', low: '-9007199254740993', kept: 9007199254740991, float: 0.1234567890123456, big: 1e20, label: null }); // prettier-ignore
    const [line] = await valuesOf(temporary.file('ids.jsonl', '{"id": 1234567890123456789}\n'));
    assert.deepEqual(line, { id: '1234567890123456789' });
  });

  it('NaN in JSON, as Python writes it, is a missing value: the row follows on_bad_row', async () => {
    const text = '[{"text":"发热","label":NaN},{"text":"NaN, \\"Infinity\\"","label":1},{"text":"咳嗽","label":0}]';
    const path = temporary.file('nan.json', text);
    const values = await valuesOf(path);
    assert.deepEqual(values[0], { text: '发热', label: null });
    assert.equal(values[1].text, 'NaN, "Infinity"');
    await assert.rejects(readRecipeSplit({ file: path }, 'text-classification'), {
      code: 'LABELS',
      message: /no label/,
    });
    const read = await readRecipeSplit({ file: path, on_bad_row: 'skip' }, 'text-classification');
    assert.deepEqual([read.examples.length, read.badRows.count], [2, 1]);
    assert.match(String(read.badRows.reports[0].reason), /label \(column "label"\) is missing/);
  });

  it('a Parquet file’s ClassLabel: names for numbers, in the order of their ids', async () => {
    const path = table('classLabel.parquet');
    const values = await valuesOf(path);
    assert.deepEqual(
      values.map(({ label }) => label),
      ['呼吸科', '神经科', '呼吸科', null],
    );
    const read = await readRecipeSplit({ file: path, on_bad_row: 'skip' }, 'text-classification');
    assert.deepEqual(read.labels, ['呼吸科', '神经科', '皮肤科', '眼科']);
    assert.deepEqual(read.counts, [2, 1, 0, 0]);
    const mapped = { file: path, label_mapping: { '': null, 眼科: null, 皮肤科: '神经科' } };
    assert.deepEqual((await readRecipeSplit(mapped, 'text-classification')).labels, ['呼吸科', '神经科']);
  });
});
