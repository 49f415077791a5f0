/**
 * A network with its weights inside the graph and open axes of batch and length: one session for texts of every length,
 * whose matrices the runtime has packed once.
 */
import { asMedTextError, MedTextError, words } from '../base/errors';
import type { FilePlace } from '../models/checkpoint/filePlace';
import type { EncoderInputs } from '../models/bert';
import { declareInputs } from '../models/encoder';
import type { ModelFolder } from '../models/modelFolder';
import type { ParameterSpec } from '../models/parameters';
import { QuantizedCopy, quantizedKey } from '../models/quantizedCopy';
import { openStoredWeights, type StoredWeight } from '../models/storedWeights';
import type { Value } from '../onnx/graphBuilder';
import type { Model, Tensor } from '../onnx/model';
import { Operators } from '../onnx/operators';
import { quantizeWeights } from '../onnx/quantize';
import { withSymbolicShapes, type Sizes } from '../onnx/symbolicShapes';
import { writeModel, type StoredTensor } from '../onnx/writeModel';
import { inStyle, productStyle } from './productStyle';
import {
  Session,
  type ExecutionDevice,
  type Feed,
  type OutsideTensors,
  type Output,
  type SessionOptions,
} from './session';

export interface OpenNetwork {
  /** Every parameter that the graph may ask for. */
  readonly specs: readonly ParameterSpec[];
  /** Names the graph's outputs. The sizes are examples: they may stand in shapes alone. */
  build(g: Operators, inputs: Required<EncoderInputs>, parameter: (name: string) => Value, sizes: Sizes): void;
  /** A further open axis: of an input that `build` declares. */
  readonly further?: { readonly size: string; readonly input: string; readonly axis: number };
}

/** What a session's linear layers compute in: `int8` by dynamic quantisation, on the CPU. */
export type ScoringPrecision = (typeof SCORING_PRECISIONS)[number];
export const SCORING_PRECISIONS = ['float32', 'int8'] as const;

export interface PackedOptions extends SessionOptions {
  /** Absent: float32. */
  readonly precision?: ScoringPrecision;
  readonly signal?: AbortSignal;
  /** Weights may stay in their file while the runtime packs them; absent: yes. */
  readonly mapsFiles?: boolean;
}

/** A weight that is looked up, row by row, is fed, so that the session holds on to no file: whoever writes the model anew finds it free. */
const MAX_INSIDE_BYTES = 2 ** 20;

/** Calls may not overlap. */
export class PackedSession {
  private constructor(
    private readonly session: Session,
    private readonly fed: Readonly<Record<string, Feed>>,
  ) {}

  /**
   * @returns the parameters that the folder lacks, in place of a session, where it lacks any
   * @throws MedTextError what {@link openStoredWeights} throws; RUNTIME, OUT_OF_MEMORY.
   */
  static async open(
    folder: ModelFolder,
    network: OpenNetwork,
    options: PackedOptions = {},
  ): Promise<PackedSession | readonly ParameterSpec[]> {
    if (options.precision === 'int8') return PackedSession.openQuantized(folder, network, options);
    const model = openGraph(network);
    const matrices = linearWeights(model, network.specs);
    const { mapsFiles = true, signal } = options;
    const inFile = (name: string): boolean => mapsFiles && matrices.has(name);
    const { weights, missing } = await openStoredWeights(folder, network.specs, { inFile, signal });
    if (missing.length > 0) return missing;
    const { inside, stored, fed, places } = parted(model, weights, matrices);
    const folders = [...new Set(places.map((place) => place.folder))];
    const fromMemory = () => PackedSession.open(folder, network, { ...options, mapsFiles: false });
    if (folders.length > 1) return fromMemory();
    try {
      const outside = { ...stored, folder: folders[0] };
      // The only graph of its process, for weeks: its arena stays small, where the heap of malloc grows with holes.
      return new PackedSession(
        await Session.create(
          inStyle(withInitializers(model, inside, stored.tensors), productStyle(options.device)),
          { arena: true, ...options },
          outside,
        ),
        fed,
      );
    } catch (error) {
      // A file system that maps no files, say.
      if (folders.length === 0 || asMedTextError(error).code !== 'RUNTIME') throw error;
      return fromMemory();
    }
  }

  /** Quantised once: what is kept of it is opened by the runtime as it lies. */
  private static async openQuantized(
    folder: ModelFolder,
    network: OpenNetwork,
    { signal, ...options }: PackedOptions,
  ): Promise<PackedSession | readonly ParameterSpec[]> {
    const model = openGraph(network);
    const copy = new QuantizedCopy(await quantizedKey(folder, signal), writeModel(model).bytes);
    const create = async (from: Uint8Array | string) => new PackedSession(await Session.create(from, { arena: true, ...options }), {}); // prettier-ignore
    const kept = await copy.find();
    if (kept !== undefined) {
      try {
        return await create(kept);
      } catch (error) {
        if (asMedTextError(error).code !== 'RUNTIME') throw error;
        await copy.forget();
      }
    }
    const { weights, missing } = await openStoredWeights(folder, network.specs, { inFile: () => false, signal });
    if (missing.length > 0) return missing;
    const inside = new Map<string, Tensor>();
    for (const { name } of model.graph.inputs) {
      const weight = weights.get(name);
      if (weight) inside.set(name, { dataType: 'float32', shape: weight.shape, data: weight.values! });
    }
    const { bytes } = writeModel(quantizeWeights(withInitializers(model, inside, new Map())).model);
    await copy.keep(bytes);
    return create(bytes);
  }

  /** @param inputs all but the parameters */
  run(inputs: Readonly<Record<string, Feed>>): Promise<Record<string, Output>> {
    return this.session.run({ ...this.fed, ...inputs });
  }

  async release(): Promise<void> {
    await this.session.release();
  }
}

/** @throws MedTextError USAGE for int8 on a device: its kernels are the CPU's. */
export function refusePrecision(precision: ScoringPrecision | undefined, device: ExecutionDevice): void {
  if (precision !== 'int8' || device === 'cpu') return;
  throw new MedTextError('USAGE', words`int8 is computed on the CPU alone: choose the device cpu, or the precision float32.`, { device }); // prettier-ignore
}

/** Weights that a folder ought to have. */
export function lacksWeights(folder: ModelFolder, missing: readonly { readonly name: string }[]): MedTextError {
  const names = missing.map(({ name }) => name);
  return new MedTextError(
    'CHECKPOINT_MISMATCH',
    words`${folder.path} lacks ${names.join(', ')}; without trained weights its scores would mean nothing.`,
    { missing: names },
  );
}

/** The graph with every parameter that it reads as an input; its batch and sequence are open. */
function openGraph({ specs, build, further }: OpenNetwork): Model {
  const shapes = new Map(specs.map(({ name, shape }) => [name, shape]));
  const buildStatic = (sizes: Sizes): Model => {
    const g = new Operators();
    const inputs = declareInputs(g, sizes.batch, sizes.sequence);
    const parameters = new Map<string, Value>();
    const parameter = (name: string): Value => {
      const value = parameters.get(name) ?? g.input(name, 'float32', shapes.get(name)!);
      parameters.set(name, value);
      return value;
    };
    build(g, inputs, parameter, sizes);
    return g.build('network');
  };
  // Primes, so that no size is another's multiple; no length is above the shortest model's positions.
  const sample = (batch: number, sequence: number, more: number): Sizes => ({ batch, sequence, ...(further && { [further.size]: more }) }); // prettier-ignore
  return withSymbolicShapes(buildStatic, {
    samples: [sample(3, 5, 17), sample(7, 11, 19), sample(13, 2, 23)],
    dimensions: {
      batch: { input: 'inputIds', axis: 0 },
      sequence: { input: 'inputIds', axis: 1 },
      ...(further && { [further.size]: further }),
    },
  });
}

/** The parameters that nothing but linear layers read, as their matrix: what the runtime packs, and then reads no more. */
function linearWeights({ graph }: Model, specs: readonly ParameterSpec[]): ReadonlySet<string> {
  const found = new Set(specs.map(({ name }) => name));
  for (const { opType, inputs } of graph.nodes) {
    inputs.forEach((name, place) => (opType === 'Gemm' && place === 1) || found.delete(name));
  }
  return found;
}

interface Parted {
  /** Initialisers of the graph's own bytes. */
  readonly inside: ReadonlyMap<string, Tensor>;
  readonly stored: Omit<OutsideTensors, 'folder'>;
  readonly fed: Readonly<Record<string, Feed>>;
  readonly places: readonly FilePlace[];
}

function parted({ graph }: Model, weights: ReadonlyMap<string, StoredWeight>, matrices: ReadonlySet<string>): Parted {
  const inside = new Map<string, Tensor>();
  const tensors = new Map<string, StoredTensor>();
  const fed: Record<string, Feed> = {};
  const memory: Record<string, Float32Array> = {};
  const places: FilePlace[] = [];
  for (const { name } of graph.inputs) {
    const weight = weights.get(name);
    if (!weight) continue;
    const { shape, values, place } = weight;
    const dataType = 'float32' as const;
    if (place) {
      places.push(place);
      tensors.set(name, { dataType, shape, location: place.name, offsetBytes: place.offsetBytes });
    } else if (values!.byteLength <= MAX_INSIDE_BYTES) {
      inside.set(name, { dataType, shape, data: values! });
    } else if (matrices.has(name)) {
      memory[name] = values!;
      tensors.set(name, { dataType, shape, location: name, offsetBytes: 0 });
    } else {
      fed[name] = { dataType, shape, data: values! };
    }
  }
  return { inside, stored: { tensors, memory }, fed, places };
}

/** Fed parameters stay inputs. */
function withInitializers(model: Model, inside: ReadonlyMap<string, Tensor>, stored: OutsideTensors['tensors']): Model {
  const { graph } = model;
  const inputs = graph.inputs.filter(({ name }) => !inside.has(name) && !stored.has(name));
  return { ...model, graph: { ...graph, inputs, initializers: new Map([...graph.initializers, ...inside]) } };
}
