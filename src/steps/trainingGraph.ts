/** The training step's graph for one (batch, length): forward, loss and the gradient of every trained parameter. */
import { addGradients } from '../autodiff/gradients';
import { MedTextError } from '../base/errors';
import type { BertOptions, EncoderInputs } from '../models/bert';
import { declareInputs, type Network } from '../models/encoder';
import type { ParameterSpec } from '../models/parameters';
import type { Value } from '../onnx/graphBuilder';
import type { Model } from '../onnx/model';
import type { ProductStyle } from '../inference/productStyle';
import { Operators } from '../onnx/operators';
import type { Axis, LossContext, Objective, ObjectiveInput } from '../tasks/objective';
import { gradientRows, rowCount, rowsRead, TOKEN_SLOTS } from './tokenRows';

/**
 * A place where something random comes into the graph, as an input, float32: a dropout mask (0, or 1 / (1 - probability)),
 * or normal noise of a standard deviation. The first axis of its shape holds the batch's rows, one after the other.
 */
export interface RandomSite {
  readonly name: string;
  readonly shape: readonly number[];
  readonly draw: { readonly probability: number } | { readonly deviation: number };
}

export interface TrainingGraph {
  readonly model: Model;
  readonly batch: number;
  readonly length: number;
  readonly randomSites: readonly RandomSite[];
  /** Parameters that the encoder would read as one value: each place a few lists of names, all or none. */
  readonly jointSites: readonly (readonly (readonly string[])[])[];
  /** Parameters whose gradients are rows: see tokenRows.ts. */
  readonly rowParameters: ReadonlySet<string>;
}

export interface TrainingGraphOptions {
  readonly network: Network;
  readonly specs: readonly ParameterSpec[];
  /** Names of the parameters that get gradients. */
  readonly trained: ReadonlySet<string>;
  readonly objective: Objective;
  /** Replaces every probability of the configuration; absent: the configuration's own. */
  readonly dropout?: number;
  /** false: the logits are no output. */
  readonly logits?: boolean;
  readonly products?: ProductStyle;
}

/**
 * Inputs: inputIds, tokenTypeIds, attentionMask int32 [batch, length]; those of the objective; tokenSlots int32 [batch,
 * length] where gradients are rows; `mask.<site>` and `noise.<site>`; every parameter by its name.
 * Outputs: loss (scalar), `part.<name>` of the objective's parts, logits of the first forward pass [batch, labels],
 * gradientSquares (the squared global norm, a scalar) and `grad.<parameter>` for every trained parameter that the loss
 * depends on: of its shape, or rows of it.
 */
export function buildTrainingGraph(options: TrainingGraphOptions, batch: number, length: number): TrainingGraph {
  const g = new Operators('', options.products?.factors);
  const inputs = declareInputs(g, batch, length);
  const own = declareObjectiveInputs(g, options.objective, batch, length);
  const shapes = new Map(options.specs.map((spec) => [spec.name, spec.shape]));
  const randomSites: RandomSite[] = [];
  const jointSites: (readonly (readonly string[])[])[] = [];

  const { loss, parts, logits, gradients, rowParameters } = addTraining(g, options, {
    inputs,
    slots: () => g.input(TOKEN_SLOTS, 'int32', [batch, length]),
    input: (name) => own.get(name)!,
    parameter: (name) => {
      const shape = shapes.get(name);
      if (!shape) throw new MedTextError('INTERNAL', `The graph reads the parameter "${name}", which the model lacks.`);
      return g.input(name, 'float32', shape);
    },
    joint: (lists) => {
      jointSites.push(lists);
      return undefined;
    },
    random: (site) => {
      randomSites.push(site);
      return g.input(site.name, 'float32', site.shape);
    },
  });
  g.output(loss, 'loss');
  for (const [name, value] of parts) g.output(value, partOutput(name));
  if (options.logits !== false) g.output(logits, 'logits');
  if (gradients.size > 0) {
    g.output(sumOfSquares(g, [...gradients.values()]), 'gradientSquares');
  }
  for (const [name, gradient] of gradients) g.output(gradient, `grad.${name}`);
  return { model: g.build('training'), batch, length, randomSites, jointSites, rowParameters };
}

/** The axes of the inputs that every training graph has. */
export const ENCODER_AXES: readonly (readonly [string, readonly Axis[]])[] = [
  'inputIds',
  'tokenTypeIds',
  'attentionMask',
  TOKEN_SLOTS,
].map((name) => [name, ['rows', 'length']]);

/** The objective's inputs, declared for a static (batch, length), by their names. */
export function declareObjectiveInputs(
  g: Operators,
  { inputs }: Objective,
  batch: number,
  length: number,
): Map<string, Value> {
  return new Map(inputs.map((one) => [one.name, g.input(one.name, one.dataType, shapeOf(one, batch, length))]));
}

/** The shape of an objective's input in a graph of so many rows and tokens. */
export function shapeOf({ axes }: Pick<ObjectiveInput, 'axes'>, rows: number, length: number): number[] {
  return axes.map((axis) => (axis === 'rows' ? rows : axis === 'length' ? length : axis));
}

/** The output that a part of the loss is. */
export const partOutput = (name: string): string => `part.${name}`;

const named = (name: string): string[] => (name === '' ? [] : [name]);

/** What a training graph computes with; each may be an input or any other value of the graph. */
export interface TrainingValues {
  readonly inputs: EncoderInputs;
  /** int32, as inputIds: of each token the slot of its gradient's row. Asked for where a gradient is rows. */
  readonly slots: () => Value;
  /** The inputs of the objective. */
  readonly input: LossContext['input'];
  /** Asked for once each. */
  readonly parameter: (name: string) => Value;
  /** The `joint` of {@link BertOptions}. */
  readonly joint?: BertOptions['joint'];
  readonly random: (site: RandomSite) => Value;
  /** What gradients are multiplied by, so that small ones do not vanish in half precision; absent: 1. */
  readonly lossScale?: Value;
}

/**
 * Forward pass, loss and gradients, by parameter: of those that are trained and that the loss depends on. Parameters that
 * were read as one value have one gradient [names, ...shape], under the first name. Of a parameter of `rowParameters` the
 * gradient is rows [slots, ...].
 */
export function addTraining(
  g: Operators,
  options: TrainingGraphOptions,
  { inputs, slots, input, parameter, joint, random, lossScale }: TrainingValues,
): {
  loss: Value;
  parts: Map<string, Value>;
  logits: Value;
  gradients: Map<string, Value>;
  rowParameters: Set<string>;
} {
  const parameters = new Map<string, Value>();
  const known = (name: string): Value => {
    const value = parameters.get(name) ?? parameter(name);
    parameters.set(name, value);
    return value;
  };
  const together: BertOptions['joint'] = (lists) => {
    const values = joint?.(lists);
    values?.forEach((value, i) => parameters.set(lists[i][0], value));
    return values;
  };
  let logits: Value | undefined;
  const parts = new Map<string, Value>();
  const pass: LossContext['pass'] = (name, changes) => {
    const dropout = (x: Value, configured: number, site: string): Value => {
      const probability = options.dropout ?? configured;
      if (probability === 0) return x;
      return g.mul(
        x,
        random({ name: ['mask', ...named(name), site].join('.'), shape: x.shape, draw: { probability } }),
      );
    };
    const build = () => options.network.build(g, inputs, { parameter: known, joint: together, dropout, ...changes });
    const outputs = name === '' ? build() : g.scope(name, build);
    logits ??= outputs;
    return outputs;
  };
  const loss = options.objective.loss(g, {
    pass,
    input,
    parameter: known,
    noise: (name, shape, deviation) => random({ name: `noise.${name}`, shape, draw: { deviation } }),
    part: (name, value) => void parts.set(name, value),
  });
  const trained = [...parameters].filter(([name]) => options.trained.has(name));
  // What is read of an embedding is differentiated in its place.
  const read = new Map(trained.map(([name, value]) => [name, rowsRead(g.nodes, value, inputs.inputIds)]));
  const wanted = trained.flatMap(([name, value]) => read.get(name) ?? [value]);
  const found = addGradients(g, loss, wanted, { seed: lossScale });
  const slotsOnce = once(slots);
  const gradientOf = (name: string, { shape: [vocabulary, ...row], name: value }: Value): Value => {
    const outputs = read.get(name)?.map((output) => found.get(output.name)!);
    if (!outputs) return found.get(value)!;
    const [batch, length] = inputs.inputIds.shape;
    return g.scope(`rows/${name}`, () =>
      gradientRows(g, outputs, slotsOnce(), rowCount(batch, length, vocabulary), row),
    );
  };
  return {
    loss,
    parts,
    logits: logits!,
    gradients: new Map(trained.map(([name, value]) => [name, gradientOf(name, value)])),
    rowParameters: new Set(trained.map(([name]) => name).filter((name) => read.get(name) !== undefined)),
  };
}

function once<T>(make: () => T): () => T {
  let made: { readonly value: T } | undefined;
  return () => (made ??= { value: make() }).value;
}

/**
 * The squared global norm, a scalar. Row by row first: one float32 sum over the 28 million elements of a BERT-base's
 * feed-forward weights, element after element, was off by 2 in 1,000.
 */
export function sumOfSquares(g: Operators, gradients: readonly Value[]): Value {
  const squaresOf = (x: Value) => (x.shape.length < 2 ? g.reduceSumSquare(x) : g.reduceSum(g.reduceSumSquare(x, [x.shape.length - 1]))); // prettier-ignore
  return g.scope('clip', () => gradients.map(squaresOf).reduce((sum, part) => g.add(sum, part)));
}
