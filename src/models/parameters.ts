/** The weights of a model: one array per parameter, by name. */
import { MedTextError } from '../base/errors';
import { elementCount } from '../onnx/dataType';

export interface ParameterSpec {
  /** The checkpoint's name: `bert.encoder.layer.3.attention.self.query.weight`. */
  readonly name: string;
  readonly shape: readonly number[];
  /** The initial value of a parameter that the checkpoint lacks: N(0, initializer_range), zeros or ones. */
  readonly initial: 'normal' | 'zeros' | 'ones';
}

/** Every parameter, in the order of the specs. Each has an array of its own, which can move to another thread and back. */
export class Parameters {
  private readonly entries: ReadonlyMap<string, { readonly spec: ParameterSpec; values: Float32Array }>;
  /** Of all parameters together. */
  readonly elementCount: number;

  /** @param arrayOf where a parameter's values lie; absent: in new arrays of zeros */
  constructor(
    readonly specs: readonly ParameterSpec[],
    arrayOf = ({ shape }: ParameterSpec): Float32Array => new Float32Array(elementCount(shape)),
  ) {
    this.entries = new Map(specs.map((spec) => [spec.name, { spec, values: arrayOf(spec) }]));
    this.elementCount = specs.reduce((sum, { shape }) => sum + elementCount(shape), 0);
  }

  get names(): string[] {
    return [...this.entries.keys()];
  }

  has(name: string): boolean {
    return this.entries.has(name);
  }

  values(name: string): Float32Array {
    return this.entry(name).values;
  }

  shape(name: string): readonly number[] {
    return this.entry(name).spec.shape;
  }

  /** The array that came back from another thread, in place of the one that went there and is empty since. */
  replace(name: string, values: Float32Array): void {
    this.entry(name).values = values;
  }

  private entry(name: string) {
    const entry = this.entries.get(name);
    if (!entry) throw new MedTextError('INTERNAL', `There is no parameter "${name}".`, { name });
    return entry;
  }
}
