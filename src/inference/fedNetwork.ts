/**
 * A network whose weights are fed, so that it computes with the parameters' present values. Each (batch, length) has a
 * graph.
 */
import { declareInputs, type Network } from '../models/encoder';
import type { Parameters } from '../models/parameters';
import type { Value } from '../onnx/graphBuilder';
import type { Model } from '../onnx/model';
import { withOpenAxis } from '../onnx/openAxis';
import { Operators } from '../onnx/operators';
import { padBatch, type BatchShape } from '../tokenization/batchEncoding';
import type { EncodedExample } from '../tokenization/tokenizer';
import type { NetworkSession } from './classifierRunner';
import { DeviceMemory, disposeAll } from './deviceMemory';
import { inStyle, productStyle } from './productStyle';
import {
  keepsTensors,
  Session,
  type DeviceTensor,
  type ExecutionDevice,
  type Feed,
  type SessionOptions,
} from './session';

export interface FedOptions extends SessionOptions {
  readonly padTokenId: number;
  /** Whether a run takes many batches. Absent: as suits the device. */
  readonly isLooped?: boolean;
}

/** The largest number of batches in one run: some seconds on a slow GPU. */
const MAX_AT_ONCE = 32;
/** The largest number of graphs that are kept. A session without weights is small, but an editor runs for weeks. */
const MAX_SESSIONS = 64;

/**
 * Reads the parameters in place: after a training step it computes with the new values. One call runs at a time. A
 * device that keeps tensors gets a copy of the parameters with the first batch; see {@link parametersChanged}.
 */
export class FedNetwork implements NetworkSession {
  readonly takesAnyShape = false;
  private readonly sessions = new Map<string, Session>();
  private readonly parameterFeeds: Readonly<Record<string, Feed>>;
  private readonly memory: DeviceMemory | undefined;
  /**
   * Whether a run takes many batches. Where the binding cannot keep the parameters on the device, each run copies them,
   * so runs should be few.
   */
  private readonly isLooped: boolean;
  private onDevice: Readonly<Record<string, DeviceTensor>> | undefined;

  constructor(
    private readonly network: Network,
    parameters: Parameters,
    private readonly options: FedOptions,
  ) {
    this.parameterFeeds = parameterFeeds(parameters);
    const device = options.device ?? 'cpu';
    this.memory = keepsTensors(device) ? new DeviceMemory(options) : undefined;
    this.isLooped = options.isLooped ?? (device !== 'cpu' && !keepsTensors(device));
  }

  get atOnce(): number {
    return this.isLooped ? MAX_AT_ONCE : 1;
  }

  parametersChanged(): void {
    disposeAll(Object.values(this.onDevice ?? {}));
    this.onDevice = undefined;
  }

  async close(): Promise<void> {
    this.parametersChanged();
    await this.memory?.close();
    for (const session of this.sessions.values()) await session.release();
    this.sessions.clear();
  }

  async run(batches: readonly (readonly EncodedExample[])[], shape: BatchShape): Promise<Float32Array> {
    const session = await this.sessionFor(shape);
    const padded = batches.map((batch) => padBatch(batch, shape, this.options.padTokenId, 'int32'));
    const ids = (kind: 'inputIds' | 'tokenTypeIds' | 'attentionMask'): Feed => {
      const one = [shape.batchSize, shape.length];
      if (!this.isLooped) return { dataType: 'int32', shape: one, data: padded[0][kind] };
      const data = new Int32Array(batches.length * shape.batchSize * shape.length);
      padded.forEach((batch, i) => data.set(batch[kind] as Int32Array, i * shape.batchSize * shape.length));
      return { dataType: 'int32', shape: [batches.length, ...one], data };
    };
    const count: Feed = { dataType: 'int64', shape: [], data: BigInt64Array.of(BigInt(batches.length)) };
    const { logits } = await session.run({
      ...(await this.parametersToFeed()),
      ...(this.isLooped && { count }),
      inputIds: ids('inputIds'),
      tokenTypeIds: ids('tokenTypeIds'),
      attentionMask: ids('attentionMask'),
    });
    return logits.data as Float32Array;
  }

  private async parametersToFeed(): Promise<Readonly<Record<string, Feed | DeviceTensor>>> {
    const { memory } = this;
    if (!memory) return this.parameterFeeds;
    if (this.onDevice) return this.onDevice;
    const copies: Record<string, DeviceTensor> = {};
    this.onDevice = copies;
    for (const [name, feed] of Object.entries(this.parameterFeeds)) copies[name] = await memory.upload(feed);
    return copies;
  }

  private async sessionFor({ batchSize, length }: BatchShape): Promise<Session> {
    const key = `${batchSize}x${length}`;
    let session = this.sessions.get(key);
    if (session) this.sessions.delete(key); // the key is put back below, as the newest
    const build = this.isLooped ? buildClassifierLoop : buildClassifierGraph;
    const { device } = this.options;
    session ??= await Session.create(build(this.network, batchSize, length, this.parameterFeeds, device), this.options); // prettier-ignore
    this.sessions.set(key, session);
    const [oldestKey, oldest] = this.sessions.entries().next().value!;
    if (this.sessions.size > MAX_SESSIONS) {
      this.sessions.delete(oldestKey);
      await oldest.release();
    }
    return session;
  }
}

/**
 * The inference graph of one (batch, length). Ids and parameters go in; `logits`, with the axes of the network's
 * output, come out.
 */
export function buildClassifierGraph(
  network: Network,
  batch: number,
  length: number,
  shapes: Readonly<Record<string, { readonly shape: readonly number[] }>>,
  device?: ExecutionDevice,
): Model {
  const g = new Operators();
  const inputs = declareInputs(g, batch, length);
  const parameters = new Map<string, Value>();
  const parameter = (name: string): Value => {
    const value = parameters.get(name) ?? g.input(name, 'float32', shapes[name].shape);
    parameters.set(name, value);
    return value;
  };
  g.output(network.build(g, inputs, { parameter }), 'logits');
  return inStyle(g.build('classifier'), productStyle(device));
}

/**
 * {@link buildClassifierGraph} over `count` (int64 []) batches. Inputs are [batches, batch, length], logits are
 * [batches, batch, ...].
 */
function buildClassifierLoop(
  network: Network,
  batch: number,
  length: number,
  shapes: Readonly<Record<string, { readonly shape: readonly number[] }>>,
): Model {
  const g = new Operators();
  const body = new Operators('batch/');
  const at = body.input('batch.at', 'int64', []);
  const goesOn = body.input('batch.goesOn', 'bool', []);
  const count = g.input('count', 'int64', []);
  const stacked = ['inputIds', 'tokenTypeIds', 'attentionMask'].map((name) =>
    g.input(name, 'int32', [2, batch, length]),
  );
  const [inputIds, tokenTypeIds, attentionMask] = stacked.map((value) => body.gather(body.capture(value), at));
  const parameters = new Map<string, Value>();
  const parameter = (name: string): Value => {
    const value = parameters.get(name) ?? body.capture(g.input(name, 'float32', shapes[name].shape));
    parameters.set(name, value);
    return value;
  };
  const logits = network.build(body, { inputIds, tokenTypeIds, attentionMask }, { parameter });
  body.output(goesOn, 'batch.continues');
  body.output(logits, 'batch.logits');
  g.output(g.loop(count, [], body.buildBody('batch'), 2)[0], 'logits');
  return withOpenAxis(g.build('classifier'), [...stacked.map(({ name }) => name), 'logits'], 'batches');
}

/** Every parameter as a feed that reads the parameter's array in place when a graph runs. */
export function parameterFeeds(parameters: Parameters): Record<string, Feed> {
  const feedOf = (name: string): Feed => ({
    dataType: 'float32',
    shape: parameters.shape(name),
    get data() {
      return parameters.values(name);
    },
  });
  return Object.fromEntries(parameters.names.map((name) => [name, feedOf(name)]));
}
