import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createRunFolder } from '../../src/runs/runFolder';

describe('a folder for a run', () => {
  let home: string;
  beforeEach(() => void (home = mkdtempSync(join(tmpdir(), 'medtext-runs-'))));
  afterEach(() => rmSync(home, { recursive: true, force: true }));

  it('is none where a file stands in its way, which the error names', async () => {
    const file = join(home, 'rows.csv');
    writeFileSync(file, 'mine');
    for (const workDir of [file, join(file, 'runs')]) {
      const message = `${workDir} is not a folder. Nothing was written.`;
      await assert.rejects(createRunFolder(workDir, 'bert', new Date()), { code: 'IO', message });
    }
  });
});
