/** What a training step knows of a loss: the inputs that it is fed, how examples weigh, and the graph of the loss. */
import type { OutputAxis } from '../models/heads/head';
import type { DataType } from '../onnx/dataType';
import type { Value } from '../onnx/graphBuilder';
import type { Operators } from '../onnx/operators';
import type { EncodedExample } from '../tokenization/tokenizer';

export interface TrainingExample<Target = unknown> {
  readonly encoded: EncodedExample;
  /** What is to be learned of it: a label id, a number, a label id of each token. */
  readonly target: Target;
  /** With which others of its batch a loss compares it; absent: with none. */
  readonly group?: ExampleGroup;
}

/** Examples of a batch that a loss may compare: those of equal `id` follow on one another, `size` of them. */
export interface ExampleGroup {
  readonly id: number;
  readonly size: number;
}

/** An axis of an input, named like the axes of a network's output. */
export type Axis = OutputAxis;

export interface ObjectiveInput {
  readonly name: string;
  readonly dataType: Extract<DataType, 'float32' | 'int32'>;
  /** The first one is the rows. */
  readonly axes: readonly ['rows', ...Axis[]];
}

/** The place of a graph's rows in their step. */
export interface StepShare {
  /** The weight of all examples of the step: what a mean over the step divides by. */
  readonly total: number;
  /** Examples of the whole batch that these rows are of, and of all batches of the step. */
  readonly batchExamples: number;
  readonly stepExamples: number;
  /** Tokens that every row is padded to. */
  readonly length: number;
  /** A sum over all examples of the step, for who takes means of several kinds. */
  sumOf(amount: (example: TrainingExample) => number): number;
}

export interface PassChanges {
  /** Stands between the word embeddings, [batch, length, width], and what is added to them. */
  readonly wordEmbeddings?: (embeddings: Value) => Value;
  /** Stands between the encoder's states, [batch * length, hidden], and a head of tokens, which answers what it gives. */
  readonly tokens?: (states: Value) => Value;
}

/** What a loss is made of. */
export interface LossContext {
  /**
   * One forward pass: the network's output, of its axes ([rows, labels] of a classifier). Each draws dropout masks of its own, which
   * its name keeps apart. A loss of one pass gives it the empty name.
   */
  pass(name: string, changes?: PassChanges): Value;
  /** One of the objective's inputs. */
  input(name: string): Value;
  /** A parameter of the network, by the engine's name: for a part of it that no pass builds. */
  parameter(name: string): Value;
  /** Noise N(0, deviation^2) of the shape, whose first axis is the rows: a function of (seed, step, place, element). */
  noise(name: string, shape: readonly number[], deviation: number): Value;
  /** A part of the loss, a scalar, that is reported beside the whole. */
  part(name: string, value: Value): void;
}

export interface Objective<Target = unknown> {
  readonly inputs: readonly ObjectiveInput[];
  /** Examples of a group, at most, of a loss that compares them: they are computed at once. Absent: each is by itself. */
  readonly together?: number;
  /** The weight of an example in the mean over a step. */
  weightOf(example: TrainingExample<Target>): number;
  /** The inputs' values for the first rows, by their axes; those behind them are zeros and weigh nothing. */
  feeds(examples: readonly TrainingExample<Target>[], share: StepShare): Readonly<Record<string, ArrayLike<number>>>;
  /** A scalar: the share of these rows in the mean over the step. */
  loss(g: Operators, context: LossContext): Value;
  /** The names of the parts that it reports. */
  readonly parts: readonly string[];
}

/** An objective of one forward pass, whose loss is a function of what that pass gives. */
export interface OutputObjective<Target = unknown> extends Objective<Target> {
  lossOf(g: Operators, outputs: Value, input: LossContext['input']): Value;
}

/** The objective whose loss is `lossOf` of one pass. */
export function ofOnePass<Target>(objective: Omit<OutputObjective<Target>, 'loss' | 'parts'>): OutputObjective<Target> {
  return {
    ...objective,
    parts: [],
    loss: (g, { pass, input }) => {
      const outputs = pass('');
      return g.scope('loss', () => objective.lossOf(g, outputs, input));
    },
  };
}
