import assert from 'node:assert/strict';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { openDataFile } from '../../src/data/dataFile';
import { countRawLabels } from '../../src/data/labelCounts';
import { isBadRow } from '../../src/data/dataRow';
import { candidateKey, readGrades } from '../../src/data/ranking/readGrades';
import { writeRanked } from '../../src/data/ranking/writeRanked';
import { answerIn, signsOf } from '../../src/protocol/answers';
import type { RecipeSplit } from '../../src/protocol/recipe';

describe('queries and their candidates', () => {
  const folder = mkdtempSync(join(tmpdir(), 'medtext-ranking-'));
  after(() => rmSync(folder, { recursive: true, force: true }));
  const file = (name: string, text: string): string => {
    writeFileSync(join(folder, name), text);
    return join(folder, name);
  };
  const read = (path: string, fields: Partial<RecipeSplit> = {}, mode: 'train' | 'predict' = 'train') =>
    readGrades({ file: path, ...fields }, 'ranking', { mode });

  // As cMedIR writes them: two texts a line, a text again in the next line of its query.
  const lists = [
    '{"query": "甲", "documents": [{"url": "u1", "label": "2", "title": "甲一"}, {"url": "u2", "label": "0", "title": "甲二"}]}',
    '{"query": "乙", "documents": [{"url": "u3", "label": "1", "title": "乙一"}]}',
    '{"query": "甲", "documents": [{"url": "u1", "label": "2", "title": "甲一"}, {"url": "u4", "label": "1", "title": "甲三"}]}',
    '{"query": "甲", "documents": [{"url": "u2", "label": "1", "title": "甲二"}]}',
  ];

  it('of cMedIR are a row each; equal queries are joined, texts that a query has already are left out', async () => {
    const path = file('lists.json', `${lists.join('\n')}\n`);
    const { columns } = await openDataFile(path);
    assert.deepEqual(columns, ['query', 'url', 'label', 'title']);
    const data = await read(path);
    assert.deepEqual(
      data.examples.map(({ first, second, label, line }) => [first, second, label, line]),
      [['甲', '甲一', 2, 1], ['甲', '甲二', 0, 1], ['乙', '乙一', 1, 2], ['甲', '甲三', 1, 3]], // prettier-ignore
    );
    assert.deepEqual(data.remarks, [
      '2 queries (4 records; those with equal queries are joined) with 4 texts; texts in a query: 2.0 on average, at most 3',
      'left out: 2 repeated texts of a query, 1 of them with another grade',
    ]);
    assert.deepEqual(data.fields, { firstSequence: 'query', secondSequence: 'title', label: 'label' });
  });

  it('are a sign of a ranking to whoever counts labels', async () => {
    const counts = await countRawLabels({ file: file('counted.jsonl', lists.join('\n')) });
    assert.deepEqual([counts.column, counts.rows, counts.ofQueries], ['label', 6, true]);
    assert.equal(answerIn(signsOf(counts, false)).answer, 'rank');
    const table = await countRawLabels({ file: file('counted.csv', 'query,text,grade\n甲,一,2\n甲,二,0\n') });
    assert.equal(answerIn(signsOf(table, false)).answer, 'class');
  });

  it('are recognised by the list, and other lists are none', async () => {
    const open = async (name: string, text: string) => openDataFile(file(name, text));
    const same = await open('same.jsonl', '{"id":1,"text":"甲","docs":[{"id":"a","text":"一","grade":1}]}\n');
    assert.deepEqual(same.columns, ['id', 'text', 'docs.id', 'docs.text', 'grade']);
    const array = await open('array.json', `[${lists.slice(0, 2).join(',')}]`);
    assert.deepEqual([array.format, array.sample.length], ['json', 3]);
    for (const [name, row] of Object.entries({
      entities: '{"text":"胸痛","entities":[{"start_idx":0,"end_idx":1,"type":"dis"}]}',
      texts: '{"query":"甲","documents":["一","二"]}',
      empty: '{"query":"甲","documents":[]}',
      alone: '{"documents":[{"title":"一"}]}',
    })) {
      assert.equal((await open(`${name}.jsonl`, `${row}\n`)).lists, undefined, name);
    }
  });

  it('of which the first is empty, or a later one has more fields, are read as such', async () => {
    const empty = file('empty-first.jsonl', ['{"query":"丙","documents":[]}', ...lists].join('\n'));
    const { badRows, examples } = await read(empty, { on_bad_row: 'skip' });
    assert.deepEqual([badRows.count, badRows.reports.map(({ line }) => line), examples.length], [1, [1], 4]);
    const many = Array.from({ length: 205 }, (_, n) => `{"query":"q${n}","docs":[{"text":"a"${n > 201 ? ',"note":"n1"' : ''}},{"text":"b"${n > 201 ? ',"note":"n2"' : ''}}]}`); // prettier-ignore
    const path = file('later-fields.jsonl', many.join('\n'));
    const scores = new Map([[candidateKey('q203', 'a'), 0.1], [candidateKey('q203', 'b'), 0.9]]); // prettier-ignore
    const output = join(folder, 'later-fields-out.jsonl');
    await writeRanked(await openDataFile(path), output, scores, { query: 'query', text: 'text', score: 'score' });
    const written = readFileSync(output, 'utf8').split('\n')[203];
    assert.deepEqual(JSON.parse(written), {
      query: 'q203',
      docs: [
        { text: 'b', note: 'n2', score: 0.9 },
        { text: 'a', note: 'n1', score: 0.1 },
      ],
    });
  });

  it('are announced, since another task may not want a row for each entry', async () => {
    const { warnings } = await openDataFile(file('announced.jsonl', lists.join('\n')));
    assert.match(warnings.map(String).join(), /each entry of "documents" is read as a row/);
  });

  it('of which one is no such record are a bad row, with its line', async () => {
    const path = file('bad.jsonl', `${lists[0]}\n{"query":"乙","documents":[]}\n`);
    const opened = await openDataFile(file('whole.jsonl', `${lists[0]}\n`));
    assert.equal(opened.sample.length, 2);
    const many = file('many.jsonl', `${Array.from({ length: 300 }, (_, at) => `{"query":"${at}","documents":[{"title":"一","label":1}]}`).join('\n')}\n{"query":"乙","documents":[]}\n`); // prettier-ignore
    const found = [];
    for await (const row of (await openDataFile(many)).rows())
      if (isBadRow(row)) found.push([row.line, String(row.reason)]);
    assert.deepEqual(found, [[301, 'a query with its candidates in a list "documents" is expected, as in the first records']]); // prettier-ignore
    assert.equal((await openDataFile(path)).lists?.list, 'documents');
  });

  it('of a table are grouped by the query; what is no grade is listed', async () => {
    const path = file('rows.csv', 'query,text,grade\n甲,一,2\n乙,一,0\n甲,二,0\n甲,一,2\n');
    const data = await read(path);
    assert.deepEqual(data.examples.map(({ first, label, row }) => [first, label, row]), [['甲', 2, 0], ['乙', 0, 1], ['甲', 0, 2]]); // prettier-ignore
    assert.deepEqual(data.remarks, ['2 queries with 3 texts; texts in a query: 1.5 on average, at most 2', 'left out: 1 repeated text of a query']); // prettier-ignore
    const wrong = file('wrong.csv', 'query,text,grade\n甲,一,相关\n甲,二,-1\n甲,三,\n甲,四,1\n');
    await assert.rejects(read(wrong), (error: Error & { code: string }) => {
      assert.equal(error.code, 'LABELS');
      assert.match(
        error.message,
        /grades of relevance \(numbers of at least 0\).*"相关" in 1 row, first on line 2.*"-1".*\(no label\)/s,
      );
      return true;
    });
    const mapped = await read(wrong, { label_mapping: { 相关: '1', '-1': null }, on_bad_row: 'skip' });
    assert.deepEqual(mapped.examples.map(({ label }) => label), [1, 1]); // prettier-ignore
    assert.deepEqual([mapped.dropped, mapped.badRows.count], [1, 1]);
  });

  describe('written in ranks', () => {
    const scores = new Map(Object.entries({ 甲一: 0.1, 甲二: 0.9, 甲三: 0.5, 乙一: -1 }).map(([text, score]) => [candidateKey(text[0], text), score])); // prettier-ignore
    const rank = async (path: string, output: string, more = {}) => {
      const opened = await openDataFile(path);
      const written = await writeRanked(opened, join(folder, output), scores, { query: 'query', text: opened.columns.includes('title') ? 'title' : 'text', score: 'score', ...more }); // prettier-ignore
      return { ...written, text: readFileSync(join(folder, output), 'utf8') };
    };

    it('are a record a query in lists, best first', async () => {
      const { rows, text } = await rank(file('in.jsonl', lists.join('\n')), 'ranked.jsonl');
      assert.equal(rows, 4);
      assert.deepEqual(text.trim().split('\n').map((line) => JSON.parse(line)), [
        {
          query: '甲',
          documents: [
            { url: 'u2', label: '0', title: '甲二', score: 0.9 },
            { url: 'u4', label: '1', title: '甲三', score: 0.5 },
            { url: 'u1', label: '2', title: '甲一', score: 0.1 },
          ],
        },
        { query: '乙', documents: [{ url: 'u3', label: '1', title: '乙一', score: -1 }] },
      ]); // prettier-ignore
      const array = await rank(file('in.json', `[${lists.join(',\n')}]`), 'ranked.json');
      assert.equal(JSON.parse(array.text).length, 2);
      await assert.rejects(rank(join(folder, 'in.json'), 'ranked.csv'), { code: 'UNSUPPORTED' });
    });

    it('are the rows of a table as they are written, each query’s at the place of its first', async () => {
      const table = 'query,text,grade\r\n甲,甲一,2\r\n乙,"乙一",0\r\n甲,甲二,0\r\n"甲",甲三,1\r\n甲,甲一,2';
      const { text, rows } = await rank(file('in.csv', table), 'ranked.csv');
      assert.equal(rows, 5);
      assert.equal(text, 'query,text,grade,score\r\n甲,甲二,0,0.9\r\n"甲",甲三,1,0.5\r\n甲,甲一,2,0.1\r\n甲,甲一,2,0.1\r\n乙,"乙一",0,-1'); // prettier-ignore
      const array = file('rows.json', '[\n  {"query": "甲", "text": "甲一"},\n  {"query": "甲", "text": "甲二"}\n]\n');
      assert.equal((await rank(array, 'ranked.json')).text, '[\n  {"query": "甲", "text": "甲二", "score": 0.9},\n  {"query": "甲", "text": "甲一", "score": 0.1}\n]\n'); // prettier-ignore
    });

    it('are rows of a new workbook in the same order, and a workbook’s rows too', async () => {
      const table = file('book.csv', 'query,text,code\n甲,甲一,007\n乙,乙一,008\n甲,甲二,=1\n甲,未知,9\n');
      for (const [source, output] of [
        [table, 'ranked.xlsx'],
        [join(folder, 'ranked.xlsx'), 'again.xlsx'],
      ] as const) {
        assert.equal((await rank(source, output)).rows, 3);
        const rows = (await openDataFile(join(folder, output))).sample.map(({ values }) => Object.values(values));
        assert.deepEqual(rows, [['甲', '甲二', '=1', 0.9], ['甲', '甲一', '007', 0.1], ['乙', '乙一', '008', -1], ['甲', '未知', '9', null]]); // prettier-ignore
      }
    });

    it('are predictions of Label Studio’s tasks, which keep their places', async () => {
      const tasks = ['甲一', '甲二'].map((text, n) => ({ id: n + 1, data: { query: '甲', text }, annotations: [] }));
      const { text, rows } = await rank(file('tasks.json', JSON.stringify(tasks)), 'tasks-ranked.json');
      const written = JSON.parse(text) as { id: number; predictions: unknown[] }[];
      assert.deepEqual([rows, written.map(({ id }) => id)], [2, [1, 2]]);
      assert.match(JSON.stringify(written[1].predictions), /0\.9/);
    });

    it('are not written from bytes that are no text', async () => {
      const path = join(folder, 'damaged.csv');
      writeFileSync(
        path,
        Buffer.concat([Buffer.from('query,text\n甲,甲一\n甲,'), Buffer.from([0xff]), Buffer.from('\n')]),
      );
      await assert.rejects(rank(path, 'damaged-out.csv', { onBadRow: 'skip' }), { code: 'DATA_FORMAT' });
    });

    it('leave a row that has no score in its place', async () => {
      const { text, rows } = await rank(file('hole.csv', 'query,text\n甲,甲一\n甲,未知\n甲,甲二\n'), 'hole-out.csv');
      assert.equal(rows, 2);
      assert.equal(text, 'query,text,score\n甲,甲二,0.9\n甲,未知\n甲,甲一,0.1\n');
    });
  });
});
