/** Questions that fine-tuning and continued pretraining have in common. */
import { QuickPickItemKind, window } from 'vscode';
import type { Device } from '../../protocol/recipe';
import type { Services } from '../services';
import { setting } from '../settings';
import { importModel } from './importCommands';
import { starterModel } from './starter';
import { back, pick, type Option, type StepPosition } from './steps';

export const section = (label: string): Option<string>[] => [{ label, kind: QuickPickItemKind.Separator, value: '' }];

/**
 * A model's folder: one of the list, of the disk, of a hub, or the starter encoder. What is put `first` is answered by its own
 * value.
 */
export async function pickModel(
  services: Services,
  title: string,
  first: readonly Option<string>[],
  position: StepPosition,
): Promise<string | typeof back | undefined> {
  const { t, models } = services;
  const known = models.list().filter(({ missing }) => !missing);
  const starter = known.find((model) => models.isStarter(model));
  const options: Option<string>[] = [
    ...first,
    ...section(t('Models')),
    ...known.map((model) => ({
      label: `$(package) ${model.name}`,
      description: model.description,
      value: `model:${model.folder}`,
    })),
    ...(models.list().some((model) => models.isStarter(model))
      ? []
      : [{ label: `$(package) ${t('Starter encoder')}`, description: t('comes with MedText Lab'), value: 'starter' }]),
    ...section(t('More')),
    { label: `$(folder-opened) ${t('Open a model folder…')}`, value: 'browse' },
    { label: `$(cloud-download) ${t('Import Model…')}`, value: 'import' },
  ];
  const preferred = starter ? `model:${starter.folder}` : 'starter';
  const choice = await pick(options, { title, preferred }, position);
  if (choice === undefined || choice === back) return choice;
  if (choice === 'import') return (await importModel(services))?.folder;
  if (choice === 'starter') return (await starterModel(services)).folder;
  if (choice === 'browse') {
    return (await window.showOpenDialog({ canSelectFolders: true, canSelectFiles: false, title }))?.[0]?.fsPath;
  }
  return choice.startsWith('model:') ? choice.slice('model:'.length) : choice;
}

export function pickDevice(
  { t }: Services,
  title: string,
  position: StepPosition,
): Promise<Device | typeof back | undefined> {
  // prettier-ignore
  const options: Option<Device>[] = [
    { label: t('Automatic'), description: t('the best device that works'), value: 'auto' },
    { label: 'CPU', value: 'cpu' },
    { label: 'WebGPU', value: 'webgpu' },
    { label: 'CUDA', description: 'NVIDIA', value: 'cuda' },
    { label: 'DirectML', description: 'Windows', value: 'dml' },
    { label: 'CoreML', description: 'macOS', value: 'coreml' },
  ];
  return pick(options, { title, preferred: setting('medtext.device') }, position);
}
