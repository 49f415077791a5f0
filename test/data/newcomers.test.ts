/** What somebody with a first file meets: the file is read for what it is, and what is wrong is named. */
import assert from 'node:assert/strict';
import type { MedTextError } from '../../src/base/errors';
import { openDataFile } from '../../src/data/dataFile';
import { readEntities } from '../../src/data/entities/readEntities';
import { temporaryFolder } from './support';

describe('first files', () => {
  const temporary = temporaryFolder();
  const failure = (work: Promise<unknown>): Promise<MedTextError> =>
    work.then(
      () => assert.fail('it was read'),
      (error: MedTextError) => error,
    );

  it('reads one line of JSON Lines as one row, also where its annotations are none', async () => {
    const row = { text: '患者头痛三天', entities: [{ begin_x: 2, type: '症状' }] };
    const file = temporary.file('one.jsonl', `${JSON.stringify(row)}\n`);
    const { columns, format, sample } = await openDataFile(file);
    assert.deepEqual([format, columns, sample.length], ['jsonl', ['text', 'entities'], 1]);
    const { message } = await failure(readEntities(file, { spanEnd: 'exclusive' }));
    assert.match(message, /one\.jsonl line 1: .*"begin_x":2/);
    const wrapped = temporary.file('wrapped.json', JSON.stringify({ version: 1, data: [row, row] }));
    assert.equal((await openDataFile(wrapped)).format, 'json');
  });

  it('asks for an empty list where a text has no entities', async () => {
    const entities = [{ start: 2, end: 4, type: '症状' }];
    for (const none of [{ text: '发热' }, { text: '发热', entities: null }]) {
      const file = temporary.file('missing.jsonl', [{ text: '患者头痛', entities }, none].map((row) => `${JSON.stringify(row)}\n`).join('')); // prettier-ignore
      const { message } = await failure(readEntities(file, { spanEnd: 'exclusive' }));
      assert.match(message, /line 2: label \(column "entities"\) is missing/);
    }
    const file = temporary.file('empty.jsonl', [{ text: '患者头痛', entities }, { text: '发热', entities: [] }].map((row) => `${JSON.stringify(row)}\n`).join('')); // prettier-ignore
    assert.equal((await readEntities(file, { spanEnd: 'exclusive' })).examples.length, 2);
  });

  it('names the line of a file of tags that has none', async () => {
    const file = temporary.file('tags.conll', '患 O\n者 foo\n头 B-症状\n\n痛 X9\n');
    const opened = await openDataFile(file);
    assert.equal(opened.format, 'text');
    assert.match(opened.warnings.map(String).join(), /tags\.conll line 2: "foo" is not a tag\. By its name/);
    const asTags = (content: string) => failure(openDataFile(temporary.file('tags.txt', content), { format: 'conll' }));
    assert.match(
      (await asTags('患 O\n者 foo\n头 B-症状\n')).message,
      /line 2: "foo" is not a tag\. Each line must have/,
    );
    assert.match((await asTags('患\n者\n')).message, /line 1: "患" is one field, without a tag/);
    assert.match((await asTags('患 O\n者 O\n')).message, /no tag is one of an entity, all are O/);
  });
});
