/**
 * Systematic breakages of gradient rules. Each operator's rule is run once to see which formulas a row reaches and
 * what they are made of; from that follows one broken table of rules per breakage.
 */
import type { GradientCall, GradientRules, InputGradient } from '../../src/autodiff/gradientRule';
import { GRADIENT_RULES } from '../../src/autodiff/rules';
import type { Attributes } from '../../src/onnx/typeInference';
import type { Value } from '../../src/onnx/graphBuilder';
import type { Operators } from '../../src/onnx/operators';
import { sameShape } from '../../src/onnx/shapes';
import { analyticGradients, type LossGraph, type Sample } from './checkGradient';
import type { GradientRow } from './gradientTable';

type Formula = (call: GradientCall) => Value;

export interface Mutation {
  /** Which formula is broken and how, e.g. "1: sign flipped"; the same breakage has the same name in every row. */
  readonly name: string;
  readonly input: number;
  readonly apply: (formula: Formula, call: GradientCall) => Value;
}

/** What one formula did on one row. */
interface Trace {
  readonly input: number;
  /** The operators it used, in order, where their result is a number or a truth value. */
  readonly made: readonly string[];
  /** The node's attributes that it read. */
  readonly attributes: readonly string[];
  readonly broadcast: boolean;
  readonly siblings: readonly number[];
}

/** Every breakage that the row could see. */
export async function mutationsOf(row: GradientRow, sample: Sample): Promise<Mutation[]> {
  const traces = new Map<number, Trace>();
  await analyticGradients(row, sample, [
    (graph) => replaceRule(row, graph, (formula, call, input) => {
      const { value, trace } = traced(row, formula, call, input);
      traces.set(input, trace);
      return value;
    }),
  ]); // prettier-ignore
  return [...traces.values()].flatMap(breakages);
}

/** The rules with one formula broken. */
export function brokenRules(row: GradientRow, graph: LossGraph, mutation: Mutation): GradientRules {
  return replaceRule(row, graph, (formula, call, input) =>
    input === mutation.input ? mutation.apply(formula, call) : formula(call),
  );
}

function breakages({ input, made, attributes, broadcast, siblings }: Trace): Mutation[] {
  const mutation = (how: string, apply: Mutation['apply']): Mutation => ({ name: `${input}: ${how}`, input, apply });
  return [
    mutation('scaled by 1.01', (formula, call) => call.g.mul(formula(call), 1.01)),
    mutation('sign flipped', (formula, call) => call.g.neg(formula(call))),
    mutation('dy replaced by zeros', (formula, call) => formula(withZeroGradient(call))),
    ...siblings.map((other) => mutation(`formula of input ${other}`, (_, call) => formulaOf(call, other)(call))),
    ...(broadcast ? [mutation('first repeat instead of the sum', (formula, call) => firstRepeat(call.g, formula(call), call.x[input]))] : []), // prettier-ignore
    ...attributes.map((name) =>
      mutation(`attribute ${name} ignored`, (formula, call) => formula(withoutAttribute(call, name))),
    ),
    ...made.map((opType, k) =>
      mutation(`value ${k} (${opType}) off`, (formula, call) => formula({ ...call, g: spoiling(call.g, k) })),
    ),
  ];
}

const operatorOfCall = new WeakMap<GradientCall, string>();

/** All rules, with the row's operator's in the hands of `wrap` on the row's own nodes; the loss keeps the true ones. */
function replaceRule(
  row: GradientRow,
  graph: LossGraph,
  wrap: (formula: Formula, call: GradientCall, input: number) => Value,
): GradientRules {
  const own = new Set(graph.g.nodes.filter((n) => graph.nodeNames.has(n.name)).flatMap((n) => n.outputs.map((y) => y.name))); // prettier-ignore
  const rule = GRADIENT_RULES[row.operator];
  const formulas: InputGradient[] =
    typeof rule === 'function' ? row.shapes.map((_, i) => (call) => rule(call, i)) : [...rule];
  return {
    ...GRADIENT_RULES,
    [row.operator]: formulas.map(
      (formula, input): InputGradient =>
        formula &&
        ((call) => {
          operatorOfCall.set(call, row.operator);
          return own.has(call.y[0].name) ? wrap(formula, call, input) : formula(call);
        }),
    ),
  };
}

function formulaOf(call: GradientCall, input: number): Formula {
  const rule = GRADIENT_RULES[operatorOfCall.get(call)!];
  return typeof rule === 'function' ? (c) => rule(c, input) : rule[input]!;
}

function traced(row: GradientRow, formula: Formula, call: GradientCall, input: number): { value: Value; trace: Trace } {
  const read = new Set<string>();
  const made: string[] = [];
  const g = intercepting(call.g, (value, opType) => {
    if (canBeOff(value)) made.push(opType);
    return value;
  });
  const attributes = watching(call.attributes, (name) => {
    if (call.attributes.has(name)) read.add(name);
    return false;
  });
  const value = formula({ ...call, g, attributes });
  const rule = GRADIENT_RULES[row.operator];
  const siblings = call.x.flatMap((_, i) => (i !== input && (typeof rule === 'function' || rule[i]) ? [i] : []));
  const broadcast = !sameShape(value.shape, call.x[input].shape);
  return { value, trace: { input, made, attributes: [...read], broadcast, siblings } };
}

// --- the breakages' tools ---

function withZeroGradient(call: GradientCall): GradientCall {
  const zeros = (y: Value) => call.g.fill(0, y.shape, y.dataType);
  return { ...call, dy: call.dy && zeros(call.dy), dys: call.dys.map((dy) => dy && zeros(dy)) };
}

/** What un-broadcasting would give if it forgot to sum. */
function firstRepeat(g: Operators, dx: Value, x: Value): Value {
  const extra = dx.shape.length - x.shape.length;
  const axes = dx.shape.map((_, i) => i);
  const ends = dx.shape.map((_, i) => (i < extra ? 1 : x.shape[i - extra]));
  return g.reshape(g.slice(dx, axes.map(() => 0), ends, axes), x.shape); // prettier-ignore
}

function withoutAttribute(call: GradientCall, dropped: string): GradientCall {
  return { ...call, attributes: watching(call.attributes, (name) => name === dropped) };
}

/** The attributes; each read is told to `drops`, which may have it answered as if the attribute were not there. */
function watching(attributes: Attributes, drops: (name: string) => boolean): Attributes {
  return new Proxy(attributes, {
    get(target, property: keyof Attributes) {
      if (property === 'has') return (name: string) => !drops(name) && target.has(name);
      return (name: string, fallback?: unknown) => {
        if (!drops(name)) return (target[property] as (n: string, f?: unknown) => unknown)(name, fallback);
        if (fallback === undefined) throw new Error(`attribute ${name} is required`);
        return fallback;
      };
    },
  });
}

function canBeOff(value: Value): boolean {
  return value.dataType.startsWith('float') || value.dataType === 'bool';
}

/** The builder, with the k-th value made through it slightly wrong: shifted and scaled, or negated if a truth value. */
function spoiling(g: Operators, k: number): Operators {
  let count = 0;
  return intercepting(g, (value) => {
    if (!canBeOff(value) || count++ !== k) return value;
    return value.dataType === 'bool' ? g.not(value) : g.add(g.mul(value, 1.01), 0.01);
  });
}

/** The builder, with the first output of every node that is made through it passed on by `pass`. */
function intercepting(g: Operators, pass: (value: Value, opType: string) => Value): Operators {
  return new Proxy(g, {
    get(target, property, receiver) {
      if (property !== 'emit') return Reflect.get(target, property, receiver);
      return (...parameters: Parameters<Operators['emit']>) => {
        const [first, ...others] = target.emit(...parameters);
        return [pass(first, parameters[0]), ...others];
      };
    },
  });
}
