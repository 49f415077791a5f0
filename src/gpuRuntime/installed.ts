/** The installed CUDA provider libraries: the space they take, and their removal. */
import { existsSync } from 'node:fs';
import { lstat, readdir, rm, rmdir } from 'node:fs/promises';
import { join } from 'node:path';
import { gpuRuntimeRecordName, gpuRuntimeRoot, gpuRuntimeState, librariesFolder, runtimeLibraryName, type GpuRuntimeState } from '../base/gpuRuntime'; // prettier-ignore
import { sum } from '../base/sum';
import { downloadsFolder, removeDownloads, withGpuRuntimeLock } from './downloads';

export interface GpuRuntimeStatus {
  readonly root: string;
  readonly state: GpuRuntimeState;
  /** The bytes on the disk; links count as nothing. */
  readonly sizeBytes: number;
  /** Interrupted downloads, which can be continued. */
  readonly keptBytes: number;
}

export async function gpuRuntimeStatus(env: NodeJS.ProcessEnv, runtimeVersion: string): Promise<GpuRuntimeStatus> {
  const root = gpuRuntimeRoot(env);
  return {
    root,
    state: gpuRuntimeState(root, runtimeVersion),
    sizeBytes: await ownBytes(librariesFolder(root)),
    keptBytes: await ownBytes(downloadsFolder(root)),
  };
}

/**
 * Removes the installation. Files that the installation did not put there stay, and so do their folders.
 * @returns the bytes that became free on the disk
 * @throws MedTextError BUSY, IO.
 */
export async function removeGpuRuntime(env: NodeJS.ProcessEnv = process.env): Promise<{ freedBytes: number }> {
  const root = gpuRuntimeRoot(env);
  if (!existsSync(root)) return { freedBytes: 0 };
  const freedBytes = await withGpuRuntimeLock(root, async () => {
    const folder = librariesFolder(root);
    const before = (await ownBytes(folder)) + (await ownBytes(downloadsFolder(root)));
    const state = gpuRuntimeState(root);
    if (state.kind !== 'none') {
      const names = [...state.record.libraries.map(({ name }) => name), ...providerAliases, runtimeLibraryName];
      // The record is deleted last: without it nobody would know which files are ours.
      for (const name of [...names, gpuRuntimeRecordName]) {
        if (!/[\\/]/.test(name)) await rm(join(folder, name), { force: true });
      }
      await rmdir(folder).catch(() => undefined);
    }
    await removeDownloads(root);
    await sweep(root);
    return before - ((await ownBytes(folder)) + (await ownBytes(downloadsFolder(root))));
  });
  await rmdir(root).catch(() => undefined);
  return { freedBytes };
}

/** cuDNN's front end asks for this library without a version in its name. */
export const providerAliases = ['libcudnn.so'];

/** Folders that a killed process left behind. The caller holds the lock. */
export async function sweep(root: string): Promise<void> {
  for (const name of await readdir(root).catch(() => [])) {
    if (/^\.libraries\.writing-[0-9a-f]{12}(\.old)?$/.test(name)) await rm(join(root, name), { recursive: true, force: true }); // prettier-ignore
  }
}

/** The bytes of the files in a folder; links are not counted. */
async function ownBytes(folder: string): Promise<number> {
  const names = await readdir(folder).catch(() => []);
  const files = await Promise.all(names.map((name) => lstat(join(folder, name)).catch(() => undefined)));
  return sum(files.map((file) => (file?.isFile() ? file.size : 0)));
}
