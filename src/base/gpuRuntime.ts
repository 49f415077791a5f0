/**
 * The CUDA provider libraries that a person has installed (src/gpuRuntime), as far as every process that may use them needs
 * to know: where they are, whether they fit, and the environment in which ONNX Runtime finds them.
 *
 * The runtime looks for its providers in the folder that it was itself loaded from. So the folder holds a copy of it,
 * and comes first in LD_LIBRARY_PATH, which counts before the path that onnxruntime-node's binding was linked with. The
 * loader reads the variable once, when a process starts.
 */
import { existsSync, readFileSync } from 'node:fs';
import { delimiter, join } from 'node:path';
import { dependencies } from '../../package.json';
import { userDataFolder } from './userFolders';

/** The installation's record, `medtext-gpu-runtime.json` beside the libraries. */
export interface GpuRuntimeRecord {
  readonly format: 1;
  /** The version of ONNX Runtime that the providers belong to; another version cannot load them. */
  readonly runtimeVersion: string;
  /** The major version of CUDA. */
  readonly cuda: number;
  /** The package index that was asked, without a login; absent when everything was on the machine. */
  readonly index?: string;
  /** Folders that libraries are linked from. */
  readonly folders: readonly string[];
  readonly packages: readonly GpuRuntimePackage[];
  readonly libraries: readonly GpuRuntimeLibrary[];
  /** Libraries that the system's own loader finds. */
  readonly system: readonly string[];
  readonly installedAt: string;
  /** Whether a training step on the GPU was tried, and passed. */
  readonly tested: boolean;
}

export interface GpuRuntimePackage {
  readonly name: string;
  readonly version: string;
  readonly sha256: string;
  readonly sizeBytes: number;
}

export interface GpuRuntimeLibrary {
  readonly name: string;
  readonly sizeBytes: number;
  /** The file that a link points to; absent: the library was downloaded. */
  readonly linkedTo?: string;
}

/** The version of this installation's ONNX Runtime. The dependency is pinned. */
export const bundledRuntimeVersion: string = dependencies['onnxruntime-node'];

export const gpuRuntimeRecordName = 'medtext-gpu-runtime.json';
const loaderPath = 'LD_LIBRARY_PATH';
export const runtimeLibraryName = 'libonnxruntime.so.1';
export const providerLibraryNames = ['libonnxruntime_providers_cuda.so', 'libonnxruntime_providers_shared.so'] as const;

/** The folder of the libraries, outside of editor and command line, which share it. MEDTEXT_GPU_RUNTIME names another one. */
export function gpuRuntimeRoot(env: NodeJS.ProcessEnv = process.env): string {
  return env.MEDTEXT_GPU_RUNTIME?.trim() || join(userDataFolder(env), 'gpu-runtime');
}

export const librariesFolder = (root: string): string => join(root, 'libraries');

/** `stale`: the libraries belong to another version of ONNX Runtime; `broken`: a library is gone, or a link leads nowhere. */
export type GpuRuntimeState =
  | { readonly kind: 'none' }
  | {
      readonly kind: 'current' | 'stale' | 'broken';
      readonly record: GpuRuntimeRecord;
      /** The libraries that are gone, where the state is `broken`. */
      readonly missing: readonly string[];
    };

export function gpuRuntimeState(root = gpuRuntimeRoot(), runtimeVersion = bundledRuntimeVersion): GpuRuntimeState {
  const folder = librariesFolder(root);
  const record = readRecord(join(folder, gpuRuntimeRecordName));
  if (!record) return { kind: 'none' };
  const names = [runtimeLibraryName, ...record.libraries.map(({ name }) => name)];
  const missing = names.filter((name) => !existsSync(join(folder, name))); // follows links
  const kind = record.runtimeVersion !== runtimeVersion ? 'stale' : missing.length > 0 ? 'broken' : 'current';
  return { kind, record, missing };
}

/**
 * The variables that a process which may use CUDA is started with, beside `env`; none when no fitting libraries are installed,
 * or when `env` has them already. Workers, the command line's second process and trials of a device all ask this function.
 */
export function gpuRuntimeVariables(
  env: NodeJS.ProcessEnv = process.env,
  state: GpuRuntimeState = process.platform === 'linux' ? gpuRuntimeState(gpuRuntimeRoot(env)) : { kind: 'none' },
): Record<string, string> {
  if (state.kind !== 'current') return {};
  return variablesFor(librariesFolder(gpuRuntimeRoot(env)), env);
}

/** The folder before the paths that were there. */
export function variablesFor(folder: string, env: NodeJS.ProcessEnv): Record<string, string> {
  const existing = env[loaderPath] ?? '';
  if (existing === folder || existing.startsWith(`${folder}${delimiter}`)) return {};
  // An empty entry would mean the current folder.
  return { [loaderPath]: [folder, ...existing.split(delimiter)].filter(Boolean).join(delimiter) };
}

/** The part of a remembered device choice that depends on the installation: with another one, devices are tried again. */
export function gpuRuntimeIdentity(state: GpuRuntimeState = gpuRuntimeState()): string {
  return state.kind === 'none' ? 'none' : `${state.kind} ${state.record.runtimeVersion} ${state.record.installedAt}`;
}

function readRecord(file: string): GpuRuntimeRecord | undefined {
  try {
    const record = JSON.parse(readFileSync(file, 'utf8')) as GpuRuntimeRecord;
    const isOurs =
      record.format === 1 &&
      typeof record.runtimeVersion === 'string' &&
      Array.isArray(record.libraries) &&
      Array.isArray(record.packages) &&
      record.libraries.every(({ name }) => typeof name === 'string');
    return isOurs ? record : undefined;
  } catch {
    return undefined;
  }
}
