import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { bundledRuntimeVersion, gpuRuntimeIdentity, gpuRuntimeRecordName, gpuRuntimeRoot, gpuRuntimeState, gpuRuntimeVariables, librariesFolder, variablesFor, type GpuRuntimeRecord } from '../../src/base/gpuRuntime'; // prettier-ignore
import { memoryTunables } from '../../src/base/hugePages';
import { secondProcessVariables } from '../../src/cli/secondProcess';
import { runtimeVersion } from '../../src/inference/session';

describe('the environment of a process that may use CUDA', () => {
  let root: string;
  beforeEach(() => (root = mkdtempSync(join(tmpdir(), 'medtext-gpu-env-'))));
  afterEach(() => rmSync(root, { recursive: true, force: true }));

  const record: GpuRuntimeRecord = {
    format: 1,
    runtimeVersion: bundledRuntimeVersion,
    cuda: 13,
    folders: [],
    packages: [],
    libraries: [{ name: 'libonnxruntime_providers_cuda.so', sizeBytes: 1 }],
    system: [],
    installedAt: '2026-01-01T00:00:00.000Z',
    tested: true,
  };
  const install = (content: unknown = record): void => {
    const folder = librariesFolder(root);
    mkdirSync(folder, { recursive: true });
    writeFileSync(join(folder, gpuRuntimeRecordName), typeof content === 'string' ? content : JSON.stringify(content));
    writeFileSync(join(folder, 'libonnxruntime.so.1'), '');
    writeFileSync(join(folder, 'libonnxruntime_providers_cuda.so'), '');
  };
  const env = (more: NodeJS.ProcessEnv = {}) => ({ MEDTEXT_GPU_RUNTIME: root, ...more });
  const variables = (more?: NodeJS.ProcessEnv) => gpuRuntimeVariables(env(more), gpuRuntimeState(root));

  it('is what it was where nothing is installed, or what is no record of ours', () => {
    assert.deepEqual(variables(), {});
    for (const content of ['', '{', 'null', '[]', { ...record, format: 2 }, { ...record, libraries: 'all' }]) {
      install(content);
      assert.equal(gpuRuntimeState(root).kind, 'none', JSON.stringify(content));
      assert.deepEqual(variables(), {});
    }
  });

  it('names the libraries first and keeps what was there', () => {
    install();
    const folder = librariesFolder(root);
    assert.deepEqual(variables(), { LD_LIBRARY_PATH: folder });
    assert.deepEqual(variables({ LD_LIBRARY_PATH: '/opt/a:/opt/b' }), { LD_LIBRARY_PATH: `${folder}:/opt/a:/opt/b` });
    // An empty entry means the current folder, from which nothing is to be loaded.
    assert.deepEqual(variables({ LD_LIBRARY_PATH: '/opt/a:' }), { LD_LIBRARY_PATH: `${folder}:/opt/a` });
    assert.deepEqual(variables({ LD_LIBRARY_PATH: '' }), { LD_LIBRARY_PATH: folder });
  });

  it('is not added to twice', () => {
    install();
    const once = variables({ LD_LIBRARY_PATH: '/opt/a' });
    assert.deepEqual(variables(once), {});
    // Somewhere behind, another runtime's providers could come before it.
    const folder = librariesFolder(root);
    assert.match(variablesFor(folder, { LD_LIBRARY_PATH: `/opt/a:${folder}` }).LD_LIBRARY_PATH, new RegExp(`^${folder}:/opt/a`)); // prettier-ignore
    assert.deepEqual(variablesFor(folder, { LD_LIBRARY_PATH: `${folder}2` }), { LD_LIBRARY_PATH: `${folder}:${folder}2` }); // prettier-ignore
  });

  it('leaves out what is of another version of the runtime, or no longer whole', () => {
    install({ ...record, runtimeVersion: '1.29.0' });
    assert.equal(gpuRuntimeState(root).kind, 'stale');
    assert.deepEqual(variables(), {});
    install();
    assert.equal(gpuRuntimeState(root).kind, 'current');
    rmSync(join(librariesFolder(root), 'libonnxruntime.so.1'));
    assert.equal(gpuRuntimeState(root).kind, 'broken');
    assert.deepEqual(variables(), {});
  });

  it('is what the command line’s second process gets, with huge pages where it trains', function () {
    install();
    const folder = librariesFolder(root);
    if (process.platform === 'linux') {
      assert.deepEqual(variablesOf(['score', 'm', 'a'], env()), { LD_LIBRARY_PATH: folder });
      assert.deepEqual(variablesOf(['score', 'm', 'a', '--device', 'cpu'], env()), {});
      const training = variablesOf(['finetune', 'r'], env())!;
      assert.equal(training.LD_LIBRARY_PATH, folder);
      assert.ok(training[memoryTunables]);
      // The second process starts no third.
      assert.equal(variablesOf(['finetune', 'r'], { ...env(), MEDTEXT_RESPAWNED: '1' }), undefined);
      assert.deepEqual(variablesOf(['doctor'], env()), { LD_LIBRARY_PATH: folder });
    }
    assert.equal(variablesOf(['finetune', 'r'], env({ MEDTEXT_NO_RESPAWN: '1' })), undefined);
    assert.deepEqual(secondProcessVariables(['finetune', 'r'], env(), 'darwin'), {});
    rmSync(librariesFolder(root), { recursive: true });
    assert.deepEqual(Object.keys(variablesOf(['finetune', 'r'], env())!), [memoryTunables]);
    // What reads files has one in any case, what reads none has not.
    for (const args of [
      ['data', 'x.csv'],
      ['extend', 'm', '--texts', 'x'],
      ['prune', 'm', '--texts', 'x'],
    ]) {
      assert.deepEqual(variablesOf(args, env()), {}, args.join(' '));
    }
    for (const args of [[], ['doctor'], ['--help'], ['data', '--help'], ['gpu-runtime', 'get'], ['nonsense']]) {
      assert.equal(variablesOf(args, env()), undefined, args.join(' '));
    }
    assert.deepEqual(variablesOf(['score', 'm', '--', '--help'], env()), {});
  });

  it('tells installations apart, for the device that is remembered', () => {
    const identities = new Set<string>();
    const see = () => identities.add(gpuRuntimeIdentity(gpuRuntimeState(root)));
    see();
    install();
    see();
    install({ ...record, installedAt: '2026-01-02T00:00:00.000Z' });
    see();
    install({ ...record, runtimeVersion: '1.29.0' });
    see();
    assert.equal(identities.size, 4);
  });

  it('knows the runtime’s version without loading it', () => {
    assert.equal(bundledRuntimeVersion, runtimeVersion());
  });

  it('finds one place for the editor and the command line', () => {
    assert.equal(gpuRuntimeRoot({ MEDTEXT_GPU_RUNTIME: '/big/disk' }), '/big/disk');
    assert.equal(gpuRuntimeRoot({ XDG_DATA_HOME: '/data' }), join('/data', 'medtext', 'gpu-runtime'));
    assert.match(gpuRuntimeRoot({}), /[\\/]\.local[\\/]share[\\/]medtext[\\/]gpu-runtime$/);
  });
});

function variablesOf(args: readonly string[], env: NodeJS.ProcessEnv): Record<string, string> | undefined {
  return secondProcessVariables(args, env, 'linux');
}
