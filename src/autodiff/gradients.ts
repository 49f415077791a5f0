/**
 * Reverse-mode differentiation over a graph under construction. The driver holds what every rule would repeat: which
 * values matter, accumulation, summing back broadcast gradients, names, and error messages.
 */
import { MedTextError } from '../base/errors';
import { Attributes } from '../onnx/typeInference';
import type { BuiltNode, Value } from '../onnx/graphBuilder';
import type { Operators } from '../onnx/operators';
import { sameShape } from '../onnx/shapes';
import type { GradientCall, GradientRules } from './gradientRule';
import { GRADIENT_RULES } from './rules';

/**
 * Adds the nodes that compute d loss / d parameter to the graph.
 * @param loss a scalar (shape []) of the graph.
 * @param parameters inputs or other values of the graph, of floating type.
 * @param options.rules the table of gradient rules; the default has every supported operator.
 * @param options.seed d objective / d loss, shape []; 1 unless a loss is scaled for half precision.
 * @returns the gradient of each parameter, by the parameter's name and in its shape. A parameter that the loss does not
 * depend on has a gradient of zeros.
 * @throws MedTextError NO_GRADIENT naming operator and node when the path crosses an operator without a rule.
 */
export function addGradients(
  g: Operators,
  loss: Value,
  parameters: readonly Value[],
  options: { rules?: GradientRules; seed?: Value } = {},
): Map<string, Value> {
  const rules = options.rules ?? GRADIENT_RULES;
  if (loss.shape.length !== 0) {
    throw new MedTextError('GRAPH', `The loss "${loss.name}" must be a scalar, but has shape [${loss.shape}].`);
  }
  const forward = [...g.nodes];
  const active = valuesThatDependOn(parameters, forward, g.detached);
  const contributions = new Map<string, Value[]>([[loss.name, [options.seed ?? g.scalar(1, loss.dataType)]]]);

  /** The sum of the gradients that have reached a value so far. */
  const gradientOf = (value: Value): Value | undefined =>
    contributions.get(value.name)?.reduce((sum, part) => g.add(sum, part));

  g.scope('backward', () => {
    for (const node of forward.reverse()) {
      if (!node.outputs.some((y) => contributions.has(y.name) && active.has(y.name))) continue;
      if (!node.inputs.some((x) => x && active.has(x.name))) continue;
      g.scope(node.name, () => differentiate(g, node, node.outputs.map(gradientOf), active, rules, contributions));
    }
  });

  return new Map(
    parameters.map((parameter) => [
      parameter.name,
      gradientOf(parameter) ?? g.fill(0, parameter.shape, parameter.dataType),
    ]),
  );
}

/** Adds the gradients of the node's inputs that depend on a parameter to `contributions`. */
function differentiate(
  g: Operators,
  node: BuiltNode,
  dys: readonly (Value | undefined)[],
  active: ReadonlySet<string>,
  rules: GradientRules,
  contributions: Map<string, Value[]>,
): void {
  const rule = Object.hasOwn(rules, node.opType) ? rules[node.opType] : undefined;
  if (!rule) {
    throw new MedTextError(
      'NO_GRADIENT',
      `The operator ${node.opType} (node "${node.name}") lies between a trained parameter and the loss, and has no gradient rule.`,
      { opType: node.opType, node: node.name },
    );
  }
  const shared = new Map<string, unknown>();
  const call: GradientCall = {
    g,
    x: node.inputs as readonly Value[],
    y: node.outputs,
    dy: dys[0] as Value,
    dys,
    attributes: new Attributes(node.attributes, node.opType),
    once: <T>(key: string, make: () => T): T => {
      if (!shared.has(key)) shared.set(key, make());
      return shared.get(key) as T;
    },
  };
  node.inputs.forEach((x, i) => {
    if (!x || !active.has(x.name)) return;
    const formula = typeof rule === 'function' ? (c: GradientCall) => rule(c, i) : rule[i];
    if (!formula) return;
    const dx = formula(call);
    const fitted = sameShape(dx.shape, x.shape) ? dx : g.sumTo(dx, x.shape);
    contributions.set(x.name, [...(contributions.get(x.name) ?? []), fitted]);
  });
}

/** The names of the floating-point values that depend on a parameter, including the parameters. */
function valuesThatDependOn(
  parameters: readonly Value[],
  forward: readonly BuiltNode[],
  detached: ReadonlySet<string>,
): Set<string> {
  const active = new Set(parameters.map((p) => p.name));
  for (const node of forward) {
    if (!node.inputs.some((x) => x && active.has(x.name))) continue;
    for (const y of node.outputs) if (isFloating(y) && !detached.has(y.name)) active.add(y.name);
  }
  return active;
}

function isFloating(value: Value): boolean {
  return value.dataType === 'float32' || value.dataType === 'float16' || value.dataType === 'float64';
}
