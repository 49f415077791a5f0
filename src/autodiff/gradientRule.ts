/** What a gradient rule is: the contract between the driver (gradients.ts) and the table (rules.ts). */
import type { Value } from '../onnx/graphBuilder';
import type { Attributes } from '../onnx/typeInference';
import type { Operators } from '../onnx/operators';

/**
 * The arguments of a gradient rule: the node's inputs `x`, its outputs `y`, and the gradient `dy` of its first output.
 */
export interface GradientCall {
  readonly g: Operators;
  readonly x: readonly Value[];
  readonly y: readonly Value[];
  readonly dy: Value;
  /** The gradients of all outputs. Undefined for an output that the loss does not depend on. */
  readonly dys: readonly (Value | undefined)[];
  readonly attributes: Attributes;
  /** Makes a value that the gradients of several inputs share. `make` runs at the first call with this key. */
  once<T>(key: string, make: () => T): T;
}

/**
 * The gradient of one input. It may have the shape of the node's output where the input was broadcast: the driver sums
 * it back. null: the input has no gradient (indices, conditions, shapes).
 */
export type InputGradient = ((call: GradientCall) => Value) | null;

/**
 * One formula for each input; or, for operators with any number of inputs, one function that gets the input's number.
 */
export type GradientRule = readonly InputGradient[] | ((call: GradientCall, input: number) => Value);

export type GradientRules = Readonly<Record<string, GradientRule>>;
