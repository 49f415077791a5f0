import assert from 'node:assert/strict';
import type { RunComparison } from '../../../src/protocol/runComparison';
import { withEditor } from '../support/withEditor';

const { createRunComparison } = withEditor(
  { ViewColumn: {}, window: {} },
  () =>
    require('../../../src/extension/views/runComparisonPanel') as typeof import('../../../src/extension/views/runComparisonPanel'),
);

describe('the page of compared runs', () => {
  it('drops what it has read of runs that are left out meanwhile', async () => {
    const nothing = () => ({ dispose: () => undefined });
    const run = (folder: string) => ({ folder, name: folder, status: 'finished', step: 1, totalSteps: 1, startedAtMs: 1 }); // prettier-ignore
    const services = {
      runs: { onDidChange: nothing, get: run },
      training: { onDidChange: nothing, state: {} },
      t: (text: string) => text,
    };
    const page = createRunComparison(services as any) as any;
    const shown: string[][] = [];
    page.panel = { emit: (_: string, { runs }: RunComparison) => shown.push(runs.map(({ id }) => id)), isOpen: true, show: nothing }; // prettier-ignore
    page.show([run('/none/a'), run('/none/b')]);
    page.handlers().leaveOut({ id: '/none/b' });
    await new Promise((turn) => setTimeout(turn, 100));
    assert.deepEqual(shown, [['/none/a']]);
  });
});
