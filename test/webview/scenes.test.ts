import assert from 'node:assert/strict';
import type { Check } from '../../src/protocol/check';
import { fineTuneSnapshot } from '../../src/protocol/fineTunePage';
import { modelDetailSnapshot } from '../../src/protocol/modelDetailPanel';
import { runComparison } from '../../src/protocol/runComparison';
import { runPageSnapshot } from '../../src/protocol/runPage';
import { similaritySnapshot } from '../../src/protocol/similarityPanel';
import { trainingSnapshot } from '../../src/protocol/trainingView';

/** What pictures and accessibility are judged by must be what the extension could send. */
describe('scenes of the pages', () => {
  const checks: Readonly<Record<string, Check<unknown>>> = {
    fineTune: fineTuneSnapshot,
    modelDetail: modelDetailSnapshot,
    runComparison,
    runPage: runPageSnapshot,
    similarityPanel: similaritySnapshot,
    trainingView: trainingSnapshot,
  };

  it('keep to the contracts', async () => {
    const { scenes } = (await import('./previewScenes.mjs' as string)) as { scenes: Record<string, object> };
    assert.deepEqual(Object.keys(scenes).sort(), Object.keys(checks));
    for (const [view, states] of Object.entries(scenes)) {
      for (const [scene, snapshot] of Object.entries(states)) {
        assert.doesNotThrow(() => checks[view](JSON.parse(JSON.stringify(snapshot))), `${view}, ${scene}`);
      }
    }
  });
});
