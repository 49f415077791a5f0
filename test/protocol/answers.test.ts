import assert from 'node:assert/strict';
import { answerIn, comparesTexts, countsFor, signsOf, tasksOfRows } from '../../src/protocol/answers';
import { describeTask, TASKS } from '../../src/protocol/tasks';

const value = (name: string, count: number) => ({ value: name, count, firstLine: 1 });
const counts = { column: 'label', rows: 3, badRows: 0, values: [value('a;b', 2), value('', 1)], otherRows: 0 };
const several = {
  separator: ';',
  rows: 3,
  values: [value('a', 2), value('b', 2)],
  withoutLabel: 1,
  combinations: [{ labels: ['a', 'b'], count: 2 }, { labels: [], count: 1 }], // prettier-ignore
  combinationCount: 2,
};

describe('kinds of answers', () => {
  it('are told by the data: entities, several labels, fractions, else classes', () => {
    const none = { marks: false, several: false, values: ['0', '1'] };
    const told = [
      none,
      { ...none, values: ['0.5', '1.25'] },
      { ...none, several: true },
      { ...none, marks: true },
      { ...none, ofQueries: true },
    ];
    assert.deepEqual(told.map((signs) => answerIn(signs).answer), ['class', 'number', 'labels', 'spans', 'rank']); // prettier-ignore
    assert.deepEqual(signsOf({ ...counts, several }, false), { marks: false, several: true, values: ['a;b', ''] });
  });

  it('count by label where a cell may hold several, else by cell', () => {
    assert.deepEqual(countsFor('labels', { ...counts, several }), { ...counts, several, values: several.values });
    assert.deepEqual(countsFor('labels', counts).values, [value('a;b', 2)]);
    assert.deepEqual(countsFor('class', { ...counts, several }), counts);
  });

  it('say which tasks suit rows', () => {
    const ids = (isPair: boolean, marks: boolean) => tasksOfRows(isPair, { marks }).map(({ id }) => id);
    assert.deepEqual(ids(false, true), ['token-classification']);
    assert.deepEqual(ids(true, true), []);
    assert.ok(ids(true, false).includes('sentence-similarity') && !ids(true, false).includes('text-classification'));
    assert.ok(!ids(false, false).includes('masked-language-modeling'));
    assert.deepEqual(TASKS.filter(comparesTexts).map(({ id }) => id), ['sentence-similarity']); // prettier-ignore
    assert.equal(comparesTexts(describeTask('pair-classification')), true);
  });
});
