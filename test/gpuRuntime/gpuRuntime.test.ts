import assert from 'node:assert/strict';
import { existsSync, lstatSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, readlinkSync, rmSync, statSync, symlinkSync, truncateSync, writeFileSync } from 'node:fs'; // prettier-ignore
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import type { MedTextError } from '../../src/base/errors';
import { asMedTextError } from '../../src/base/errors';
import { gpuRuntimeState, gpuRuntimeVariables, librariesFolder } from '../../src/base/gpuRuntime';
import { untranslated, type Translate } from '../../src/base/translate';
import { Words } from '../../src/base/words';
import { installGpuRuntime, type GpuRuntimeProgress, type TryCard } from '../../src/gpuRuntime/install';
import { gpuRuntimeStatus, removeGpuRuntime } from '../../src/gpuRuntime/installed';
import type { GpuRuntimeOptions, Machine } from '../../src/gpuRuntime/options';
import { planGpuRuntime, type PlanWish } from '../../src/gpuRuntime/plan';
import { faultText } from '../../src/protocol/deviceWords';
import { errorText } from '../../src/protocol/errorWords';
import bundle from '../../l10n/bundle.l10n.zh-cn.json';
import { LoopbackIndex } from './support/loopbackIndex';
import { elfLibrary, nvidiaFiles, providerFiles, PROVIDER_NEEDS, zip } from './support/wheels';

const VERSION = '1.30.0';
const PROVIDER_WHEEL = `onnxruntime_gpu-${VERSION}-cp312-cp312-manylinux_2_28_x86_64.whl`;
const CUBLAS_WHEEL = 'nvidia_cublas-13.10.0.20-py3-none-manylinux_2_17_x86_64.whl';
const TAKEN = ['libcublas.so.13', 'libcublasLt.so.13', 'libcudart.so.13', 'libcudnn.so.9', 'libcudnn_ops.so.9', 'libcurand.so.10', 'libnvrtc-builtins.so.13.5', 'libnvrtc.so.13', 'libonnxruntime_providers_cuda.so', 'libonnxruntime_providers_shared.so']; // prettier-ignore

describe('the GPU runtime', () => {
  let home: string;
  let root: string;
  let runtimeLibrary: string;
  let index: LoopbackIndex;
  const cardWorks: TryCard = async () => ({ passed: true });

  beforeEach(async () => {
    home = mkdtempSync(join(tmpdir(), 'medtext-gpu-'));
    root = join(home, 'gpu-runtime');
    runtimeLibrary = join(home, 'extension', 'libonnxruntime.so.1');
    mkdirSync(dirname(runtimeLibrary));
    writeFileSync(runtimeLibrary, 'the runtime itself');
    const wheels = Object.fromEntries(Object.entries(nvidiaFiles()).map(([name, files]) => [name, zip(files)]));
    index = await LoopbackIndex.start({
      ...wheels,
      [PROVIDER_WHEEL]: zip(providerFiles(VERSION, { bytes: 600_000 })),
      [`onnxruntime_gpu-${VERSION}-cp312-cp312-win_amd64.whl`]: zip({ 'onnxruntime/capi/x.dll': 'MZ' }),
      ['onnxruntime_gpu-1.31.1-cp312-cp312-manylinux_2_28_x86_64.whl']: zip(providerFiles('1.31.1')),
    });
  });
  afterEach(async () => {
    await index.stop();
    rmSync(home, { recursive: true, force: true });
  });

  const machine: Machine = {
    platform: 'linux',
    arch: 'x64',
    glibc: '2.36',
    driver: async () => '580.95.05',
    systemLibraries: async () => new Map(),
  };
  const env = (more: NodeJS.ProcessEnv = {}): NodeJS.ProcessEnv => ({ MEDTEXT_GPU_RUNTIME: root, ...more });
  const options = (more: Partial<GpuRuntimeOptions> = {}): GpuRuntimeOptions => ({
    runtimeVersion: VERSION,
    runtimeLibrary,
    proxy: { http: undefined, https: undefined, exceptions: [], strictCertificates: true },
    index: index.url,
    env: env(),
    machine,
    limits: { firstPauseMs: 1, longestPauseMs: 5, tries: 3 },
    ...more,
  });
  const plan = (wish: Partial<PlanWish> = {}, more?: Partial<GpuRuntimeOptions>) =>
    planGpuRuntime({ mayDownload: true, ...wish }, options(more));
  const get = async (wish: Partial<PlanWish> = {}, more: Partial<GpuRuntimeOptions> = {}, tryCard = cardWorks) =>
    installGpuRuntime(await plan(wish, more), tryCard, options(more));
  const libraries = () => librariesFolder(root);
  const nothingInstalled = (): void => {
    assert.equal(gpuRuntimeState(root, VERSION).kind, 'none');
    const left = existsSync(root) ? readdirSync(root).filter((name) => name !== 'downloads') : [];
    assert.deepEqual(left, []);
  };
  const rejects = (promise: Promise<unknown>, code: string, text: RegExp) =>
    assert.rejects(promise, (error: MedTextError) => {
      assert.equal(error.code, code, error.message);
      assert.match(error.message, text);
      return true;
    });
  /** Folders as pip leaves them. */
  const sitePackages = (version = VERSION, leftOut: readonly string[] = []): string => {
    const site = join(home, 'venv', 'lib', 'python3.12', 'site-packages');
    const chosen = ['cublas-13.10', 'cuda_runtime', 'curand', 'cudnn', 'nvrtc'];
    const nvidia = Object.entries(nvidiaFiles()).filter(([name]) => chosen.some((part) => name.includes(part)));
    for (const files of [providerFiles(version), ...nvidia.map(([, each]) => each)]) {
      for (const [name, content] of Object.entries(files)) {
        if (leftOut.some((part) => name.includes(part))) continue;
        mkdirSync(dirname(join(site, name)), { recursive: true });
        writeFileSync(join(site, name), content);
      }
    }
    return site;
  };

  for (const speaks of ['json', 'pages'] as const) {
    it(`is got from an index that speaks ${speaks}: the provider of this version, the newest CUDA that it asks for`, async () => {
      index.speaks = speaks;
      const planned = await plan();
      assert.deepEqual(
        planned.packages.map(({ file: { name, version } }) => `${name} ${version}`).sort(),
        ['nvidia-cublas 13.10.0.20', 'nvidia-cuda-nvrtc 13.5.37', 'nvidia-cuda-runtime 13.5.37', 'nvidia-cudnn-cu13 9.28.1.4', 'nvidia-curand 10.4.5.25', `onnxruntime-gpu ${VERSION}`], // prettier-ignore
      );
      const sizes = planned.packages.map(({ file }) => index.files[file.file].length);
      assert.equal(planned.totalBytes, sizes.reduce((a, b) => a + b), 'sizes are known before the download'); // prettier-ignore
      assert.equal(planned.cuda, 13);
      assert.ok(!existsSync(join(root, 'downloads')), 'a plan writes nothing');
      const reports: GpuRuntimeProgress[] = [];
      let tried: Readonly<Record<string, string>> = {};
      const record = await installGpuRuntime(
        planned,
        async (variables) => {
          tried = variables;
          const [folder] = variables.LD_LIBRARY_PATH.split(':');
          assert.deepEqual(readdirSync(folder).sort(), [...TAKEN, 'libcudnn.so', 'libonnxruntime.so.1'].sort());
          return { passed: true };
        },
        { ...options(), onProgress: (progress) => reports.push(progress) },
      );
      assert.match(tried.LD_LIBRARY_PATH, /libraries/);
      assert.deepEqual(record.libraries.map(({ name }) => name).sort(), TAKEN);
      assert.equal(readFileSync(join(libraries(), 'libonnxruntime.so.1'), 'utf8'), 'the runtime itself');
      assert.ok(!lstatSync(join(libraries(), 'libonnxruntime.so.1')).isSymbolicLink(), 'an update takes its own away');
      assert.equal(readlinkSync(join(libraries(), 'libcudnn.so')), 'libcudnn.so.9');
      assert.deepEqual(readFileSync(join(libraries(), 'libcudart.so.13')), nvidiaFiles()['nvidia_cuda_runtime-13.5.37-py3-none-manylinux_2_17_x86_64.whl']['nvidia/cu13/lib/libcudart.so.13']); // prettier-ignore
      assert.ok(!existsSync(join(root, 'downloads')), 'the archives have served');
      assert.deepEqual([...new Set(reports.map(({ phase }) => phase))], ['download', 'unpack', 'test']);
      const last = reports.filter(({ phase }) => phase === 'download').at(-1)!;
      assert.deepEqual([last.done, last.total], [planned.totalBytes, planned.totalBytes]);
      const { state } = await gpuRuntimeStatus(env(), VERSION);
      assert.deepEqual(state, { kind: 'current', record, missing: [] });
      assert.deepEqual([record.index, record.tested, record.runtimeVersion], [index.url, true, VERSION]);
    });
  }

  it('leaves out what the system’s loader has, and links what only a variable leads to', async () => {
    const folder = join(home, 'cuda', 'lib64');
    mkdirSync(folder, { recursive: true });
    for (const name of ['libcublas.so.13', 'libcublasLt.so.13']) writeFileSync(join(folder, name), elfLibrary([]));
    const known = new Map(['libcudart.so.13', 'libcurand.so.10', 'libcublas.so.12'].map((name) => [name, `/usr/lib/${name}`])); // prettier-ignore
    const here = { machine: { ...machine, systemLibraries: async () => known }, env: env({ LD_LIBRARY_PATH: folder }) };
    const planned = await plan({}, here);
    assert.deepEqual(planned.packages.map(({ file }) => file.name).sort(), ['nvidia-cuda-nvrtc', 'nvidia-cudnn-cu13', 'onnxruntime-gpu']); // prettier-ignore
    assert.deepEqual(planned.system, ['libcudart.so.13', 'libcurand.so.10']);
    assert.deepEqual(planned.linked.map(({ path }) => path).sort(), [join(folder, 'libcublas.so.13'), join(folder, 'libcublasLt.so.13')]); // prettier-ignore
    await installGpuRuntime(planned, cardWorks, options(here));
    assert.equal(readlinkSync(join(libraries(), 'libcublas.so.13')), join(folder, 'libcublas.so.13'));
    assert.equal(gpuRuntimeState(root, VERSION).kind, 'current');
  });

  it('says before any download that the driver is missing or too old, and for which platforms it is', async () => {
    const driver = (version: string | undefined) => ({ machine: { ...machine, driver: async () => version } });
    await rejects(plan({}, driver(undefined)), 'UNSUPPORTED', /needs an NVIDIA driver/);
    assert.equal(index.requests.length, 0, 'nobody was asked');
    await rejects(plan({}, driver('570.86.10')), 'UNSUPPORTED', /570\.86\.10 is too old for CUDA 13.*580 or later/);
    await rejects(plan({}, { machine: { ...machine, platform: 'win32' } }), 'UNSUPPORTED', /DirectML and WebGPU/);
    await rejects(plan({}, { machine: { ...machine, platform: 'darwin', arch: 'arm64' } }), 'UNSUPPORTED', /Core ML/);
    await rejects(plan({}, { machine: { ...machine, arch: 'arm64' } }), 'UNSUPPORTED', /x86-64 Linux only/);
    await rejects(plan({}, { machine: { ...machine, glibc: '2.17' } }), 'UNSUPPORTED', /glibc 2\.28 or later; this system has 2\.17/); // prettier-ignore
    await rejects(plan({}, { machine: { ...machine, glibc: undefined } }), 'UNSUPPORTED', /another C library/);
    const whole = index.requests.filter(
      ({ path, range }) => path.startsWith('/files/') && !/^bytes=\d+-\d+$/.test(range ?? ''),
    );
    assert.deepEqual(whole, [], 'lists and directories of archives at most');
    assert.ok(!existsSync(root));
    const image = await get({ withoutCard: true }, driver(undefined), () => assert.fail('no card is to be tried'));
    assert.equal(image.tested, false);
  });

  it('is refused by name where the index lacks this version, and where it is none', async () => {
    await rejects(plan({}, { runtimeVersion: '1.29.9' }), 'UNSUPPORTED', /has no onnxruntime-gpu==1\.29\.9 for x86-64 Linux/); // prettier-ignore
    index.yanked.add(PROVIDER_WHEEL);
    await rejects(plan(), 'UNSUPPORTED', /has no onnxruntime-gpu==1\.30\.0/);
    index.yanked.clear();
    delete index.files['nvidia_curand-10.4.5.25-py3-none-manylinux_2_17_x86_64.whl'];
    await rejects(plan(), 'NOT_FOUND', /nvidia-curand/);
    index.speaks = 'neither';
    await rejects(plan(), 'NETWORK', /did not come from a package index/);
    index.speaks = 'json';
    index.ignoresRange = true;
    await rejects(plan(), 'NETWORK', /does not support partial downloads/);
    await rejects(plan({}, { index: 'http://mirror.example/simple' }), 'USAGE', /not an https:\/\/ address/);
    await rejects(plan({}, { offline: true }), 'OFFLINE', /switched off/);
    await rejects(plan({}, { index: `${index.origin}/elsewhere` }), 'NOT_FOUND', /elsewhere\/onnxruntime-gpu/);
  });

  it('takes from a list only what can be a file and a hash vouches for', async () => {
    const far = `nvidia_cublas-13.99.0-py3/../../../evil-none-manylinux_2_17_x86_64.whl`;
    const hash = 'ab'.repeat(32);
    const entry = (filename: unknown, more: object = {}) => ({ filename, url: '../../files/x', hashes: { sha256: hash }, size: 5, ...more }); // prettier-ignore
    const newest = 'nvidia_cublas-13.99.0-py3-none-manylinux_2_17_x86_64.whl';
    index.extra = [
      ...[null, 3, 'text', {}, entry(undefined), entry(far), entry(`../../${newest}`)],
      ...[{ hashes: {} }, { hashes: { sha256: 'short' } }, { hashes: null }, { hashes: { md5: hash } }].map((more) => entry(newest, more)), // prettier-ignore
      ...['javascript:alert(1)', 'file:///etc/passwd', 'http://', 3].map((url) => entry(newest, { url })),
      entry(newest, { yanked: 'because' }),
      entry('other_package-13.99.0-py3-none-manylinux_2_17_x86_64.whl'),
    ];
    const cublas = async () => (await plan()).packages.find(({ file }) => file.name === 'nvidia-cublas')!.file.version;
    assert.equal(await cublas(), '13.10.0.20');
    index.extra = [];
    index.yanked.add(CUBLAS_WHEEL);
    for (index.speaks of ['json', 'pages'] as const) assert.equal(await cublas(), '13.9.0.1', index.speaks);
  });

  it('does not take its own folder for the system’s when its variable is set', async () => {
    await get();
    const inside = { env: env({ LD_LIBRARY_PATH: `${libraries()}:/opt/other` }) };
    assert.deepEqual((await plan({}, inside)).linked, []);
    const again = await get({}, inside);
    assert.ok(again.libraries.every(({ linkedTo }) => linkedTo === undefined));
    assert.equal(gpuRuntimeState(root, VERSION).kind, 'current');
  });

  it('logs in where the index’s address says so, and keeps no password', async () => {
    index.login = 'someone:s%cret';
    await rejects(plan(), 'ACCESS', /HTTP 401/);
    const withLogin = { index: index.url.replace('//', '//someone:s%25cret@') };
    const record = await get({}, withLogin);
    assert.equal(record.index, index.url);
    for (const name of readdirSync(libraries())) assert.ok(!readFileSync(join(libraries(), name)).includes('s%cret'));
  });

  it('refuses a file that is not what the index promises, and installs nothing', async () => {
    const broken = { kind: 'corrupt' } as const;
    index.faults[CUBLAS_WHEEL] = [broken, broken, broken];
    await rejects(get(), 'INTEGRITY', /was downloaded 3 times/);
    nothingInstalled();
    index.wrongHash.add(PROVIDER_WHEEL);
    await rejects(get(), 'INTEGRITY', /never matched the published file/);
    nothingInstalled();
    index.wrongHash.clear();
    index.faults[CUBLAS_WHEEL] = [broken];
    await get(); // Once is bad luck.
  });

  it('goes on with a download that broke or was cancelled', async () => {
    index.faults[PROVIDER_WHEEL] = [{ kind: 'drop', afterBytes: 300_000 }];
    await get();
    const ranges = index.requestsFor(PROVIDER_WHEEL).filter((range) => /^(all|bytes=\d+-)$/.test(range));
    assert.equal(ranges.length, 2);
    assert.match(ranges[1], /^bytes=[1-9]\d*-$/);
    await removeGpuRuntime(env());

    const stop = new AbortController();
    index.faults[PROVIDER_WHEEL] = [{ kind: 'hold', afterBytes: 400_000 }];
    const planned = await plan();
    const bring = installGpuRuntime(planned, cardWorks, {
      ...options({ signal: stop.signal }),
      onProgress: ({ done }) => done >= 300_000 && stop.abort(),
    });
    await rejects(bring, 'CANCELLED', /downloaded part is kept/);
    nothingInstalled();
    const again = await plan();
    assert.ok(again.keptBytes >= 300_000, String(again.keptBytes));
    assert.equal((await gpuRuntimeStatus(env(), VERSION)).keptBytes > 0, true);
    await installGpuRuntime(again, cardWorks, options());
    assert.equal(gpuRuntimeState(root, VERSION).kind, 'current');
  });

  it('refuses an archive whose names leave their folder, before anything is downloaded', async () => {
    const good = nvidiaFiles()[CUBLAS_WHEEL];
    for (const evil of ['../../evil.so', '/etc/evil.so', 'nvidia/cu13/lib/../../../../evil.so']) {
      index.files[CUBLAS_WHEEL] = zip({ ...good, [evil]: 'evil' });
      await rejects(plan(), 'UNSAFE_NAME', /leave its folder/);
    }
    // A name that only looks like a library's is left where it is.
    index.files[CUBLAS_WHEEL] = zip({ ...good, 'bin/libcublas.so.13': 'evil', 'nvidia/cu13/lib/x/libcublas.so.13': 'evil' }); // prettier-ignore
    await get();
    assert.deepEqual(readFileSync(join(libraries(), 'libcublas.so.13')), good['nvidia/cu13/lib/libcublas.so.13']);
    await removeGpuRuntime(env());
    index.files[CUBLAS_WHEEL] = Buffer.from('this is no zip archive');
    await rejects(plan(), 'INTEGRITY', /is not a complete wheel/);
    index.files[CUBLAS_WHEEL] = zip({ 'nvidia/cu13/lib/libcublas.so.13': elfLibrary([]) });
    await rejects(plan(), 'INTEGRITY', /has no libcublasLt\.so\.13/);
  });

  it('refuses a provider that is another version’s, or is linked to what did not come', async () => {
    index.files[PROVIDER_WHEEL] = zip(
      Object.fromEntries(
        Object.entries(providerFiles('1.29.0')).map(([name, content]) => [name.replace('1.29.0', VERSION), content]),
      ),
    );
    await rejects(get(), 'INTEGRITY', /not that of ONNX Runtime 1\.30\.0/);
    nothingInstalled();
    index.files[PROVIDER_WHEEL] = zip(providerFiles(VERSION, { needed: [...PROVIDER_NEEDS, 'libcufft.so.12'] }));
    await rejects(get(), 'INTEGRITY', /linked to libcufft\.so\.12/);
    index.files[PROVIDER_WHEEL] = zip({ ...providerFiles(VERSION), 'onnxruntime/capi/libonnxruntime_providers_cuda.so': 'no library' }); // prettier-ignore
    await rejects(get(), 'INTEGRITY', /not a library for x86-64 Linux/);
    nothingInstalled();
  });

  it('stays as it was when the card fails, and keeps the downloads', async () => {
    const fails: TryCard = async () => ({ passed: false, why: 'CUDA: out of luck' });
    await rejects(get({}, {}, fails), 'RUNTIME', /training step on the GPU failed: CUDA: out of luck/);
    nothingInstalled();
    const kept = await plan();
    assert.equal(kept.keptBytes, kept.totalBytes);
    const first = await get();
    await rejects(get({}, {}, fails), 'RUNTIME', /out of luck/);
    assert.deepEqual(gpuRuntimeState(root, VERSION), { kind: 'current', record: first, missing: [] });
  });

  it('says why the card failed in the language of who reads it', async () => {
    const why = faultText({ code: 'crashed', detail: 'SIGSEGV' }, (template, ...values) => new Words(template, values));
    const error = await get({}, {}, async () => ({ passed: false, why })).then(() => assert.fail(), asMedTextError); // prettier-ignore
    assert.match(error.message, /failed: its self-test ended the process \(SIGSEGV\): the driver may be faulty\./);
    const chinese: Translate = (message, ...values) =>
      untranslated((bundle as Record<string, string>)[message] ?? message, ...values);
    assert.match(errorText(error, chinese), /试训练失败：自检使进程终止（SIGSEGV）：驱动可能有问题。/);
  });

  it('links what a virtual environment or its site-packages have, and asks no index', async () => {
    const site = sitePackages();
    for (const folder of [site, join(home, 'venv')]) {
      const record = await get({ mayDownload: false, folders: [folder] });
      assert.deepEqual(record.libraries.map(({ name }) => name).sort(), TAKEN);
      assert.ok(record.libraries.every(({ linkedTo }) => linkedTo?.startsWith(site)));
      assert.ok(lstatSync(join(libraries(), 'libcublas.so.13')).isSymbolicLink());
      assert.ok(statSync(join(libraries(), 'libonnxruntime_providers_cuda.so')).isFile());
      assert.deepEqual([record.index, record.packages, record.folders], [undefined, [], [folder]]);
    }
    assert.equal(index.requests.length, 0);
  });

  it('says what a folder lacks, by name, and of which version a wrong provider is', async () => {
    const site = sitePackages(VERSION, ['libcublasLt', 'libcudnn.so', 'libnvrtc']);
    await rejects(plan({ mayDownload: false, folders: [site] }), 'NOT_FOUND', /^libcublas\.so\.13, libcublasLt\.so\.13, libcudnn\.so\.9 of CUDA 13 is neither/); // prettier-ignore
    // What it has is taken, the rest downloaded.
    const rest = await plan({ folders: [site] });
    assert.deepEqual(rest.packages.map(({ file }) => file.name).sort(), ['nvidia-cublas', 'nvidia-cuda-nvrtc', 'nvidia-cudnn-cu13']); // prettier-ignore
    rmSync(join(home, 'venv'), { recursive: true });
    await rejects(plan({ mayDownload: false, folders: [sitePackages('1.28.1')] }), 'UNSUPPORTED', /provider of ONNX Runtime 1\.28\.1, but this program needs that of 1\.30\.0/); // prettier-ignore
    const empty = join(home, 'empty');
    mkdirSync(empty);
    await rejects(plan({ mayDownload: false, folders: [empty] }), 'NOT_FOUND', /has no libonnxruntime_providers_cuda\.so/); // prettier-ignore
    await rejects(plan({ mayDownload: false, folders: [join(home, 'nowhere')] }), 'NOT_FOUND', /is not a folder/);
  });

  it('takes providers that are linked to CUDA 12 from folders, with the libraries and the driver of that version', async () => {
    const needed = PROVIDER_NEEDS.map((name) => name.replace('.so.13', '.so.12'));
    const folder = join(home, 'own');
    mkdirSync(folder);
    for (const [name, content] of Object.entries(providerFiles(VERSION, { needed: [...needed, 'libcufft.so.11'] }))) {
      if (name.endsWith('.so')) writeFileSync(join(folder, name.split('/').at(-1)!), content);
    }
    const old = { machine: { ...machine, driver: async () => '535.10' } };
    await rejects(plan({ mayDownload: false, folders: [folder] }, old), 'NOT_FOUND', /libcudart\.so\.12.*libcufft\.so\.11 of CUDA 12/); // prettier-ignore
    for (const name of [...needed, 'libcufft.so.11', 'libcudnn.so.9'])
      writeFileSync(join(folder, name), elfLibrary([]));
    const record = await get({ mayDownload: false, folders: [folder] }, old);
    assert.equal(record.cuda, 12);
    assert.ok(record.libraries.some(({ name }) => name === 'libcufft.so.11'));
    assert.ok(!record.libraries.some(({ name }) => name === 'libcuda.so.1'), 'the driver’s is the driver’s');
  });

  it('is stale after an update of the runtime, broken when a linked library goes, and then not used', async () => {
    await get({ mayDownload: false, folders: [sitePackages()] });
    assert.equal(gpuRuntimeState(root, '1.31.0').kind, 'stale');
    assert.deepEqual(gpuRuntimeVariables(env(), gpuRuntimeState(root, '1.31.0')), {});
    assert.deepEqual(gpuRuntimeVariables(env(), gpuRuntimeState(root, VERSION)), { LD_LIBRARY_PATH: libraries() });
    rmSync(join(home, 'venv', 'lib', 'python3.12', 'site-packages', 'nvidia', 'cudnn'), { recursive: true });
    const state = gpuRuntimeState(root, VERSION);
    assert.ok(state.kind === 'broken' && state.missing.includes('libcudnn.so.9'));
    assert.deepEqual(gpuRuntimeVariables(env(), state), {});
  });

  it('got again takes what is there and fits: after an update the provider alone is downloaded', async () => {
    const first = await get();
    const again = await plan();
    assert.deepEqual([again.packages, again.totalBytes, again.index], [[], 0, undefined]);
    const second = await installGpuRuntime(again, cardWorks, options());
    const byName = (record: typeof first) => [...record.packages].sort((a, b) => (a.name < b.name ? -1 : 1));
    assert.deepEqual(byName(second), byName(first));
    assert.deepEqual(second.libraries.map(({ name }) => name).sort(), TAKEN);

    const newer = { runtimeVersion: '1.31.1' };
    const update = await plan({}, newer);
    assert.deepEqual(update.packages.map(({ file: { name, version } }) => `${name} ${version}`), ['onnxruntime-gpu 1.31.1']); // prettier-ignore
    const third = await installGpuRuntime(update, cardWorks, options(newer));
    assert.equal(third.packages.length, 6);
    assert.equal(gpuRuntimeState(root, '1.31.1').kind, 'current');
    assert.equal(gpuRuntimeState(root, VERSION).kind, 'stale');
    assert.deepEqual(readFileSync(join(libraries(), 'libcublas.so.13')), nvidiaFiles()[CUBLAS_WHEEL]['nvidia/cu13/lib/libcublas.so.13']); // prettier-ignore

    // What is no longer whole is brought anew.
    truncateSync(join(libraries(), 'libcublasLt.so.13'), 10);
    assert.deepEqual(
      (await plan({}, newer)).packages.map(({ file }) => file.name),
      ['nvidia-cublas'],
    );
    // Links are of their folder: they are not taken for ours.
    await get({ mayDownload: false, folders: [sitePackages()] });
    assert.equal((await plan()).packages.length, 6);
  });

  it('is removed without a trace, and takes nothing that is not its own', async () => {
    const site = sitePackages();
    await get({ mayDownload: false, folders: [site] });
    await removeGpuRuntime(env());
    assert.ok(!existsSync(root));
    assert.ok(existsSync(join(site, 'nvidia/cu13/lib/libcublas.so.13')), 'what was linked to stays');

    await get();
    const size = (await gpuRuntimeStatus(env(), VERSION)).sizeBytes;
    writeFileSync(join(libraries(), 'notes.txt'), 'mine');
    writeFileSync(join(root, 'also mine'), '');
    const { freedBytes } = await removeGpuRuntime(env());
    assert.ok(size - freedBytes < 5000 && freedBytes > 600_000, `${freedBytes} of ${size}`);
    assert.deepEqual(readdirSync(libraries()), ['notes.txt']);
    assert.deepEqual(readdirSync(root).sort(), ['also mine', 'libraries']);
    assert.deepEqual(await removeGpuRuntime(env()), { freedBytes: 0 });
  });

  it('sweeps away what a process that was killed left half done, and refuses a second one meanwhile', async () => {
    const left = join(root, '.libraries.writing-0123456789ab');
    mkdirSync(left, { recursive: true });
    writeFileSync(join(left, 'half.so'), 'half');
    writeFileSync(join(root, '.lock'), '999999999');
    await get();
    assert.ok(!existsSync(left));
    writeFileSync(join(root, '.lock'), String(process.pid));
    await rejects(get(), 'BUSY', /under way in another process/);
    await rejects(removeGpuRuntime(env()), 'BUSY', /under way/);
  });

  it('is kept in no place that the loader’s variable cannot name', async () => {
    await rejects(plan({}, { env: { MEDTEXT_GPU_RUNTIME: join(home, 'a:b') } }), 'USAGE', /colons/);
    await rejects(plan({}, { env: { MEDTEXT_GPU_RUNTIME: 'relative' } }), 'USAGE', /full path/);
  });

  it('follows no link out of its place when it writes', async () => {
    // Somebody's link in the way of a download.
    mkdirSync(join(root, 'downloads'), { recursive: true });
    writeFileSync(join(home, 'precious'), 'precious');
    symlinkSync(join(home, 'precious'), join(root, 'downloads', PROVIDER_WHEEL));
    await get();
    assert.equal(readFileSync(join(home, 'precious'), 'utf8'), 'precious');
  });
});
