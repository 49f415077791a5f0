/** What a gradient rule is: the contract between the driver (gradients.ts) and the table (rules.ts). */
import type { Value } from '../onnx/graphBuilder';
import type { Attributes } from '../onnx/typeInference';
import type { Operators } from '../onnx/operators';

/** What a gradient rule sees: the node's inputs `x`, outputs `y`, and the gradient `dy` of its first output. */
export interface GradientCall {
  readonly g: Operators;
  readonly x: readonly Value[];
  readonly y: readonly Value[];
  readonly dy: Value;
  /** The gradients of all outputs; undefined where the loss does not depend on one. */
  readonly dys: readonly (Value | undefined)[];
  readonly attributes: Attributes;
  /** What several inputs' gradients share, made at its first use. */
  once<T>(key: string, make: () => T): T;
}

/**
 * The gradient of one input as a formula of the call. It may have the shape of the node's output where the input was
 * broadcast: the driver sums it back. null: the input has no gradient (indices, conditions, shapes).
 */
export type InputGradient = ((call: GradientCall) => Value) | null;

/** One formula per input. A row of one function on a node of more inputs serves them all ('variadic'). */
export type GradientRule = readonly InputGradient[] | ((call: GradientCall, input: number) => Value);

export type GradientRules = Readonly<Record<string, GradientRule>>;
