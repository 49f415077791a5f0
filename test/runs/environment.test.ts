import assert from 'node:assert/strict';
import { homedir, hostname, userInfo } from 'node:os';
import { version as runtimeVersion } from 'onnxruntime-node/package.json';
import { version } from '../../package.json';
import { describeEnvironment } from '../../src/runs/environment';

describe('environment of a run', () => {
  const environment = describeEnvironment({ device: 'cpu', threads: 2 });

  it('tells versions, machine and device, and survives JSON', () => {
    assert.equal(environment.medtext, version);
    assert.equal(environment.onnxruntime, runtimeVersion);
    assert.equal(environment.node, process.versions.node);
    assert.ok(environment.providers.includes('cpu'));
    assert.ok(environment.memoryBytes > 2 ** 28 && environment.logicalCores >= 1);
    assert.equal(environment.threads, 2);
    assert.equal(describeEnvironment({ device: 'cpu' }).threads, 'auto');
    assert.deepEqual(JSON.parse(JSON.stringify(environment)), environment);
  });

  it('names no host, person or folder', () => {
    const text = JSON.stringify(environment);
    for (const secret of [homedir(), process.cwd()].filter((path) => path.length > 1))
      assert.ok(!text.includes(secret));
    const words = Object.values(environment)
      .join(' ')
      .split(/[^\p{L}\p{N}_-]+/u);
    for (const name of [hostname(), userInfo().username]) assert.ok(!words.includes(name), name);
  });
});
