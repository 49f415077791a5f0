import assert from 'node:assert/strict';
import { nearestOf, neighboursOf } from '../../src/extension/hover/nearestSentences';
import { sentenceAt, sentencesOf } from '../../src/extension/hover/sentenceAt';

/** What is compared with the sentence that contains `inside`. */
const around = (text: string, inside: string) => neighboursOf(text, sentenceAt(text, text.indexOf(inside))!);
const cosine = (similarity: number) => ({ similarity, measure: 'cosine' as const, probabilities: {}, logits: [] });

describe('the nearest sentences of a document', () => {
  it('compares with each other text once, in the order of the document', () => {
    const text = '# 问题\n肺炎怎么治疗？感冒怎么治？\n- 肺炎怎么治疗？\n感冒怎么治？𠮷野家能吃吗？\r\n……\n';
    assert.deepEqual(around(text, '肺炎'), ['问题', '感冒怎么治？', '𠮷野家能吃吗？']);
    assert.deepEqual(around(text, '野家'), ['问题', '肺炎怎么治疗？', '感冒怎么治？']);
    assert.deepEqual(around('只有一句。', '只有'), []);
    assert.deepEqual(around('同一句。\n同一句。', '同一句'), []);
  });

  it('leaves out what is too long to be a sentence', () => {
    assert.deepEqual(around(`肺炎怎么治疗？\n${'长'.repeat(2001)}\n${'短'.repeat(2000)}\n`, '肺炎'), [
      '短'.repeat(2000),
    ]);
  });

  it('compares with the 200 around it, also at either end', () => {
    const text = Array.from({ length: 500 }, (_, i) => `第${i}句。`).join('');
    const placesAround = (own: number) => around(text, `第${own}句`).map((sentence) => Number(/\d+/.exec(sentence)));
    assert.equal(sentencesOf(text).length, 500);
    for (const [own, from, to] of [
      [0, 1, 200],
      [50, 0, 200],
      [250, 150, 350],
      [499, 299, 498],
    ]) {
      // prettier-ignore
      const places = placesAround(own);
      assert.deepEqual([places[0], places.at(-1), places.length], [from, to, 200], `of sentence ${own}`);
      assert.ok(!places.includes(own));
    }
  });

  it('shows three, the nearest first, of equal ones the first of the document', () => {
    const texts = ['甲', '乙', '丙', '丁', '戊'];
    const found = nearestOf(texts, [0.81, 0.93, 0.85, 0.93, 0.8].map(cosine));
    assert.deepEqual(found.map(({ text, score }) => [text, score.similarity]), [['乙', 0.93], ['丁', 0.93], ['丙', 0.85]]); // prettier-ignore
    assert.deepEqual(nearestOf(['甲'], [cosine(0.9)]).length, 1);
  });
});
