import assert from 'node:assert/strict';
import { existsSync, mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { bundledRuntimeVersion, librariesFolder } from '../../src/base/gpuRuntime';
import { LoopbackIndex } from '../gpuRuntime/support/loopbackIndex';
import { nvidiaFiles, providerFiles, zip } from '../gpuRuntime/support/wheels';
import { jsonLines, medtext } from './support/commandLine';

const isHere = process.platform === 'linux' && process.arch === 'x64';

describe('medtext gpu-runtime', () => {
  let home: string;
  let index: LoopbackIndex;

  beforeEach(async () => {
    home = mkdtempSync(join(tmpdir(), 'medtext-gpu-cli-'));
    const wheels = Object.entries(nvidiaFiles()).map(([name, files]) => [name, zip(files)]);
    const provider = `onnxruntime_gpu-${bundledRuntimeVersion}-cp312-cp312-manylinux_2_28_x86_64.whl`;
    index = await LoopbackIndex.start({ ...Object.fromEntries(wheels), [provider]: zip(providerFiles(bundledRuntimeVersion)) }); // prettier-ignore
  });
  afterEach(async () => {
    await index.stop();
    rmSync(home, { recursive: true, force: true });
  });

  const root = () => join(home, 'gpu');
  const env = () => ({
    HOME: home,
    XDG_CACHE_HOME: join(home, 'cache'),
    MEDTEXT_GPU_RUNTIME: root(),
    MEDTEXT_PACKAGE_INDEX: index.url,
    LD_LIBRARY_PATH: '',
    HF_HUB_OFFLINE: '',
    NO_PROXY: '127.0.0.1',
    no_proxy: '127.0.0.1',
  });
  const run = async (args: readonly string[], more: Readonly<Record<string, string>> = {}) => {
    const { code, stdout, stderr } = await medtext([...args, '--json'], { cwd: home, env: { ...env(), ...more } });
    return { code, stderr, result: jsonLines(stdout).at(-1) as any };
  };

  it('says what it takes, gets it, tells what there is, and removes it', async () => {
    if (!isHere) return;
    const before = await run(['gpu-runtime', 'status']);
    assert.deepEqual([before.code, before.result.state, before.result.root], [0, 'none', root()]);
    const planned = await run(['gpu-runtime', 'get', '--without-card', '--plan']);
    assert.deepEqual([planned.code, planned.result.cuda, planned.result.packages.length], [0, 13, 6], planned.stderr);
    assert.ok(planned.result.totalBytes > 0 && !existsSync(root()));
    const unasked = await run(['gpu-runtime', 'get', '--without-card']);
    assert.deepEqual([unasked.code, unasked.result.error.code], [2, 'USAGE']);
    assert.ok(!existsSync(root()), 'nothing comes before consent');
    const got = await run(['gpu-runtime', 'get', '--without-card', '--yes']);
    assert.deepEqual([got.code, got.result.tested, got.result.index], [0, false, index.url], got.stderr);
    assert.match(got.stderr, /NVIDIA's licence/);
    const { result } = await run(['gpu-runtime', 'status']);
    assert.deepEqual([result.state, result.record.cuda], ['current', 13]);
    const removed = await run(['gpu-runtime', 'remove']);
    assert.ok(removed.code === 0 && removed.result.freedBytes > 0 && !existsSync(root()));
  });

  it('is what ONNX Runtime looks into, in every command that runs a model, and in the trial of a device', async () => {
    if (!isHere) return;
    await run(['gpu-runtime', 'get', '--without-card', '--yes']);
    const place = join(librariesFolder(root()), 'libonnxruntime_providers_shared.so');
    // The libraries of this test cannot be loaded, and the runtime says from where it tried to.
    const doctor = await run(['doctor', '--device', 'cuda'], { MEDTEXT_NO_RESPAWN: '' });
    assert.equal(doctor.code, 1);
    assert.ok(doctor.stderr.includes(`Failed to load library ${place}`), doctor.stderr);
    assert.deepEqual(doctor.result.gpuRuntime, { state: 'current', cuda: 13, runtimeVersion: bundledRuntimeVersion });
    const auto = await run(['doctor'], { MEDTEXT_NO_RESPAWN: '' });
    assert.equal(auto.code, 0, 'the processor trains as before');
    assert.equal(auto.result.choice.trials.find(({ device }: { device: string }) => device === 'cuda').fault.detail.replace(/:.*/s, ''), place, 'and the trial says why'); // prettier-ignore
    // As it was, without them.
    const without = await run(['doctor', '--device', 'cuda']);
    assert.ok(!without.stderr.includes(root()), without.stderr);
    assert.match(without.stderr, /onnxruntime-node.*libonnxruntime_providers_shared\.so/);
  });

  it('tries the card before anything is put in place, and says why it is not', async () => {
    if (!isHere) return;
    // No driver: said before a download, for this machine has none, or the libraries of this test fail.
    const { code, result } = await run(['gpu-runtime', 'get', '--yes']);
    assert.equal(code, 1);
    assert.ok(['UNSUPPORTED', 'RUNTIME'].includes(result.error.code), JSON.stringify(result));
    assert.deepEqual(existsSync(root()) ? readdirSync(root()).filter((name) => name !== 'downloads') : [], []);
  });

  it('refuses what it does not know, with its usage', async () => {
    for (const args of [['fetch'], ['use'], ['status', 'x'], ['remove', 'x']]) {
      const { code, result } = await run(['gpu-runtime', ...args]);
      assert.deepEqual([code, result.error.code], [2, 'USAGE'], args.join(' '));
    }
    const { result } = await run(['gpu-runtime', 'use', join(home, 'nowhere'), '--without-card']);
    assert.equal(result.error.code, isHere ? 'NOT_FOUND' : 'UNSUPPORTED');
  });
});
