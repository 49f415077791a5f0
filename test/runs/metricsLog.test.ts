import assert from 'node:assert/strict';
import { appendFileSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { MetricsRecord } from '../../src/protocol/metricsLine';
import { MetricsLog, readMetricsLog } from '../../src/runs/metricsLog';

describe('metrics log', () => {
  let folder: string;
  let file: string;
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'medtext-log-'));
    file = join(folder, 'run', 'metrics.jsonl');
  });
  afterEach(() => rmSync(folder, { recursive: true, force: true }));

  async function read(): Promise<MetricsRecord[]> {
    const records: MetricsRecord[] = [];
    for await (const record of readMetricsLog(file)) records.push(record);
    return records;
  }

  async function written(steps: readonly number[]): Promise<void> {
    const log = await MetricsLog.open(file, 0);
    for (const step of steps) log.append({ step, loss: step / 10, 标签: '甲' });
    log.close();
  }

  it('reads back what was appended, also while it is open', async () => {
    assert.deepEqual(await read(), []);
    const log = await MetricsLog.open(file, 0);
    log.append({ step: 1, loss: 0.5 });
    log.append({ step: 1, evaluation: { accuracy: NaN } });
    assert.deepEqual(await read(), [
      { step: 1, loss: 0.5 },
      { step: 1, evaluation: { accuracy: null } },
    ]);
    log.close();
    log.close();
  });

  it('keeps on resume what the checkpoint covers and appends after it', async () => {
    await written([1, 2, 3, 3, 4, 5]);
    const log = await MetricsLog.open(file, 3);
    log.append({ step: 4 });
    log.close();
    assert.deepEqual(
      (await read()).map(({ step }) => step),
      [1, 2, 3, 3, 4],
    );
  });

  it('equals, after any cut anywhere and a resume, the log of a run that was never cut', async () => {
    await written([1, 2, 3, 4]);
    const whole = readFileSync(file);
    for (let size = 0; size <= whole.length; size++) {
      writeFileSync(file, whole.subarray(0, size));
      const last = (await read()).at(-1)?.step ?? 0;
      const log = await MetricsLog.open(file, last);
      for (let step = last + 1; step <= 4; step++) log.append({ step, loss: step / 10, 标签: '甲' });
      log.close();
      assert.deepEqual(readFileSync(file), whole, `cut at ${size}`);
    }
  });

  it('forgives an unreadable last line, ended or not, and names one in the middle', async () => {
    await written([1]);
    appendFileSync(file, '\0\0\0\n');
    assert.equal((await read()).length, 1);
    appendFileSync(file, '{"step":2}\n');
    await assert.rejects(read(), { code: 'RESUME', message: /line 2/ });
    await assert.rejects(MetricsLog.open(file, 5), { code: 'RESUME' });
  });

  it('starts empty for a new run', async () => {
    await written([1, 2]);
    (await MetricsLog.open(file, 0)).close();
    assert.deepEqual(await read(), []);
  });
});
