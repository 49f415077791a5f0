/** Plans an installation of the CUDA provider libraries on this machine: what is found, what would be downloaded. */
import { lstat, stat } from 'node:fs/promises';
import { delimiter, isAbsolute, join, resolve } from 'node:path';
import { MedTextError, words } from '../base/errors';
import { gpuRuntimeRoot, gpuRuntimeState, librariesFolder, providerLibraryNames, type GpuRuntimePackage, type GpuRuntimeState } from '../base/gpuRuntime'; // prettier-ignore
import { sum } from '../base/sum';
import { keptBytes } from '../hub/downloadFile';
import type { Transport } from '../hub/transport';
import { transportTo, wantedWheel } from './downloads';
import { refuseOldDriver } from './driver';
import { findGroup, findProvider, groupsOfPackage, groupsOfProvider, libraryFolders, PROVIDER_PACKAGE, providerGroup, type FoundLibrary, type LibraryGroup } from './libraries'; // prettier-ignore
import { machineOf, type GpuRuntimeOptions, type Machine } from './options';
import { indexAddress, listWheels, type IndexFile } from './packageIndex';
import { compareReleases, glibcOf, releaseOf, requirementsOf, satisfies } from './versions';
import { openRemoteWheel } from './wheel';

export interface PlanWish {
  /** Folders that are searched first; libraries that are found there are linked. */
  readonly folders?: readonly string[];
  /** Whether libraries that are found nowhere may be downloaded. */
  readonly mayDownload: boolean;
  /** Neither requires a driver nor tries the GPU. A machine image can be prepared so. */
  readonly withoutCard?: boolean;
}

export interface PlannedPackage {
  readonly file: IndexFile & { readonly sizeBytes: number };
  /** Names in the archive, with their unpacked sizes. */
  readonly libraries: readonly { readonly entry: string; readonly name: string; readonly sizeBytes: number }[];
}

export interface ReusedPackage {
  readonly source: GpuRuntimePackage;
  readonly libraries: readonly FoundLibrary[];
}

export interface GpuRuntimePlan {
  readonly root: string;
  readonly cuda: number;
  readonly driver: string | undefined;
  /** The index that was asked, without a login; undefined when none was asked. */
  readonly index: string | undefined;
  readonly folders: readonly string[];
  readonly packages: readonly PlannedPackage[];
  readonly linked: readonly FoundLibrary[];
  /** Groups of an earlier installation that still fit: an update of the runtime needs another provider, but the same CUDA. */
  readonly reused: readonly ReusedPackage[];
  /** Libraries that the system's loader finds without help. */
  readonly system: readonly string[];
  /** The bytes of the downloads, and of these the bytes that an earlier attempt left here. */
  readonly totalBytes: number;
  readonly keptBytes: number;
  /** The bytes of the whole installation on the disk. */
  readonly unpackedBytes: number;
  readonly withoutCard: boolean;
}

const [CUDA_PROVIDER] = providerLibraryNames;

/**
 * Makes the plan. Only lists and the directories of archives are downloaded.
 * @throws MedTextError UNSUPPORTED (platform, driver, C library, a version that the index lacks, a provider of another
 * version), NOT_FOUND (libraries that are nowhere), USAGE, OFFLINE, NETWORK, ACCESS, CANCELLED.
 */
export async function planGpuRuntime(wish: PlanWish, options: GpuRuntimeOptions): Promise<GpuRuntimePlan> {
  const { runtimeVersion, env = process.env, signal } = options;
  const machine = machineOf(options);
  refuseOtherPlatform(machine);
  const root = usableRoot(env);
  const withoutCard = wish.withoutCard === true;
  const driver = withoutCard ? undefined : await machine.driver();
  const folders = (wish.folders ?? []).map((folder) => resolve(folder));
  const inFolders = (await Promise.all(folders.map(libraryFolders))).flat();
  const named = await findProvider(inFolders, runtimeVersion, signal);
  if (!named && !wish.mayDownload) throw noProvider(folders, runtimeVersion);
  const reused: ReusedPackage[] = [];
  const earlier = gpuRuntimeState(root, runtimeVersion);
  const reuse = async (group: LibraryGroup): Promise<readonly FoundLibrary[] | undefined> => {
    const found = wish.mayDownload ? await earlierPackage(group, earlier, root) : undefined;
    if (found) reused.push(found);
    return found?.libraries;
  };
  const provider = named ?? (await reuse(providerGroup(runtimeVersion)));
  const source = new PackageSource(options);
  try {
    const packages: PlannedPackage[] = [];
    if (!provider) {
      // On a machine without a GPU the answer is known before the index is asked.
      if (!withoutCard && driver === undefined) refuseOldDriver(driver, 0);
      packages.push(await source.plan(providerGroup(runtimeVersion), machine.glibc));
    }
    const { cuda, groups } = provider
      ? await groupsOfProvider(provider.find(({ name }) => name === CUDA_PROVIDER)!.path)
      : groupsOfPackage(requirementsOf(source.providerMetadata), runtimeVersion);
    if (!withoutCard) refuseOldDriver(driver, cuda);
    const known = await machine.systemLibraries();
    // Libraries that only this process's variable leads to would not be found by the editor, so they are linked.
    const search = [...inFolders, ...(env.LD_LIBRARY_PATH ?? '').split(delimiter).filter((path) => isAbsolute(path) && path !== librariesFolder(root))]; // prettier-ignore
    const linked = [...(named ?? [])];
    const system: string[] = [];
    const missing: LibraryGroup[] = [];
    for (const group of groups) {
      const found = await findGroup(group, search);
      if (found) linked.push(...found);
      else if (group.required.every((name) => known.has(name))) system.push(...group.required);
      else if (await reuse(group)) continue;
      else if (wish.mayDownload && group.source) packages.push(await source.plan(group, machine.glibc));
      else if (!group.isOptional) missing.push(group);
    }
    if (missing.length > 0) throw notComplete(missing, folders, cuda);
    let kept = 0;
    for (const { file } of packages) kept += await keptBytes(wantedWheel(root, file));
    return {
      root,
      cuda,
      driver,
      index: packages.length > 0 ? source.index : undefined,
      folders,
      packages,
      linked,
      reused,
      system,
      totalBytes: sum(packages.map(({ file }) => file.sizeBytes)),
      keptBytes: kept,
      unpackedBytes: sum(packages.flatMap(({ libraries }) => libraries.map(({ sizeBytes }) => sizeBytes))) + reusedBytes(reused) + (await stat(options.runtimeLibrary)).size, // prettier-ignore
      withoutCard,
    };
  } finally {
    await source.close();
  }
}

/** Reads the index and the directories of wheels. Connections are opened when the first answer is needed. */
class PackageSource {
  private opened: { transport: Transport; index: ReturnType<typeof indexAddress> } | undefined;
  providerMetadata = '';

  constructor(private readonly options: GpuRuntimeOptions) {}

  get index(): string {
    return this.open().index.url;
  }

  /** The newest wheel that satisfies the group's requirement, with the files that are taken out of it. */
  async plan(group: LibraryGroup, glibc: string | undefined): Promise<PlannedPackage> {
    const { name, specifier } = group.source!;
    const { transport, index } = this.open();
    const { signal } = this.options;
    const wheel = chooseWheel(await listWheels(transport, index, name, signal), name, specifier, glibc, index.url);
    const remote = await openRemoteWheel(transport, wheel.url, signal);
    try {
      const libraries = [...remote.sizes].flatMap(([entry, sizeBytes]) => {
        const base = entry.slice(entry.lastIndexOf('/') + 1);
        return group.pattern.test(base) && isLibraryEntry(entry) ? [{ entry, name: base, sizeBytes }] : [];
      });
      const lacking = group.required.filter((each) => !libraries.some((library) => library.name === each));
      if (lacking.length > 0) throw new MedTextError('INTEGRITY', words`${wheel.file} has no ${lacking.join(', ')}.`, { file: wheel.file, lacking }); // prettier-ignore
      if (new Set(libraries.map((library) => library.name)).size < libraries.length) throw new MedTextError('INTEGRITY', words`${wheel.file} has a library twice.`, { file: wheel.file }); // prettier-ignore
      if (group.key === 'provider') this.providerMetadata = await remote.metadata();
      const sizeBytes = remote.sizeBytes;
      if (wheel.sizeBytes !== undefined && wheel.sizeBytes !== sizeBytes) throw new MedTextError('INTEGRITY', words`${wheel.file} has ${sizeBytes} bytes, but ${wheel.sizeBytes} according to the package index.`, { file: wheel.file }); // prettier-ignore
      return { file: { ...wheel, sizeBytes }, libraries };
    } finally {
      remote.close();
    }
  }

  async close(): Promise<void> {
    await this.opened?.transport.close();
  }

  private open() {
    if (this.options.offline) throw new MedTextError('OFFLINE', words`The libraries are not on this machine, and downloads are switched off. Use a folder that has them.`); // prettier-ignore
    if (!this.opened) {
      const index = indexAddress(this.options.index, this.options.env ?? process.env);
      this.opened = { index, transport: transportTo(index.credentials, this.options) };
    }
    return this.opened;
  }
}

/**
 * A group as an earlier installation downloaded it, provided that all its files still have their sizes and that its
 * package is the required one.
 */
async function earlierPackage(
  group: LibraryGroup,
  state: GpuRuntimeState,
  root: string,
): Promise<ReusedPackage | undefined> {
  if (state.kind === 'none' || !group.source) return undefined;
  const { name, specifier } = group.source;
  const source = state.record.packages.find((each) => each.name === name && satisfies(each.version, specifier));
  const kept = state.record.libraries.filter((each) => each.linkedTo === undefined && group.pattern.test(each.name));
  if (!source || !group.required.every((each) => kept.some((library) => library.name === each))) return undefined;
  const libraries = kept.map((library) => ({ ...library, path: join(librariesFolder(root), library.name) }));
  for (const { path, sizeBytes } of libraries) {
    const file = await lstat(path).catch(() => undefined);
    if (!file?.isFile() || file.size !== sizeBytes) return undefined;
  }
  return { source, libraries };
}

/** Bytes that are already on the disk. */
export const reusedBytes = (reused: readonly ReusedPackage[]): number =>
  sum(reused.flatMap(({ libraries }) => libraries.map(({ sizeBytes }) => sizeBytes)));

/** The folder in which packages keep their libraries; other entries of a wheel are not read. */
const isLibraryEntry = (entry: string): boolean => /^(onnxruntime\/capi|nvidia\/\w+\/lib)\/[^/]+$/.test(entry);

function chooseWheel(
  files: readonly IndexFile[],
  name: string,
  specifier: string,
  glibc: string | undefined,
  index: string,
) {
  const fitting = files.filter((file) => satisfies(file.version, specifier) && glibcOf(file) !== undefined);
  if (fitting.length === 0) {
    throw new MedTextError(
      'UNSUPPORTED',
      words`${index} has no ${name}${specifier} for x86-64 Linux. Choose another index, or use a folder that has the libraries.`,
      { package: name, specifier },
    );
  }
  const own = releaseOf(glibc ?? '');
  const running = own ? fitting.filter((file) => compareReleases(glibcOf(file)!, own) <= 0) : [];
  if (running.length === 0) {
    const [oldest] = fitting.map((file) => glibcOf(file)!).sort(compareReleases);
    throw new MedTextError(
      'UNSUPPORTED',
      words`${name}${specifier} needs glibc ${oldest.join('.')} or later; this system has ${own ? glibc : words`another C library`}.`,
      { package: name, glibc },
    );
  }
  // The newest version. Of its wheels the choice is the same for everybody: the libraries do not depend on Python's version.
  return running.sort((a, b) => compareReleases(releaseOf(b.version)!, releaseOf(a.version)!) || a.file.length - b.file.length || (a.file < b.file ? -1 : 1))[0]; // prettier-ignore
}

function refuseOtherPlatform({ platform, arch }: Machine): void {
  if (platform === 'linux' && arch === 'x64') return;
  const instead =
    platform === 'win32'
      ? words`Windows needs none: DirectML and WebGPU are part of the extension and use any vendor’s GPU.`
      : platform === 'darwin'
        ? words`macOS has no CUDA: WebGPU and Core ML are part of the extension and use Apple’s GPU.`
        : words`The CPU works; WebGPU works where there is a driver for it.`;
  throw new MedTextError('UNSUPPORTED', words`The CUDA libraries exist for x86-64 Linux only; this is ${platform} ${arch}. ${instead}`, { platform, arch }); // prettier-ignore
}

/** @throws MedTextError USAGE for a folder whose name the loader's variable cannot hold. */
function usableRoot(env: NodeJS.ProcessEnv): string {
  const root = gpuRuntimeRoot(env);
  if (isAbsolute(root) && !/[:;]/.test(root)) return root;
  throw new MedTextError('USAGE', words`The GPU runtime cannot be kept in ${root}: its folder must be a full path without colons and semicolons (MEDTEXT_GPU_RUNTIME).`, { root }); // prettier-ignore
}

function noProvider(folders: readonly string[], runtimeVersion: string): MedTextError {
  return new MedTextError(
    'NOT_FOUND',
    words`${folders.join(', ')} has no ${providerLibraryNames[0]} and ${providerLibraryNames[1]}, also not as Python's site-packages (onnxruntime/capi). ${PROVIDER_PACKAGE} ${runtimeVersion} has them.`,
    { folders, runtimeVersion },
  );
}

function notComplete(missing: readonly LibraryGroup[], folders: readonly string[], cuda: number): MedTextError {
  const names = missing.flatMap(({ required }) => required);
  const packages = missing.flatMap(({ source }) => (source ? [source.name] : []));
  return new MedTextError(
    'NOT_FOUND',
    words`${names.join(', ')} of CUDA ${cuda} is neither in ${folders.join(', ') || words`a named folder`} nor found by the system's loader. Name its folder too, install it (${packages.join(', ')}), or let it be downloaded.`,
    { missing: names, folders, packages },
  );
}
