import assert from 'node:assert/strict';
import { PieceTrie } from '../../src/tokenization/pieceTrie';

describe('PieceTrie', () => {
  const pieces = ['', 'a', 'ab', '糖', '糖尿', '糖尿病', 'ab', '𠀀', 'b'];

  it('finds the pieces at a place, the shortest first; of equal pieces the last', () => {
    const trie = new PieceTrie(pieces);
    const found = (text: string, start = 0) => {
      const all: [number, number][] = [];
      trie.each(text, start, (end, id) => all.push([end, id]));
      return all;
    };
    // Each twice: the trie grows at the first time.
    for (let i = 0; i < 2; i++) {
      assert.deepEqual(found('糖尿病人'), [[1, 3], [2, 4], [3, 5]]); // prettier-ignore
      assert.deepEqual(found('xabc', 1), [[2, 1], [3, 6]]); // prettier-ignore
      assert.deepEqual(found('𠀀'), [[2, 7]]);
      assert.deepEqual(found(''), []);
      assert.deepEqual(found('病'), []);
    }
  });

  it('gives the id of each piece, and none of a beginning or an end', () => {
    const trie = new PieceTrie(pieces);
    for (const [id, piece] of pieces.entries()) assert.equal(trie.get(piece), [undefined, 1, 6, 3, 4, 5, 6, 7, 8][id]);
    for (const other of ['尿', '糖尿病人', '\ud840', 'x']) assert.equal(trie.get(other), undefined);
    assert.equal(new PieceTrie([]).get('a'), undefined);
  });
});
