import assert from 'node:assert/strict';
import { MedTextError } from '../../src/base/errors';
import { readCorrections } from '../../src/data/labelCorrections';
import { readRecipeSplit } from '../../src/data/recipeSplit';
import { checkedCorrections, correctionText, type LabelCorrection } from '../../src/protocol/labelCorrections';
import { temporaryFolder } from './support';

const rows = [
  { a: '头痛', b: '头疼', label: '1' },
  { a: '发烧', b: '咳嗽', label: '1' },
  { a: '失眠', b: '睡不着', label: '0' },
];
const correction: LabelCorrection = { row: 1, line: 3, first: '发烧', second: '咳嗽', given: '1', label: '0' };
const fields = { first_sequence: 'a', second_sequence: 'b', label: 'label' };

describe('corrections of labels', () => {
  const folder = temporaryFolder();
  const data = () => folder.file('rows.json', JSON.stringify(rows));
  const written = (corrections: readonly LabelCorrection[]) =>
    folder.file(
      'rows.corrections.json',
      correctionText(undefined, 'rows.json', new Map(corrections.map((one) => [one.row, one]))),
    );
  const labels = async (corrections: string) => {
    const split = { file: data(), ...fields, corrections };
    const { examples, labels: names } = await readRecipeSplit(split, 'sentence-similarity');
    return examples.map(({ label }) => names[label!]);
  };
  const fails = (code: string, message: RegExp, run: () => Promise<unknown>) =>
    assert.rejects(run, (error) => error instanceof MedTextError && error.code === code && message.test(error.message));

  it('stand in for the labels of the file', async () => {
    assert.deepEqual(await labels(written([correction])), ['1', '0', '0']);
    assert.deepEqual(await labels(written([])), ['1', '1', '0']);
  });

  it('go through the mapping like any value of the file', async () => {
    const split = { file: data(), ...fields, labels: ['no', 'yes'], label_mapping: { '0': 'no', '1': 'yes' } };
    const { examples } = await readRecipeSplit({ ...split, corrections: written([correction]) }, 'sentence-similarity');
    assert.deepEqual(
      examples.map(({ label }) => label),
      [1, 0, 0],
    );
  });

  it('are refused when the row holds other texts by now', () =>
    fails('DATA_FORMAT', /rows\.json, line 1.*corrected when it held other texts/, () =>
      labels(written([{ ...correction, first: '发热' }])),
    ));

  it('are refused when they are of another file or broken', async () => {
    const file = data();
    const other = folder.file('other.corrections.json', correctionText(undefined, 'other.json', new Map()));
    await fails('DATA_FORMAT', /corrects other\.json/, () => readCorrections(other, file));
    for (const text of [
      '{',
      '[]',
      'null',
      '{"format":1,"file":"rows.json"}',
      '{"format":2,"file":"rows.json","corrections":[]}',
    ]) {
      // prettier-ignore
      await fails('DATA_FORMAT', /./, () => readCorrections(folder.file('bad.corrections.json', text), file));
    }
    await fails('NOT_FOUND', /absent/, () => readCorrections(folder.path('absent.json'), file));
  });

  it('are added, replaced and taken back, in the order of rows', () => {
    const first = { ...correction, row: 0 };
    const text = correctionText(undefined, 'rows.json', new Map([[1, correction], [0, first]])); // prettier-ignore
    const file = checkedCorrections(JSON.parse(text), 'here');
    assert.deepEqual(file.corrections, [first, correction]);
    const changed = checkedCorrections(JSON.parse(correctionText(file, 'rows.json', new Map([[0, undefined], [1, { ...correction, label: '2' }]]))), 'here'); // prettier-ignore
    assert.deepEqual(changed.corrections, [{ ...correction, label: '2' }]);
  });
});
