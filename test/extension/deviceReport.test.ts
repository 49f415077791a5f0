import assert from 'node:assert/strict';
import { untranslated } from '../../src/base/translate';
import { deviceReport } from '../../src/extension/deviceReport';

describe('report of Check Device', () => {
  it('says what works, what auto is and why, what would help, and of what machine', () => {
    const report = deviceReport(
      {
        ...{
          onnxruntime: '1.30.0',
          providers: ['cpu', 'webgpu'],
          node: 'v22',
          platform: 'linux x64',
          cpu: 'A <b> CPU',
        },
        ...{
          threads: 8,
          memoryBytes: 16e9,
          freeMemoryBytes: 8e9,
          adapters: [{ name: 'AMD 0x73bf', memoryBytes: 16e9 }],
        },
        choice: {
          device: 'cpu',
          trials: [
            { device: 'cpu', passed: true },
            { device: 'webgpu', passed: false, fault: { code: 'crashed', detail: 'SIGSEGV' } },
          ],
        },
        adviceCodes: ['mesaVulkan', 'of a later version'],
        selfTest: { device: 'cpu', passed: true },
      },
      untranslated,
    );
    assert.match(report, /^# Check of this machine\n\n\*\*Training works on cpu/);
    assert.match(report, /- CPU: chosen\n- WebGPU: left out, its self-test ended the process \(SIGSEGV\)/);
    assert.match(report, /## Advice\n\n- WebGPU needs the GPU’s Vulkan driver[^\n]*\n\n/);
    assert.match(report, /\| GPUs \| AMD 0x73bf, 16.0 GB \|/);
    assert.match(report, /A \\<b\\> CPU/);
  });

  it('tells a failure, and of another version what it can', () => {
    const selfTest = { device: 'webgpu', passed: false, error: { code: 'RUNTIME', message: 'lost\ndevice' } };
    assert.match(deviceReport({ selfTest }, untranslated), /\*\*The self-test on webgpu failed: lost device\*\*/);
    assert.match(deviceReport({}, untranslated), /cannot be loaded/);
  });
});
