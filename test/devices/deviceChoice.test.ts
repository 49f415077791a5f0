import assert from 'node:assert/strict';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { supportedDevices, type ExecutionDevice } from '../../src/inference/session';
import { choiceLines, fastest, chooseDevice, faultOf } from '../../src/devices/deviceChoice';
import { untranslated } from '../../src/base/translate';
import { trialText, type DeviceTrial } from '../../src/protocol/deviceWords';
import { adviceOn } from '../../src/devices/deviceAdvice';

describe('device: auto', () => {
  let folder: string;
  beforeEach(() => (folder = mkdtempSync(join(tmpdir(), 'medtext-device-'))));
  afterEach(() => rmSync(folder, { recursive: true, force: true }));

  const others = supportedDevices().map(({ name }) => name).filter((name) => ['webgpu', 'cuda', 'dml', 'coreml'].includes(name)); // prettier-ignore
  /** Every device but the CPU takes `milliseconds`; undefined: it fails. The CPU takes 40. */
  const trying =
    (milliseconds: number | undefined, asked: string[] = []) =>
    async (device: ExecutionDevice): Promise<DeviceTrial> => {
      // prettier-ignore
      asked.push(device);
      if (device === 'cpu') return { device, passed: true, stepMilliseconds: 40 };
      if (milliseconds === undefined) return { device, passed: false, fault: { code: 'noAdapter' } };
      return { device, passed: true, stepMilliseconds: milliseconds };
    };
  const cacheFile = () => join(folder, 'cache/devices.json');

  it('is the fastest device that passes, and the processor where none is faster', async () => {
    if (others.length === 0) return;
    const choose = async (milliseconds: number | undefined) =>
      (await chooseDevice({ retest: true, cacheFile: cacheFile(), tryDevice: trying(milliseconds) })).device;
    assert.equal(await choose(5), others[0]);
    assert.equal(await choose(4000), 'cpu');
    assert.equal(await choose(undefined), 'cpu');
  });

  it('is remembered for this machine until it is told to try again, or the memory is of another', async () => {
    const asked: string[] = [];
    const choose = (retest = false) => chooseDevice({ retest, cacheFile: cacheFile(), tryDevice: trying(5, asked) });
    const first = await choose();
    const count = asked.length;
    assert.equal(count, others.length === 0 ? 0 : others.length + 1);
    const again = await choose();
    assert.deepEqual([again.device, again.remembered, asked.length], [first.device, true, count]);
    await choose(true);
    assert.equal(asked.length, 2 * count);
    for (const spoil of [{ machine: 'another' }, { testedAt: '2020-01-01T00:00:00Z' }, { format: 2 }]) {
      const known = JSON.parse(readFileSync(cacheFile(), 'utf8'));
      writeFileSync(cacheFile(), JSON.stringify({ ...known, ...spoil }));
      assert.equal((await choose()).remembered, false, JSON.stringify(spoil));
    }
    writeFileSync(cacheFile(), '{');
    assert.equal((await choose()).remembered, false);
  });

  it('costs the trials again, nothing more, where nothing can be remembered', async () => {
    writeFileSync(join(folder, 'cache'), 'a file, no folder');
    const { device } = await chooseDevice({ cacheFile: cacheFile(), tryDevice: trying(undefined) });
    assert.equal(device, 'cpu');
  });

  it('says what was chosen and why the others fell out', () => {
    const trials: DeviceTrial[] = [
      { device: 'cpu', passed: true, stepMilliseconds: 41.3 },
      { device: 'webgpu', passed: true, stepMilliseconds: 7352 },
      { device: 'cuda', passed: false, fault: faultOf('Failed to load shared library') },
    ];
    assert.deepEqual(choiceLines({ device: 'cpu', trials, remembered: false }), [
      'CPU: chosen (41 ms for a step of a small encoder)',
      'WebGPU: works, but is slower (7352 ms for a step of a small encoder)',
      'CUDA: left out, its libraries are not installed',
    ]);
  });

  it('names the library that CUDA lacks, and tells CUDA’s own words from the runtime’s source lines', () => {
    const message = 'OrtSessionOptionsAppendExecutionProvider_Cuda: Failed to load shared library';
    // As the runtime prints them (1.30.0, Linux).
    const lacks = '[E:onnxruntime:onnxruntime-node, provider_bridge_ort.cc:2146 Create] /onnxruntime_src/onnxruntime/core/session/provider_bridge_ort.cc:1988 [ONNXRuntimeError] : 1 : FAIL : Failed to load library /x/libonnxruntime_providers_cuda.so with error: libcublasLt.so.13: cannot open shared object file: No such file or directory'; // prettier-ignore
    const absent = '[E:onnxruntime] Failed to load library /x/libonnxruntime_providers_shared.so with error: /x/libonnxruntime_providers_shared.so: cannot open shared object file: No such file or directory'; // prettier-ignore
    assert.deepEqual(faultOf(message, lacks), { code: 'noLibraries', detail: 'libcublasLt.so.13' });
    assert.deepEqual(faultOf(message, absent), { code: 'noLibraries' });
    const old = "[E:onnxruntime] Failed to load library /x/libonnxruntime_providers_cuda.so with error: /lib/x86_64-linux-gnu/libstdc++.so.6: version `GLIBCXX_3.4.29' not found (required by /x/libonnxruntime_providers_cuda.so)\n\x1b[m"; // prettier-ignore
    assert.match(
      faultOf(message, old).detail!,
      /^\/lib\/x86_64-linux-gnu\/libstdc\+\+\.so\.6: version `GLIBCXX_3\.4\.29' not found/,
    );
    const line = trialText({ device: 'cuda', passed: false, fault: faultOf(message, lacks) }, false, untranslated);
    assert.equal(line, 'CUDA: left out, libcublasLt.so.13, which it needs, is not installed');
    const failure = '/onnxruntime_src/onnxruntime/core/providers/cuda/cuda_call.cc:146 CUDA failure 100: no CUDA-capable device is detected ; GPU=-1 ; hostname=h ; file=/onnxruntime_src/x.cc ; line=352 ; expr=cudaSetDevice(info_.device_id);'; // prettier-ignore
    assert.deepEqual(faultOf(failure), { code: 'failed', detail: 'CUDA: no CUDA-capable device is detected' });
    assert.deepEqual(faultOf('CUDA failure 2: out of memory ; GPU=0 ; x'), { code: 'outOfMemory' });
  });

  it('comes with advice in plain words', () => {
    const choice = (webgpu: DeviceTrial, device: ExecutionDevice = 'cpu') => ({ device, remembered: false, trials: [{ device: 'cpu', passed: true } as const, webgpu, { device: 'cuda', passed: false } as const] }); // prettier-ignore
    const failed = choice({ device: 'webgpu', passed: false });
    assert.deepEqual(adviceOn(failed, [], { system: 'linux' }), ['passThrough']);
    assert.deepEqual(adviceOn(failed, [{ name: 'AMD 0x73bf' }], { system: 'linux' }), ['mesaVulkan']);
    const h200 = [{ name: 'NVIDIA H200' }];
    assert.deepEqual(adviceOn(failed, h200, { system: 'linux' }), ['nvidiaVulkan', 'cudaLibraries']);
    assert.deepEqual(adviceOn(failed, h200, { system: 'linux', gpuRuntime: 'current' }), ['nvidiaVulkan']);
    assert.deepEqual(adviceOn(failed, h200, { system: 'linux', gpuRuntime: 'stale' }), ['nvidiaVulkan', 'gpuRuntimeStale']); // prettier-ignore
    assert.deepEqual(adviceOn(failed, h200, { system: 'linux', gpuRuntime: 'broken' }), ['nvidiaVulkan', 'gpuRuntimeBroken']); // prettier-ignore
    assert.deepEqual(adviceOn(failed, [], { system: 'win32' }), ['graphicsDriver']);
    assert.deepEqual(adviceOn(choice({ device: 'webgpu', passed: true }), [], { system: 'linux' }), ['softwareDriver']);
    assert.deepEqual(
      adviceOn(choice({ device: 'webgpu', passed: true }, 'webgpu'), [{ name: 'AMD' }], { system: 'linux' }),
      [],
    );
  });

  it('is the next fastest when one is lost, and the processor in the end', () => {
    const trials = [
      { device: 'cpu', passed: true, stepMilliseconds: 300 },
      { device: 'webgpu', passed: true, stepMilliseconds: 40 },
      { device: 'cuda', passed: true, stepMilliseconds: 10 },
      { device: 'dml', passed: false, stepMilliseconds: 1 },
    ];
    assert.equal(fastest(trials), 'cuda');
    assert.equal(fastest(trials, ['cuda']), 'webgpu');
    assert.equal(fastest(trials, ['cuda', 'webgpu']), 'cpu');
    assert.equal(fastest(trials, ['cuda', 'webgpu', 'cpu']), 'cpu');
    assert.equal(fastest([]), 'cpu');
  });
});
