import assert from 'node:assert/strict';
import type { ModelDetailSnapshot } from '../../src/protocol/modelDetailPanel';
import { elementCount, maskedText, reduce, remembered, restored, shownTensors } from '../../webview/modelDetail/state';

const snapshot = (folder: string, tensorCount = 0): ModelDetailSnapshot => ({
  name: folder,
  folder,
  isActive: false,
  hasHead: false,
  problem: null,
  detail: {
    facts: {
      contentHash: 'sha256:0',
      modelType: 'bert',
      layers: 1,
      hiddenSize: 2,
      vocabSize: 3,
      parameterCount: 4,
      sizeBytes: 5,
      license: null,
      source: null,
      revision: null,
      commit: null,
      importedAt: null,
      labels: [],
      hasMaskedLm: true,
    },
    config: {},
    tensors: Array.from({ length: tensorCount }, (_, i) => ({
      name: `layer.${i}.Weight`,
      dataType: 'float32',
      shape: [i, 2],
    })),
    tokenizer: { vocabSize: 3, maskToken: '<mask>' },
    tokenizerProblem: '',
  },
});

describe('model detail: what it shows', () => {
  const empty = restored(undefined);

  it('forgets the answers of one model when another is shown, not those of the same', () => {
    const one = reduce(empty, { type: 'snapshot', snapshot: snapshot('a') });
    const failed = reduce(one, { type: 'trouble', error: { message: 'no mask in the text' } });
    const filled = reduce(reduce(failed, { type: 'filled', fills: [] }), { type: 'filter', text: 'x' });
    assert.deepEqual(reduce(filled, { type: 'snapshot', snapshot: snapshot('a') }).fills, []);
    const other = reduce(filled, { type: 'snapshot', snapshot: snapshot('b') });
    assert.deepEqual([other.fills, other.tokens, other.filter, other.trouble], [undefined, undefined, '', undefined]);
    assert.equal(other.first, filled.first, 'the texts stay: they compare tokenizers');
  });

  it('offers an example in the model’s own mask token, and keeps what was typed over a reload', () => {
    const shown = reduce(empty, { type: 'snapshot', snapshot: snapshot('a') });
    assert.match(maskedText(shown), /<mask>/);
    const typed = reduce(shown, { type: 'masked', text: '' });
    assert.equal(maskedText(typed), '');
    assert.equal(maskedText(restored(remembered(typed))), '');
    assert.equal((remembered(typed) as { folder: string }).folder, 'a');
    assert.equal(restored({ first: 3, masked: {} }).masked, undefined);
  });

  it('shows a screen of tensors, all on demand, and filters by a part of the name', () => {
    const many = reduce(empty, { type: 'snapshot', snapshot: snapshot('a', 100) });
    assert.deepEqual([shownTensors(many).rows.length, shownTensors(many).total], [40, 100]);
    assert.equal(shownTensors(reduce(many, { type: 'all' })).rows.length, 100);
    const filtered = shownTensors(reduce(reduce(many, { type: 'all' }), { type: 'filter', text: ' LAYER.9' }));
    assert.deepEqual(filtered.rows.map(({ name }) => name), ['layer.9.Weight', ...Array.from({ length: 10 }, (_, i) => `layer.9${i}.Weight`)]); // prettier-ignore
    assert.equal(elementCount({ name: '', dataType: 'float32', shape: [] }), 1);
    assert.equal(elementCount({ name: '', dataType: 'float32', shape: [3, 4] }), 12);
  });
});
