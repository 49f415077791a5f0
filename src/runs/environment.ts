import { arch, availableParallelism, cpus, platform, release, totalmem } from 'node:os';
import { version } from '../../package.json';
import { runtimeVersion, supportedDevices } from '../inference/session';

/** What a run was computed by and on; kept in the run folder and printed in the model card. */
export type Environment = {
  readonly medtext: string;
  readonly onnxruntime: string;
  readonly node: string;
  readonly platform: string;
  readonly cpu: string;
  readonly logicalCores: number;
  /** Threads of the runtime. */
  readonly threads: number | 'auto';
  readonly memoryBytes: number;
  /** What computed the run. */
  readonly device: string;
  /** What the runtime could have computed on. */
  readonly providers: readonly string[];
};

/**
 * The versions and the machine. It is published with the model, so it names no host, no person and no folder.
 * @throws RUNTIME when ONNX Runtime cannot be loaded
 */
export function describeEnvironment({ device, threads }: { device: string; threads?: number }): Environment {
  return {
    medtext: version,
    onnxruntime: runtimeVersion(),
    node: process.versions.node,
    platform: `${platform()} ${arch()} ${release()}`,
    // Absent on some ARM machines and in some containers.
    cpu: cpus()[0]?.model.replace(/\s+/g, ' ').trim() || 'unknown',
    logicalCores: availableParallelism(),
    threads: threads ?? 'auto',
    memoryBytes: totalmem(),
    device,
    providers: supportedDevices().map(({ name }) => name),
  };
}
