/** Takes the parameters that training may change out of a foreign graph and makes them inputs. */
import type { Graph, GraphNode, Tensor, ValueInfo } from './model';
import { FOLDED_PREFIX } from './specialize';

export interface LiftedGraph {
  /** The graph with the parameters as inputs, after the graph's own inputs. */
  readonly graph: Graph;
  /**
   * The parameters by the names of their initialisers. Exporters transpose weights and rename them (`onnx::MatMul_317`,
   * `val_53`).
   */
  readonly parameters: ReadonlyMap<string, Tensor>;
}

/** Inputs that carry no gradient, whatever the other inputs of the operator are: indices, conditions, shapes, axes. */
const WITHOUT_GRADIENT: Readonly<Record<string, readonly number[]>> = {
  Where: [0],
  Gather: [1],
  GatherElements: [1],
  GatherND: [1],
};
/** Operators whose result may be floating but has no gradient. */
const FLAT = new Set(['Floor', 'Ceil', 'Round', 'Sign', 'ConstantOfShape', 'Range']);
/** Operators whose results are not floating. */
const DISCRETE = new Set(['Equal', 'Greater', 'GreaterOrEqual', 'Less', 'LessOrEqual', 'And', 'Or', 'Xor', 'Not', 'IsNaN', 'Shape', 'Size', 'ArgMax', 'ArgMin', 'NonZero']); // prettier-ignore

/**
 * Turns the graph's parameters into inputs. A parameter is a float32 initialiser that a gradient from some output
 * reaches. Numbers that the exporter wrote do not count: scalars, single elements without a parameter's name, constants
 * that folding made.
 *
 * Sharing follows the file: an initialiser that is read in two places is one parameter. PyTorch's newer exporter
 * (dynamo) stores equal tensors once, so the biases of an untrained encoder, all zero, become tied. Those of a trained
 * encoder differ.
 * @param graph from {@link specialize}, which has widened float16 and bfloat16.
 * @param isParameter may return false to keep an initialiser constant.
 */
export function liftParameters(
  graph: Graph,
  isParameter: (name: string, tensor: Tensor) => boolean = () => true,
): LiftedGraph {
  const reached = valuesWithGradient(graph);
  const parameters = new Map(
    [...graph.initializers].filter(
      ([name, tensor]) => reached.has(name) && looksLearned(name, tensor) && isParameter(name, tensor),
    ),
  );
  const initializers = new Map([...graph.initializers].filter(([name]) => !parameters.has(name)));
  const lifted = [...parameters].map(([name, { dataType, shape }]): ValueInfo => ({ name, dataType, shape }));
  return { graph: { ...graph, inputs: [...graph.inputs, ...lifted], initializers }, parameters };
}

function looksLearned(name: string, tensor: Tensor): boolean {
  if (tensor.dataType !== 'float32' || tensor.data.length === 0 || name.startsWith(FOLDED_PREFIX)) return false;
  return tensor.data.length > 1 || (tensor.shape.length > 0 && /(weight|bias|gamma|beta)$/i.test(name));
}

/** Walks back from the outputs through everything differentiable. */
function valuesWithGradient(graph: Graph): Set<string> {
  const reached = new Set(graph.outputs.filter((output) => /float/.test(output.dataType)).map((output) => output.name));
  for (const node of [...graph.nodes].reverse()) {
    if (!node.outputs.some((name) => reached.has(name)) || FLAT.has(node.opType) || DISCRETE.has(node.opType)) continue;
    node.inputs.forEach((name, i) => {
      if (name !== '' && carriesGradient(node, i)) reached.add(name);
    });
  }
  return reached;
}

function carriesGradient(node: GraphNode, input: number): boolean {
  return !(WITHOUT_GRADIENT[node.opType] ?? []).includes(input);
}
