/** The execution provider that a device's name stands for on this machine. */
import { MedTextError, words } from '../base/errors';
import { supportedDevices, type ExecutionDevice } from './session';

export const deviceNames = ['auto', 'cpu', 'webgpu', 'cuda', 'dml', 'coreml'] as const;

/**
 * The device that computes. `auto` is the CPU here: it is ready at once, and no weights are copied. Predictions of
 * whole files and trainings choose a device in src/devices/deviceChoice.
 * @throws MedTextError USAGE for an unknown name; UNSUPPORTED where this platform's runtime has no such provider.
 */
export function executionDevice(name = 'auto'): ExecutionDevice {
  if (name === 'auto' || name === 'cpu') return 'cpu';
  if (!(deviceNames as readonly string[]).includes(name)) {
    throw new MedTextError('USAGE', words`"${name}" is not a device. The devices are ${deviceNames.join(', ')}.`, {
      name,
    });
  }
  const here = supportedDevices().map((device) => device.name);
  if (here.includes(name)) return name as ExecutionDevice;
  throw new MedTextError(
    'UNSUPPORTED',
    words`ONNX Runtime for ${process.platform} ${process.arch} has no "${name}"; it has ${here.join(', ')}.`,
    { name, available: here },
  );
}
