/**
 * The CUDA provider libraries that a person has installed (src/gpuRuntime), as every process that may use them needs to
 * know of them: where they are, whether they fit, and the environment that makes ONNX Runtime find them.
 *
 * The runtime looks for its providers in the folder that it was itself loaded from. So the folder holds a copy of it,
 * and comes first in LD_LIBRARY_PATH, which counts before the path that onnxruntime-node's binding was linked with. The
 * loader reads the variable once, when a process starts.
 */
import { existsSync, readFileSync } from 'node:fs';
import { delimiter, join } from 'node:path';
import { dependencies } from '../../package.json';
import { userDataFolder } from './userFolders';

/** `medtext-gpu-runtime.json` beside the libraries. */
export interface GpuRuntimeRecord {
  readonly format: 1;
  /** Of ONNX Runtime; the providers of another one do not fit. */
  readonly runtimeVersion: string;
  /** Major version of CUDA. */
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
  /** What it is a link to; absent: it was downloaded. */
  readonly linkedTo?: string;
}

/** What the runtime of this installation is; the dependency is pinned. */
export const bundledRuntimeVersion: string = dependencies['onnxruntime-node'];

export const gpuRuntimeRecordName = 'medtext-gpu-runtime.json';
const loaderPath = 'LD_LIBRARY_PATH';
export const runtimeLibraryName = 'libonnxruntime.so.1';
export const providerLibraryNames = ['libonnxruntime_providers_cuda.so', 'libonnxruntime_providers_shared.so'] as const;

/** Where the editor and the command line keep it, outside of both: MEDTEXT_GPU_RUNTIME names another place. */
export function gpuRuntimeRoot(env: NodeJS.ProcessEnv = process.env): string {
  return env.MEDTEXT_GPU_RUNTIME?.trim() || join(userDataFolder(env), 'gpu-runtime');
}

export const librariesFolder = (root: string): string => join(root, 'libraries');

/** `stale`: of another version of ONNX Runtime; `broken`: a library is gone, or a link leads nowhere. */
export type GpuRuntimeState =
  | { readonly kind: 'none' }
  | {
      readonly kind: 'current' | 'stale' | 'broken';
      readonly record: GpuRuntimeRecord;
      /** Of `broken`: the libraries that are gone. */
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
 * What a process that may use CUDA is started with beside `env`; empty when nothing fitting is installed, or `env` has
 * it already. The one place that says so: workers, the command line's second process and trials of a device ask it.
 */
export function gpuRuntimeVariables(
  env: NodeJS.ProcessEnv = process.env,
  state: GpuRuntimeState = process.platform === 'linux' ? gpuRuntimeState(gpuRuntimeRoot(env)) : { kind: 'none' },
): Record<string, string> {
  if (state.kind !== 'current') return {};
  return variablesFor(librariesFolder(gpuRuntimeRoot(env)), env);
}

/** The folder first, what was there behind it. */
export function variablesFor(folder: string, env: NodeJS.ProcessEnv): Record<string, string> {
  const existing = env[loaderPath] ?? '';
  if (existing === folder || existing.startsWith(`${folder}${delimiter}`)) return {};
  // An empty entry would mean the current folder.
  return { [loaderPath]: [folder, ...existing.split(delimiter)].filter(Boolean).join(delimiter) };
}

/** What a remembered choice of the device depends on: another installation is tried anew. */
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
