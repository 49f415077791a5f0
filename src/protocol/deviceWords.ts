import type { Translate } from '../base/translate';

/** How a device did in the self-test. */
export interface DeviceTrial {
  readonly device: string;
  readonly passed: boolean;
  /** A training step of a small encoder; absent when the device did not get that far. */
  readonly stepMilliseconds?: number;
  /** Why it fell out. */
  readonly fault?: DeviceFault;
}

export interface DeviceFault {
  readonly code: 'noAdapter' | 'noLibraries' | 'outOfMemory' | 'otherLosses' | 'tooSlow' | 'crashed' | 'failed';
  /** Of `crashed` and `failed`: the signal or the runtime's words; of `noLibraries` the first one that is missing. */
  readonly detail?: string;
}

export const deviceAdviceCodes = ['passThrough', 'nvidiaVulkan', 'mesaVulkan', 'graphicsDriver', 'softwareDriver', 'cudaLibraries', 'gpuRuntimeStale', 'gpuRuntimeBroken'] as const; // prettier-ignore
export type DeviceAdvice = (typeof deviceAdviceCodes)[number];

/** What was chosen, and why another fell out, in plain words. */
export function trialText(trial: DeviceTrial, isChosen: boolean, t: Translate): string {
  const { device, passed, stepMilliseconds, fault } = trial;
  const name = deviceTitle(device, t);
  if (!passed) return t('{0}: left out, {1}', name, faultText(fault ?? { code: 'failed' }, t));
  if (stepMilliseconds === undefined) return isChosen ? t('{0}: chosen', name) : t('{0}: works', name);
  const time = stepMilliseconds.toFixed(stepMilliseconds < 10 ? 1 : 0);
  return isChosen
    ? t('{0}: chosen ({1} ms for a step of a small encoder)', name, time)
    : t('{0}: works, but is slower ({1} ms for a step of a small encoder)', name, time);
}

function deviceTitle(device: string, t: Translate): string {
  const titles: Readonly<Record<string, string>> = { cpu: t('Processor'), webgpu: 'WebGPU', cuda: 'CUDA', dml: 'DirectML', coreml: 'Core ML' }; // prettier-ignore
  return titles[device] ?? device;
}

/** @param t the editor's, or what leaves the translation to who reads it */
export function faultText<Said>(
  { code, detail = '' }: DeviceFault,
  t: (message: string, ...values: string[]) => Said,
): Said | string {
  switch (code) {
    case 'noAdapter':
      return t('no graphics adapter, or no driver for it');
    case 'noLibraries':
      return detail === '' ? t('its libraries are not installed') : t('{0}, which it needs, is not installed', detail);
    case 'outOfMemory':
      return t('its memory is too small or taken');
    case 'otherLosses':
      return t('it computes other losses than the processor');
    case 'tooSlow':
      return t('its self-test did not end in time');
    case 'crashed':
      return t('its self-test ended the process ({0}): the driver may be faulty', detail);
    case 'failed':
      return detail || t('its self-test failed');
  }
}

export function adviceText(code: DeviceAdvice, t: Translate): string {
  switch (code) {
    case 'passThrough':
      return t('No graphics adapter is visible to this process. In a container, pass it through (for instance --gpus all, or --device /dev/dri); in a virtual machine, look at its host.'); // prettier-ignore
    case 'nvidiaVulkan':
      return t('WebGPU needs the Vulkan part of the NVIDIA driver: install libvulkan1 and libnvidia-gl, then check again.'); // prettier-ignore
    case 'mesaVulkan':
      return t(
        'WebGPU needs the adapter’s Vulkan driver: install libvulkan1 and mesa-vulkan-drivers, then check again.',
      );
    case 'graphicsDriver':
      return t('WebGPU found no adapter it can use: bring the graphics driver up to date, then check again.');
    case 'softwareDriver':
      return t('WebGPU works but is slower than the processor: its driver computes in software, or the adapter is a weak one.'); // prettier-ignore
    case 'cudaLibraries':
      return t('CUDA is left out because its libraries are not installed: the command “Get GPU Runtime…” (medtext gpu-runtime get) brings them. WebGPU uses the same card without them.'); // prettier-ignore
    case 'gpuRuntimeStale':
      return t('The installed CUDA libraries are of another version of ONNX Runtime and are not used: the command “Get GPU Runtime…” (medtext gpu-runtime get) brings those of this one.'); // prettier-ignore
    case 'gpuRuntimeBroken':
      return t('The installed CUDA libraries are no longer whole and are not used: the command “Get GPU Runtime…” (medtext gpu-runtime get) mends them.'); // prettier-ignore
  }
}
