/** What a person can do about the devices that `device: auto` left out. */
import { platform } from 'node:os';
import type { DeviceAdvice } from '../protocol/deviceWords';
import type { Adapter } from './adapters';
import type { DeviceChoice } from './deviceChoice';

/** The most useful first; empty when the fastest there is works. */
export function adviceOn(
  { device, trials }: DeviceChoice,
  found: readonly Adapter[],
  system: string = platform(),
): DeviceAdvice[] {
  const trial = (name: string) => trials.find((each) => each.device === name);
  const webgpu = trial('webgpu');
  const hasNvidia = found.some(({ name }) => name.startsWith('NVIDIA'));
  const advice: DeviceAdvice[] = [];
  if (webgpu && !webgpu.passed) {
    if (system !== 'linux') advice.push('graphicsDriver');
    else if (found.length === 0) advice.push('passThrough');
    else advice.push(hasNvidia ? 'nvidiaVulkan' : 'mesaVulkan');
  }
  if (webgpu?.passed && device !== 'webgpu') advice.push('softwareDriver');
  if (hasNvidia && trial('cuda')?.passed === false) advice.push('cudaLibraries');
  return advice;
}
