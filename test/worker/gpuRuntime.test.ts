import assert from 'node:assert/strict';
import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { bundledRuntimeVersion, librariesFolder } from '../../src/base/gpuRuntime';
import { silentLog } from '../../src/base/log';
import { gpuRuntimePlan, gpuRuntimeStatus } from '../../src/protocol/library';
import { LibraryEngine, type LibraryProgress } from '../../src/worker/libraryEngine';
import { LoopbackIndex } from '../gpuRuntime/support/loopbackIndex';
import { nvidiaFiles, providerFiles, zip } from '../gpuRuntime/support/wheels';

const isHere = process.platform === 'linux' && process.arch === 'x64';

describe('the library: CUDA’s libraries into the editor', () => {
  let home: string;
  let index: LoopbackIndex;
  let tried: string[];
  let works: boolean;
  let engine: LibraryEngine;

  beforeEach(async () => {
    home = mkdtempSync(join(tmpdir(), 'medtext-library-gpu-'));
    const wheels = Object.entries(nvidiaFiles()).map(([name, files]) => [name, zip(files)]);
    const provider = `onnxruntime_gpu-${bundledRuntimeVersion}-cp312-cp312-manylinux_2_28_x86_64.whl`;
    index = await LoopbackIndex.start({ ...Object.fromEntries(wheels), [provider]: zip(providerFiles(bundledRuntimeVersion)) }); // prettier-ignore
    tried = [];
    works = true;
    engine = new LibraryEngine(
      silentLog,
      { MEDTEXT_GPU_RUNTIME: join(home, 'gpu'), NO_PROXY: '127.0.0.1' },
      async ({ LD_LIBRARY_PATH }) => {
        tried.push(LD_LIBRARY_PATH);
        return works ? { passed: true } : { passed: false, why: 'no luck' };
      },
      { driver: async () => '580.95.05', systemLibraries: async () => new Map() },
    );
  });
  afterEach(async () => {
    await index.stop();
    rmSync(home, { recursive: true, force: true });
  });

  const wish = () => ({ folders: [], mayDownload: true, hub: {}, index: index.url });
  const job = (progress: LibraryProgress[] = []) => ({ onProgress: (one: LibraryProgress) => void progress.push(one), signal: new AbortController().signal }); // prettier-ignore

  it('are planned with sizes, got and tried, told of, and removed', async () => {
    if (!isHere) return;
    const plan = await engine.planGpuRuntime(wish(), new AbortController().signal);
    assert.deepEqual(gpuRuntimePlan(plan), plan, 'it may cross the boundary as it is');
    assert.equal(plan.packages.length, 6);
    assert.deepEqual([plan.cuda, plan.driver, plan.index, tried.length], [13, '580.95.05', index.url, 0]);
    assert.equal((await engine.gpuRuntimeStatus()).state, 'none');
    const progress: LibraryProgress[] = [];
    assert.deepEqual(await engine.installGpuRuntime(wish(), job(progress)), { cuda: 13, tested: true });
    assert.equal(tried.length, 1);
    assert.deepEqual([...new Set(progress.map(({ phase }) => phase))], ['download', 'unpack', 'test']);
    const status = await engine.gpuRuntimeStatus();
    assert.deepEqual(gpuRuntimeStatus(status), status);
    assert.deepEqual([status.state, status.cuda, status.tested, status.packages?.length], ['current', 13, true, 6]);
    assert.ok((await engine.removeGpuRuntime()).freedBytes > 0);
    assert.equal((await engine.gpuRuntimeStatus()).state, 'none');
  });

  it('are not put in place when the card fails', async () => {
    if (!isHere) return;
    works = false;
    await assert.rejects(engine.installGpuRuntime(wish(), job()), { code: 'RUNTIME', message: /no luck/ });
    assert.ok(!existsSync(librariesFolder(join(home, 'gpu'))));
    assert.ok((await engine.gpuRuntimeStatus()).keptBytes > 0);
  });
});
