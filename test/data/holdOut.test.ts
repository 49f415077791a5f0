import assert from 'node:assert/strict';
import { groupColumnOf, holdOut } from '../../src/data/holdOut';
import type { Examples } from '../../src/data/examples';

const isMedTextError = (code: string) => (error: unknown) => (error as { code?: string }).code === code;

/** 60 pairs: ten queries six times each, labels 0 and 1 in equal numbers. */
function sixty(): Examples {
  const examples = Array.from({ length: 60 }, (_, row) => ({
    ...{ first: `query ${row % 10}`, second: `other ${row}`, label: row % 2, line: row + 1, row },
  }));
  return { file: { path: 'pairs.json' }, examples, labels: ['0', '1'], counts: [30, 30] } as unknown as Examples;
}

const texts = ({ examples }: Examples): Set<string> => new Set(examples.map(({ first }) => first));

describe('examples held out for validation', () => {
  it('are the share asked for, with every label alike in both parts, and none in both', () => {
    const { train, validation } = holdOut(sixty(), { validation: 0.2, seed: 1, stratify: true, group_by: null });
    assert.deepEqual([train.counts, validation.counts], [[24, 24], [6, 6]]); // prettier-ignore
    const rows = [...train.examples, ...validation.examples].map(({ row }) => row);
    assert.deepEqual([...rows].sort((a, b) => a - b), sixty().examples.map(({ row }) => row)); // prettier-ignore
  });

  it('are the same with the same seed, and others with another', () => {
    const rows = (seed: number) =>
      holdOut(sixty(), { validation: 0.2, seed, stratify: true, group_by: null }).validation.examples.map(({ row }) => row); // prettier-ignore
    assert.deepEqual(rows(7), rows(7));
    assert.notDeepEqual(rows(7), rows(8));
  });

  it('share no text of the column that groups', () => {
    const { train, validation } = holdOut(sixty(), { validation: 0.3, seed: 3, stratify: true, group_by: 'first_sequence' }); // prettier-ignore
    assert.equal(validation.examples.length, 18);
    assert.deepEqual([...texts(train)].filter((text) => texts(validation).has(text)), []); // prettier-ignore
  });

  it('keep what agrees in another column together, and what says nothing there on its own', () => {
    const by = { validation: 0.25, seed: 3, stratify: false, group_by: 'patient' };
    assert.equal(groupColumnOf(by), 'patient');
    assert.equal(groupColumnOf({ ...by, group_by: 'second_sequence' }), undefined);
    const patients = sixty().examples.map((example) => (example.row < 30 ? { ...example, group: `p${example.row % 5}` } : example)); // prettier-ignore
    const { train, validation } = holdOut({ ...sixty(), examples: patients }, by);
    assert.equal(validation.examples.length, 15);
    const of = ({ examples }: Examples) => new Set(examples.flatMap(({ group }) => group ?? []));
    assert.deepEqual([...of(train)].filter((group) => of(validation).has(group)), []); // prettier-ignore
    assert.equal(of(train).size + of(validation).size, 5);
  });

  it('are refused when a part would be empty', () => {
    const alike = { ...sixty(), examples: sixty().examples.map((example) => ({ ...example, first: 'one' })) };
    assert.throws(
      () => holdOut(alike, { validation: 0.1, seed: 1, stratify: false, group_by: 'first_sequence' }),
      isMedTextError('DATA_FORMAT'),
    );
  });
});
