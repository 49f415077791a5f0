/** The NVIDIA driver of this machine, and what CUDA asks of it. */
import { execFile } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { MedTextError, words } from '../base/errors';

/** The oldest driver branch on Linux for a major version of CUDA (its "minor version compatibility"). */
const OLDEST_DRIVER: Readonly<Record<number, number>> = { 11: 450, 12: 525, 13: 580 };
const askMs = 10_000;

/** The version (`580.95.05`) in the text that the kernel module gives. */
export function driverVersionOf(text: string): string | undefined {
  return /\b(\d{3,4}\.\d+(?:\.\d+)?)\b/.exec(text)?.[1];
}

/** The version that the kernel module gives, or else the driver's own program (in WSL the module is the host's). */
export async function nvidiaDriverVersion(): Promise<string | undefined> {
  try {
    const version = driverVersionOf(readFileSync('/proc/driver/nvidia/version', 'utf8'));
    if (version) return version;
  } catch {
    // The module is missing; the program may still be there.
  }
  const args = ['--query-gpu=driver_version', '--format=csv,noheader'];
  const output = await new Promise<string>((resolve) => {
    execFile('nvidia-smi', args, { timeout: askMs, windowsHide: true }, (error, out) => resolve(error ? '' : out));
  });
  return driverVersionOf(output);
}

/** @throws MedTextError UNSUPPORTED when there is no driver, or one that is too old for this CUDA. */
export function refuseOldDriver(version: string | undefined, cuda: number): void {
  const oldest = OLDEST_DRIVER[cuda];
  if (version === undefined) {
    throw new MedTextError(
      'UNSUPPORTED',
      words`CUDA needs an NVIDIA driver${oldest ? words` (version ${oldest} or later for CUDA ${cuda})` : ''}, and this machine has none. Install it, or in a container pass the GPU through (--gpus all).`,
      { cuda, oldest },
    );
  }
  if (oldest !== undefined && Number.parseInt(version, 10) < oldest) {
    throw new MedTextError(
      'UNSUPPORTED',
      words`The NVIDIA driver ${version} is too old for CUDA ${cuda}, which this version of ONNX Runtime uses: it needs ${oldest} or later. Update the driver; WebGPU works with the present one.`,
      { driver: version, cuda, oldest },
    );
  }
}
