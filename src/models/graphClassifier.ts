/**
 * A classifier over an encoder that is an ONNX graph, whatever exporter wrote it: the file's own graph is differentiated
 * and trained, parameters under the names of its initialisers (`onnx::MatMul_317`), and written back into it.
 */
import { addGradients } from '../autodiff/gradients';
import { MedTextError, words } from '../base/errors';
import { FileWatch } from '../base/fileWatch';
import { widenTensor } from '../onnx/halfPrecision';
import type { Value } from '../onnx/graphBuilder';
import type { Graph, Model, Tensor, ValueInfo } from '../onnx/model';
import { openParameters, withInitializers, type OpenedModel } from '../onnx/openParameters';
import { Operators } from '../onnx/operators';
import { withSharedInitializers } from '../onnx/sharedInitializers';
import { specialize } from '../onnx/specialize';
import type { EncoderInputs } from './bert';
import { notFinite } from './checkpoint/finite';
import type { Network } from './encoder';
import type { EncoderConfig } from './encoderConfig';
import { CLASSIFIER_BIAS as HEAD_BIAS, CLASSIFIER_WEIGHT as HEAD_WEIGHT, sequenceHead } from './heads/sequence';
import type { Parameters, ParameterSpec } from './parameters';

export interface GraphClassifier extends Network {
  /** The encoder's parameters in the file's order, then those of the new head, if there is one. */
  readonly specs: readonly ParameterSpec[];
  /** The encoder's parameters as the file holds them. */
  readonly stored: ReadonlyMap<string, Tensor>;
  /** Which output the logits come from, in words. */
  readonly readout: string;
  /** The file's graph with these values and a `logits` output: ONNX with the dimensions it came with. */
  trainedModel(parameters: Parameters): Model;
}

/** The use of each of the graph's outputs. */
type Readout =
  | { readonly kind: 'logits'; readonly output: string }
  | { readonly kind: 'pooled' | 'firstToken'; readonly output: string; readonly hiddenSize: number };

/** The shape of the one specialisation that tells outputs and parameters. Primes: no size is another by accident. */
const PROBE = { batch: 3, length: 7 };

/**
 * `logits` of `labelCount` columns are trained as they are. Else a linear layer, after dropout, reads `pooler_output`
 * where there is one, or the first token of `last_hidden_state`. An exported graph has no dropout of its own.
 * @param where the file, for messages.
 * @throws MedTextError UNSUPPORTED for a quantised or fused graph, for an input that is none of a BERT's, and where no
 * output can be used; NO_GRADIENT naming an operator that cannot be trained through; GRAPH, USAGE and ONNX_FORMAT from the
 * graph itself.
 */
export function graphClassifier(
  file: Model,
  config: EncoderConfig,
  labelCount: number,
  where: string,
): GraphClassifier {
  try {
    return new FileWatch('graph', where, 0).during(() =>
      classifierOf(withSharedInitializers(file), config, labelCount, where),
    );
  } catch (error) {
    throw untrainable(error, where);
  }
}

/** An error about one operator, said of the model: such a graph may well be scored with. */
function untrainable(error: unknown, where: string): unknown {
  if (!(error instanceof MedTextError) || !['UNSUPPORTED', 'NO_GRADIENT'].includes(error.code)) return error;
  const { opType, node } = (error.detail ?? {}) as { opType?: string; node?: string };
  if (opType === undefined) return error;
  return new MedTextError(
    'NO_GRADIENT',
    words`${where} cannot be trained: this program has no gradient for its operator ${opType} (node "${node ?? ''}"). It can score and evaluate; for fine-tuning choose another encoder.`,
    { file: where, opType, node },
    { cause: error },
  );
}

function classifierOf(file: Model, config: EncoderConfig, labelCount: number, where: string): GraphClassifier {
  refuseQuantised(file, where);
  const roles = inputRoles(file, config, where);
  const shapes = (batch: number, length: number) =>
    Object.fromEntries(roles.map(({ input }) => [input.name, [batch, length]]));
  const readout = readoutOf(file, shapes(PROBE.batch, PROBE.length), labelCount, where);
  const kept = file.graph.outputs
    .map(({ name }) => name)
    .filter((name) => readout.kind === 'logits' || name !== 'logits');
  const opened = openParameters(
    file,
    [readout.output, ...kept.filter((name) => name !== readout.output)],
    shapes(PROBE.batch, PROBE.length),
  );
  const head = headSpecs(readout, labelCount);
  refuseTakenNames(opened, head, where);
  const staticGraph = (batch: number, length: number) =>
    specialize(opened.model, { inputShapes: shapes(batch, length), outputs: [readout.output] });
  const probe = staticGraph(PROBE.batch, PROBE.length);
  const live = usedNames(probe);
  const stored = new Map([...opened.parameters].filter(([name]) => live.has(name)));
  assertDifferentiable(probe, [...stored.keys()], readout.output);

  return {
    config,
    head: sequenceHead,
    columns: labelCount,
    output: sequenceHead.output(labelCount),
    specs: [...Array.from(stored, ([name, { shape }]): ParameterSpec => ({ name, shape, initial: 'zeros' })), ...head],
    stored,
    readout: readout.kind === 'logits' ? `its own ${readout.output}` : `a new head on ${readout.output}`,
    build: (g, inputs, { parameter, dropout }) => {
      const [batch, length] = inputs.inputIds.shape;
      const graph = staticGraph(batch, length);
      const bound = new Map<string, Value>();
      for (const { input, role } of roles) bound.set(input.name, roleValue(g, inputs, role, input));
      for (const { name } of graph.inputs) if (stored.has(name)) bound.set(name, parameter(name));
      // Parameters that only the other outputs read stay out of the graph.
      for (const [name, tensor] of opened.parameters) if (!bound.has(name)) bound.set(name, g.constant(tensor));
      const output = g.include(graph, bound).get(readout.output)!;
      if (readout.kind === 'logits') return output;
      const pooled = readout.kind === 'pooled' ? output : firstToken(g, output);
      return g.scope('classifier', () =>
        g.gemm(
          dropout?.(pooled, config.classifierDropout, 'classifier') ?? pooled,
          parameter(HEAD_WEIGHT),
          parameter(HEAD_BIAS),
          { transB: true },
        ),
      );
    },
    trainedModel: (parameters) => {
      const values = new Map(opened.parameters);
      for (const { name, shape } of parameters.specs) {
        values.set(name, { dataType: 'float32', shape, data: parameters.values(name) });
      }
      const model = withInitializers(opened.model, values);
      return readout.kind === 'logits' ? model : withHead(model, readout, labelCount);
    },
  };
}

/** Found out before anything is trained. @throws MedTextError NO_GRADIENT */
function assertDifferentiable(graph: Graph, parameters: readonly string[], output: string): void {
  const g = new Operators();
  const values = g.include(graph);
  addGradients(
    g,
    g.reduceSum(values.get(output)!),
    parameters.map((name) => values.get(name)!),
  );
}

type Role = 'inputIds' | 'attentionMask' | 'tokenTypeIds' | 'positionIds';

const ROLES: Readonly<Record<string, Role>> = {
  input_ids: 'inputIds',
  attention_mask: 'attentionMask',
  token_type_ids: 'tokenTypeIds',
  position_ids: 'positionIds',
};

function inputRoles(file: Model, config: EncoderConfig, where: string): { input: ValueInfo; role: Role }[] {
  const inputs = file.graph.inputs.filter((input) => !file.graph.initializers.has(input.name));
  return inputs.map((input) => {
    const role = Object.hasOwn(ROLES, input.name) ? ROLES[input.name] : undefined;
    if (role !== undefined && (role !== 'positionIds' || config.positionOffset === 0)) return { input, role };
    throw new MedTextError(
      'UNSUPPORTED',
      words`${where}: the graph's input "${input.name}" is none of ${Object.keys(ROLES).slice(0, 3).join(', ')}.`,
      { file: where, input: input.name },
    );
  });
}

/** The inputs that the graph is fed: int64 [batch, length] mostly; some exporters want float masks. */
function roleValue(g: Operators, inputs: EncoderInputs, role: Role, { dataType, shape }: ValueInfo): Value {
  const [batch, length] = inputs.inputIds.shape;
  if (role !== 'positionIds') return g.cast(inputs[role] ?? inputs.attentionMask, floatOr(dataType));
  void shape;
  const data = BigInt64Array.from({ length: batch * length }, (_, i) => BigInt(i % length));
  return g.cast(g.constant({ dataType: 'int64', shape: [batch, length], data }), floatOr(dataType));
}

/** The graph is widened, so a half-precision mask is a float32 one. */
function floatOr(dataType: ValueInfo['dataType']): ValueInfo['dataType'] {
  return dataType === 'float16' || dataType === 'bfloat16' ? 'float32' : dataType;
}

function readoutOf(
  file: Model,
  inputShapes: Readonly<Record<string, readonly number[]>>,
  labelCount: number,
  where: string,
): Readout {
  const names = file.graph.outputs.map(({ name }) => name);
  // Only outputs that may be used: an exporter's further ones (attentions, past states) need not be supported.
  const known = ['logits', 'pooler_output', 'sentence_embedding', 'last_hidden_state', 'token_embeddings'];
  const candidates = known.filter((name) => names.includes(name));
  const outputs = candidates.length > 0 ? candidates : names.slice(0, 1);
  const types = new Map(specialize(file, { inputShapes, outputs }).outputs.map((output) => [output.name, output]));
  const { batch, length } = PROBE;
  const fits = (name: string, ...sizes: number[]) => {
    const shape = types.get(name)?.shape ?? [];
    return shape.length === sizes.length + 1 && sizes.every((size, axis) => shape[axis] === size);
  };
  const width = (name: string) => types.get(name)!.shape.at(-1) as number;
  if (fits('logits', batch) && width('logits') === labelCount) return { kind: 'logits', output: 'logits' };
  const pooled = outputs.find((name) => name !== 'logits' && fits(name, batch));
  if (pooled !== undefined) return { kind: 'pooled', output: pooled, hiddenSize: width(pooled) };
  const tokens = outputs.find((name) => name !== 'logits' && fits(name, batch, length));
  if (tokens !== undefined) return { kind: 'firstToken', output: tokens, hiddenSize: width(tokens) };
  const found = outputs.map((name) => `${name} [${types.get(name)!.shape.join(', ')}]`).join(', ');
  const advice = fits('logits', batch)
    ? words`Its classifier has ${width('logits')} labels, but the data have ${labelCount}`
    : words`The head needs a hidden state or a pooled output of the graph`;
  throw new MedTextError(
    'UNSUPPORTED',
    words`${where}: no head of ${labelCount} labels can be trained on the graph's outputs (${found} for ${batch} texts of ${length} tokens). ${advice}; export the encoder without its head.`,
    { file: where, outputs: names, labels: labelCount },
  );
}

function headSpecs(readout: Readout, labelCount: number): ParameterSpec[] {
  if (readout.kind === 'logits') return [];
  return [
    { name: HEAD_WEIGHT, shape: [labelCount, readout.hiddenSize], initial: 'normal' },
    { name: HEAD_BIAS, shape: [labelCount], initial: 'zeros' },
  ];
}

function firstToken(g: Operators, hidden: Value): Value {
  const [batch, , hiddenSize] = hidden.shape;
  return g.reshape(g.slice(hidden, [0], [1], [1]), [batch, hiddenSize]);
}

/** The same head in the file's own operator set, for any batch size and length. */
function withHead(model: Model, readout: Exclude<Readout, { kind: 'logits' }>, labelCount: number): Model {
  const { graph } = model;
  const nodes = [...graph.nodes];
  const initializers = new Map(graph.initializers);
  let pooled = readout.output;
  if (readout.kind === 'firstToken') {
    initializers.set('classifier.first', { dataType: 'int64', shape: [], data: BigInt64Array.of(0n) });
    pooled = 'classifier.pooled'; // [batch, hidden]
    nodes.push({ name: 'classifier/Gather', opType: 'Gather', domain: '', inputs: [readout.output, 'classifier.first'], outputs: [pooled], attributes: { axis: { type: 'int', value: 1 } } }); // prettier-ignore
  }
  nodes.push({ name: 'classifier/Gemm', opType: 'Gemm', domain: '', inputs: [pooled, HEAD_WEIGHT, HEAD_BIAS], outputs: ['logits'], attributes: { transB: { type: 'int', value: 1 } } }); // prettier-ignore
  const batch = graph.inputs[0]?.shape[0] ?? 'batch';
  const logits: ValueInfo = { name: 'logits', dataType: 'float32', shape: [batch, labelCount] };
  return { ...model, graph: { ...graph, nodes, initializers, outputs: [logits, ...graph.outputs] } };
}

function usedNames({ nodes }: Model['graph']): Set<string> {
  return new Set(nodes.flatMap((node) => node.inputs));
}

function refuseTakenNames({ model, parameters }: OpenedModel, head: readonly ParameterSpec[], where: string): void {
  if (head.length === 0) return;
  const { graph } = model;
  const taken = new Set([
    ...parameters.keys(),
    ...graph.initializers.keys(),
    ...graph.nodes.flatMap((node) => [...node.inputs, ...node.outputs]),
  ]);
  const clash = [HEAD_WEIGHT, HEAD_BIAS, 'classifier.first', 'classifier.pooled', 'logits'].find((name) =>
    taken.has(name),
  );
  if (clash === undefined) return;
  throw new MedTextError(
    'UNSUPPORTED',
    words`${where}: the encoder already has a value "${clash}", so the new head cannot use this name.`,
    {
      file: where,
      name: clash,
    },
  );
}

const QUANTISED =
  /^(MatMulInteger|ConvInteger|QLinear\w+|DequantizeLinear|QuantizeLinear|DynamicQuantizeLinear|MatMulNBits)$/;

/** Whether the graph computes with quantised weights, which serve inference and cannot be trained. */
export function quantisedNode({ graph }: Model<unknown>): { opType: string; name: string } | undefined {
  return graph.nodes.find((node) => QUANTISED.test(node.opType));
}

/**
 * Infinity has its uses in a graph (a mask), NaN has none.
 * @throws MedTextError CHECKPOINT_FORMAT naming the tensor.
 */
export function refuseNaN({ graph }: Model, where: string): void {
  for (const [name, tensor] of graph.initializers) {
    if (!FLOATS.has(tensor.dataType)) continue;
    const values = widenTensor(tensor).data as Float32Array | Float64Array;
    for (let i = 0; i < values.length; i++)
      if (values[i] !== values[i]) throw notFinite(name, NaN, i, values.length, where);
  }
}

const FLOATS = new Set(['float16', 'bfloat16', 'float32', 'float64']);

/**
 * Refuses what is not a plain graph of standard operators on floats.
 * @throws MedTextError UNSUPPORTED naming the operator. @param use what such a file is refused for.
 */
export function refuseQuantised(file: Model, where: string, use = words`be fine-tuned`): void {
  const quantised = quantisedNode(file);
  const fused = file.graph.nodes.find((node) => node.domain !== '' && node.domain !== 'ai.onnx');
  const node = quantised ?? fused;
  if (!node) return;
  throw new MedTextError(
    'UNSUPPORTED',
    words`${where} is ${quantised ? words`quantised` : words`optimised for one runtime`} (operator ${node.opType}, node "${node.name}"): it can score and evaluate, but not ${use}. Use the plain float export, or the safetensors or PyTorch file.`,
    { file: where, operator: node.opType, node: node.name },
  );
}
