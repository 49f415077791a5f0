/** The training step's graph for one (batch, length): forward, loss and the gradient of every trained parameter. */
import { addGradients } from '../autodiff/gradients';
import { MedTextError } from '../base/errors';
import { declareInputs, type SequenceClassifier } from '../models/encoder';
import type { ParameterSpec } from '../models/parameters';
import type { Value } from '../onnx/graphBuilder';
import type { Model } from '../onnx/model';
import { Operators } from '../onnx/operators';
import { softCrossEntropy, weightedSquaredError } from './losses';

/** A place where dropout is applied; its mask is an input of the graph, float32: 0, or 1 / (1 - probability). */
export interface DropoutSite {
  readonly name: string;
  readonly shape: readonly number[];
  readonly probability: number;
}

export interface TrainingGraph {
  readonly model: Model;
  readonly batch: number;
  readonly length: number;
  readonly dropoutSites: readonly DropoutSite[];
}

export interface TrainingGraphOptions {
  readonly classifier: SequenceClassifier;
  readonly specs: readonly ParameterSpec[];
  /** Names of the parameters that get gradients. */
  readonly trained: ReadonlySet<string>;
  readonly loss: 'crossEntropy' | 'squaredError';
  /** Replaces every probability of the configuration; absent: the configuration's own. */
  readonly dropout?: number;
  /** false: the logits are no output. */
  readonly logits?: boolean;
}

/**
 * Inputs: inputIds, tokenTypeIds, attentionMask int32 [batch, length]; targets float32 [batch, labels]; for squared
 * error also weights [batch, 1]; `mask.<site>` per dropout site; every parameter by its name.
 * Outputs: loss (scalar), logits [batch, labels], gradientSquares (the squared global norm, a scalar) and
 * `grad.<parameter>` for every trained parameter that the loss depends on.
 */
export function buildTrainingGraph(options: TrainingGraphOptions, batch: number, length: number): TrainingGraph {
  const g = new Operators();
  const { classifier } = options;
  const inputs = declareInputs(g, batch, length);
  const targets = g.input('targets', 'float32', [batch, classifier.labelCount]);
  const shapes = new Map(options.specs.map((spec) => [spec.name, spec.shape]));
  const parameters = new Map<string, Value>();
  const dropoutSites: DropoutSite[] = [];

  const parameter = (name: string): Value => {
    const shape = shapes.get(name);
    if (!shape) throw new MedTextError('INTERNAL', `The graph reads the parameter "${name}", which the model lacks.`);
    const value = parameters.get(name) ?? g.input(name, 'float32', shape);
    parameters.set(name, value);
    return value;
  };
  const dropout = (x: Value, configured: number, site: string): Value => {
    const probability = options.dropout ?? configured;
    if (probability === 0) return x;
    const name = `mask.${site}`;
    dropoutSites.push({ name, shape: x.shape, probability });
    return g.mul(x, g.input(name, 'float32', x.shape));
  };

  const logits = classifier.build(g, inputs, { parameter, dropout });
  const loss = g.scope('loss', () =>
    options.loss === 'crossEntropy'
      ? softCrossEntropy(g, logits, targets)
      : weightedSquaredError(g, logits, targets, g.input('weights', 'float32', [batch, 1])),
  );

  const trained = [...parameters.values()].filter((p) => options.trained.has(p.name));
  const gradients = addGradients(g, loss, trained);
  g.output(loss, 'loss');
  if (options.logits !== false) g.output(logits, 'logits');
  if (gradients.size > 0) {
    const squares = g.scope('clip', () =>
      [...gradients.values()].map((gradient) => g.reduceSumSquare(gradient)).reduce((sum, part) => g.add(sum, part)),
    );
    g.output(squares, 'gradientSquares');
  }
  for (const [name, gradient] of gradients) g.output(gradient, `grad.${name}`);
  return { model: g.build('training'), batch, length, dropoutSites };
}
