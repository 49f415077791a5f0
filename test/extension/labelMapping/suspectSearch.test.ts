import assert from 'node:assert/strict';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { withEditor } from '../support/withEditor';

const editor = { workspace: { getConfiguration: () => ({ get: () => 0 }) } };
const { SuspectSearch } = withEditor(
  editor,
  () =>
    require('../../../src/extension/labelMapping/suspectSearch') as typeof import('../../../src/extension/labelMapping/suspectSearch'),
);

describe('label mapping: suspect labels', () => {
  it('keeps every correction that is accepted while another is being written', async () => {
    const home = mkdtempSync(join(tmpdir(), 'medtext-suspects-'));
    const suspects = [1, 2, 3, 4].map((row) => ({ row, line: row + 1, first: `text ${row}`, given: 'a', suggested: 'b', probability: 0.9 })); // prettier-ignore
    const services = {
      models: { active: () => ({ folder: '/m', name: 'm', hasHead: true }) },
      scorer: {
        onProgress: () => ({ dispose: () => undefined }),
        request: async () => ({ rows: 9, total: 4, suspects, seenInTraining: false, outOfFold: 0 }),
      },
    };
    const search = new SuspectSearch(services as any, () => undefined);
    const split = { name: 'train', path: join(home, 'data.csv'), home, request: {}, fields: {}, own: undefined, answer: 'class' } as const; // prettier-ignore
    await search.find(split, { labels: ['a', 'b'], mapping: new Map(), details: new Map(), twice: new Map() });
    await Promise.all([1, 2, 3, 4].map((row) => search.correct([{ row, label: 'b' }])));
    const { corrections } = JSON.parse(readFileSync(search.correctionPath(), 'utf8')) as { corrections: { row: number }[] }; // prettier-ignore
    assert.deepEqual(corrections.map(({ row }) => row), [1, 2, 3, 4]); // prettier-ignore
    assert.equal(search.shown!.accepted.length, 4);
    rmSync(home, { recursive: true });
  });
});
