import assert from 'node:assert/strict';
import { columnFacts, guessFields } from '../../src/data/columns';
import { fieldWords } from '../../src/protocol/fieldGuess';

const rows = (count: number, row: (i: number) => Record<string, unknown>) =>
  Array.from({ length: count }, (_, i) => row(i) as Record<string, string>);
const text = (i: number) => `头痛第${i}天怎么办才好`;

describe('what a column can be', () => {
  /** [name of the case, column, values of 20 rows, kind, may be a text, may be a label] */
  const cases: [string, string, (i: number) => unknown, string, boolean, boolean][] = [
    ['texts', '甲', text, 'text', true, false],
    ['few short values', '甲', (i) => ['呼吸科', '神经科', '皮肤科'][i % 3], 'class', false, true],
    ['digits of classes', '甲', (i) => i % 3, 'class', false, true],
    ['the same value everywhere', '甲', () => '呼吸科', 'class', false, false],
    ['amounts, all different', '甲', (i) => 5.334 + i * 1.7, 'number', false, false],
    ['numbers of rows', '甲', (i) => i, 'identifier', false, false],
    ['numbers of rows, as texts from 1', '甲', (i) => String(i + 1), 'identifier', false, false],
    ['ids by name', 'annotation_id', (i) => 900 - i * 3, 'identifier', false, false],
    ['ids by name that repeat', 'questionId', (i) => `问${i % 3}`, 'identifier', false, false],
    ['ids by name, Chinese', '病案号', (i) => `甲${i}乙`, 'identifier', false, false],
    ['codes', '甲', (i) => `s${i * 7}`, 'identifier', false, false],
    ['UUIDs', '甲', (i) => `123e4567-e89b-12d3-a456-4266554400${10 + i}`, 'identifier', false, false],
    ['ids of classes are classes', 'label_id', (i) => i % 3, 'class', false, true],
    ['a name that only ends with the letters', 'covid', (i) => ['阳性', '阴性'][i % 2], 'class', false, true],
    ['times', '甲', (i) => `2024-01-${10 + i}T00:11:22.12345Z`, 'time', false, false],
    ['days', '甲', (i) => `2024/1/${i + 1}`, 'time', false, false],
    ['days in Chinese', '甲', (i) => `2024年1月${i + 1}日`, 'time', false, false],
    ['times by name', 'created_at', (i) => 1_700_000_000 + i * 977, 'time', false, false],
    ['who annotated', 'annotator', (i) => i % 3, 'bookkeeping', false, false],
    ['who annotated, Chinese', '标注员', (i) => ['甲', '乙'][i % 2], 'bookkeeping', false, false],
    ['links', '甲', (i) => `https://example.org/${i}`, 'link', false, false],
    ['lists', '甲', () => ['x'], 'nested', false, false],
    ['nothing', '甲', () => null, 'empty', false, false],
    ['text with a day in it', '甲', (i) => `2024-01-${10 + i} 头痛`, 'text', true, false],
  ];
  for (const [name, column, value, kind, canBeText, canBeLabel] of cases) {
    it(name, () => {
      const [facts] = columnFacts(
        [column],
        rows(20, (i) => ({ [column]: value(i) })),
      );
      assert.deepEqual([facts.kind, facts.canBeText, facts.canBeLabel], [kind, canBeText, canBeLabel]);
    });
  }

  it('of few rows nothing is concluded from values that differ', () => {
    const [facts] = columnFacts(
      ['甲'],
      rows(2, (i) => ({ 甲: i * 2 })),
    );
    assert.equal(facts.canBeLabel, true);
  });

  it('Label Studio’s CSV: text and choice, whatever the choice is called and how many there are', () => {
    const row = (i: number) => ({
      annotation_id: 100 + i,
      annotator: 1,
      created_at: `2024-01-${10 + i}T01:11:22Z`,
      id: 500 + i,
      lead_time: 5 + i * 1.3,
      sentiment: ['神经科', '皮肤科', '呼吸科'][i % 3],
      text: text(i),
      updated_at: '2024-02-01T00:00:00Z',
    });
    for (const count of [1, 3, 60]) {
      const sample = rows(count, row);
      const { firstSequence, secondSequence, label, found } = guessFields(Object.keys(row(0)), sample);
      assert.deepEqual([firstSequence, secondSequence, label], ['text', undefined, 'sentiment'], String(count));
      assert.deepEqual(found.map(fieldWords).map(String), [
        'first_sequence: column "text", by its name',
        'label: column "sentiment", what Label Studio’s annotators chose',
      ]);
    }
  });

  it('an unlabelled file has no label, though it has ids, days and amounts', () => {
    const sample = rows(30, (i) => ({ id: i, query: text(i), day: `2024-01-${10 + (i % 20)}`, weight: 50 + i * 0.7 }));
    const guess = guessFields(Object.keys(sample[0]), sample);
    assert.deepEqual([guess.firstSequence, guess.secondSequence, guess.label], ['query', undefined, undefined]);
  });
});
