import type { Value } from '../../onnx/graphBuilder';
import type { Operators } from '../../onnx/operators';
import { buildBert, linear, type EncoderInputs } from '../bert';
import { linearSpecs, type Head } from './head';

const PROJECTION = 'spans.projection';
const EDGES = 'spans.types';
/** Width of queries and keys, as published. */
const SIZE = 64;

/** The score of what is no stretch of the text: exp() of it is 0 in every precision, and half precision can hold it. */
export const NO_SPAN = -30000;

/**
 * One score for each type and each stretch of tokens, first to last: [rows, columns, length, length]. A stretch is of a type where
 * the score is above 0, so stretches may lie in one another.
 *
 * Efficient GlobalPointer (Su et al., arXiv 2208.03054): queries and keys of {@link SIZE} with rotary positions score how well two
 * tokens are the edges of anything, and a linear layer over both scores each token as first and as last one of a type. It is taken
 * before GlobalPointer (arXiv 2208.03502), which has queries and keys for each type: a type costs 258 numbers here, and 98,000
 * there on an encoder of width 768; and before a biaffine layer, whose product costs hidden^2 numbers a type.
 *
 * Padding, and ends before their starts, have the score {@link NO_SPAN} of every type.
 */
export const spansHead: Head = {
  id: 'spans',
  classSuffix: undefined,
  problemType: () => undefined,
  isKnownToTransformers: () => false,
  pools: false,
  readsPooler: () => false,
  specs: (config, columns) => [
    ...linearSpecs(PROJECTION, 2 * SIZE, config.hiddenSize),
    ...linearSpecs(EDGES, 2 * columns, 2 * SIZE),
  ],
  owns: (name) => name.startsWith('spans.'),
  columnsOf(shapeOf) {
    const rows = shapeOf(`${EDGES}.weight`)?.[0];
    return rows === undefined ? undefined : rows / 2;
  },
  fileName(name) {
    return this.owns(name) ? name : undefined;
  },
  engineName: (inFile) => (/^spans\.(projection|types)\.(weight|bias)$/.test(inFile) ? inFile : undefined),
  output: (columns) => ({ name: 'scores', axes: ['rows', columns, 'length', 'length'] }),
  build(g, config, inputs, options) {
    const states = buildBert(g, config, inputs, { ...options, rows: 'all' });
    return g.scope('spans', () => spanScores(g, states, inputs, options.parameter));
  },
};

function spanScores(
  g: Operators,
  hidden: Value,
  { inputIds, attentionMask }: EncoderInputs,
  parameter: (name: string) => Value,
): Value {
  const [batch, length] = inputIds.shape;
  const both = linear(g, hidden, PROJECTION, parameter); // [batch * length, 2 SIZE]
  const [queries, keys] = g.split(both, 2, 1).map((part) => rotated(g, g.reshape(part, [batch, length, SIZE]), length));
  const product = g.matMul(queries, g.transpose(keys, [0, 2, 1])); // [batch, length, length]
  const scores = g.reshape(g.mul(product, 1 / Math.sqrt(SIZE)), [batch, 1, length, length]);
  const weight = parameter(`${EDGES}.weight`); // [2 columns, 2 SIZE]
  const columns = weight.shape[0] / 2;
  // The product has the columns before the length, as they are used: the runtime (1.30.0) would move a transposition of it behind
  // the choices by masks, and WebGPU transposes no booleans.
  const states = g.transpose(g.reshape(both, [batch, length, 2 * SIZE]), [0, 2, 1]);
  const biases = g.reshape(parameter(`${EDGES}.bias`), [1, 2 * columns, 1]);
  const [firsts, lasts] = g
    .split(g.mul(g.add(g.matMul(weight, states), biases), 0.5), 2, 1) // [batch, columns, length] each
    .map((part, side) => g.reshape(part, side === 0 ? [batch, columns, length, 1] : [batch, columns, 1, length]));
  const all = g.add(g.add(scores, firsts), lasts); // [batch, columns, length, length]
  return g.where(isStretch(g, attentionMask, batch, length), all, g.scalar(NO_SPAN));
}

/** Whether a first and a last token are a stretch: both are tokens, and the last does not stand before the first. [batch, 1, length, length] */
function isStretch(g: Operators, attentionMask: Value, batch: number, length: number): Value {
  const places = g.range(length);
  const isOrdered = g.greaterOrEqual(g.reshape(places, [1, 1, 1, length]), g.reshape(places, [1, 1, length, 1]));
  // Products of 0 and 1: the runtime's WebGPU (1.30.0) computes an And of shapes that it must stretch wrongly.
  const isToken = g.cast(g.greater(attentionMask, 0), 'float32');
  const areTokens = g.mul(g.reshape(isToken, [batch, 1, length, 1]), g.reshape(isToken, [batch, 1, 1, length]));
  return g.greater(g.mul(areTokens, g.cast(isOrdered, 'float32')), 0.5);
}

/** Rotary positions (Su et al., arXiv 2104.09864) over the pairs (i, i + SIZE / 2): [batch, length, SIZE]. */
function rotated(g: Operators, x: Value, length: number): Value {
  const pairs = SIZE / 2;
  const places = g.reshape(g.cast(g.range(length), 'float32'), [length, 1]);
  const numbers = g.reshape(g.cast(g.range(pairs), 'float32'), [1, pairs]);
  // 10000^(-2i / SIZE)
  const angles = g.mul(places, g.exp(g.mul(numbers, (-2 * Math.log(10000)) / SIZE)));
  const [cosines, sines] = [g.cos(angles), g.sin(angles)];
  const [a, b] = g.split(x, 2, 2);
  return g.concat([g.sub(g.mul(a, cosines), g.mul(b, sines)), g.add(g.mul(b, cosines), g.mul(a, sines))], 2);
}
