import assert from 'node:assert/strict';
import { existsSync, readFileSync, symlinkSync } from 'node:fs';
import { CLEAN_OPERATIONS } from '../../src/base/cleanText';
import { medtext, medtextFails } from '../cli/support/commandLine';
import { TestPreview } from '../preview/previewSupport';
import { temporaryFolder } from './support';

const rows = [
  { id: 1, text: '体温&gt;38', label: '内科' },
  { id: 2, text: '体温>38', label: '内科' },
  { id: 3, text: '　ＢＰ　', label: '内科' },
  { id: 4, text: 'BP', label: '外科' },
  { id: 5, text: '没有变化', label: '外科' },
  { id: 6, text: '没有变化', label: '外科' },
];

describe('cleaning of a file', () => {
  const temporary = temporaryFolder();
  const source = () => temporary.file('notes.jsonl', rows.map((row) => `${JSON.stringify(row)}\n`).join(''));

  it('says what each operation would change alone, and the chosen ones together', async () => {
    const file = source();
    const preview = await TestPreview.open({ notes: file });
    const signal = new AbortController().signal;
    const plan = await preview.session.planClean({ operations: [...CLEAN_OPERATIONS], dropDuplicates: true }, signal);
    const counts = Object.fromEntries(plan.operations.map(({ operation, rows }) => [operation, rows]));
    assert.deepEqual(counts, { html_entities: 1, zero_width: 0, half_width: 1, whitespace: 1, trim: 1 });
    assert.deepEqual(plan.operations[0].examples, [{ before: '体温&gt;38', after: '体温>38' }]);
    assert.deepEqual([plan.rows, plan.changed, plan.duplicates], [6, 2, { before: 1, after: 2 }]);
    const none = await preview.session.planClean({ operations: [], dropDuplicates: false }, signal);
    assert.deepEqual([none.changed, none.duplicates.after], [0, 1]);

    const output = temporary.path('notes.clean.jsonl');
    const written = await preview.session.writeClean({ operations: [...CLEAN_OPERATIONS], dropDuplicates: true }, output, signal); // prettier-ignore
    assert.deepEqual(written, { rows: 4, dropped: 2, badRows: 0 });
    const clean = readFileSync(output, 'utf8').trim().split('\n').map((line) => JSON.parse(line) as unknown); // prettier-ignore
    assert.deepEqual(clean, [
      { id: 1, text: '体温>38', label: '内科' },
      { id: 3, text: 'BP', label: '内科' },
      { id: 4, text: 'BP', label: '外科' },
      { id: 5, text: '没有变化', label: '外科' },
    ]);
    assert.equal(readFileSync(file, 'utf8').split('\n').length, 7, 'the original stays');
    await assert.rejects(preview.session.writeClean({ operations: ['trim'], dropDuplicates: false }, file, signal), /the data file itself/); // prettier-ignore
    await preview.session.close();
  });

  it('drops the duplicates that it has counted: rows without a text are none, and labels are compared as they are read', async () => {
    const signal = new AbortController().signal;
    const options = { operations: [], dropDuplicates: true };
    const noTexts = temporary.file('no-texts.csv', `id,label\n${['a', 'b', 'a', 'b'].map((label, n) => `${n},${label}\n`).join('')}`); // prettier-ignore
    const missing = temporary.file('missing.jsonl', '{"text":null,"label":1}\n{"label":1}\n{"text":"x","label":1}\n{"text":"x","label":"1"}\n'); // prettier-ignore
    for (const [name, text, rows, duplicates] of [
      [noTexts, null, 4, 0],
      [missing, 'text', 3, 1],
    ] as const) {
      // prettier-ignore
      const mapping = { first_sequence: text, second_sequence: null, label: 'label' };
      const preview = await TestPreview.open({ data: name }, { mapping, mappingSource: 'person' });
      const plan = await preview.session.planClean({ operations: [], dropDuplicates: true }, signal);
      const output = temporary.path(`kept-${name.split('/').at(-1)}`);
      assert.deepEqual(await preview.session.writeClean({ ...options }, output, signal), {
        rows,
        dropped: duplicates,
        badRows: 0,
      });
      assert.equal(plan.duplicates.after, duplicates);
      await preview.session.close();
    }
  });

  it('never writes over the data file, whatever it is called, and says which rows it left out', async () => {
    const file = temporary.file('own.csv', 'text,label\n a ,x\n"b\n');
    const content = readFileSync(file, 'utf8');
    const link = temporary.path('link.csv');
    symlinkSync(file, link);
    const options = { cwd: temporary.path('.') };
    for (const output of ['own.csv', './own.csv', link])
      assert.match(await medtextFails(['data', 'own.csv', '--clean', 'trim', '--output', output], 2, 'USAGE', options), /the data file itself/); // prettier-ignore
    assert.equal(readFileSync(file, 'utf8'), content);
    const { stdout } = await medtext(['data', 'own.csv', '--clean', 'trim', '--output', 'other.json'], options);
    assert.match(stdout, /left out: 1 row that cannot be read/);
    assert.deepEqual(JSON.parse(readFileSync(temporary.path('other.json'), 'utf8')), [{ text: 'a', label: 'x' }]);
    await medtextFails(['data', 'own.csv', '--clean', 'trim', '--drop-duplicates'], 2, 'USAGE', options);
  });

  it('keeps columns that only late rows of a JSON file have, in cleaned rows and in the parts of a split', async () => {
    const late = Array.from({ length: 300 }, (_, n) => ({ text: ` note ${n}`, label: n % 2, ...(n > 250 && { remark: `r${n}` }) })); // prettier-ignore
    const file = temporary.file('late.jsonl', late.map((row) => `${JSON.stringify(row)}\n`).join(''));
    const preview = await TestPreview.open({ notes: file });
    const { signal } = new AbortController();
    const recordsOf = (path: string) => readFileSync(path, 'utf8').trim().split('\n').map((line) => JSON.parse(line) as unknown); // prettier-ignore
    const part = temporary.path('late.train.jsonl');
    const shares = { train: 1, validation: 0, test: 0, seed: 1, stratify: null, group: null };
    await preview.session.writeSplit(shares, { train: part }, signal);
    assert.deepEqual(recordsOf(part), late);
    const output = temporary.path('late.clean.jsonl');
    await preview.session.writeClean({ operations: ['trim'], dropDuplicates: false }, output, signal);
    assert.deepEqual(recordsOf(output), late.map((row) => ({ ...row, text: row.text.trim() }))); // prettier-ignore
    await preview.session.close();
  });

  it('does the same from the terminal', async () => {
    const file = source();
    const told = JSON.parse((await medtext(['data', file, '--clean', 'html_entities,trim', '--json'])).stdout);
    assert.deepEqual([told.clean, told.changed, told.first_sequence, told.label], [['html_entities', 'trim'], 2, 'text', 'label']); // prettier-ignore
    const text = (await medtext(['data', file, '--clean', 'all'])).stdout;
    assert.match(text, /\* +html_entities +1 row +"体温&gt;38" -> "体温>38"/);
    assert.match(text, /duplicates: 1 before cleaning, 2 after/);
    assert.match(text, /"clean": \["html_entities","zero_width"/);
    const output = temporary.path('terminal.jsonl');
    await medtext(['data', file, '--clean', 'all', '--output', output]);
    assert.equal(readFileSync(output, 'utf8').split('\n').length, 7);
    assert.match(
      await medtextFails(['data', file, '--clean', 'lower'], 2, 'USAGE'),
      /--clean is "lower"; it must be all/,
    );
    assert.match(await medtextFails(['data', file, '--output', output], 2, 'USAGE'), /--output needs --clean/);
  });

  it('writes no copy of texts with entities, whose places would be others', async () => {
    const row = { text: '　头痛', entities: [{ start_idx: 1, end_idx: 2, type: '症状', entity: '头痛' }] };
    const file = temporary.file('entities.jsonl', `${JSON.stringify(row)}\n${JSON.stringify(row)}\n`);
    const output = temporary.path('none.jsonl');
    assert.match(await medtextFails(['data', file, '--clean', 'trim', '--output', output], 1, 'UNSUPPORTED'), /entities keep their positions/); // prettier-ignore
    assert.ok(!existsSync(output));
    const told = JSON.parse((await medtext(['data', file, '--clean', 'trim', '--json'])).stdout);
    assert.deepEqual([told.first_sequence, told.changed], ['text', 2]);
  });
});
