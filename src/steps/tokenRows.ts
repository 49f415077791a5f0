/**
 * The gradient of an embedding that is read by token ids alone, as rows: a batch names few of the vocabulary's ids, and a
 * gradient of all (384 MB for 250,037 of 384) is zeros but for them. The batch's ids, each once, are the rows' places.
 */
import { sumOfRows, zeroOf } from '../autodiff/rules/gathering';
import type { Feed } from '../inference/session';
import type { BuiltNode, Value } from '../onnx/graphBuilder';
import type { Operators } from '../onnx/operators';
import { elementCount } from '../onnx/dataType';

/** The input of a graph that has gradients as rows. */
export const TOKEN_SLOTS = 'tokenSlots';

/** Rows of the gradient: a batch has no more ids than tokens, and no more than there are. */
export function rowCount(batch: number, length: number, vocabulary: number): number {
  return Math.min(batch * length, vocabulary);
}

/** What a batch's tokens are to the rows. */
export interface TokenRows {
  /** The ids that are there, ascending. */
  readonly ids: Int32Array;
  /** The place of each token's id among the ids. */
  readonly slots: Int32Array;
}

export function tokenRows(inputIds: Int32Array): TokenRows {
  const ids = Int32Array.from(new Set(inputIds)).sort();
  const slotOf = new Map(Array.from(ids, (id, slot): [number, number] => [id, slot]));
  return { ids, slots: inputIds.map((id) => slotOf.get(id)!) };
}

/** `count` ids, each once: those that are there, then others, whose rows are zeros. */
export function filledIds(ids: Int32Array, count: number): Int32Array {
  const filled = new Int32Array(count);
  filled.set(ids);
  const isThere = new Set(ids);
  for (let id = 0, at = ids.length; at < count; id++) if (!isThere.has(id)) filled[at++] = id;
  return filled;
}

export const int32Feed = (shape: readonly number[], data: Int32Array): Feed => ({ dataType: 'int32', shape, data });

/**
 * The rows that a graph reads of a parameter, where it reads nothing else of it and all by `ids`: the outputs of its
 * Gathers, [...ids, ...row]. Undefined for any other parameter, which has a gradient of its own shape.
 */
export function rowsRead(nodes: readonly BuiltNode[], parameter: Value, ids: Value): readonly Value[] | undefined {
  const readers = nodes.filter(({ inputs }) => inputs.some((input) => input?.name === parameter.name));
  const isByIds = ({ opType, inputs, attributes }: BuiltNode) =>
    opType === 'Gather' &&
    inputs[1]?.name !== parameter.name &&
    (attributes.axis?.type !== 'int' || attributes.axis.value === 0) &&
    isSame(nodes, inputs[1], ids);
  return readers.length > 0 && readers.every(isByIds) ? readers.map(({ outputs }) => outputs[0]) : undefined;
}

/** Operators whose output has its input's integers in their order. */
const KEEPS_INTEGERS: ReadonlySet<string> = new Set(['Cast', 'Identity', 'Reshape', 'Flatten', 'Squeeze', 'Unsqueeze']);

function isSame(nodes: readonly BuiltNode[], value: Value | undefined, ids: Value): boolean {
  if (!value || !/^int(32|64)$/.test(value.dataType)) return false;
  if (value.name === ids.name) return true;
  const maker = nodes.find(({ outputs }) => outputs.some(({ name }) => name === value.name));
  return maker !== undefined && KEEPS_INTEGERS.has(maker.opType) && isSame(nodes, maker.inputs[0], ids);
}

/** The gradient [rows, ...row] from those of what was read. @param slots int32 [...ids] */
export function gradientRows(
  g: Operators,
  gradients: readonly Value[],
  slots: Value,
  rows: number,
  row: readonly number[],
): Value {
  const tokens = elementCount(slots.shape);
  const flat = gradients.map((gradient) => g.reshape(gradient, [tokens, elementCount(row)]));
  const sum = flat.reduce((all, one) => g.add(all, one));
  return g.reshape(sumOfRows(g, sum, g.reshape(slots, [tokens]), rows), [rows, ...row]);
}

/** x with rows changed by `change`. @param ids int32 [rows], each once */
export function withRows(g: Operators, x: Value, ids: Value, change: (rows: Value) => Value): Value {
  const places = g.cast(g.unsqueezeLast(ids), 'int64');
  return g.scatterNd(x, places, change(g.gather(x, ids)));
}

/** The gradient of the parameter's own shape. @param ids int32 [rows], each once */
export function denseGradient(g: Operators, rows: Value, ids: Value, shape: readonly number[]): Value {
  const places = g.cast(g.unsqueezeLast(ids), 'int64');
  return g.scatterNd(g.expand(zeroOf(g, ids), shape), places, rows);
}
