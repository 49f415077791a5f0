/**
 * A network whose graph holds its weights, with open axes of batch and length. One session serves texts of every
 * length, and the runtime packs its matrices once.
 */
import { asMedTextError, MedTextError, words } from '../base/errors';
import type { FilePlace } from '../models/checkpoint/filePlace';
import type { EncoderInputs } from '../models/bert';
import { declareInputs } from '../models/encoder';
import type { ModelFolder } from '../models/modelFolder';
import type { ParameterSpec } from '../models/parameters';
import { QuantizedCopy, quantizedKey } from '../models/quantizedCopy';
import { openStoredWeights, readStoredWeights, type StoredWeight } from '../models/storedWeights';
import type { Value } from '../onnx/graphBuilder';
import type { LaterTensor, Model, Tensor } from '../onnx/model';
import { Operators, type FactorType } from '../onnx/operators';
import { quantizeLater } from '../onnx/quantize';
import { withSymbolicShapes, type Sizes } from '../onnx/symbolicShapes';
import { modelChunks, writeModel, type StoredTensor } from '../onnx/writeModel';
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
  /** All parameters that the graph may read. */
  readonly specs: readonly ParameterSpec[];
  /** Builds the graph and names its outputs. The sizes are examples, which may appear in shapes only. */
  build(g: Operators, inputs: Required<EncoderInputs>, parameter: (name: string) => Value, sizes: Sizes): void;
  /** A further open axis, of an input that `build` declares. */
  readonly further?: { readonly size: string; readonly input: string; readonly axis: number };
}

/** The type in which matrix products are computed: `int8` by dynamic quantisation on the CPU, `float16` on GPUs. */
export type ScoringPrecision = (typeof SCORING_PRECISIONS)[number];
export const SCORING_PRECISIONS = ['float32', 'int8', 'float16'] as const;

export interface PackedOptions extends SessionOptions {
  /** Absent: float32. */
  readonly precision?: ScoringPrecision;
  readonly signal?: AbortSignal;
  /** Whether weights may stay in their file while the runtime packs them. Absent: yes. */
  readonly mapsFiles?: boolean;
}

/**
 * The largest weight inside the graph. Larger weights that are read row by row are fed, so that the session holds no
 * file open and the file can be replaced.
 */
const MAX_INSIDE_BYTES = 2 ** 20;

/** The largest number of missing parameters that a message names. It counts the others. */
const MAX_NAMED = 4;

/** Calls may not overlap. */
export class PackedSession {
  private constructor(
    private readonly session: Session,
    private readonly fed: Readonly<Record<string, Feed>>,
  ) {}

  /**
   * Opens a session for a folder's weights.
   * @returns the parameters that the folder lacks, in place of a session, where it lacks any
   * @throws MedTextError the errors of {@link openStoredWeights}; RUNTIME, OUT_OF_MEMORY.
   */
  static async open(
    folder: ModelFolder,
    network: OpenNetwork,
    options: PackedOptions = {},
  ): Promise<PackedSession | readonly ParameterSpec[]> {
    const { precision, mapsFiles = true, signal } = options;
    if (precision === 'int8') return PackedSession.openQuantized(folder, network, options);
    const style = productStyle(options.device, precision);
    const plain = openGraph(network);
    const matrices = linearWeights(plain, network.specs);
    const model = style.factors === 'float32' ? plain : openGraph(network, style.factors);
    const inFile = (name: string): boolean => mapsFiles && matrices.has(name);
    const { weights, missing } = await openStoredWeights(folder, network.specs, { inFile, signal });
    if (missing.length > 0) return missing;
    const { inside, stored, fed, places } = parted(model, weights, (name, isSmall) => {
      if (isSmall) return 'inside';
      // A fed weight would be copied to a GPU in every run.
      return matrices.has(name) || (options.device ?? 'cpu') !== 'cpu' ? 'outside' : 'fed';
    });
    const folders = [...new Set(places.map((place) => place.folder))];
    const fromMemory = () => PackedSession.open(folder, network, { ...options, mapsFiles: false });
    if (folders.length > 1) return fromMemory();
    try {
      const outside = { ...stored, folder: folders[0] };
      // This is the only graph of its process for weeks. Its arena stays small, where the heap of malloc would grow
      // with holes.
      return new PackedSession(
        await Session.create(
          inStyle(withInitializers(model, inside, stored.tensors), style),
          { arena: true, ...options },
          outside,
        ),
        fed,
      );
    } catch (error) {
      // The file system may not support mapped files.
      if (folders.length === 0 || asMedTextError(error).code !== 'RUNTIME') throw error;
      return fromMemory();
    }
  }

  /** Opens the model in int8. The quantised graph is kept, and the runtime opens the kept file directly. */
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
    const making = await readStoredWeights(folder, network.specs, signal, async (weights) => {
      const read = model.graph.inputs.filter(({ name }) => weights.has(name));
      const inside = new Map(read.map(({ name }) => [name, weights.get(name)!]));
      const chunks = () =>
        modelChunks(quantizeLater(withInitializers<Tensor | LaterTensor>(model, inside)).model).chunks;
      return (await copy.keep(chunks())) ?? Buffer.concat(await copiesOf(chunks()));
    });
    return 'missing' in making ? making.missing : create(making.result);
  }

  /** @param inputs all inputs except the parameters */
  run(inputs: Readonly<Record<string, Feed>>): Promise<Record<string, Output>> {
    return this.session.run({ ...this.fed, ...inputs });
  }

  async release(): Promise<void> {
    await this.session.release();
  }
}

/** @throws MedTextError USAGE for int8 on a GPU and for float16 on the CPU, which have no kernels for it. */
export function refusePrecision(precision: ScoringPrecision | undefined, device: ExecutionDevice): void {
  if (precision === 'int8' && device !== 'cpu') throw new MedTextError('USAGE', words`int8 runs only on the CPU: choose the device cpu, or the precision float32.`, { device }); // prettier-ignore
  if (precision === 'float16' && device === 'cpu') throw new MedTextError('USAGE', words`float16 runs only on GPUs: choose the device webgpu, cuda, dml or coreml, or the precision int8 or float32.`, { device }); // prettier-ignore
}

/**
 * The error for a folder that must compute something but lacks weights: untrained weights would give meaningless
 * numbers.
 */
export function lacksWeights(folder: ModelFolder, missing: readonly { readonly name: string }[]): MedTextError {
  const { path, weightsPath } = folder;
  const names = missing.map(({ name }) => name);
  if (weightsPath === undefined) {
    return new MedTextError(
      'CHECKPOINT_MISMATCH',
      words`${path} has no weights: the model is untrained, and its results would mean nothing. Import the whole model, or train it first (medtext finetune --model ${path} …).`,
      { missing: names },
    );
  }
  const more = names.length - MAX_NAMED;
  const named = names.slice(0, MAX_NAMED).join(', ');
  return new MedTextError(
    'CHECKPOINT_MISMATCH',
    words`${path} lacks ${more > 0 ? words`${named} and ${more} more` : named}; without trained weights its results would mean nothing.`,
    { missing: names },
  );
}

/** The graph with every parameter that it reads as an input. Its axes batch and sequence are open. */
function openGraph({ specs, build, further }: OpenNetwork, factors: FactorType = 'float32'): Model {
  const shapes = new Map(specs.map(({ name, shape }) => [name, shape]));
  const buildStatic = (sizes: Sizes): Model => {
    const g = new Operators('', factors);
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
  // The samples are primes, so that no size is a multiple of another. No length exceeds the positions of the smallest
  // model.
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

/**
 * The parameters that only linear layers read, as their matrix. The runtime packs them and does not read them again.
 */
function linearWeights({ graph }: Model, specs: readonly ParameterSpec[]): ReadonlySet<string> {
  const found = new Set(specs.map(({ name }) => name));
  for (const { opType, inputs } of graph.nodes) {
    inputs.forEach((name, place) => (opType === 'Gemm' && place === 1) || found.delete(name));
  }
  return found;
}

interface Parted {
  /** Initialisers within the graph's bytes. */
  readonly inside: ReadonlyMap<string, Tensor>;
  readonly stored: Omit<OutsideTensors, 'folder'>;
  readonly fed: Readonly<Record<string, Feed>>;
  readonly places: readonly FilePlace[];
}

function parted(
  { graph }: Model,
  weights: ReadonlyMap<string, StoredWeight>,
  wayOf: (name: string, isSmall: boolean) => 'inside' | 'outside' | 'fed',
): Parted {
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
      continue;
    }
    const way = wayOf(name, values!.byteLength <= MAX_INSIDE_BYTES);
    if (way === 'inside') inside.set(name, { dataType, shape, data: values! });
    else if (way === 'fed') fed[name] = { dataType, shape, data: values! };
    else {
      memory[name] = values!;
      tensors.set(name, { dataType, shape, location: name, offsetBytes: 0 });
    }
  }
  return { inside, stored: { tensors, memory }, fed, places };
}

/** The model with initialisers in place of the inputs of these names. Fed parameters stay inputs. */
function withInitializers<T>(
  model: Model<T>,
  inside: ReadonlyMap<string, T>,
  stored: OutsideTensors['tensors'] = new Map(),
): Model<T> {
  const { graph } = model;
  const inputs = graph.inputs.filter(({ name }) => !inside.has(name) && !stored.has(name));
  return { ...model, graph: { ...graph, inputs, initializers: new Map([...graph.initializers, ...inside]) } };
}

/** Chunks whose arrays are used again. */
async function copiesOf(chunks: AsyncIterable<Uint8Array>): Promise<Uint8Array[]> {
  const copies: Uint8Array[] = [];
  for await (const chunk of chunks) copies.push(chunk.slice());
  return copies;
}
