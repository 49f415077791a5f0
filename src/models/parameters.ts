/** The weights of a model: one flat array, one named view per parameter. */
import { MedTextError } from '../base/errors';
import { elementCount } from '../onnx/dataType';

export interface ParameterSpec {
  /** The checkpoint's name: `bert.encoder.layer.3.attention.self.query.weight`. */
  readonly name: string;
  readonly shape: readonly number[];
  /** How a parameter that the checkpoint lacks begins: N(0, initializer_range), zeros or ones. */
  readonly initial: 'normal' | 'zeros' | 'ones';
}

/**
 * Every parameter as a view on one Float32Array, in the order of the specs. Flat, so that the optimiser sweeps the
 * state in large chunks and a checkpoint is written in one go; views, so that a graph is fed without a copy.
 */
export class Parameters {
  readonly flat: Float32Array;
  private readonly views = new Map<string, { spec: ParameterSpec; offset: number; values: Float32Array }>();

  constructor(
    readonly specs: readonly ParameterSpec[],
    flat?: Float32Array,
  ) {
    const total = specs.reduce((sum, spec) => sum + elementCount(spec.shape), 0);
    this.flat = flat ?? new Float32Array(total);
    if (this.flat.length !== total) {
      throw new MedTextError('INTERNAL', `${this.flat.length} values given for parameters of ${total} elements.`);
    }
    let offset = 0;
    for (const spec of specs) {
      const length = elementCount(spec.shape);
      this.views.set(spec.name, { spec, offset, values: this.flat.subarray(offset, offset + length) });
      offset += length;
    }
  }

  get names(): string[] {
    return [...this.views.keys()];
  }

  has(name: string): boolean {
    return this.views.has(name);
  }

  values(name: string): Float32Array {
    return this.view(name).values;
  }

  shape(name: string): readonly number[] {
    return this.view(name).spec.shape;
  }

  /** Where the parameter begins in {@link flat}, in elements. */
  offset(name: string): number {
    return this.view(name).offset;
  }

  private view(name: string) {
    const view = this.views.get(name);
    if (!view) throw new MedTextError('INTERNAL', `There is no parameter "${name}".`, { name });
    return view;
  }
}
