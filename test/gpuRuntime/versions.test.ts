import assert from 'node:assert/strict';
import { driverVersionOf, refuseOldDriver } from '../../src/gpuRuntime/driver';
import { indexAddress, PUBLIC_INDEX } from '../../src/gpuRuntime/packageIndex';
import { parseLoaderCache } from '../../src/gpuRuntime/systemLibraries';
import { compareReleases, glibcOf, parseWheelName, releaseOf, requirementsOf, satisfies } from '../../src/gpuRuntime/versions'; // prettier-ignore

describe('versions of packages', () => {
  it('satisfy specifiers as PEP 440 says', () => {
    const rows: [version: string, specifier: string, expected: boolean][] = [
      ['13.5.37', '~=13.0', true],
      ['14.0.0', '~=13.0', false],
      ['12.9.1', '~=13.0', false],
      ['13.0.1', '~=13.0.2', false],
      ['13.0.9', '~=13.0.2', true],
      ['13.1.0', '~=13.0.2', false],
      ['1.30.0', '==1.30.0', true],
      ['1.30', '==1.30.0', true],
      ['1.30.0.post1', '==1.30.0', true],
      ['1.30.0.1', '==1.30.0', false],
      ['13.10.0.20', '==13.*', true],
      ['130.1', '==13.*', false],
      ['9.28.1.4', '>=9.5,<10', true],
      ['10.0', '>=9.5,<10', false],
      ['2.1', '!=2.1', false],
      ['2.1', '!=2.*', false],
      ['2.0', '>2.0', false],
      ['2.0', '<=2.0', true],
      ['13.7.0.10rc1', '==13.*', false],
      ['9.28.0.42.dev76646929', '~=9.0', false],
      ['2.0', '', true],
      ['2.0', '=== something', false],
    ];
    for (const [version, specifier, expected] of rows) {
      assert.equal(satisfies(version, specifier), expected, `${version} ${specifier}`);
    }
    assert.ok(compareReleases(releaseOf('13.10')!, releaseOf('13.9.9')!) > 0);
    assert.equal(compareReleases([13], [13, 0, 0]), 0);
  });

  it('are asked for by METADATA, whose body does not count', () => {
    const text = 'Name: x\nRequires-Dist: Nvidia_CUDA.runtime (~=13.0) ; extra == "cuda"\nRequires-Dist: numpy\nRequires-Dist: a[b]>=1\n\nRequires-Dist: body'; // prettier-ignore
    assert.deepEqual(requirementsOf(text), [
      { name: 'nvidia-cuda-runtime', specifier: '~=13.0', extra: 'cuda' },
      { name: 'numpy', specifier: '', extra: undefined },
    ]);
  });

  it('stand in wheels’ names with the C library they need', () => {
    const floor = (file: string) => glibcOf(parseWheelName(file)!)?.join('.');
    assert.equal(floor('nvidia_cublas-13.10.0.20-py3-none-manylinux1_x86_64.manylinux_2_5_x86_64.whl'), '2.5');
    assert.equal(floor('nvidia_cuda_runtime-13.5.37-py3-none-manylinux2014_x86_64.manylinux_2_17_x86_64.whl'), '2.17');
    assert.equal(floor('onnxruntime_gpu-1.30.0-cp312-cp312-manylinux_2_28_x86_64.whl'), '2.28');
    assert.equal(floor('onnxruntime_gpu-1.30.0-cp312-cp312-manylinux_2_28_aarch64.whl'), undefined);
    assert.equal(floor('onnxruntime_gpu-1.30.0-1-cp312-cp312-win_amd64.whl'), undefined);
    assert.equal(parseWheelName('nvidia-cublas-0.0.1.dev5.tar.gz'), undefined);
    assert.equal(parseWheelName('nvidia_cudnn_cu13-9.28.1.4-py3-none-any.whl')!.name, 'nvidia-cudnn-cu13');
  });
});

describe('the package index', () => {
  it('is that of the setting, else of this program’s variable, else pip’s and uv’s, else the public one', () => {
    const url = (set: string | undefined, env: NodeJS.ProcessEnv) => indexAddress(set, env).url;
    const env = { MEDTEXT_PACKAGE_INDEX: 'https://a.example/simple/', PIP_INDEX_URL: 'https://b.example/pypi/simple', UV_INDEX_URL: 'https://c.example/simple' }; // prettier-ignore
    assert.equal(url('https://set.example/simple//', env), 'https://set.example/simple');
    assert.equal(url('  ', env), 'https://a.example/simple');
    assert.equal(url(undefined, { ...env, MEDTEXT_PACKAGE_INDEX: '' }), 'https://b.example/pypi/simple');
    assert.equal(url(undefined, { UV_INDEX_URL: env.UV_INDEX_URL }), 'https://c.example/simple');
    assert.equal(url(undefined, {}), PUBLIC_INDEX);
    assert.equal(url('http://localhost:8080/simple', {}), 'http://localhost:8080/simple');
    for (const wrong of [
      'http://a.example/simple',
      'ftp://a.example',
      'a.example/simple',
      'https://a.example/simple?x=1',
      'https://someone:secret@',
    ]) {
      assert.throws(() => url(wrong, {}), (error: Error) => /not an https:\/\/ address/.test(error.message) && !error.message.includes('secret')); // prettier-ignore
    }
  });

  it('gets a login as a header for its own origin alone', () => {
    const { url, credentials } = indexAddress('https://someone:p%40ss@a.example/simple', {});
    assert.equal(url, 'https://a.example/simple');
    const authorization = `Basic ${Buffer.from('someone:p@ss').toString('base64')}`;
    assert.deepEqual([...credentials], [['https://a.example', { authorization }]]);
  });
});

describe('this machine', () => {
  it('tells its driver’s version in the words of either kernel module and of nvidia-smi', () => {
    const closed = 'NVRM version: NVIDIA UNIX x86_64 Kernel Module  535.183.01  Sun May 12 19:39:15 UTC 2024\nGCC version:  gcc version 12.3.0'; // prettier-ignore
    const free = 'NVRM version: NVIDIA UNIX Open Kernel Module for x86_64  580.95.05  Release Build  (root@x)  Tue Sep 23'; // prettier-ignore
    assert.equal(driverVersionOf(closed), '535.183.01');
    assert.equal(driverVersionOf(free), '580.95.05');
    assert.equal(driverVersionOf('580.65.06\n580.65.06\n'), '580.65.06');
    assert.equal(driverVersionOf(''), undefined);
    assert.doesNotThrow(() => refuseOldDriver('580.65.06', 13));
    assert.throws(() => refuseOldDriver('575.57.08', 13), /575\.57\.08 is too old for CUDA 13/);
    assert.doesNotThrow(() => refuseOldDriver('535.183.01', 12));
    assert.throws(() => refuseOldDriver(undefined, 13), /needs an NVIDIA driver.*580 or later/);
  });

  it('tells the libraries that its loader knows, those of this processor alone', () => {
    const cache = parseLoaderCache(
      [
        "3 libs found in cache `/etc/ld.so.cache'",
        '\tlibcudart.so.13 (libc6,x86-64) => /usr/local/cuda-13/targets/x86_64-linux/lib/libcudart.so.13',
        '\tlibcuda.so.1 (libc6) => /lib/i386-linux-gnu/libcuda.so.1',
        '\tlibcuda.so.1 (libc6,x86-64, OS ABI: Linux 3.2.0) => /lib/x86_64-linux-gnu/libcuda.so.1',
        'Cache generated by: ldconfig (Debian GLIBC 2.36) stable release version 2.36',
      ].join('\n'),
    );
    assert.deepEqual([...cache.keys()], ['libcudart.so.13', 'libcuda.so.1']);
    assert.equal(cache.get('libcuda.so.1'), '/lib/x86_64-linux-gnu/libcuda.so.1');
  });
});
