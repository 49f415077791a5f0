import assert from 'node:assert/strict';
import { DistinctHashes, GroupTable } from '../../src/preview/groupTable';
import { PredictionTable } from '../../src/preview/predictionTable';
import { TextHash } from '../../src/preview/textHash';

describe('tables of a preview', () => {
  it('tell a quarter of a million near-identical texts apart, and pairs by where they are cut', () => {
    const distinct = new DistinctHashes(1 << 20);
    const hash = new TextHash();
    for (let i = 0; i < 125_000; i++) {
      distinct.add(hash.of(`高血压患者${i}`, null));
      distinct.add(hash.of(`${i}`, '高血压'));
      distinct.add(hash.of(`高血压患者${i}`, null));
    }
    for (const pair of [['ab', 'c'], ['a', 'bc'], ['abc', ''], ['', 'abc'], ['c', 'ab']]) distinct.add(hash.of(pair[0], pair[1])); // prettier-ignore
    distinct.add(hash.of('abc', null));
    assert.deepEqual([distinct.count, distinct.isExact], [250_006, true]);
    const few = new DistinctHashes(10);
    for (let i = 0; i < 30; i++) few.add(hash.of(`${i % 15}`, null));
    assert.deepEqual([few.count, few.isExact], [10, false]);
  });

  it('group equal texts in the order of their first rows', () => {
    const table = new GroupTable(1000);
    const hash = new TextHash();
    for (let row = 0; row < 1000; row++) table.add(row, hash.of(row < 600 ? `t${row % 200}` : `u${row}`, null));
    const groups = [...table.repeated()];
    assert.deepEqual([groups.length, groups[0], groups[199], table.groups], [200, [0, 200, 400], [199, 399, 599], 600]);
    assert.deepEqual(table.rowsOf(table.find(hash.of('t7', null))), [7, 207, 407]);
    assert.equal(table.find(hash.of('absent', null)), -1);
    assert.deepEqual([table.firstOf(407), table.isSame(7, 207), table.isSame(7, 8)], [7, true, false]);
  });

  it('count predictions as they come and change', () => {
    const table = new PredictionTable();
    const said = (label: string | null) => ({ label, probability: 0.5, similarity: null });
    table.set(3, said('a'), true);
    table.set(5000, said('b'), false);
    table.set(4, said(null), false);
    table.set(6, said('b'), undefined);
    assert.deepEqual(table.counts(), { done: 4, compared: 2, disagreements: 1, counts: [{ text: 'b', count: 2 }, { text: 'a', count: 1 }] }); // prettier-ignore
    assert.deepEqual([table.get(5000), table.differs(5000)], [{ ...said('b'), differs: true }, true]);
    table.set(5000, said('a'), true);
    assert.deepEqual(table.counts().counts, [{ text: 'a', count: 2 }, { text: 'b', count: 1 }]); // prettier-ignore
    assert.deepEqual([table.get(4), table.get(7), table.isOf(6, 'b'), table.differs(5000)], [said(null), null, true, false]); // prettier-ignore
  });
});
