import assert from 'node:assert/strict';
import { readRecipeSplit } from '../../src/data/recipeSplit';
import type { RecipeSplit } from '../../src/protocol/recipe';
import type { TaskName } from '../../src/protocol/tasks';
import { understand, understoodLines } from '../../src/training/understoodData';
import { temporaryFolder } from '../data/support';

describe('what a run learns from', () => {
  const folder = temporaryFolder();
  const read = (split: RecipeSplit, task: TaskName) => readRecipeSplit(split, task);

  it('is said before the first step: columns and why, labels with counts, what was left out', async () => {
    const rows = [
      'id,text,dept',
      '7,咳嗽三天怎么办,呼吸科',
      '9,头痛了怎么办,神经科',
      '3,咳痰怎么办呢,呼吸科',
      '4,皮疹怎么办呢,NA',
      '5,,呼吸科',
    ];
    const file = folder.file('a.csv', `sep=,\n${rows.join('\n')}\n`);
    const data = await read({ file, label: 'dept', on_bad_row: 'skip' }, 'text-classification');
    const lines = understoodLines('text-classification', data);
    assert.equal(lines[0], 'a.csv: 4 rows; the task is text-classification');
    assert.deepEqual(lines.slice(1, 3), [
      '  first_sequence: column "text", by its name',
      '  label: column "dept", named by the recipe',
    ]);
    const text = lines.join('\n');
    assert.match(text, /left out: 1 bad row \(first: line 7, first_sequence \(column "text"\) is empty\)/);
    assert.match(text, /3 labels: NA \(1\), 呼吸科 \(2\), 神经科 \(1\)/);
    assert.match(text, /"NA" is a class of 1 row\..*--map NA=/);
    assert.deepEqual(understand('text-classification', data), {
      task: 'text-classification',
      rows: 4,
      fields: [
        { role: 'firstSequence', column: 'text', reason: 'name' },
        { role: 'label', column: 'dept' },
      ],
      labels: [
        { name: 'NA', count: 1 },
        { name: '呼吸科', count: 2 },
        { name: '神经科', count: 1 },
      ],
      labelCount: 3,
    });
  });

  it('asks whether a column of values that hardly repeat is the label; a regression has no labels', async () => {
    const rows = Array.from({ length: 60 }, (_, i) =>
      JSON.stringify({ text: `头痛第${i}天`, label: `v${i}`, score: i / 7 }),
    );
    const file = folder.file('b.jsonl', `${rows.join('\n')}\n`);
    const lines = understoodLines('text-classification', await read({ file }, 'text-classification'));
    assert.match(lines.at(-1)!, /Is "label" the label\? 60 of its 60 values/);
    const regression = understand('regression', await read({ file, label: 'score' }, 'regression'));
    assert.deepEqual([regression.labelCount, regression.labels], [0, []]);
  });
});
