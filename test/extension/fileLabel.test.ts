import assert from 'node:assert/strict';
import { fileLabel } from '../../src/extension/fileLabel';

describe('a file in a list', () => {
  it('has its name once, and its folder where it has one', () => {
    for (const [path, label, description] of [
      ['a.medtext.json', 'a.medtext.json', ''],
      ['data/pairs/train.json', 'train.json', 'data/pairs'],
      ['C:\\data\\train.json', 'train.json', 'C:\\data'],
      ['/train.json', 'train.json', ''],
    ] as const) {
      assert.deepEqual(fileLabel(path), { label, description });
    }
  });
});
