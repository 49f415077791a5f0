/**
 * THE TABLE of gradients: one row for each supported operator, one formula for each input. `x` is an input, `y` an
 * output, `dy` the gradient of y. The driver (gradients.ts) sums a formula back to the input's shape where the input
 * was broadcast. Rules of more than five lines live in rules/.
 */
import type { GradientRules } from './gradientRule';
import { concatRule, expandRule, padRule, sliceRule, splitRule, tileRule } from './rules/arranging';
import { geluRule } from './rules/gelu';
import { gatherRule, gatherElementsRule } from './rules/gathering';
import { layerNormalizationRule } from './rules/layerNormalization';
import { gemmRule, matMulRule } from './rules/matrixProducts';
import { reduceMaxRule, reduceMeanRule, reduceSumRule, reduceSumSquareRule } from './rules/reductions';
import { logSoftmaxRule, softmaxRule } from './rules/softmax';
import { clipRule, extremumRule, onlyWhere, powRule } from './rules/pieces';
import { inversePermutation } from '../onnx/shapes';

export const GRADIENT_RULES: GradientRules = {
  // elementwise, two inputs
  Add: [({ dy }) => dy, ({ dy }) => dy],
  Sub: [({ dy }) => dy, ({ g, dy }) => g.neg(dy)],
  Mul: [({ g, x, dy }) => g.mul(dy, x[1]), ({ g, x, dy }) => g.mul(dy, x[0])],
  Div: [({ g, x, dy }) => g.div(dy, x[1]), ({ g, x, y, dy }) => g.neg(g.div(g.mul(dy, y[0]), x[1]))],
  Pow: powRule,
  Min: extremumRule,
  Max: extremumRule,
  Where: [
    null,
    ({ g, x, dy }) => onlyWhere(g, x[0], dy),
    ({ g, x, dy }) => g.where(x[0], g.scalar(0, dy.dataType), dy),
  ],

  // elementwise, one input
  Identity: [({ dy }) => dy],
  Cast: [({ g, x, dy }) => g.cast(dy, x[0].dataType)],
  Neg: [({ g, dy }) => g.neg(dy)],
  Abs: [({ g, x, dy }) => g.sub(onlyWhere(g, g.greater(x[0], 0), dy), onlyWhere(g, g.less(x[0], 0), dy))], // 0 at 0
  Exp: [({ g, y, dy }) => g.mul(dy, y[0])],
  Log: [({ g, x, dy }) => g.div(dy, x[0])],
  Sqrt: [({ g, y, dy }) => g.div(g.mul(dy, 0.5), y[0])],
  Reciprocal: [({ g, y, dy }) => g.neg(g.mul(dy, g.mul(y[0], y[0])))],
  Sin: [({ g, x, dy }) => g.mul(dy, g.cos(x[0]))],
  Cos: [({ g, x, dy }) => g.neg(g.mul(dy, g.sin(x[0])))],
  Tanh: [({ g, y, dy }) => g.mul(dy, g.sub(1, g.mul(y[0], y[0])))],
  Sigmoid: [({ g, y, dy }) => g.mul(dy, g.mul(y[0], g.sub(1, y[0])))],
  Erf: [({ g, x, dy }) => g.mul(dy, g.mul(g.exp(g.neg(g.mul(x[0], x[0]))), 2 / Math.sqrt(Math.PI)))],
  Relu: [({ g, x, dy }) => onlyWhere(g, g.greater(x[0], 0), dy)],
  Gelu: geluRule,
  Clip: clipRule,

  // matrix products
  MatMul: matMulRule,
  Gemm: gemmRule,

  // normalisation
  Softmax: softmaxRule,
  LogSoftmax: logSoftmaxRule,
  LayerNormalization: layerNormalizationRule,

  // reductions; the axes have no gradient
  ReduceSum: reduceSumRule,
  ReduceMean: reduceMeanRule,
  ReduceMax: reduceMaxRule,
  ReduceSumSquare: reduceSumSquareRule,

  // shape
  Reshape: [({ g, x, dy }) => g.reshape(dy, x[0].shape), null],
  Flatten: [({ g, x, dy }) => g.reshape(dy, x[0].shape)],
  Squeeze: [({ g, x, dy }) => g.reshape(dy, x[0].shape), null],
  Unsqueeze: [({ g, x, dy }) => g.reshape(dy, x[0].shape), null],
  Transpose: [
    ({ g, x, dy, attributes }) =>
      g.transpose(dy, inversePermutation(attributes.ints('perm', x[0].shape.map((_, i) => i).reverse()))),
  ],
  Expand: expandRule,
  Tile: tileRule,
  Concat: concatRule,
  Split: splitRule,
  Slice: sliceRule,
  Pad: padRule,

  // indexing
  Gather: gatherRule,
  GatherElements: gatherElementsRule,
};
