import assert from 'node:assert/strict';
import { sentenceAt, sentencesOf } from '../../src/extension/hover/sentenceAt';

const table: [string, string[]][] = [
  ['头痛三天。伴恶心！要做检查吗？无发热；无外伤', ['头痛三天。', '伴恶心！', '要做检查吗？', '无发热；', '无外伤']],
  ['Take 3.5 mg daily. Do not exceed it! Why?', ['Take 3.5 mg daily.', 'Do not exceed it!', 'Why?']],
  ['“能治好吗？”医生说可以。', ['“能治好吗？”', '医生说可以。']],
  ['第一行\r\n  第二行  \n\n。。。\n---', ['第一行', '第二行']],
  ['空腹血糖6.1mmol/L,偏高吗...需要吃药', ['空腹血糖6.1mmol/L,偏高吗...需要吃药']],
  ['# 骨密度\n> 多久查一次？\n- 半年\n2. 一年。\n3) 两年', ['骨密度', '多久查一次？', '半年', '一年。', '两年']],
  ['3-5 年；-1.5 SD', ['3-5 年；', '-1.5 SD']],
  ['血压&gt;140&nbsp;/&#57;0吗？R&D;好&unknown;坏', ['血压&gt;140&nbsp;/&#57;0吗？', 'R&D;', '好&unknown;', '坏']],
  ['', []],
];

describe('sentences', () => {
  for (const [text, expected] of table) {
    it(JSON.stringify(text), () =>
      assert.deepEqual(
        sentencesOf(text).map(({ start, end }) => text.slice(start, end)),
        expected,
      ),
    );
  }

  it('finds the one around an offset and none between', () => {
    const text = '甲乙。  丙丁。';
    assert.deepEqual(sentenceAt(text, 0), { start: 0, end: 3 });
    assert.equal(sentenceAt(text, 4), undefined);
    assert.deepEqual(sentenceAt(text, 6), { start: 5, end: 8 });
  });
});
