/** Which libraries the CUDA provider needs, and where they lie on this machine. */
import { existsSync } from 'node:fs';
import { readdir, readFile, stat } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { providerLibraryNames } from '../base/gpuRuntime';
import { MedTextError, words } from '../base/errors';
import { holdsCString, readElfNeeds } from './elf';
import type { Requirement } from './versions';

/** Libraries that come together, in one package and one folder. */
export interface LibraryGroup {
  readonly key: string;
  /** The names of the group's files. */
  readonly pattern: RegExp;
  /** The group counts as missing when one of these files is missing. */
  readonly required: readonly string[];
  /** Files that some graphs use on some GPUs; the group is accepted without them. */
  readonly isOptional?: boolean;
  /** The Python package that contains the group; undefined where none is known. */
  readonly source: { readonly name: string; readonly specifier: string } | undefined;
}

export interface FoundLibrary {
  readonly name: string;
  readonly path: string;
  readonly sizeBytes: number;
}

const [CUDA_PROVIDER] = providerLibraryNames;
export const PROVIDER_PACKAGE = 'onnxruntime-gpu';
/** The driver's library, which no package contains. */
const DRIVER_LIBRARY = 'libcuda.so.1';
/** The provider opens this library by its name, with this number, when it starts. */
const CUDNN_MAJOR = 9;

export const providerGroup = (runtimeVersion: string): LibraryGroup => ({
  key: 'provider',
  pattern: /^libonnxruntime_providers_(cuda|shared)\.so$/,
  required: providerLibraryNames,
  source: { name: PROVIDER_PACKAGE, specifier: `==${runtimeVersion}` },
});

interface Versions {
  readonly cuda: number;
  readonly curand: number;
  readonly cudnn: number;
}

/**
 * cuBLAS computes products, cuDNN sums (the provider refuses reductions without it); cuRAND and the CUDA runtime are linked;
 * cuDNN compiles some of its kernels by NVRTC. cuFFT has no part in our graphs.
 */
function cudaGroups(
  { cuda, curand, cudnn }: Versions,
  source: (key: string) => LibraryGroup['source'],
): LibraryGroup[] {
  const group = (key: string, pattern: string, required: string[], isOptional = false): LibraryGroup => ({ key, pattern: new RegExp(pattern), required, isOptional, source: source(key) }); // prettier-ignore
  return [
    group('cudart', `^libcudart\\.so\\.${cuda}$`, [`libcudart.so.${cuda}`]),
    group('cublas', `^libcublas(Lt)?\\.so\\.${cuda}$`, [`libcublas.so.${cuda}`, `libcublasLt.so.${cuda}`]),
    group('curand', `^libcurand\\.so\\.${curand}$`, [`libcurand.so.${curand}`]),
    group('cudnn', `^libcudnn(_\\w+)?\\.so\\.${cudnn}$`, [`libcudnn.so.${cudnn}`]),
    group('nvrtc', `^libnvrtc(\\.so\\.${cuda}|-builtins\\.so\\.${cuda}\\.\\d+)$`, [`libnvrtc.so.${cuda}`], true),
  ];
}

/** The groups that the provider's package requires. @throws MedTextError UNSUPPORTED when it requires no CUDA package. */
export function groupsOfPackage(requirements: readonly Requirement[], runtimeVersion: string) {
  const named = (start: string) => requirements.find(({ name, extra }) => extra !== undefined && name.startsWith(start)); // prettier-ignore
  const runtime = named('nvidia-cuda-runtime');
  const suffix = /-cu(\d+)$/.exec(runtime?.name ?? '');
  const numberOf = (requirement: Requirement | undefined) => Number(/\d+/.exec(requirement?.specifier ?? '')?.[0]) || undefined; // prettier-ignore
  const cuda = suffix ? Number(suffix[1]) : numberOf(runtime);
  if (!runtime || !cuda) {
    throw new MedTextError('UNSUPPORTED', words`${PROVIDER_PACKAGE} ${runtimeVersion} does not name the CUDA version that it needs. Use a folder that has its libraries.`); // prettier-ignore
  }
  const packages: Readonly<Record<string, string>> = { cudart: 'nvidia-cuda-runtime', cublas: 'nvidia-cublas', curand: 'nvidia-curand', cudnn: 'nvidia-cudnn', nvrtc: 'nvidia-cuda-nvrtc' }; // prettier-ignore
  const source = (key: string): LibraryGroup['source'] => {
    const asked = named(packages[key]);
    if (asked) return { name: asked.name, specifier: asked.specifier };
    // cuBLAS is required through cuDNN there, whose requirement does not name a version of CUDA.
    return key === 'cublas' ? { name: `nvidia-cublas${suffix?.[0] ?? ''}`, specifier: `==${cuda}.*` } : undefined;
  };
  const versions = { cuda, curand: numberOf(named('nvidia-curand')) ?? 10, cudnn: numberOf(named('nvidia-cudnn')) ?? CUDNN_MAJOR }; // prettier-ignore
  return { cuda, groups: cudaGroups(versions, source) };
}

/** The groups that a provider on this machine is linked to. @throws MedTextError UNSUPPORTED when it is not linked to CUDA. */
export async function groupsOfProvider(path: string) {
  const needed = await cudaNeeds(path);
  const numberIn = (stem: string) => Number(needed.map((name) => new RegExp(`^lib${stem}\\.so\\.(\\d+)$`).exec(name)?.[1]).find(Boolean)) || undefined; // prettier-ignore
  const cuda = numberIn('cudart') ?? numberIn('cublas');
  if (!cuda)
    throw new MedTextError('UNSUPPORTED', words`${path} is not linked to a CUDA runtime that this program knows.`, {
      needed,
    });
  // Since CUDA 13 the packages' names do not contain its number.
  const suffix = cuda >= 13 ? '' : `-cu${cuda}`;
  const curand = numberIn('curand') ?? 10;
  const cudnn = numberIn('cudnn') ?? CUDNN_MAJOR;
  const sources: Readonly<Record<string, LibraryGroup['source']>> = {
    cudart: { name: `nvidia-cuda-runtime${suffix}`, specifier: `==${cuda}.*` },
    cublas: { name: `nvidia-cublas${suffix}`, specifier: `==${cuda}.*` },
    curand: { name: `nvidia-curand${suffix}`, specifier: `==${curand}.*` },
    cudnn: { name: `nvidia-cudnn-cu${cuda}`, specifier: `==${cudnn}.*` },
    nvrtc: { name: `nvidia-cuda-nvrtc${suffix}`, specifier: `==${cuda}.*` },
  };
  const groups = cudaGroups({ cuda, curand, cudnn }, (key) => sources[key]);
  // A build that is linked to further libraries (cuFFT, in earlier versions) needs those, too.
  const others = needed.filter((name) => !groups.some(({ pattern }) => pattern.test(name)));
  const extra = others.map((name): LibraryGroup => ({ key: name, pattern: new RegExp(`^${name.replace(/[.+]/g, '\\$&')}$`), required: [name], source: undefined })); // prettier-ignore
  return { cuda, groups: [...groups, ...extra] };
}

/** The CUDA libraries that a provider's library is linked to, without those of the driver and the system. */
export async function cudaNeeds(path: string): Promise<string[]> {
  const { needed } = await readElfNeeds(path);
  return needed.filter((name) => /^lib(cu|nv)/.test(name) && name !== DRIVER_LIBRARY);
}

/**
 * The folders in which a folder that a person named keeps libraries: itself, the site-packages of a Python environment,
 * or the library folders of a CUDA installation.
 * @throws MedTextError NOT_FOUND when the path is no folder.
 */
export async function libraryFolders(named: string): Promise<string[]> {
  const root = resolve(named);
  if (!(await stat(root).catch(() => undefined))?.isDirectory()) {
    throw new MedTextError('NOT_FOUND', words`${root} is not a folder.`, { folder: root });
  }
  const environments = (await Promise.all(['lib', 'lib64'].map((lib) => below(join(root, lib), /^python3/)))).flat();
  const sites = [root, ...environments.map((python) => join(python, 'site-packages'))];
  const inSites = await Promise.all(
    sites.map(async (site) => [
      join(site, 'onnxruntime', 'capi'),
      ...(await below(join(site, 'nvidia'), /./)).map((part) => join(part, 'lib')),
    ]),
  );
  const parts = (await below(root, /^(cu\w*|cuda_\w+|nv\w*)$/)).map((part) => join(part, 'lib')); // of nvidia/ itself
  const own = ['', 'capi', 'lib', 'lib64', join('targets', 'x86_64-linux', 'lib')].map((part) => join(root, part));
  return [...new Set([...own, ...inSites.flat(), ...parts])].filter((folder) => existsSync(folder));
}

async function below(folder: string, pattern: RegExp): Promise<string[]> {
  const entries = await readdir(folder, { withFileTypes: true }).catch(() => []);
  return entries
    .filter((entry) => (entry.isDirectory() || entry.isSymbolicLink()) && pattern.test(entry.name))
    .map((entry) => join(folder, entry.name))
    .sort();
}

/** A group's files in the first folder that has the required ones. */
export async function findGroup(group: LibraryGroup, folders: readonly string[]): Promise<FoundLibrary[] | undefined> {
  for (const folder of folders) {
    const names = (await readdir(folder).catch(() => [])).filter((name) => group.pattern.test(name)).sort();
    const found = await Promise.all(
      names.map(async (name): Promise<FoundLibrary[]> => {
        const path = join(folder, name);
        const file = await stat(path).catch(() => undefined); // follows links; one that leads nowhere is none
        return file?.isFile() ? [{ name, path, sizeBytes: file.size }] : [];
      }),
    );
    const files = found.flat();
    if (group.required.every((name) => files.some((file) => file.name === name))) return files;
  }
  return undefined;
}

/**
 * The provider libraries in the folders.
 * @throws MedTextError UNSUPPORTED when all that were found belong to another version of ONNX Runtime.
 */
export async function findProvider(
  folders: readonly string[],
  runtimeVersion: string,
  signal?: AbortSignal,
): Promise<FoundLibrary[] | undefined> {
  let wrong: { folder: string; version: string | undefined } | undefined;
  for (const folder of folders) {
    const found = await findGroup(providerGroup(runtimeVersion), [folder]);
    if (!found) continue;
    const provider = found.find(({ name }) => name === CUDA_PROVIDER)!;
    if (await holdsCString(provider.path, runtimeVersion, signal)) return found;
    wrong ??= { folder, version: await neighbouringVersion(folder) };
  }
  if (!wrong) return undefined;
  throw new MedTextError(
    'UNSUPPORTED',
    words`${wrong.folder} has the CUDA provider of ONNX Runtime ${wrong.version ?? words`in another version`}, but this program needs that of ${runtimeVersion} (pip install ${PROVIDER_PACKAGE}==${runtimeVersion}).`,
    { folder: wrong.folder, version: wrong.version, runtimeVersion },
  );
}

/** The provider's version, as the files beside it show: those of Python's package, or the name of the runtime's library. */
async function neighbouringVersion(folder: string): Promise<string | undefined> {
  const text = await readFile(join(folder, 'build_and_package_info.py'), 'utf8').catch(() => '');
  const version = /^__version__\s*=\s*["']([\w.]+)["']/m.exec(text)?.[1];
  if (version) return version;
  const names = await readdir(folder).catch(() => []);
  return names.map((name) => /^libonnxruntime\.so\.(\d+\.\d+\.\d+)$/.exec(name)?.[1]).find(Boolean);
}
