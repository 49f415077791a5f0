/** Which execution provider a device's name means on this machine. */
import { MedTextError, words } from '../base/errors';
import { supportedDevices, type ExecutionDevice } from './session';

export const deviceNames = ['auto', 'cpu', 'webgpu', 'cuda', 'dml', 'coreml'] as const;

/**
 * `auto` is the CPU here, which is ready at once and does not move the weights; whole files and trainings choose
 * (src/devices/deviceChoice).
 * @throws MedTextError USAGE for a name that is none; UNSUPPORTED where this platform's runtime has no such provider.
 */
export function executionDevice(name = 'auto'): ExecutionDevice {
  if (name === 'auto' || name === 'cpu') return 'cpu';
  if (!(deviceNames as readonly string[]).includes(name)) {
    throw new MedTextError('USAGE', words`"${name}" is no device; the devices are ${deviceNames.join(', ')}.`, {
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
