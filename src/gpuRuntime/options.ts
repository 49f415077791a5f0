import type { Log } from '../base/log';
import type { ProxySettings } from '../hub/hubSettings';
import type { TransportLimits } from '../hub/transport';
import { nvidiaDriverVersion } from './driver';
import { systemLibraries } from './systemLibraries';

export interface GpuRuntimeOptions {
  /** ONNX Runtime's, of this installation. */
  readonly runtimeVersion: string;
  /** Its own library, which a copy is made of. */
  readonly runtimeLibrary: string;
  readonly proxy: ProxySettings;
  readonly offline?: boolean;
  /** The package index, as set; absent: as the environment says. */
  readonly index?: string;
  readonly env?: NodeJS.ProcessEnv;
  readonly log?: Log;
  readonly userAgent?: string;
  readonly limits?: Partial<TransportLimits>;
  readonly signal?: AbortSignal;
  /** This machine, where a test puts another in its place. */
  readonly machine?: Partial<Machine>;
}

export interface Machine {
  readonly platform: string;
  readonly arch: string;
  /** Of the C library; undefined where it is not glibc. */
  readonly glibc: string | undefined;
  driver(): Promise<string | undefined>;
  systemLibraries(): Promise<ReadonlyMap<string, string>>;
}

/** This machine, as far as the options do not say another. */
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
