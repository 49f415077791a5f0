import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { availableParallelism, tmpdir } from 'node:os';
import { join } from 'node:path';
import { processorThreads } from '../../src/devices/processorThreads';

describe('the threads of a training', () => {
  let folder: string;
  beforeEach(() => (folder = mkdtempSync(join(tmpdir(), 'medtext-cpus-'))));
  afterEach(() => rmSync(folder, { recursive: true, force: true }));

  function processors(siblings: readonly (string | undefined)[]): void {
    siblings.forEach((list, i) => {
      mkdirSync(join(folder, `cpu${i}`, 'topology'), { recursive: true });
      if (list !== undefined) writeFileSync(join(folder, `cpu${i}`, 'topology/thread_siblings_list'), `${list}\n`);
    });
    mkdirSync(join(folder, 'cpufreq'));
  }

  it('are one for each physical core', () => {
    processors(['0,2', '1,3', '0,2', '1,3']);
    assert.equal(processorThreads('linux', folder), Math.min(2, availableParallelism()));
  });

  it('leave out a core that is switched off, and are never more than this process may use', () => {
    processors(['0', undefined]);
    assert.equal(processorThreads('linux', folder), 1);
    rmSync(folder, { recursive: true });
    processors(Array.from({ length: 600 }, (_, i) => String(i)));
    assert.equal(processorThreads('linux', folder), availableParallelism());
  });

  it('are as many as this process may use where the kernel does not tell, and the runtime’s choice on Windows', () => {
    assert.equal(processorThreads('linux', join(folder, 'nowhere')), availableParallelism());
    assert.equal(processorThreads('linux', folder), availableParallelism());
    assert.equal(processorThreads('darwin', folder), availableParallelism());
    assert.equal(processorThreads('win32', folder), undefined);
  });
});
