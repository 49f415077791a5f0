import type { GpuRuntimeProgress } from '../../gpuRuntime/install';
import type { GpuRuntimeStatus } from '../../gpuRuntime/installed';
import type { GpuRuntimePlan } from '../../gpuRuntime/plan';
import { version } from '../../../package.json';
import type { Arguments, Command, Context, ExitCode } from '../commandLine';
import { canAsk, consentsToDownload } from '../consent';
import { bytes, counted, duration, properties, table } from '../terminal';

export const gpuRuntimeCommand: Command = {
  name: 'gpu-runtime',
  usage: ['gpu-runtime get [<folder> ...]', 'gpu-runtime use <folder> ...', 'gpu-runtime status', 'gpu-runtime remove'],
  summary: 'CUDA for ONNX Runtime on x86-64 Linux: install its libraries, use those of a folder, remove them.',
  details: [
    'get     downloads what this machine lacks from the Python package index: the CUDA provider of exactly this version of',
    "        ONNX Runtime, and NVIDIA's libraries under NVIDIA's licence. Libraries of the named folders and of the system are",
    '        used where they fit. The command shows the sizes and asks first. An interrupted download continues.',
    "use     links the libraries of folders and downloads nothing: Python's site-packages with onnxruntime-gpu and nvidia-*, a",
    '        virtual or conda environment, /usr/local/cuda, or a folder with the libraries themselves.',
    'status  shows what is installed, where it comes from, and whether it fits.',
    'remove  deletes what get and use installed, and nothing else.',
    '',
    'Every file is checked (SHA-256, version), and a training step runs on the GPU before anything is installed.',
    'The editor and the command line share one folder: ~/.local/share/medtext/gpu-runtime, or MEDTEXT_GPU_RUNTIME.',
    'Mirrors: --index, MEDTEXT_PACKAGE_INDEX, PIP_INDEX_URL. Proxies: HTTPS_PROXY, NO_PROXY.',
  ],
  options: {
    index: { kind: 'value', value: 'URL', help: 'A package index, such as a mirror of PyPI (…/simple).' },
    plan: { kind: 'flag', help: 'Only show what would be downloaded and linked, and the sizes.' },
    yes: { kind: 'flag', short: 'y', help: 'Do not ask before the download.' },
    'without-card': {
      kind: 'flag',
      help: 'Do not check the driver or the GPU. This prepares a machine image.',
    },
  },
  examples: [
    'medtext gpu-runtime get',
    'medtext gpu-runtime get --index https://mirror.example/simple --yes',
    'medtext gpu-runtime use ~/venv/lib/python3.12/site-packages',
    'medtext gpu-runtime remove',
  ],
  run: gpuRuntime,
};

const actions = ['get', 'use', 'status', 'remove'] as const;

async function gpuRuntime(args: Arguments, context: Context): Promise<ExitCode | void> {
  const [action = 'status', ...folders] = args.positionals;
  if (!(actions as readonly string[]).includes(action)) {
    throw args.wrong(`"${action}" is no action. The actions are ${actions.join(', ')}.`);
  }
  if (action === 'status' || action === 'remove') {
    args.atMost(1);
    args.refuse(['plan', 'index', 'without-card'], `cannot be used with ${action}.`);
  }
  if (action === 'use') args.refuse(['index'], 'cannot be used with use, which downloads nothing.');
  if (action === 'status') return showStatus(context);
  if (action === 'remove') return remove(context);
  if (action === 'use' && folders.length === 0) throw args.wrong('The folder is missing.');
  return bring(args, context, { folders, mayDownload: action === 'get' });
}

async function bring(
  args: Arguments,
  { screen, signal }: Context,
  wish: { folders: string[]; mayDownload: boolean },
): Promise<ExitCode> {
  // prettier-ignore
  const { planGpuRuntime } = await import('../../gpuRuntime/plan');
  const { installGpuRuntime } = await import('../../gpuRuntime/install');
  const { hubSettings } = await import('../../hub/hubSettings');
  const { bundledRuntimeVersion } = await import('../../base/gpuRuntime');
  const { runtimeLibraryPath } = await import('../../inference/session');
  const { proxy, offline } = hubSettings(process.env);
  const options = {
    runtimeVersion: bundledRuntimeVersion,
    // Other platforms have no CUDA provider, and the plan reports their alternative.
    runtimeLibrary: process.platform === 'linux' ? runtimeLibraryPath() : '',
    proxy,
    offline,
    index: args.text('index'),
    userAgent: `medtext/${version}`,
    signal,
  };
  const plan = await planGpuRuntime({ ...wish, withoutCard: args.flag('without-card') }, options);
  const isOnlyPlan = args.flag('plan');
  tellPlan(plan, screen, isOnlyPlan);
  if (isOnlyPlan) return 0;
  if (plan.packages.length > 0 && !args.flag('yes') && !(await consents(plan, args, { screen, signal }))) return 1;
  const { tryCuda } = await import('../../devices/tryCuda');
  const onProgress = (progress: GpuRuntimeProgress): void => showProgress(progress, screen);
  const record = await installGpuRuntime(plan, tryCuda, { ...options, onProgress });
  screen.printJson({ root: plan.root, ...record });
  screen.print(
    record.tested
      ? `CUDA ${record.cuda} works: a training step on the GPU gave PyTorch's losses. From now on, "device: auto" tries CUDA.`
      : `The libraries of CUDA ${record.cuda} are installed but not tested on a GPU. On a machine with a GPU, run: medtext doctor`,
  );
  return 0;
}

function tellPlan(plan: GpuRuntimePlan, screen: Context['screen'], isOnlyPlan: boolean): void {
  const { packages, linked, reused, system, totalBytes, keptBytes, unpackedBytes, cuda, driver, index } = plan;
  if (isOnlyPlan) {
    screen.printJson({
      root: plan.root,
      cuda,
      driver: driver ?? null,
      index: index ?? null,
      packages: packages.map(({ file: { name, version: release, file, sizeBytes } }) => ({ name, version: release, file, sizeBytes })), // prettier-ignore
      linked: linked.map(({ name, path }) => ({ name, path })),
      reused: reused.map(({ source: { name, version: release } }) => ({ name, version: release })),
      system,
      totalBytes,
      keptBytes,
      unpackedBytes,
    });
  }
  const say = (line: string): void => (isOnlyPlan ? screen.print(line) : screen.note(line));
  say(`CUDA ${cuda}${driver === undefined ? '' : `, driver ${driver}`}, into ${plan.root}`);
  const rows = [
    ...packages.map(({ file }) => [file.name, file.version, bytes(file.sizeBytes)]),
    ...reused.map(({ source: { name, version: release } }) => [name, release, 'installed']),
    ...linked.map(({ name, path }) => [name, `linked to ${path}`, '']),
    ...system.map((name) => [name, "found by the system's loader", '']),
  ];
  for (const line of table(rows, [2])) say(line);
  const kept = keptBytes > 0 ? `, ${bytes(keptBytes)} already downloaded` : '';
  if (packages.length > 0) {
    say(`${counted(packages.length, 'package')} from ${index}: ${bytes(totalBytes)}${kept}; ${bytes(unpackedBytes)} unpacked.`); // prettier-ignore
    say("NVIDIA's libraries come under NVIDIA's licence: https://docs.nvidia.com/cuda/eula/");
  } else say('Nothing to download.');
}

async function consents(plan: GpuRuntimePlan, args: Arguments, context: Context): Promise<boolean> {
  if (!canAsk(context))
    throw args.wrong('The download needs your consent, and there is no terminal to ask in. Add --yes.');
  return consentsToDownload(plan.totalBytes - plan.keptBytes, context);
}

function showProgress(
  { phase, done, total, bytesPerSecond, secondsLeft }: GpuRuntimeProgress,
  screen: Context['screen'],
): void {
  // prettier-ignore
  if (phase === 'test') return screen.progress(1, 'testing the GPU');
  const rate = bytesPerSecond > 0 ? `  ${bytes(bytesPerSecond)}/s` : '';
  const left = secondsLeft !== null && done < total ? `  ${duration(secondsLeft)} left` : '';
  const what = phase === 'unpack' ? ' unpacked' : '';
  screen.progress(total > 0 ? done / total : 1, `${bytes(done)} of ${bytes(total)}${what}${rate}${left}`);
}

async function showStatus({ screen }: Context): Promise<ExitCode> {
  const { gpuRuntimeStatus } = await import('../../gpuRuntime/installed');
  const { bundledRuntimeVersion } = await import('../../base/gpuRuntime');
  const status = await gpuRuntimeStatus(process.env, bundledRuntimeVersion);
  const { root, state, sizeBytes, keptBytes } = status;
  const record = state.kind === 'none' ? null : state.record;
  const missing = state.kind === 'none' ? [] : state.missing;
  screen.printJson({ root, state: state.kind, runtimeVersion: bundledRuntimeVersion, missing, sizeBytes, keptBytes, record }); // prettier-ignore
  screen.print(...statusText(status, bundledRuntimeVersion));
  return state.kind === 'stale' || state.kind === 'broken' ? 1 : 0;
}

function statusText({ root, state, sizeBytes, keptBytes }: GpuRuntimeStatus, runtimeVersion: string): string[] {
  const rows: [string, string][] = [['folder', root]];
  if (state.kind === 'none') {
    rows.push(['state', 'not installed (medtext gpu-runtime get)']);
  } else {
    const { record, missing } = state;
    const states = {
      current: record.tested ? 'in use, tested on the GPU' : 'in use, not tested on a GPU',
      stale: `built for ONNX Runtime ${record.runtimeVersion}, but this program has ${runtimeVersion}: run medtext gpu-runtime get`,
      broken: `incomplete, ${missing.slice(0, 4).join(', ')} missing: run medtext gpu-runtime get`,
    };
    rows.push(['state', states[state.kind]], ['CUDA', String(record.cuda)]);
    for (const { name, version: release } of record.packages) rows.push(['package', `${name} ${release}`]);
    for (const folder of record.folders) rows.push(['linked from', folder]);
    if (record.system.length > 0) rows.push(['system libraries', record.system.join(', ')]);
    if (record.index !== undefined) rows.push(['index', record.index]);
    rows.push(['installed', record.installedAt], ['on the disk', bytes(sizeBytes)]);
  }
  if (keptBytes > 0) rows.push(['interrupted download', `${bytes(keptBytes)} kept`]);
  return properties(rows);
}

async function remove({ screen }: Context): Promise<void> {
  const { removeGpuRuntime } = await import('../../gpuRuntime/installed');
  const { freedBytes } = await removeGpuRuntime(process.env);
  screen.printJson({ freedBytes });
  screen.print(
    freedBytes > 0 ? `Removed. ${bytes(freedBytes)} of disk space are free again.` : 'There is nothing to remove.',
  );
}
