import type { Log } from '../base/log';
import type { ProxySettings } from '../hub/hubSettings';
import type { TransportLimits } from '../hub/transport';
import { nvidiaDriverVersion } from './driver';
import { systemLibraries } from './systemLibraries';

export interface GpuRuntimeOptions {
  /** The version of the ONNX Runtime in this installation. */
  readonly runtimeVersion: string;
  /** The runtime's own library, which is copied. */
  readonly runtimeLibrary: string;
  readonly proxy: ProxySettings;
  readonly offline?: boolean;
  /** The address of the package index from the settings; absent: the environment's. */
  readonly index?: string;
  readonly env?: NodeJS.ProcessEnv;
  readonly log?: Log;
  readonly userAgent?: string;
  readonly limits?: Partial<TransportLimits>;
  readonly signal?: AbortSignal;
  /** This machine; tests give another one. */
  readonly machine?: Partial<Machine>;
}

export interface Machine {
  readonly platform: string;
  readonly arch: string;
  /** The version of glibc; undefined where the C library is another one. */
  readonly glibc: string | undefined;
  driver(): Promise<string | undefined>;
  systemLibraries(): Promise<ReadonlyMap<string, string>>;
}

/** This machine, with the values that the options replace. */
export function machineOf({ machine = {} }: GpuRuntimeOptions): Machine {
  return {
    platform: process.platform,
    arch: process.arch,
    glibc: (process.report?.getReport() as { header?: { glibcVersionRuntime?: string } } | undefined)?.header?.glibcVersionRuntime, // prettier-ignore
    driver: nvidiaDriverVersion,
    systemLibraries,
    ...machine,
  };
}
