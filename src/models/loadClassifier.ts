/** An encoder with a classification head, ready to train or to run: from weights, or from an ONNX graph. */
import { MedTextError } from '../base/errors';
import type { Model } from '../onnx/model';
import { assertFinite } from './checkpoint/finite';
import { moduleWeights, readOnnxFile } from './checkpoint/onnxWeights';
import { bertClassifier, type SequenceClassifier } from './encoder';
import { graphClassifier, type GraphClassifier } from './graphClassifier';
import {
  fillParameters,
  initialize,
  loadParameters,
  planLoad,
  type LoadOptions,
  type ModelFolder,
} from './modelFolder';
import { hasTaskTypes } from './openWeights';
import { classifierParameterSpecs, encoderParameterSpecs, type LoadReport } from './parameterNames';
import { Parameters } from './parameters';

export interface LoadedClassifier {
  readonly classifier: SequenceClassifier;
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
export async function loadClassifier(
  folder: ModelFolder,
  labelCount: number,
  options: LoadOptions,
): Promise<LoadedClassifier> {
  const { config, weightsPath } = folder;
  const specs = [...encoderParameterSpecs(config), ...classifierParameterSpecs(config, labelCount)];
  if (weightsPath === undefined || !weightsPath.endsWith('.onnx')) {
    return { classifier: bertClassifier(config, labelCount), ...(await loadParameters(folder, specs, options)) };
  }
  const { model } = await readOnnxFile(weightsPath);
  const source = bertWeights(model, folder);
  if (source) {
    const parameters = new Parameters(specs);
    const report = await fillParameters(parameters, planLoad(source, specs, folder), source, config, options);
    return { classifier: bertClassifier(config, labelCount), parameters, report };
  }
  const graph = graphClassifier(model, config, labelCount, weightsPath);
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
  return { classifier: graph, parameters, report: { used, missing, leftOver: [] }, graph };
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
