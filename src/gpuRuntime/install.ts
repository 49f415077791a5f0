/** Carries out an installation plan: downloads, checks and puts the libraries in place. */
import { constants, existsSync } from 'node:fs';
import { copyFile, link, mkdir, statfs, symlink } from 'node:fs/promises';
import { join } from 'node:path';
import { writeFileAtomically } from '../base/atomicFile';
import { MedTextError, words } from '../base/errors';
import { gpuRuntimeRecordName, librariesFolder, providerLibraryNames, runtimeLibraryName, variablesFor, type GpuRuntimeLibrary, type GpuRuntimeRecord } from '../base/gpuRuntime'; // prettier-ignore
import { sum } from '../base/sum';
import type { Words } from '../base/words';
import { downloadFile } from '../hub/downloadFile';
import { TransferMeter } from '../hub/transferMeter';
import { cancelled } from '../hub/transport';
import { replaceFolder } from '../models/checkpoint/replaceFolder';
import { removeDownloads, transportTo, wantedWheel, withGpuRuntimeLock } from './downloads';
import { holdsCString } from './elf';
import { providerAliases, sweep } from './installed';
import { cudaNeeds } from './libraries';
import type { GpuRuntimeOptions } from './options';
import { indexAddress, indexRefusal } from './packageIndex';
import { reusedBytes, type GpuRuntimePlan } from './plan';
import { openWheel } from './wheel';

export interface GpuRuntimeProgress {
  readonly phase: 'download' | 'unpack' | 'test';
  readonly done: number;
  readonly total: number;
  readonly bytesPerSecond: number;
  readonly secondsLeft: number | null;
}

/** How a small training on the GPU went. A process of its own ran it, with the variables of the libraries. */
export type TryCard = (variables: Readonly<Record<string, string>>, signal?: AbortSignal) => Promise<{ readonly passed: boolean; readonly why?: string | Words }>; // prettier-ignore

const REPORT_MS = 200;
const SPARE_BYTES = 256 * 2 ** 20;
const [CUDA_PROVIDER] = providerLibraryNames;

/**
 * Downloads, checks and unpacks the plan's wheels, tries the GPU, and then replaces the earlier installation. After an
 * interruption the next call continues the downloads; until the end the earlier installation stays as it was.
 * @throws MedTextError INTEGRITY, UNSAFE_NAME, RUNTIME (the GPU was tried and failed), DISK_FULL, BUSY, IO, NETWORK,
 * OFFLINE, ACCESS, CANCELLED.
 */
export async function installGpuRuntime(
  plan: GpuRuntimePlan,
  tryCard: TryCard,
  options: GpuRuntimeOptions & { readonly onProgress?: (progress: GpuRuntimeProgress) => void },
): Promise<GpuRuntimeRecord> {
  await mkdir(plan.root, { recursive: true });
  return withGpuRuntimeLock(plan.root, async () => {
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
      await downloadFile(transport, wantedWheel(plan.root, file), {
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

/** Unpacks and links the libraries into an empty folder. */
async function fill(
  folder: string,
  plan: GpuRuntimePlan,
  { runtimeLibrary, signal, onProgress }: GpuRuntimeOptions & { onProgress?: (progress: GpuRuntimeProgress) => void },
) {
  const libraries: GpuRuntimeLibrary[] = [];
  const total = sum(plan.packages.flatMap((each) => each.libraries.map(({ sizeBytes }) => sizeBytes)));
  let done = 0;
  let reported = 0;
  const started = performance.now();
  const report = (isForced: boolean): void => {
    const now = performance.now();
    if (!isForced && now - reported < REPORT_MS) return;
    reported = now;
    const seconds = (reported - started) / 1000;
    // A rate over the first moments would mean nothing.
    const secondsLeft = seconds > 1 ? (seconds * (total - done)) / done : null;
    onProgress?.({ phase: 'unpack', done, total, bytesPerSecond: 0, secondsLeft });
  };
  for (const { file, libraries: taken } of plan.packages) {
    const wheel = await openWheel(wantedWheel(plan.root, file).place);
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
    // A hard link, which stays until the old folder is deleted; a copy where the file system has no hard links.
    await link(path, join(folder, name)).catch(() => copyFile(path, join(folder, name), constants.COPYFILE_FICLONE));
    libraries.push({ name, sizeBytes });
  }
  const cudnn = libraries.find(({ name }) => /^libcudnn\.so\.\d+$/.test(name));
  for (const alias of cudnn ? providerAliases : []) await symlink(cudnn!.name, join(folder, alias));
  // A copy, since an update of the extension deletes its own file.
  await copyFile(runtimeLibrary, join(folder, runtimeLibraryName), constants.COPYFILE_FICLONE);
  if (total > 0) report(true);
  return libraries;
}

/** Checks that the provider is the one of this runtime, and that every library it is linked to is there. */
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
  if (!passed) throw new MedTextError('RUNTIME', words`The libraries are complete, but a training step on the GPU failed: ${why ?? words`without a message`}. Nothing was changed; what was downloaded is kept for another try (medtext gpu-runtime remove deletes it).`, { why: why?.toString() }); // prettier-ignore
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
