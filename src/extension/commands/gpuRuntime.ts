import { commands, window, type QuickPickItem } from 'vscode';
import { MedTextError } from '../../base/errors';
import { sizeText } from '../../base/sizeText';
import type { Translate } from '../../base/translate';
import { errorText } from '../../protocol/errorWords';
import type { GpuRuntimePlanned, GpuRuntimeStanding } from '../../protocol/library';
import type { Services } from '../services';
import { setting } from '../settings';
import { requireTrust } from './asking';
import { withJob } from './importCommands';
import { showInformation, showProgress, showWarning } from '../messages';

/** CUDA's libraries for ONNX Runtime: from the package index, from a folder, or away again. */
export async function getGpuRuntime(services: Services): Promise<void> {
  const { t, library } = services;
  if (process.platform !== 'linux' || process.arch !== 'x64') {
    return void showInformation(insteadText(process.platform, t));
  }
  if (!(await requireTrust(t))) return;
  const standing = await library.request('gpuRuntimeStatus', {});
  const choice = await window.showQuickPick(choices(standing, t), {
    title: t('Get GPU Runtime'),
    placeHolder: standingText(standing, t),
  });
  if (choice?.action === 'download') await bring(services, { folders: [], mayDownload: true });
  if (choice?.action === 'folder') await bringFromFolders(services);
  if (choice?.action === 'remove') await remove(services, standing);
}

interface Choice extends QuickPickItem {
  readonly action: 'download' | 'folder' | 'remove';
}

function choices({ state, sizeBytes, keptBytes }: GpuRuntimeStanding, t: Translate): Choice[] {
  const isThere = state !== 'none' || keptBytes > 0;
  return [
    {
      action: 'download',
      label: `$(cloud-download) ${t('Download')}`,
      description: keptBytes > 0 ? t('{0} already downloaded', sizeText(keptBytes)) : '',
      detail: t('The CUDA provider of this version of ONNX Runtime, and of NVIDIA’s libraries those that the system lacks. Sizes are shown first.'), // prettier-ignore
    },
    {
      action: 'folder',
      label: `$(folder-opened) ${t('Use a folder…')}`,
      detail: t('Python’s site-packages with onnxruntime-gpu, an environment, or a folder with the libraries. They are linked to, not copied.'), // prettier-ignore
    },
    ...(isThere
      ? [{ action: 'remove' as const, label: `$(trash) ${t('Remove')}`, description: sizeText(sizeBytes + keptBytes) }]
      : []),
  ];
}

function standingText({ state, cuda = 0, installedVersion = '', runtimeVersion }: GpuRuntimeStanding, t: Translate) {
  switch (state) {
    case 'none':
      return t('CUDA’s libraries are not installed.');
    case 'current':
      return t('CUDA {0} is installed and in use.', cuda);
    case 'stale':
      return t('CUDA {0} is installed for ONNX Runtime {1}; this version has {2}.', cuda, installedVersion, runtimeVersion); // prettier-ignore
    case 'broken':
      return t('CUDA {0} is installed, but incomplete.', cuda);
  }
}

function insteadText(platform: string, t: Translate): string {
  if (platform === 'win32') return t('Windows needs no GPU runtime: DirectML and WebGPU are part of the extension and use any vendor’s GPU.'); // prettier-ignore
  if (platform === 'darwin') return t('macOS has no CUDA and needs no GPU runtime: WebGPU and Core ML are part of the extension.'); // prettier-ignore
  return t('CUDA’s libraries for ONNX Runtime exist for x86-64 Linux only.');
}

interface Wish {
  readonly folders: string[];
  readonly mayDownload: boolean;
}

async function bringFromFolders(services: Services): Promise<void> {
  const { t } = services;
  const picked = await window.showOpenDialog({ canSelectFolders: true, canSelectFiles: false, canSelectMany: true, title: t('Folders with CUDA’s libraries'), openLabel: t('Use') }); // prettier-ignore
  if (!picked || picked.length === 0) return;
  const folders = picked.map(({ fsPath }) => fsPath);
  try {
    await bring(services, { folders, mayDownload: false });
  } catch (error) {
    if (!(error instanceof MedTextError) || error.code !== 'NOT_FOUND') throw error;
    const rest = t('Download the Rest');
    const choice = await showWarning(errorText(error, t), { modal: true }, rest);
    if (choice === rest) await bring(services, { folders, mayDownload: true });
  }
}

async function bring(services: Services, sources: Wish): Promise<void> {
  const { t, library, hubs, scorer } = services;
  const index = setting('medtext.gpuRuntime.index').trim();
  const wish = { ...sources, hub: await hubs.options(), ...(index !== '' && { index }) };
  const plan = await showProgress(t('Looking up the GPU runtime'), (signal) =>
    library.request('planGpuRuntime', wish, signal),
  );
  if (plan.packages.length > 0 && !(await confirmDownload(plan, t))) return;
  const { cuda } = await withJob(services, t('Getting the GPU runtime'), (job, signal) =>
    library.request('installGpuRuntime', { ...wish, job }, signal),
  );
  // A process finds the libraries when it starts.
  await scorer.renew();
  const check = t('Check Device');
  void showInformation(t('CUDA {0} works: a training step on the GPU gave the right losses.', cuda), check).then(
    (choice) => choice === check && commands.executeCommand('medtext.checkDevice'),
  );
}

async function confirmDownload(plan: GpuRuntimePlanned, t: Translate): Promise<boolean> {
  const { packages, linked, system, totalBytes, keptBytes, unpackedBytes, index = '', cuda, driver } = plan;
  const names = [...packages].sort((a, b) => b.sizeBytes - a.sizeBytes).map(({ name, version, sizeBytes }) => `${name} ${version} (${sizeText(sizeBytes)})`); // prettier-ignore
  const kept = keptBytes > 0 ? t('{0} already downloaded', sizeText(keptBytes)) : '';
  const found = linked.length + system.length > 0 ? t('{0} libraries are on this machine', linked.length + system.length) : ''; // prettier-ignore
  const download = {
    label: `$(cloud-download) ${t('Download {0}', sizeText(totalBytes))}`,
    description: [t('{0} on disk after the installation', sizeText(unpackedBytes)), kept, found]
      .filter(Boolean)
      .join(' · '),
    detail: names.join(', '),
  };
  const title = [`CUDA ${cuda}`, driver && t('driver {0}', driver), index].filter(Boolean).join(' · ');
  const placeHolder = t('NVIDIA’s libraries come under NVIDIA’s licence (docs.nvidia.com/cuda/eula).');
  return (await window.showQuickPick([download], { title, placeHolder, ignoreFocusOut: true })) !== undefined;
}

async function remove({ t, library, scorer }: Services, standing: GpuRuntimeStanding): Promise<void> {
  const yes = t('Remove');
  const question = t('Remove CUDA’s libraries from {0}? The files that they link to stay.', standing.root);
  if ((await showWarning(question, { modal: true }, yes)) !== yes) return;
  // A process that has them loaded keeps their place on the disk.
  await scorer.restart();
  const { freedBytes } = await library.request('removeGpuRuntime', {});
  void showInformation(t('The GPU runtime is removed: {0} are free again.', sizeText(freedBytes)));
}
