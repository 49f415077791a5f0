import { arch, availableParallelism, cpus, platform, release, totalmem } from 'node:os';
import { version } from '../../package.json';
import { runtimeVersion, supportedDevices } from '../inference/session';

/** The software and the machine of a run, kept in the run folder and printed in the model card. */
export type Environment = {
  readonly medtext: string;
  readonly onnxruntime: string;
  readonly node: string;
  readonly platform: string;
  readonly cpu: string;
  readonly logicalCores: number;
  /** The number of threads of the runtime. */
  readonly threads: number | 'auto';
  readonly memoryBytes: number;
  /** The device that computed the run. */
  readonly device: string;
  /** The execution providers of the runtime. */
  readonly providers: readonly string[];
};

/**
 * Describes the versions and the machine. The description is published with the model, so it names no host, person or folder.
 * @throws RUNTIME when ONNX Runtime cannot be loaded
 */
export function describeEnvironment({ device, threads }: { device: string; threads?: number }): Environment {
  return {
    medtext: version,
    onnxruntime: runtimeVersion(),
    node: process.versions.node,
    platform: `${platform()} ${arch()} ${release()}`,
    // Some ARM machines and containers report no model name.
    cpu: cpus()[0]?.model.replace(/\s+/g, ' ').trim() || 'unknown',
    logicalCores: availableParallelism(),
    threads: threads ?? 'auto',
    memoryBytes: totalmem(),
    device,
    providers: supportedDevices().map(({ name }) => name),
  };
}
