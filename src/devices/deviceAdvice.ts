/** Advice on the devices that `device: auto` left out. */
import { platform } from 'node:os';
import type { GpuRuntimeState } from '../base/gpuRuntime';
import type { DeviceAdvice } from '../protocol/deviceWords';
import type { Adapter } from './adapters';
import type { DeviceChoice } from './deviceChoice';

/** The most useful advice first; empty when the fastest device of the machine works. */
export function adviceOn(
  { device, trials }: DeviceChoice,
  found: readonly Adapter[],
  {
    system = platform(),
    gpuRuntime = 'none',
  }: { readonly system?: string; readonly gpuRuntime?: GpuRuntimeState['kind'] } = {},
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
  const cuda = trial('cuda');
  if (gpuRuntime === 'stale') advice.push('gpuRuntimeStale');
  else if (gpuRuntime === 'broken') advice.push('gpuRuntimeBroken');
  // Once the libraries are there, the trial gives another reason.
  else if (hasNvidia && cuda?.passed === false && gpuRuntime === 'none') advice.push('cudaLibraries');
  return advice;
}
