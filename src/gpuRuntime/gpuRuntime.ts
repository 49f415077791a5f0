/** The CUDA provider libraries of ONNX Runtime: what getting them would take, getting, looking at and removing them. */
import { constants, existsSync } from 'node:fs';
import { copyFile, link, lstat, mkdir, readdir, rm, rmdir, stat, statfs, symlink } from 'node:fs/promises';
import { delimiter, isAbsolute, join, resolve } from 'node:path';
import { writeFileAtomically } from '../base/atomicFile';
import { MedTextError, words } from '../base/errors';
import {
  gpuRuntimeRecordName,
  gpuRuntimeRoot,
  gpuRuntimeState,
  librariesFolder,
  providerLibraryNames,
  runtimeLibraryName,
  variablesFor,
  type GpuRuntimeLibrary,
  type GpuRuntimePackage,
  type GpuRuntimeRecord,
  type GpuRuntimeState,
} from '../base/gpuRuntime';
import { silentLog, type Log } from '../base/log';
import type { Words } from '../base/words';
import { downloadFile, keptBytes, type WantedFile } from '../hub/downloadFile';
import { withFolderLock } from '../hub/folderLock';
import type { ProxySettings } from '../hub/hubSettings';
import { TransferMeter } from '../hub/transferMeter';
import { cancelled, Transport, type TransportLimits } from '../hub/transport';
import { replaceFolder } from '../models/checkpoint/replaceFolder';
import { nvidiaDriverVersion, refuseOldDriver } from './driver';
import { holdsCString } from './elf';
import { cudaNeeds, findGroup, findProvider, groupsOfPackage, groupsOfProvider, libraryFolders, PROVIDER_PACKAGE, providerGroup, type FoundLibrary, type LibraryGroup } from './libraries'; // prettier-ignore
import { indexAddress, indexRefusal, listWheels, type IndexFile } from './packageIndex';
import { systemLibraries } from './systemLibraries';
import { compareReleases, glibcOf, releaseOf, requirementsOf, satisfies } from './versions';
import { openRemoteWheel, openWheel } from './wheel';

export interface GpuRuntimeOptions {
  /** ONNX Runtime's, of this installation. */
  readonly runtimeVersion: string;
  /** Its own library, which a copy is made of. */
  readonly runtimeLibrary: string;
  readonly proxy: ProxySettings;
  readonly offline?: boolean;
  /** The package index, as set; absent: as the environment says. */
  readonly index?: string;
  readonly env?: NodeJS.ProcessEnv;
  readonly log?: Log;
  readonly userAgent?: string;
  readonly limits?: Partial<TransportLimits>;
  readonly signal?: AbortSignal;
  /** This machine, where a test puts another in its place. */
  readonly machine?: Partial<Machine>;
}

export interface Machine {
  readonly platform: string;
  readonly arch: string;
  /** Of the C library; undefined where it is not glibc. */
  readonly glibc: string | undefined;
  driver(): Promise<string | undefined>;
  systemLibraries(): Promise<ReadonlyMap<string, string>>;
}

export interface PlanWish {
  /** Looked into first; what they have is linked to. */
  readonly folders?: readonly string[];
  /** Whether what is found nowhere may be downloaded. */
  readonly mayDownload: boolean;
  /** Neither asks for a driver nor tries the card: to prepare a machine's image. */
  readonly withoutCard?: boolean;
}

export interface PlannedPackage {
  readonly file: IndexFile & { readonly sizeBytes: number };
  /** Names in the archive, and their sizes unpacked. */
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
  /** As it was asked, without a login; undefined when nothing was asked of it. */
  readonly index: string | undefined;
  readonly folders: readonly string[];
  readonly packages: readonly PlannedPackage[];
  readonly linked: readonly FoundLibrary[];
  /** Of what was installed before and fits: an update of the runtime brings another provider, not another CUDA. */
  readonly reused: readonly ReusedPackage[];
  /** Libraries that the system's loader finds by itself. */
  readonly system: readonly string[];
  /** Of the downloads, and what of them is here from an earlier try. */
  readonly totalBytes: number;
  readonly keptBytes: number;
  /** Afterwards, on the disk. */
  readonly unpackedBytes: number;
  readonly withoutCard: boolean;
}

export interface GpuRuntimeProgress {
  readonly phase: 'download' | 'unpack' | 'test';
  readonly done: number;
  readonly total: number;
  readonly bytesPerSecond: number;
  readonly secondsLeft: number | null;
}

/** How a small training on the card went, in a process that was started with the variables. */
export type TryCard = (variables: Readonly<Record<string, string>>, signal?: AbortSignal) => Promise<{ readonly passed: boolean; readonly why?: string | Words }>; // prettier-ignore

const REPORT_MS = 200;
const SPARE_BYTES = 256 * 2 ** 20;
const DOWNLOADS = 'downloads';
const [CUDA_PROVIDER] = providerLibraryNames;

/**
 * What it takes: nothing is downloaded but lists and the directories of archives.
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
      // A machine without a card needs no list to know.
      if (!withoutCard && driver === undefined) refuseOldDriver(driver, 0);
      packages.push(await source.plan(providerGroup(runtimeVersion), machine.glibc));
    }
    const { cuda, groups } = provider
      ? await groupsOfProvider(provider.find(({ name }) => name === CUDA_PROVIDER)!.path)
      : groupsOfPackage(requirementsOf(source.providerMetadata), runtimeVersion);
    if (!withoutCard) refuseOldDriver(driver, cuda);
    const known = await machine.systemLibraries();
    // What only this process's variable leads to would not be found by the editor: it is linked.
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
    for (const { file } of packages) kept += await keptBytes(wanted(root, file));
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

/**
 * Downloads, checks and unpacks what was planned, tries the card, and then puts it in the place of what was there. What
 * came before an interruption is continued by the next call; until the end, what was installed stays as it was.
 * @throws MedTextError INTEGRITY, UNSAFE_NAME, RUNTIME (the card was tried and failed), DISK_FULL, BUSY, IO, NETWORK,
 * OFFLINE, ACCESS, CANCELLED.
 */
export async function installGpuRuntime(
  plan: GpuRuntimePlan,
  tryCard: TryCard,
  options: GpuRuntimeOptions & { readonly onProgress?: (progress: GpuRuntimeProgress) => void },
): Promise<GpuRuntimeRecord> {
  await mkdir(plan.root, { recursive: true });
  return withFolderLock(plan.root, async () => {
    await sweep(plan.root);
    await refuseFullDisk(plan);
    await download(plan, options);
    let record: GpuRuntimeRecord | undefined;
    await replaceFolder(librariesFolder(plan.root), async (folder) => {
      const libraries = await fill(folder, plan, options);
      await verify(folder, plan, options);
      options.onProgress?.({ phase: 'test', done: 0, total: 1, bytesPerSecond: 0, secondsLeft: null });
      if (!plan.withoutCard) await passTrial(folder, tryCard, options);
      record = recordOf(plan, libraries, options.runtimeVersion);
      await writeFileAtomically(join(folder, gpuRuntimeRecordName), `${JSON.stringify(record, undefined, 2)}\n`);
      if (options.signal?.aborted) throw cancelled();
    });
    await removeDownloads(plan.root);
    return record!;
  });
}

export interface GpuRuntimeStatus {
  readonly root: string;
  readonly state: GpuRuntimeState;
  /** What it takes on the disk; links count for nothing. */
  readonly sizeBytes: number;
  /** Downloads that were interrupted, to be continued. */
  readonly keptBytes: number;
}

export async function gpuRuntimeStatus(env: NodeJS.ProcessEnv, runtimeVersion: string): Promise<GpuRuntimeStatus> {
  const root = gpuRuntimeRoot(env);
  return {
    root,
    state: gpuRuntimeState(root, runtimeVersion),
    sizeBytes: await ownBytes(librariesFolder(root)),
    keptBytes: await ownBytes(join(root, DOWNLOADS)),
  };
}

/**
 * Takes away what was put there, and nothing else: files that are not ours stay, and so do their folders.
 * @returns how much the disk has got back
 * @throws MedTextError BUSY, IO.
 */
export async function removeGpuRuntime(env: NodeJS.ProcessEnv = process.env): Promise<{ freedBytes: number }> {
  const root = gpuRuntimeRoot(env);
  if (!existsSync(root)) return { freedBytes: 0 };
  const freedBytes = await withFolderLock(root, async () => {
    const folder = librariesFolder(root);
    const before = (await ownBytes(folder)) + (await ownBytes(join(root, DOWNLOADS)));
    const state = gpuRuntimeState(root);
    if (state.kind !== 'none') {
      const names = [...state.record.libraries.map(({ name }) => name), ...providerAliases, runtimeLibraryName];
      // The record last: without it nobody would know what is ours.
      for (const name of [...names, gpuRuntimeRecordName]) {
        if (!/[\\/]/.test(name)) await rm(join(folder, name), { force: true });
      }
      await rmdir(folder).catch(() => undefined);
    }
    await removeDownloads(root);
    await sweep(root);
    return before - ((await ownBytes(folder)) + (await ownBytes(join(root, DOWNLOADS))));
  });
  await rmdir(root).catch(() => undefined);
  return { freedBytes };
}

/** cuDNN's front end asks for it without a number. */
const providerAliases = ['libcudnn.so'];

/** Reads the index and the directories of wheels; connections are opened when they are needed. */
class PackageSource {
  private opened: { transport: Transport; index: ReturnType<typeof indexAddress> } | undefined;
  providerMetadata = '';

  constructor(private readonly options: GpuRuntimeOptions) {}

  get index(): string {
    return this.open().index.url;
  }

  /** The newest wheel that fits the group's package, and what is taken out of it. */
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
      if (wheel.sizeBytes !== undefined && wheel.sizeBytes !== sizeBytes) throw new MedTextError('INTEGRITY', words`${wheel.file} has ${sizeBytes} bytes, its index says ${wheel.sizeBytes}.`, { file: wheel.file }); // prettier-ignore
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

function transportTo(
  credentials: ReadonlyMap<string, Readonly<Record<string, string>>>,
  { proxy, userAgent, log, limits }: GpuRuntimeOptions,
) {
  return new Transport({ proxy, credentials, userAgent, log: log ?? silentLog, limits });
}

/**
 * A group as an earlier installation downloaded it, if all of it is there yet in its size and the package is one that is
 * asked for.
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

const reusedBytes = (reused: readonly ReusedPackage[]): number =>
  sum(reused.flatMap(({ libraries }) => libraries.map(({ sizeBytes }) => sizeBytes)));

/** Where packages keep their libraries; nothing else in a wheel is looked at. */
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
  // The newest; of one version's the same for everybody, whichever Python it is for: the libraries are the same.
  return running.sort((a, b) => compareReleases(releaseOf(b.version)!, releaseOf(a.version)!) || a.file.length - b.file.length || (a.file < b.file ? -1 : 1))[0]; // prettier-ignore
}

async function download(
  plan: GpuRuntimePlan,
  options: GpuRuntimeOptions & { onProgress?: (progress: GpuRuntimeProgress) => void },
) {
  if (plan.packages.length === 0) return;
  const { credentials } = indexAddress(options.index, options.env ?? process.env);
  const transport = transportTo(credentials, options);
  const meter = new TransferMeter(plan.packages.map(({ file }) => file.sizeBytes));
  const report = (): void => {
    const { doneBytes, totalBytes, bytesPerSecond, secondsLeft } = meter.progress();
    options.onProgress?.({ phase: 'download', done: doneBytes, total: totalBytes, bytesPerSecond, secondsLeft });
  };
  const timer = setInterval(report, REPORT_MS);
  try {
    report();
    for (const [at, { file }] of plan.packages.entries()) {
      let started = false;
      await downloadFile(transport, wanted(plan.root, file), {
        signal: options.signal,
        onPosition: (position) => {
          meter.moved(at, position, started);
          started = true;
        },
        refused: (status) => indexRefusal(file.url, status),
      });
      meter.ended(at);
    }
    report();
  } finally {
    clearInterval(timer);
    await transport.close();
  }
}

const wanted = (root: string, { file, url, sha256, sizeBytes }: PlannedPackage['file']): WantedFile => ({ url, place: join(root, DOWNLOADS, file), sizeBytes, sha256, gitSha1: undefined }); // prettier-ignore

/** Unpacks and links into an empty folder. */
async function fill(
  folder: string,
  plan: GpuRuntimePlan,
  { runtimeLibrary, signal, onProgress }: GpuRuntimeOptions & { onProgress?: (progress: GpuRuntimeProgress) => void },
) {
  const libraries: GpuRuntimeLibrary[] = [];
  const total = sum(plan.packages.flatMap((each) => each.libraries.map(({ sizeBytes }) => sizeBytes)));
  let done = 0;
  let told = 0;
  const started = performance.now();
  const report = (isForced: boolean): void => {
    const now = performance.now();
    if (!isForced && now - told < REPORT_MS) return;
    told = now;
    const seconds = (told - started) / 1000;
    // The first moments say nothing of the rate.
    const secondsLeft = seconds > 1 ? (seconds * (total - done)) / done : null;
    onProgress?.({ phase: 'unpack', done, total, bytesPerSecond: 0, secondsLeft });
  };
  for (const { file, libraries: taken } of plan.packages) {
    const wheel = await openWheel(wanted(plan.root, file).place);
    try {
      for (const { entry, name, sizeBytes } of taken) {
        await wheel.extract(entry, join(folder, name), (count) => ((done += count), report(false)), signal);
        libraries.push({ name, sizeBytes });
      }
    } finally {
      wheel.close();
    }
  }
  for (const { name, path, sizeBytes } of plan.linked) {
    await symlink(path, join(folder, name));
    libraries.push({ name, sizeBytes, linkedTo: path });
  }
  for (const { name, path, sizeBytes } of plan.reused.flatMap((each) => each.libraries)) {
    // The same file under a second name, until the old folder goes; where the disk knows no such thing, a copy.
    await link(path, join(folder, name)).catch(() => copyFile(path, join(folder, name), constants.COPYFILE_FICLONE));
    libraries.push({ name, sizeBytes });
  }
  const cudnn = libraries.find(({ name }) => /^libcudnn\.so\.\d+$/.test(name));
  for (const alias of cudnn ? providerAliases : []) await symlink(cudnn!.name, join(folder, alias));
  // A copy: an update of the extension takes its own away.
  await copyFile(runtimeLibrary, join(folder, runtimeLibraryName), constants.COPYFILE_FICLONE);
  if (total > 0) report(true);
  return libraries;
}

/** That the provider is the runtime's, and that everything it is linked to is there. */
async function verify(
  folder: string,
  plan: GpuRuntimePlan,
  { runtimeVersion, signal }: GpuRuntimeOptions,
): Promise<void> {
  const provider = join(folder, CUDA_PROVIDER);
  const needed = await cudaNeeds(provider);
  if (!(await holdsCString(provider, runtimeVersion, signal))) {
    throw new MedTextError('INTEGRITY', words`The CUDA provider is not that of ONNX Runtime ${runtimeVersion}.`, { runtimeVersion }); // prettier-ignore
  }
  const missing = needed.filter((name) => !existsSync(join(folder, name)) && !plan.system.includes(name));
  if (missing.length > 0) throw new MedTextError('INTEGRITY', words`The CUDA provider is linked to ${missing.join(', ')}, which did not come with it.`, { missing }); // prettier-ignore
}

async function passTrial(
  folder: string,
  tryCard: TryCard,
  { env = process.env, signal }: GpuRuntimeOptions,
): Promise<void> {
  const { passed, why } = await tryCard(variablesFor(folder, env), signal);
  if (signal?.aborted) throw cancelled();
  if (!passed) throw new MedTextError('RUNTIME', words`The libraries are whole, but a training step on the card failed: ${why ?? words`without a word`}. Nothing was changed; what was downloaded is kept for another try (medtext gpu-runtime remove deletes it).`, { why: why?.toString() }); // prettier-ignore
}

function recordOf(
  plan: GpuRuntimePlan,
  libraries: readonly GpuRuntimeLibrary[],
  runtimeVersion: string,
): GpuRuntimeRecord {
  return {
    format: 1,
    runtimeVersion,
    cuda: plan.cuda,
    ...(plan.index !== undefined && { index: plan.index }),
    folders: plan.folders,
    packages: [
      ...plan.packages.map(({ file: { name, version, sha256, sizeBytes } }) => ({ name, version, sha256, sizeBytes })),
      ...plan.reused.map(({ source }) => source),
    ],
    libraries,
    system: plan.system,
    installedAt: new Date().toISOString(),
    tested: !plan.withoutCard,
  };
}

/** Folders that a process which was killed left behind; the lock is held. */
async function sweep(root: string): Promise<void> {
  for (const name of await readdir(root).catch(() => [])) {
    if (/^\.libraries\.writing-[0-9a-f]{12}(\.old)?$/.test(name)) await rm(join(root, name), { recursive: true, force: true }); // prettier-ignore
  }
}

async function removeDownloads(root: string): Promise<void> {
  const folder = join(root, DOWNLOADS);
  for (const name of await readdir(folder).catch(() => [])) {
    if (/\.whl(\.part(\.json)?)?$/.test(name)) await rm(join(folder, name), { force: true });
  }
  await rmdir(folder).catch(() => undefined);
}

/** What files take, links left out. */
async function ownBytes(folder: string): Promise<number> {
  const names = await readdir(folder).catch(() => []);
  const files = await Promise.all(names.map((name) => lstat(join(folder, name)).catch(() => undefined)));
  return sum(files.map((file) => (file?.isFile() ? file.size : 0)));
}

async function refuseFullDisk({
  root,
  totalBytes,
  keptBytes: kept,
  unpackedBytes,
  reused,
}: GpuRuntimePlan): Promise<void> {
  const space = await statfs(root).catch(() => undefined);
  if (!space) return; // Some file systems do not say.
  const freeBytes = space.bavail * space.bsize;
  const neededBytes = totalBytes - kept + unpackedBytes - reusedBytes(reused) + SPARE_BYTES;
  if (freeBytes >= neededBytes) return;
  const megabytes = (bytes: number): string => `${Math.ceil(bytes / 1e6)} MB`;
  throw new MedTextError('DISK_FULL', words`${root} has ${megabytes(freeBytes)} left; the GPU runtime needs ${megabytes(neededBytes)} while it is unpacked. MEDTEXT_GPU_RUNTIME names another place.`, { freeBytes, neededBytes }); // prettier-ignore
}

function refuseOtherPlatform({ platform, arch }: Machine): void {
  if (platform === 'linux' && arch === 'x64') return;
  const instead =
    platform === 'win32'
      ? words`Windows needs none: DirectML and WebGPU are part of the extension and use any vendor’s card.`
      : platform === 'darwin'
        ? words`macOS has no CUDA: WebGPU and Core ML are part of the extension and use Apple’s GPU.`
        : words`The processor works; WebGPU does where there is a driver for it.`;
  throw new MedTextError('UNSUPPORTED', words`The CUDA libraries exist for x86-64 Linux only; this is ${platform} ${arch}. ${instead}`, { platform, arch }); // prettier-ignore
}

/** @throws MedTextError USAGE for a place that the loader's variable cannot name. */
function usableRoot(env: NodeJS.ProcessEnv): string {
  const root = gpuRuntimeRoot(env);
  if (isAbsolute(root) && !/[:;]/.test(root)) return root;
  throw new MedTextError('USAGE', words`The GPU runtime cannot be kept in ${root}: it takes a full path without colons and semicolons (MEDTEXT_GPU_RUNTIME).`, { root }); // prettier-ignore
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
    words`${names.join(', ')} of CUDA ${cuda} is neither in ${folders.join(', ') || words`a named folder`} nor known to the system's loader. Name its folder too, install it (${packages.join(', ')}), or let it be downloaded.`,
    { missing: names, folders, packages },
  );
}

function machineOf({ machine = {} }: GpuRuntimeOptions): Machine {
  return {
    platform: process.platform,
    arch: process.arch,
    glibc: (process.report?.getReport() as { header?: { glibcVersionRuntime?: string } } | undefined)?.header?.glibcVersionRuntime, // prettier-ignore
    driver: nvidiaDriverVersion,
    systemLibraries,
    ...machine,
  };
}

const sum = (numbers: readonly number[]): number => numbers.reduce((total, each) => total + each, 0);
