import type { Translate } from '../base/translate';
import { flag, listOf, number, object, oneOf, text, type Checked } from './check';

const deviceFault = object(
  { code: oneOf('noAdapter', 'noLibraries', 'outOfMemory', 'otherLosses', 'tooSlow', 'crashed', 'failed') },
  /** For `crashed` and `failed`: the signal or the runtime's message. For `noLibraries`: the first missing library. */
  { detail: text },
);
export type DeviceFault = Checked<typeof deviceFault>;

/** A device's result in the self-test. */
const deviceTrial = object(
  { device: text, passed: flag },
  {
    /** The time of a training step of a small encoder; absent if the self-test failed earlier. */
    stepMilliseconds: number,
    /** Why the device was rejected. */
    fault: deviceFault,
  },
);
export type DeviceTrial = Checked<typeof deviceTrial>;

/** The device that `device: auto` chose, and the result of every device. */
export const chosenDevice = object({ device: text, trials: listOf(deviceTrial) });
export type ChosenDevice = Checked<typeof chosenDevice>;

/** One line for each device: the chosen one, and why the others were rejected. */
export const choiceText = ({ device, trials }: ChosenDevice, t: Translate): string[] =>
  trials.map((trial) => trialText(trial, trial.device === device, t));

/** The device's name within a sentence or a list. */
export function deviceText(device: string, t: Translate): string {
  const names: Readonly<Record<string, string>> = {
    auto: t('automatic'),
    cpu: 'CPU',
    webgpu: 'WebGPU',
    cuda: 'CUDA',
    dml: 'DirectML',
    coreml: 'Core ML',
  };
  return Object.hasOwn(names, device) ? names[device] : device;
}

/** The device, with the precision of its matrix products if that is below float32. */
export function computingText(device: string, precision: string | undefined, t: Translate): string {
  const isUsed = (precision === 'float16' && device !== 'cpu') || (precision === 'tf32' && device === 'cuda');
  return isUsed ? t('{0}, {1}', deviceText(device, t), precision) : deviceText(device, t);
}

/** The message that a run continues on another device. */
export function lostDeviceText(lost: string, device: string, t: Translate): string {
  return t('{0} failed during the run: the training went back to its last checkpoint, or to its start, and continues. Device now: {1}.', deviceText(lost, t), deviceText(device, t)); // prettier-ignore
}

export const deviceAdviceCodes = ['passThrough', 'nvidiaVulkan', 'mesaVulkan', 'graphicsDriver', 'softwareDriver', 'cudaLibraries', 'gpuRuntimeStale', 'gpuRuntimeBroken'] as const; // prettier-ignore
export type DeviceAdvice = (typeof deviceAdviceCodes)[number];

/** One device's line: that it was chosen, or why it was rejected. */
export function trialText(trial: DeviceTrial, isChosen: boolean, t: Translate): string {
  const { device, passed, stepMilliseconds, fault } = trial;
  const name = deviceText(device, t);
  if (!passed) return t('{0}: left out, {1}', name, faultText(fault ?? { code: 'failed' }, t));
  if (stepMilliseconds === undefined) return isChosen ? t('{0}: chosen', name) : t('{0}: works', name);
  const time = stepMilliseconds.toFixed(stepMilliseconds < 10 ? 1 : 0);
  return isChosen
    ? t('{0}: chosen ({1} ms for a step of a small encoder)', name, time)
    : t('{0}: works, but is slower ({1} ms for a step of a small encoder)', name, time);
}

/** @param t the editor's translation, or a function that keeps the words for a later translation */
export function faultText<Said>(
  { code, detail = '' }: DeviceFault,
  t: (message: string, ...values: string[]) => Said,
): Said | string {
  switch (code) {
    case 'noAdapter':
      return t('no GPU, or no driver for it');
    case 'noLibraries':
      return detail === '' ? t('its libraries are not installed') : t('{0}, which it needs, is not installed', detail);
    case 'outOfMemory':
      return t('its memory is too small or taken');
    case 'otherLosses':
      return t('it computes other losses than the CPU');
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
      return t('No GPU is visible to this process. In a container, pass the GPU through (for instance --gpus all, or --device /dev/dri); in a virtual machine, check the host.'); // prettier-ignore
    case 'nvidiaVulkan':
      return t('WebGPU needs the Vulkan part of the NVIDIA driver: install libvulkan1 and libnvidia-gl, then check again.'); // prettier-ignore
    case 'mesaVulkan':
      return t('WebGPU needs the GPU’s Vulkan driver: install libvulkan1 and mesa-vulkan-drivers, then check again.');
    case 'graphicsDriver':
      return t('WebGPU found no GPU that it can use: update the graphics driver, then check again.');
    case 'softwareDriver':
      return t('WebGPU works but is slower than the CPU: its driver computes in software, or the GPU is slow.'); // prettier-ignore
    case 'cudaLibraries':
      return t('CUDA is not used because its libraries are not installed: the command “Get GPU Runtime…” (medtext gpu-runtime get) installs them. WebGPU uses the same GPU without them.'); // prettier-ignore
    case 'gpuRuntimeStale':
      return t('The installed CUDA libraries belong to another version of ONNX Runtime and are not used: the command “Get GPU Runtime…” (medtext gpu-runtime get) installs those of this version.'); // prettier-ignore
    case 'gpuRuntimeBroken':
      return t('The installed CUDA libraries are incomplete and are not used: the command “Get GPU Runtime…” (medtext gpu-runtime get) repairs them.'); // prettier-ignore
  }
}
