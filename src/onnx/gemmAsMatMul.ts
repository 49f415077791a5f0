import type { Graph, GraphNode, Model } from './model';

/**
 * Replaces Gemm by transpositions, MatMul and Add. WebGPU's Gemm reaches a fifth of its MatMul's speed when the right
 * factor is transposed. To be called after gradients are added, because the gradients of a Gemm are products without a
 * transposition to undo.
 * @param leftToo whether to replace a Gemm whose left factor alone is transposed; in float32 that Gemm is as fast
 */
export function gemmAsMatMul(model: Model, { leftToo }: { leftToo: boolean }): Model {
  const nodes = model.graph.nodes.flatMap((node) => (isSlow(node, leftToo) ? rewritten(node) : [node]));
  const graph: Graph = { ...model.graph, nodes };
  return { ...model, graph };
}

const flag = ({ attributes }: GraphNode, name: string): boolean => {
  const attribute = attributes[name];
  return attribute?.type === 'int' && attribute.value === 1;
};

function isSlow(node: GraphNode, leftToo: boolean): boolean {
  if (node.opType !== 'Gemm' || node.domain !== '' || 'alpha' in node.attributes || 'beta' in node.attributes)
    return false;
  return leftToo || !flag(node, 'transA') || flag(node, 'transB');
}

function rewritten(node: GraphNode): GraphNode[] {
  const made: GraphNode[] = [];
  const add = (
    opType: string,
    inputs: readonly string[],
    output?: string,
    attributes: GraphNode['attributes'] = {},
  ) => {
    const name = `${node.name}/${opType}${made.length}`;
    made.push({ name, opType, domain: '', inputs, outputs: [output ?? `${name}:0`], attributes });
    return made.at(-1)!.outputs[0];
  };
  const turned = (input: string, isTurned: boolean) =>
    isTurned ? add('Transpose', [input], undefined, { perm: { type: 'ints', value: [1, 0] } }) : input;
  const [a, b, c] = node.inputs;
  const [output] = node.outputs;
  const factors = [turned(a, flag(node, 'transA')), turned(b, flag(node, 'transB'))];
  if (!c) add('MatMul', factors, output);
  else add('Add', [add('MatMul', factors), c], output);
  return made;
}
