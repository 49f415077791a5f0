/** An encoder with a head, ready to train or to run: from weights, or from an ONNX graph. */
import { MedTextError, words } from '../base/errors';
import type { Model } from '../onnx/model';
import { assertFinite } from './checkpoint/finite';
import { moduleWeights, readOnnxFile } from './checkpoint/onnxWeights';
import { bertNetwork, networkParameterSpecs, type Network } from './encoder';
import { graphClassifier, type GraphClassifier } from './graphClassifier';
import type { Head } from './heads/head';
import { sequenceHead } from './heads/sequence';
import {
  fillParameters,
  initialize,
  loadParameters,
  planLoad,
  type LoadOptions,
  type ModelFolder,
} from './modelFolder';
import { hasTaskTypes } from './openWeights';
import { encoderParameterSpecs, type LoadReport } from './parameterNames';
import { Parameters, type ParameterSpec } from './parameters';

export interface LoadedNetwork {
  readonly network: Network;
  readonly parameters: Parameters;
  readonly report: LoadReport;
  /** Set when the file's own graph is what is trained. */
  readonly graph?: GraphClassifier;
}

/**
 * Weights go into this program's own graph, which is the faster; so do those of an ONNX file whose initialisers tell
 * all of a BERT's. Any other ONNX file is taken as the graph it is.
 * @throws MedTextError what {@link loadParameters} and {@link graphClassifier} throw.
 */
export async function loadNetwork(
  folder: ModelFolder,
  head: Head,
  columns: number,
  options: LoadOptions,
): Promise<LoadedNetwork> {
  const { config, weightsPath } = folder;
  const specs = networkParameterSpecs(config, head, columns);
  const network = bertNetwork(config, head, columns);
  if (weightsPath === undefined || !weightsPath.endsWith('.onnx')) {
    return { network, ...(await loadParameters(folder, specs, options, head)) };
  }
  const { model } = await readOnnxFile(weightsPath);
  const source = bertWeights(model, folder);
  if (source) {
    const parameters = new Parameters(specs);
    const report = await fillParameters(parameters, planLoad(source, specs, folder, head), source, config, options);
    return { network, parameters, report };
  }
  if (head !== sequenceHead) {
    throw new MedTextError(
      'UNSUPPORTED',
      words`${weightsPath} is an ONNX graph whose weights do not have BERT's names: it can learn to classify texts and nothing else. Start from a model of another format.`,
      { file: weightsPath, head: head.id },
    );
  }
  const graph = graphClassifier(model, config, columns, weightsPath);
  const parameters = new Parameters(graph.specs);
  const missing: { name: string; initializedAs: string }[] = [];
  for (const spec of graph.specs) {
    const stored = graph.stored.get(spec.name);
    if (stored) {
      parameters.values(spec.name).set(stored.data as Float32Array);
      assertFinite(parameters.values(spec.name), spec.name, weightsPath);
    } else missing.push({ name: spec.name, initializedAs: initialize(parameters, spec, config, options.seed) });
  }
  const used = [...graph.stored.keys()].map((name) => ({ name, from: name }));
  return { network: graph, parameters, report: { used, missing, leftOver: [] }, graph };
}

/**
 * The network and its parameters' shapes, without their values; an ONNX file is read, for its graph may be the network.
 * @throws MedTextError what {@link loadNetwork} throws of such a file.
 */
export async function networkShape(
  folder: ModelFolder,
  head: Head,
  columns: number,
): Promise<
  Pick<LoadedNetwork, 'network' | 'graph'> & {
    readonly specs: readonly ParameterSpec[];
    /** Of an ONNX graph, whose shapes are those of its weights. */
    readonly parameters?: Parameters;
  }
> {
  if (folder.weightsPath?.endsWith('.onnx')) {
    const { network, graph, parameters } = await loadNetwork(folder, head, columns, { seed: 0 });
    return { network, ...(graph && { graph }), specs: parameters.specs, parameters };
  }
  const { config } = folder;
  return { network: bertNetwork(config, head, columns), specs: networkParameterSpecs(config, head, columns) };
}

/** The file's weights, if all of a BERT encoder's are there under names that say which is which (a pooler may lack). */
export function bertWeights(
  model: Model,
  folder: ModelFolder,
): { tensors: ReturnType<typeof moduleWeights> } | undefined {
  // Task types of ERNIE's are in the graph; ours has none.
  if (folder.notBuildable || hasTaskTypes(folder)) return undefined;
  try {
    const source = { tensors: moduleWeights(model, folder.weightsPath ?? folder.path) };
    const { missing } = planLoad(source, encoderParameterSpecs(folder.config), folder);
    return missing.every(({ name }) => name.startsWith('bert.pooler.')) ? source : undefined;
  } catch (error) {
    const namesDoNotTell = ['UNSUPPORTED', 'CHECKPOINT_MISMATCH', 'CHECKPOINT_FORMAT'];
    if (error instanceof MedTextError && namesDoNotTell.includes(error.code)) return undefined;
    throw error;
  }
}
