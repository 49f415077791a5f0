/**
 * Rewrites nodes of older operator sets in opset 20, and a few contributed operators that exporters' optimisers leave.
 * Source: the "Changelog" of the ONNX operators, onnx/docs/Changelog.md.
 */
import { MedTextError } from '../base/errors';
import { DATA_TYPES, elementCount, type TypedArray } from './dataType';
import { Attributes, type KnownTensor } from './typeInference';
import type { Attribute, Tensor } from './model';
import { normalizeAxis } from './shapes';

/** A value of the graph that specialisation makes. */
export interface KnownValue extends KnownTensor {
  readonly name: string;
  /** Whether the value is an initialiser that training may change. It is then never folded into another constant. */
  readonly isParameter?: boolean;
}

export interface ForeignNode {
  readonly opType: string;
  readonly domain: string;
  /** The node's name, or the name of its first output, for messages. */
  readonly label: string;
  readonly inputs: readonly (KnownValue | undefined)[];
  readonly outputs: readonly string[];
  readonly attributes: Readonly<Record<string, Attribute>>;
}

/** Receives upgraded nodes. Their inputs and attributes are those of opset 20. */
export interface Emitter {
  emit(
    opType: string,
    inputs: readonly (KnownValue | undefined)[],
    attributes: Readonly<Record<string, Attribute>>,
    outputs: readonly string[],
  ): KnownValue[];
  constant(tensor: Tensor): KnownValue;
  integers(values: readonly number[]): KnownValue;
}

/**
 * Emits opset-20 nodes with the meaning of the node, and gives their outputs.
 * @throws MedTextError UNSUPPORTED with the node's name for another domain's operator or a use that is not supported.
 */
export function upgradeNode(node: ForeignNode, opset: number, e: Emitter): KnownValue[] {
  const table = node.domain === '' ? STANDARD : node.domain === 'com.microsoft' ? CONTRIBUTED : {};
  const upgrade = Object.hasOwn(table, node.opType) ? table[node.opType] : undefined;
  if (upgrade) return upgrade(new Upgrade(node, opset, e));
  if (node.domain === '') return e.emit(node.opType, node.inputs, node.attributes, node.outputs);
  throw new MedTextError(
    'UNSUPPORTED',
    `The operator ${node.domain}.${node.opType} (node "${node.label}") is not supported.`,
    {
      opType: node.opType,
      domain: node.domain,
      node: node.label,
    },
  );
}

type Rule = (u: Upgrade) => KnownValue[];

class Upgrade {
  readonly attributes: Attributes;
  constructor(
    readonly node: ForeignNode,
    readonly opset: number,
    readonly e: Emitter,
  ) {
    this.attributes = new Attributes(node.attributes, node.opType);
  }
  input(index: number): KnownValue {
    return this.node.inputs[index] ?? this.refuse(`lacks input ${index}`);
  }
  /** Emits the node unchanged, except for the given inputs or attributes. */
  as(
    inputs: readonly (KnownValue | undefined)[] = this.node.inputs,
    attributes: Readonly<Record<string, Attribute>> = this.node.attributes,
    opType = this.node.opType,
  ): KnownValue[] {
    return this.e.emit(opType, inputs, attributes, this.node.outputs);
  }
  without(...names: string[]): Record<string, Attribute> {
    return Object.fromEntries(Object.entries(this.node.attributes).filter(([name]) => !names.includes(name)));
  }
  /** Emits an inner value of the rewritten node. */
  inner(
    opType: string,
    inputs: readonly KnownValue[],
    attributes: Record<string, Attribute> = {},
    suffix = opType,
  ): KnownValue {
    return this.e.emit(opType, inputs, attributes, [`${this.node.outputs[0]}.${suffix}`])[0];
  }
  /** A scalar of the first input's type. */
  scalar(value: number): KnownValue {
    const { dataType } = this.input(0);
    const data: TypedArray = new DATA_TYPES[dataType].array(1);
    data[0] = (typeof data[0] === 'bigint' ? BigInt(value) : value) as never;
    return this.e.constant({ dataType, shape: [], data });
  }
  refuse(reason: string): never {
    const { opType, label } = this.node;
    throw new MedTextError('UNSUPPORTED', `${opType} (node "${label}") ${reason}; this is not supported.`, {
      opType,
      node: label,
    });
  }
}

const int = (value: number): Attribute => ({ type: 'int', value });

/** A rule for operators whose `axes` was an attribute before `since`. */
const axesAsInput =
  (since: number): Rule =>
  (u) =>
    u.opset < since && u.attributes.has('axes')
      ? u.as([u.input(0), u.e.integers(u.attributes.ints('axes'))], u.without('axes'))
      : u.as();

/** Before opset 13 Softmax worked on the matrix that flattening at `axis` (1 by default) gives. */
const softmax: Rule = (u) => {
  if (u.opset >= 13) return u.as();
  const x = u.input(0);
  const axis = normalizeAxis(u.attributes.int('axis', 1), x.shape.length);
  if (axis === x.shape.length - 1) return u.as([x], { axis: int(-1) });
  const matrix = [elementCount(x.shape.slice(0, axis)), elementCount(x.shape.slice(axis))];
  const flat = u.inner('Reshape', [x, u.e.integers(matrix)], {}, 'flat');
  const y = u.inner(u.node.opType, [flat], { axis: int(-1) });
  return u.as([y, u.e.integers(x.shape)], {}, 'Reshape');
};

const slice: Rule = (u) => {
  if (u.opset >= 10) return u.as();
  const starts = u.attributes.ints('starts');
  const axes = u.attributes.ints(
    'axes',
    starts.map((_, i) => i),
  );
  return u.as([u.input(0), u.e.integers(starts), u.e.integers(u.attributes.ints('ends')), u.e.integers(axes)], {});
};

const clip: Rule = (u) => {
  if (u.opset >= 11) return u.as();
  const bound = (name: string) => (u.attributes.has(name) ? u.scalar(u.attributes.float(name)) : undefined);
  return u.as([u.input(0), bound('min'), bound('max')], {});
};

const pad: Rule = (u) => {
  if (u.opset >= 11) return u.as();
  const value = u.attributes.float('value', 0);
  return u.as([u.input(0), u.e.integers(u.attributes.ints('pads')), u.scalar(value)], u.without('pads', 'value'));
};

/** Opset 18 requires the sizes or `num_outputs`. The sizes have the same meaning in every version. */
const split: Rule = (u) => {
  const x = u.input(0);
  const attributes = u.without('split', 'num_outputs');
  if (u.node.inputs[1]) return u.as(u.node.inputs, attributes);
  const size = x.shape[normalizeAxis(u.attributes.int('axis', 0), x.shape.length)];
  const count = u.node.outputs.length;
  const chunk = Math.ceil(size / count);
  const equal = u.node.outputs.map((_, i) => Math.max(0, Math.min(chunk, size - i * chunk)));
  return u.as([x, u.e.integers(u.attributes.ints('split', equal))], attributes);
};

/**
 * Dropout of an inference graph is the identity. Training adds its own, so a graph exported for training is refused.
 */
const dropout: Rule = (u) => {
  const training = u.node.inputs[2];
  if (training && !(training.constant && Number(training.constant.data[0]) === 0))
    u.refuse('is in training mode (export the model in evaluation mode)');
  if (u.node.outputs[1]) u.refuse('gives its mask');
  return [u.e.emit('Identity', [u.input(0)], {}, u.node.outputs.slice(0, 1))[0]];
};

/** The gradient needs the statistics, which exporters leave out, so they are computed. */
const layerNormalization: Rule = (u) => {
  const [y, mean, inverseDeviation] = u.node.outputs;
  const rank = u.input(0).shape.length;
  const axis = normalizeAxis(u.attributes.int('axis', -1), rank);
  const attributes: Record<string, Attribute> = {
    axis: int(axis === rank - 1 ? -1 : axis),
    epsilon: { type: 'float', value: u.attributes.float('epsilon', Math.fround(1e-5)) },
  };
  const outputs = [y, mean || `${y}.mean`, inverseDeviation || `${y}.inverseDeviation`];
  return u.e.emit('LayerNormalization', u.node.inputs, attributes, outputs).slice(0, u.node.outputs.length);
};

const constant: Rule = (u) => {
  const [entry] = Object.entries(u.node.attributes);
  const value = entry?.[1];
  const number = (dataType: 'int64' | 'float32', values: readonly number[], shape: number[]): Tensor => ({
    dataType,
    shape,
    data: dataType === 'int64' ? BigInt64Array.from(values, BigInt) : Float32Array.from(values),
  });
  switch (value?.type) {
    case 'tensor': return [u.e.constant(value.value)];
    case 'int': return [u.e.constant(number('int64', [value.value], []))];
    case 'ints': return [u.e.constant(number('int64', value.value, [value.value.length]))];
    case 'float': return [u.e.constant(number('float32', [value.value], []))];
    case 'floats': return [u.e.constant(number('float32', value.value, [value.value.length]))];
    default: return u.refuse('is no constant of numbers');
  } // prettier-ignore
};

/** Sum and Mean of any number of inputs become additions. */
const sum: Rule = (u) => {
  const inputs = u.node.inputs.map((_, i) => u.input(i));
  if (inputs.length === 1) return u.as(inputs, {}, 'Identity');
  const partial = inputs.slice(1, -1).reduce((total, x, i) => u.inner('Add', [total, x], {}, `sum${i}`), inputs[0]);
  return u.as([partial, inputs.at(-1)!], {}, 'Add');
};

const gelu = (approximate: string): Record<string, Attribute> => ({
  approximate: { type: 'string', value: approximate },
});

/** Adds the bias first, where the contributed operator has one. */
const biased = (u: Upgrade): KnownValue =>
  u.node.inputs[1] ? u.inner('Add', [u.input(0), u.input(1)], {}, 'biased') : u.input(0);

const skipLayerNormalization: Rule = (u) => {
  if (u.node.outputs.slice(1, 3).some((name) => name)) u.refuse('gives its statistics');
  const [x, skip, scale, bias, inputBias] = u.node.inputs;
  const joined = u.node.outputs[3] || `${u.node.outputs[0]}.sum`;
  let total = u.e.emit('Add', [x, skip], {}, [inputBias ? `${joined}.unbiased` : joined])[0];
  if (inputBias) total = u.e.emit('Add', [total, inputBias], {}, [joined])[0];
  const attributes: Record<string, Attribute> = {
    axis: int(-1),
    epsilon: { type: 'float', value: u.attributes.float('epsilon', Math.fround(1e-12)) },
  };
  const y = u.node.outputs[0];
  const [result, mean, deviation] = u.e.emit('LayerNormalization', [total, scale, bias], attributes, [
    y,
    `${y}.mean`,
    `${y}.inverseDeviation`,
  ]);
  return [result, mean, deviation, total];
};

/** NaN is what does not equal itself. WebGPU has no IsNaN, and exporters guard every attention with one. */
const isNaN: Rule = (u) => u.as([u.inner('Equal', [u.input(0), u.input(0)])], {}, 'Not');

/**
 * Opset 23's Attention, softmax(scale Q K^T + mask) V, in the form that encoders use: separate heads ([batch, heads,
 * sequence, size]), a mask that is added or (bool) selects, no cache, no causality.
 */
const attention: Rule = (u) => {
  const [q, k, v, mask] = u.node.inputs;
  if (!q || !k || !v || q.shape.length !== 4) return u.refuse('has its heads joined');
  if (q.shape[1] !== k.shape[1] || q.shape[1] !== v.shape[1]) u.refuse('shares keys among heads');
  if (u.node.inputs.slice(4).some((input) => input)) u.refuse('has a cache');
  if (u.node.outputs.slice(1).some((output) => output)) u.refuse('gives more than its result');
  if (u.attributes.int('is_causal', 0) !== 0 || u.attributes.float('softcap', 0) !== 0) u.refuse('is causal or capped');
  const scale = u.attributes.float('scale', 1 / Math.sqrt(q.shape[3]));
  const transposed = u.inner('Transpose', [k], { perm: { type: 'ints', value: [0, 1, 3, 2] } }, 'keys');
  const products = u.inner('MatMul', [q, transposed], {}, 'products');
  let scores = u.inner('Mul', [products, u.scalar(scale)], {}, 'scores');
  if (mask?.dataType === 'bool') scores = u.inner('Where', [mask, scores, u.scalar(LOWEST_FLOAT32)], {}, 'masked');
  else if (mask) scores = u.inner('Add', [scores, mask], {}, 'masked');
  const weights = u.inner('Softmax', [scores], { axis: int(-1) }, 'weights');
  return u.as([weights, v], {}, 'MatMul');
};

/** This value stands for minus infinity, so that a row without any key does not become NaN. */
const LOWEST_FLOAT32 = -3.4028234663852886e38;

const STANDARD: Readonly<Record<string, Rule>> = {
  Squeeze: axesAsInput(13), Unsqueeze: axesAsInput(13), ReduceSum: axesAsInput(13),
  ReduceMean: axesAsInput(18), ReduceMax: axesAsInput(18), ReduceMin: axesAsInput(18), ReduceProd: axesAsInput(18),
  ReduceSumSquare: axesAsInput(18), ReduceL1: axesAsInput(18), ReduceL2: axesAsInput(18),
  Softmax: softmax, LogSoftmax: softmax, Slice: slice, Clip: clip, Pad: pad, Split: split,
  Dropout: dropout, LayerNormalization: layerNormalization, Constant: constant, Sum: sum,
  IsNaN: isNaN, Attention: attention,
}; // prettier-ignore

const CONTRIBUTED: Readonly<Record<string, Rule>> = {
  Gelu: (u) => u.as([u.input(0)], gelu('none'), 'Gelu'),
  BiasGelu: (u) => u.as([biased(u)], gelu('none'), 'Gelu'),
  FastGelu: (u) => u.as([biased(u)], gelu('tanh'), 'Gelu'),
  SkipLayerNormalization: skipLayerNormalization,
};
