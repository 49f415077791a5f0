import type { Example } from '../data/examples';
import type { RunOptions } from '../inference/classifierRunner';
import type { Classifier } from '../inference/openClassifier';
import type { EvaluationMetrics } from '../protocol/evaluation';
import { evaluationReport } from '../tasks/evaluationReport';
import { readFileFor, type FileOptions } from './readFileFor';
import { withClassifier } from './withClassifier';

/**
 * The metrics of a model folder on a labelled file.
 * @throws MedTextError what `openClassifier` and reading the file throw; LABELS when the file has labels that the model
 * does not know (map them with `labelMapping`); CANCELLED.
 */
export async function evaluateModel(
  folder: string,
  file: string,
  options: FileOptions = {},
): Promise<EvaluationMetrics> {
  return withClassifier(folder, options, async (classifier) => {
    const { examples } = await readFileFor(classifier, file, 'train', options);
    return evaluateExamples(classifier, examples, options);
  });
}

/** The metrics of a model on labelled examples. @throws MedTextError CANCELLED, RUNTIME, OUT_OF_MEMORY. */
export async function evaluateExamples(
  classifier: Classifier,
  examples: readonly Example[],
  options: RunOptions = {},
): Promise<EvaluationMetrics> {
  const outputs = await classifier.logits(examples, options);
  if (!classifier.givesNumber) return evaluationReport(examples, outputs, classifier.labels);
  return evaluationReport(examples, outputs.map((logit) => classifier.numberOf(logit)), undefined); // prettier-ignore
}
