import assert from 'node:assert/strict';
import { escapeMarkdown, hoverMarkdown, type HoverContent } from '../../src/extension/hover/hoverText';
import { untranslated } from '../../src/base/translate';

const score = {
  similarity: 0.8312,
  measure: 'label-scale' as const,
  probabilities: { '0': 0.1, '1': 0.2, '2': 0.7 },
  logits: [0, 1, 2],
};
const text = (content: Partial<HoverContent>) =>
  hoverMarkdown({ kind: 'row', score, modelName: 'm', ...content }, [], untranslated);

describe('hover text', () => {
  it('shows similarity, bars, model and, for a row, whether the prediction is as given', () => {
    assert.match(text({ given: '2' }), /\*\*0\.831\*\*[^]*Predicted `2` · as given ✓[^]*70\.0 % `2`[^]*Model: m/);
    assert.match(text({ given: '0' }), /Predicted `2` · given `0` ✗/);
    assert.match(text({}), /Predicted `2`\n/);
  });

  it('says what a regression predicts, with a similarity where its scale is known', () => {
    const regression = { measure: 'regression' as const, probabilities: {}, logits: [4.0366] };
    assert.match(
      text({ score: { ...regression, similarity: 0.8073 } }),
      /similarity \*\*0\.807\*\* · prediction \*\*4\.037\*\*/,
    );
    assert.match(text({ score: { ...regression, similarity: null } }), /MedText Lab\*\* · prediction \*\*4\.037\*\*/);
  });

  it('shows the class of a single text with its bars, and no similarity', () => {
    const shown = text({ kind: 'text', isSingle: true });
    assert.match(shown, /MedText Lab\*\* · class probabilities[^]*Predicted `2`[^]*70\.0 % `2`/);
    assert.doesNotMatch(shown, /similarity|0\.831/);
    assert.match(text({ kind: 'row', isSingle: true, given: '2' }), /Predicted `2` · as given ✓/);
    const number = { similarity: 0.5, measure: 'regression' as const, probabilities: {}, logits: [4.04] };
    assert.match(text({ kind: 'text', isSingle: true, score: number }), /prediction \*\*4\.040\*\*/);
  });

  it('claims no similarity of classes that are no scale', () => {
    const classes = { ...score, measure: 'classes' as const, similarity: null };
    assert.match(text({ score: classes }), /MedText Lab\*\* · class probabilities[^]*Predicted `2`[^]*70\.0 % `2`/);
    assert.doesNotMatch(text({ score: classes }), /similarity|NaN|null/);
  });

  it('shows the probabilities of several labels, those that reach their threshold, and what the file gives', () => {
    const several = {
      similarity: null,
      measure: 'labels' as const,
      probabilities: { 发热: 0.9, 咳嗽: 0.4, '`皮疹`': 0.55 },
      logits: [2.197, -0.405, 0.2],
      chosen: ['发热', '咳嗽'],
    };
    const shown = text({ score: several, isSingle: true });
    assert.match(shown, /^\*\*MedText Lab\*\* · probability of each label\n\nPredicted `发热` `咳嗽`\n/);
    // Every label has its bar, also one below its threshold; their probabilities do not add up to 1.
    assert.match(shown, /90\.0 % `发热`[^]*40\.0 % `咳嗽`[^]*55\.0 % `ˋ皮疹ˋ`/);
    assert.doesNotMatch(shown, /similarity|class probabilities|null|✓|✗/);
    // A list as JSON has it, a list in a cell, a text with a separator that parts it into labels of the model; order says nothing.
    for (const given of [['咳嗽', '发热'], '["咳嗽","发热"]', "['咳嗽', '发热']", '咳嗽;发热', '发热、咳嗽'])
      assert.match(text({ score: several, given }), /Predicted `发热` `咳嗽` · as given ✓\n/, String(given));
    assert.match(text({ score: several, given: ['发热'] }), /Predicted `发热` `咳嗽` · given `发热` ✗\n/);
    assert.match(text({ score: several, given: '发热|皮疹' }), /Predicted `发热` `咳嗽` · given `发热\|皮疹` ✗\n/);
    // As the model's training data were read: names, what is no label, the separator.
    const reads = { labelNames: { 热: '发热' }, noLabels: ['其他'], separator: '@' };
    for (const given of ['热 @ 咳嗽', '咳嗽@其他@热', ['热', '咳嗽'], '咳嗽;热'])
      assert.match(text({ score: several, given, reads }), /Predicted `发热` `咳嗽` · as given ✓\n/, String(given));
    assert.match(text({ given: '两', reads: { ...reads, labelNames: { 两: '2' } } }), /Predicted `2` · as given ✓/);
    assert.match(text({ given: '其他', reads }), /Predicted `2`\n/);
    assert.match(text({ score: several, given: [] }), /Predicted `发热` `咳嗽` · given none ✗\n/);
    const none = { ...several, chosen: [] };
    assert.match(text({ score: none, given: '' }), /No label reaches its threshold · as given ✓\n[^]*90\.0 % `发热`/);
  });

  it('names a cosine so, with its place among others, and lists the nearest sentences', () => {
    const cosine = { similarity: 0.9312, measure: 'cosine' as const, probabilities: {}, logits: [], place: { random: 0.994, same: 0.305 } }; // prettier-ignore
    const shown = text({ kind: 'reference', reference: '肺炎怎么治疗', score: cosine });
    assert.match(
      shown,
      /cosine \*\*0\.931\*\*[^]*higher than 99 % of random pairs and 3[01] % of pairs with the same meaning/,
    );
    assert.doesNotMatch(shown, /similarity|█/);
    const nearest = [
      { text: '肺炎的*治疗*方法', score: cosine },
      { text: '感冒怎么治', score: { ...cosine, similarity: 0.9 } },
    ];
    const list = text({ kind: 'nearest', score: cosine, nearest });
    assert.match(
      list,
      /most similar in this document[^]*1\. \*\*0\.931\*\* “肺炎的\\\*治疗\\\*方法”\n2\. \*\*0\.900\*\* “感冒怎么治”/,
    );
    assert.match(list, /not a probability/);
  });

  it('keeps text of documents text', () => {
    const nasty = '<img onerror=x> [a](command:x) `b` **c** </script> \u202e https://x.y';
    const shown = text({ kind: 'reference', reference: nasty, modelName: '[x](command:y)' });
    assert.ok(!/<|\u202e|[^\\]\]\(|[^\\]`b/.test(shown.replace(/`[█░]+`|`\d`/g, '')), shown);
    assert.equal(escapeMarkdown('a_b*c'), 'a\\_b\\*c');
  });

  it('cuts long references and survives probabilities outside [0, 1]', () => {
    assert.ok(text({ kind: 'reference', reference: '长'.repeat(5000) }).length < 600);
    assert.match(text({ score: { ...score, probabilities: { a: Number.NaN, b: 2 } } }), /`█{12}`/);
  });
});
