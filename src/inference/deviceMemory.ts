/** Copies values to a device's memory and back. WebGPU's binding offers no way other than a graph. */
import { type TypedArray } from '../onnx/dataType';
import { IR_VERSION, OPSET, type Model } from '../onnx/model';
import { DeviceTensor, Session, type Feed, type SessionOptions } from './session';

/** Copies float32 values of any shape between the host and a device. */
export class DeviceMemory {
  private readonly sessions = new Map<string, Promise<Session>>();

  constructor(private readonly options: SessionOptions) {}

  async upload(feed: Feed): Promise<DeviceTensor> {
    const session = await this.sessionOf(feed.shape.length, true);
    return (await session.runOnDevice({ x: feed })).device.y;
  }

  /**
   * Copies a tensor to the host.
   * @param into an array with as many elements as the tensor
   */
  async download(tensor: DeviceTensor, into: TypedArray): Promise<void> {
    const session = await this.sessionOf(tensor.shape.length, false);
    const { y } = await session.run({ x: tensor });
    into.set(y.data as never);
  }

  async close(): Promise<void> {
    for (const session of this.sessions.values()) await (await session).release();
    this.sessions.clear();
  }

  private sessionOf(rank: number, up: boolean): Promise<Session> {
    const key = `${rank} ${up}`;
    const known = this.sessions.get(key);
    if (known) return known;
    const session = Session.create(identity(rank), { ...this.options, staysOnDevice: up ? () => true : undefined });
    this.sessions.set(key, session);
    return session;
  }
}

/** Disposes of the tensors on a device. The garbage collector frees those on the host. */
export function disposeAll(values: Iterable<Feed | DeviceTensor>): void {
  for (const value of values) if (value instanceof DeviceTensor) value.dispose();
}

/** The graph y = x for values of this rank, whatever their sizes. */
function identity(rank: number): Model {
  const shape = Array.from({ length: rank }, (_, axis) => `d${axis}`);
  const type = { dataType: 'float32', shape } as const;
  const graph = {
    name: 'copy',
    nodes: [{ name: 'copy', opType: 'Identity', domain: '', inputs: ['x'], outputs: ['y'], attributes: {} }],
    inputs: [{ name: 'x', ...type }],
    outputs: [{ name: 'y', ...type }],
    initializers: new Map(),
  };
  return { irVersion: IR_VERSION, producerName: 'medtext-lab', opsets: new Map([['', OPSET]]), graph };
}
