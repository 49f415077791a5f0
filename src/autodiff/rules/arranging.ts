import { MedTextError } from '../../base/errors';
import type { Value } from '../../onnx/graphBuilder';
import { integersOf, resolveSlice } from '../../onnx/typeInference';
import type { Operators } from '../../onnx/operators';
import { allAxes, normalizeAxis } from '../../onnx/shapes';
import type { GradientCall, GradientRule } from '../gradientRule';
import { scatterAlongAxis } from './gathering';

/** dy itself. The driver sums it over the axes that were broadcast. */
export const expandRule: GradientRule = [({ dy }) => dy, null];

/** The repeats along each axis become an axis of their own, which is summed. */
export const tileRule: GradientRule = [
  ({ g, x, dy }) => {
    const { shape } = x[0];
    const layout: number[] = [];
    const repeatAxes: number[] = [];
    integersOf(x[1])!.forEach((repeats, axis) => {
      if (repeats !== 1) repeatAxes.push(layout.push(repeats) - 1);
      layout.push(shape[axis]);
    });
    return repeatAxes.length === 0 ? dy : g.reduceSum(g.reshape(dy, layout), repeatAxes, false);
  },
  null,
];

/** Each part's gradient is its slice of dy. */
export const concatRule: GradientRule = ({ g, x, dy, attributes }, input) => {
  const axis = normalizeAxis(attributes.int('axis'), dy.shape.length);
  const start = x.slice(0, input).reduce((sum, part) => sum + part.shape[axis], 0);
  return g.slice(dy, [start], [start + x[input].shape[axis]], [axis]);
};

/** The gradients of the parts side by side. A part that the loss does not read has a gradient of zeros. */
export const splitRule: GradientRule = [
  ({ g, x, y, dys, attributes }) => {
    const axis = normalizeAxis(attributes.int('axis', 0), x[0].shape.length);
    return g.concat(
      y.map((part, i) => dys[i] ?? g.fill(0, part.shape, part.dataType)),
      axis,
    );
  },
  null,
];

/** dy with zeros around it. Along an axis with a step, dy is scattered to the places that it came from. */
export const sliceRule: GradientRule = [
  (call) => {
    const { g, x, dy } = call;
    const slices = sliceOf(call);
    let dx = dy;
    slices.forEach(({ start, step, length }, axis) => {
      if (step === 1) return;
      const places = g.integers(Array.from({ length }, (_, i) => start + i * step));
      const shape = dx.shape.map((d, i) => (i === axis ? x[0].shape[axis] : d));
      dx = scatterAlongAxis(g, dx, places, axis, shape);
    });
    const before = slices.map(({ start, step }) => (step === 1 ? start : 0));
    const after = slices.map(({ start, step, length }, i) => (step === 1 ? x[0].shape[i] - start - length : 0));
    return g.pad(dx, before, after);
  },
  null,
  null,
  null,
  null,
];

function sliceOf({ x }: GradientCall) {
  const [starts, ends, axes, steps] = [1, 2, 3, 4].map((i) => integersOf(x[i]));
  return resolveSlice(x[0].shape, starts!, ends!, axes, steps);
}

/**
 * The gradient of x is the slice of dy inside the padding. The gradient of the padding value is the sum of dy outside
 * that slice.
 */
export const padRule: GradientRule = [
  ({ g, x, dy, attributes }) => {
    const mode = attributes.string('mode', 'constant');
    if (mode !== 'constant') {
      throw new MedTextError('NO_GRADIENT', `Pad in the mode "${mode}" has no gradient rule; only "constant" has.`);
    }
    const { before, after } = paddingOf(x);
    const inside = innerSlice(g, dy, before, after);
    // Negative padding crops. Cropped elements have a gradient of 0.
    const cropped = (pads: readonly number[]) => pads.map((n) => Math.max(0, -n));
    return g.pad(inside, cropped(before), cropped(after));
  },
  null,
  ({ g, x, dy }) => {
    const { before, after } = paddingOf(x);
    return g.sub(g.reduceSum(dy), g.reduceSum(innerSlice(g, dy, before, after)));
  },
  null,
];

/** The elements added before and after each axis. */
function paddingOf(x: readonly Value[]): { before: number[]; after: number[] } {
  const rank = x[0].shape.length;
  const pads = integersOf(x[1])!;
  const axes = integersOf(x[3])?.map((a) => normalizeAxis(a, rank)) ?? allAxes(rank);
  const before = new Array<number>(rank).fill(0);
  const after = new Array<number>(rank).fill(0);
  axes.forEach((axis, i) => {
    before[axis] = pads[i];
    after[axis] = pads[i + axes.length];
  });
  return { before, after };
}

/** The part of a padded value that came from the input. */
function innerSlice(g: Operators, y: Value, before: readonly number[], after: readonly number[]): Value {
  const padded = allAxes(y.shape.length).filter((i) => before[i] > 0 || after[i] > 0);
  if (padded.length === 0) return y;
  return g.slice(
    y,
    padded.map((i) => Math.max(0, before[i])),
    padded.map((i) => y.shape[i] - Math.max(0, after[i])),
    padded,
  );
}
