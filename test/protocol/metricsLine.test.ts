import assert from 'node:assert/strict';
import { parseMetricsLine } from '../../src/protocol/metricsLine';

describe('a line of a metrics log', () => {
  it('is an object with the number of a step', () => {
    assert.deepEqual(parseMetricsLine('{"step":3,"loss":null}'), { step: 3, loss: null });
    for (const line of ['', '{"step":3', 'null', '3', '[]', '{}', '{"step":"3"}', '{"step":-1}', '{"step":1.5}']) {
      assert.equal(parseMetricsLine(line), undefined, line);
    }
  });
});
