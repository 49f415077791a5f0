import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { untranslated, type Translate } from '../../src/base/translate';
import { fieldHelp, fieldNode } from '../../src/protocol/fieldHelp';
import { knobFields } from '../../src/protocol/trainingView';

const bundle = JSON.parse(readFileSync(join(__dirname, '../../l10n/bundle.l10n.zh-cn.json'), 'utf8')) as Record<string, string>; // prettier-ignore
const chinese: Translate = (message, ...values) => untranslated(bundle[message] ?? message, ...values);

describe('what a field of a recipe means', () => {
  it('is said of every field of the Training view, in both languages', () => {
    for (const field of knobFields) {
      assert.ok(fieldHelp(field, untranslated).length > 10, field);
      assert.match(fieldHelp(field, chinese), /\p{Script=Han}/u, field);
    }
  });

  it('holds a line for each value that the schema explains', () => {
    const lines = fieldHelp('device', untranslated).split('\n');
    assert.equal(lines.length, 1 + fieldNode('device')!.enum!.length);
    assert.ok(lines.includes('cpu: The CPU'));
  });

  it('is found behind references, and nowhere for what is no field', () => {
    assert.match(fieldHelp('dataset.train.on_bad_row', untranslated), /^What happens to a row that cannot be read/);
    assert.equal(fieldNode('dataset.train.on_bad_row')!.default, 'stop');
    assert.equal(fieldHelp('train.optimiser', untranslated), '');
  });
});
