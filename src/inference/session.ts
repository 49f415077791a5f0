/** Sessions over graphs on a device, with typed arrays in and out. Only this file imports onnxruntime-node. */
import { existsSync, readdirSync } from 'node:fs';
import { dirname, join } from 'node:path';
import type * as Ort from 'onnxruntime-node';
import { MedTextError, words } from '../base/errors';
import { runtimeLibraryName } from '../base/gpuRuntime';
import type { Words } from '../base/words';
import { elementCount, type DataType, type TypedArray } from '../onnx/dataType';
import type { Model } from '../onnx/model';
import { writeModel, type StoredTensor } from '../onnx/writeModel';

/** A device for which ONNX Runtime has an execution provider. */
export type ExecutionDevice = 'cpu' | 'webgpu' | 'cuda' | 'dml' | 'coreml';

export interface SessionOptions {
  readonly device?: ExecutionDevice;
  /**
   * Whether an NVIDIA GPU's matrix products read float32 with 10 bits of mantissa. The first session of a process
   * decides.
   */
  readonly allowTf32?: boolean;
  /** The number of threads inside one operator. Absent: the number of the machine's cores. */
  readonly threads?: number;
  /** Whether the graph's memory is kept between runs. It suits a graph that runs often and needs little memory. */
  readonly arena?: boolean;
  /** The prefix of files to which the runtime writes its profile (JSON, Chrome trace format). */
  readonly profilePrefix?: string;
  /**
   * Whether WebGPU keeps every buffer for the next value of its size. Steps take a quarter less time, but the buffers
   * of all graphs stay allocated. The first session of a process decides.
   */
  readonly keepsBuffers?: boolean;
  /**
   * Whether the output of that name stays in the device's memory. Only WebGPU's binding supports it. Absent: none
   * stays.
   */
  readonly staysOnDevice?: (output: string) => boolean;
}

/** Whether a device's outputs can stay in its memory and be fed again. */
export function keepsTensors(device: ExecutionDevice): boolean {
  return device === 'webgpu';
}

/** A value to feed. The runtime reads the array in place, without a copy. */
export interface Feed {
  readonly dataType: DataType;
  readonly shape: readonly number[];
  readonly data: TypedArray;
}

export interface Output {
  readonly shape: readonly number[];
  readonly data: TypedArray;
}

/** Initialisers outside the graph's bytes. */
export interface OutsideTensors {
  readonly tensors: ReadonlyMap<string, StoredTensor>;
  /** The folder of the files that {@link tensors} names. */
  readonly folder?: string;
  /** Tensors of {@link tensors} that lie in memory. The session reads them in place for as long as it lives. */
  readonly memory: Readonly<Record<string, Float32Array>>;
}

/** A value in the device's memory. It can be fed to any session on the device. Its owner disposes of it. */
export class DeviceTensor {
  constructor(
    /** The runtime's tensor; for {@link Session} only. */
    readonly tensor: unknown,
    readonly shape: readonly number[],
  ) {}

  /** Frees the memory. To be called after the runs that read the value. */
  dispose(): void {
    (this.tensor as Ort.Tensor).dispose();
  }
}

let runtime: typeof Ort | undefined;

/** Loads the runtime's module at the first use, because it costs 60 ms and a native library. */
function loadRuntime(): typeof Ort {
  // From 1.29 on the official builds send data on models, machine and timings to their maker, unless this variable is
  // set before they start. This program sends nothing.
  process.env.ORT_DISABLE_TELEMETRY = '1';
  try {
    // eslint-disable-next-line @typescript-eslint/no-require-imports
    runtime ??= require('onnxruntime-node') as typeof Ort;
    return runtime;
  } catch (error) {
    throw new MedTextError(
      'RUNTIME',
      words`ONNX Runtime cannot be loaded on this machine (${process.platform} ${process.arch}, Node ${process.version}): ${(error as Error).message}`,
      { platform: process.platform, arch: process.arch },
      { cause: error },
    );
  }
}

export function runtimeVersion(): string {
  return loadRuntime().env.versions.node ?? loadRuntime().env.versions.common;
}

/**
 * The path of the runtime's native library in its package. @throws MedTextError NOT_FOUND where this platform has none.
 */
export function runtimeLibraryPath(): string {
  const bin = join(dirname(require.resolve('onnxruntime-node/package.json')), 'bin');
  const versions = existsSync(bin) ? readdirSync(bin).filter((name) => name.startsWith('napi-v')) : [];
  const paths = versions.map((name) => join(bin, name, process.platform, process.arch, runtimeLibraryName));
  const path = paths.find((each) => existsSync(each));
  if (path !== undefined) return path;
  throw new MedTextError('NOT_FOUND', words`ONNX Runtime has no ${runtimeLibraryName} for ${process.platform} ${process.arch}.`, { bin }); // prettier-ignore
}

/** The providers compiled into this platform's runtime, and whether their libraries are there. */
export function supportedDevices(): { name: string; bundled: boolean }[] {
  return loadRuntime()
    .listSupportedBackends()
    .map(({ name, bundled }) => ({ name, bundled }));
}

/** A graph that is ready to run. `run` blocks the process while it computes. */
export class Session {
  private constructor(
    private readonly session: Ort.InferenceSession,
    private readonly staysOnDevice: ((output: string) => boolean) | undefined,
    /** Arrays that the runtime holds addresses of. They must live as long as the session. */
    readonly held?: OutsideTensors['memory'],
  ) {}

  /**
   * Opens a graph on a device.
   * @param model a graph, the bytes of an ONNX file, or its path. The caller has checked the file, because the runtime
   * follows its external data.
   * @throws MedTextError RUNTIME when the runtime refuses the graph or the device; the message quotes the runtime.
   */
  static async create(
    model: Model | Uint8Array | string,
    options: SessionOptions = {},
    outside?: OutsideTensors,
  ): Promise<Session> {
    const isWritten = typeof model === 'string' || model instanceof Uint8Array;
    const source = isWritten ? model : writeModel(model, { stored: outside?.tensors }).bytes;
    const { device = 'cpu', staysOnDevice, allowTf32 = false } = options;
    // The provider allows TF32, and its binding has no option for it. cuBLAS reads this variable when it is loaded.
    if (device === 'cuda' && !allowTf32) process.env.NVIDIA_TF32_OVERRIDE ??= '0';
    const outputs = !staysOnDevice || isWritten ? [] : model.graph.outputs.map(({ name }) => name);
    try {
      return new Session(
        await loadRuntime().InferenceSession.create(source as Uint8Array, {
          executionProviders: device === 'cpu' ? ['cpu'] : [providerOf(device, options), 'cpu'],
          ...(options.threads ? { intraOpNumThreads: options.threads } : {}),
          interOpNumThreads: 1,
          // Sessions share memory through malloc: an arena of each session would keep one graph's memory from the next.
          // With large pages malloc is as fast (see bench/README.md). A planned block for all buffers of a run is off,
          // too: the heap grew by 0.75 GB whenever no hole of that size was left.
          ...(device === 'cpu' && !options.arena ? { enableCpuMemArena: false, enableMemPattern: false } : {}),
          // Warnings are for people who build graphs. The runtime's errors arrive as exceptions.
          logSeverityLevel: 3,
          ...(outputs.length > 0
            ? {
                preferredOutputLocation: Object.fromEntries(
                  outputs.map((name) => [name, staysOnDevice!(name) ? 'gpu-buffer' : 'cpu'] as const),
                ),
              }
            : {}),
          ...(outside && outsideOptions(outside)),
          ...(options.profilePrefix ? { enableProfiling: true, profileFilePrefix: options.profilePrefix } : {}),
        }),
        staysOnDevice,
        outside?.memory,
      );
    } catch (error) {
      throw runtimeError(words`ONNX Runtime refused a graph on ${device}`, error);
    }
  }

  get inputNames(): readonly string[] {
    return this.session.inputNames;
  }

  get outputNames(): readonly string[] {
    return this.session.outputNames;
  }

  /**
   * Runs the graph.
   * @param into arrays to which the named outputs are written in place. An array may also be fed, if the last reader of
   * that input is the node that computes the output.
   */
  async run(
    feeds: Readonly<Record<string, Feed | DeviceTensor>>,
    into: Readonly<Record<string, Feed>> = {},
  ): Promise<Record<string, Output>> {
    return (await this.runOnDevice(feeds, into)).host;
  }

  /** {@link run}, with the outputs that stay on the device in `device`. The caller disposes of each. */
  async runOnDevice(
    feeds: Readonly<Record<string, Feed | DeviceTensor>>,
    into: Readonly<Record<string, Feed>> = {},
  ): Promise<{ host: Record<string, Output>; device: Record<string, DeviceTensor> }> {
    const tensors: Record<string, Ort.Tensor> = {};
    for (const name of this.session.inputNames) {
      const feed = feeds[name];
      if (!feed) throw new MedTextError('INTERNAL', `The graph's input "${name}" was not fed.`, { name });
      tensors[name] = tensorOf(name, feed);
    }
    const fetches: Record<string, Ort.Tensor | null> = {};
    for (const name of this.session.outputNames) fetches[name] = into[name] ? tensorOf(name, into[name]) : null;
    try {
      const host: Record<string, Output> = {};
      const device: Record<string, DeviceTensor> = {};
      for (const [name, t] of Object.entries(await this.session.run(tensors, fetches))) {
        if (this.staysOnDevice?.(name)) device[name] = new DeviceTensor(t, t.dims);
        else host[name] = { shape: t.dims, data: t.data as TypedArray };
      }
      return { host, device };
    } catch (error) {
      throw runtimeError(words`ONNX Runtime failed while it ran a graph`, error);
    }
  }

  /** Ends profiling, if it was on, and writes the profile. */
  endProfiling(): void {
    this.session.endProfiling();
  }

  async release(): Promise<void> {
    await this.session.release();
  }
}

function outsideOptions({ folder, memory }: OutsideTensors): Ort.InferenceSession.SessionOptions {
  const bytes = ({ buffer, byteOffset, byteLength }: Float32Array) => new Uint8Array(buffer, byteOffset, byteLength);
  const externalData = Object.entries(memory).map(([path, values]) => ({ path, data: bytes(values) }));
  return {
    ...(externalData.length > 0 && { externalData }),
    ...(folder !== undefined && { extra: { session: { model_external_initializers_file_folder_path: folder } } }),
  };
}

function providerOf(
  device: ExecutionDevice,
  { keepsBuffers }: SessionOptions,
): Ort.InferenceSession.ExecutionProviderConfig {
  const webgpu = { name: 'webgpu', storageBufferCacheMode: 'simple' } as const;
  return device === 'webgpu' && keepsBuffers ? webgpu : device;
}

function tensorOf(name: string, feed: Feed | DeviceTensor): Ort.Tensor {
  if (feed instanceof DeviceTensor) return feed.tensor as Ort.Tensor;
  if (feed.data.length !== elementCount(feed.shape)) {
    throw new MedTextError('INTERNAL', `"${name}" was fed ${feed.data.length} elements for the shape [${feed.shape}].`);
  }
  return new (loadRuntime().Tensor)(feed.dataType as Ort.Tensor.Type, feed.data as never, feed.shape);
}

function runtimeError(what: Words, error: unknown): MedTextError {
  const reason = error instanceof Error ? error.message : String(error);
  const cause = { cause: error };
  if (/requires f16 but the device does not support it/.test(reason)) {
    return new MedTextError('UNSUPPORTED', words`This device does not compute in half precision (float16): choose the precision float32 (train.precision in a recipe).`, { reason }, cause); // prettier-ignore
  }
  const code = /failed to allocate|out of memory|bad_alloc|bad allocation/i.test(reason) ? 'OUT_OF_MEMORY' : 'RUNTIME';
  const why = code === 'OUT_OF_MEMORY' ? words`the memory ran out (${reason})` : reason;
  return new MedTextError(code, words`${what}: ${why}`, { reason }, cause);
}
