import type { Example } from '../data/examples';
import type { RunOptions } from '../inference/classifierRunner';
import type { OpenedModel } from '../inference/openedModel';
import type { EvaluationMetrics } from '../protocol/evaluation';
import { modelAnswers } from './modelAnswers';
import { readFileFor, type FileOptions } from './readFileFor';
import { withModel } from './withModel';

/**
 * The metrics of a model folder on a labelled file.
 * @throws MedTextError the errors of `openModel` and of reading the file; LABELS if the file has labels that the model
 * does not know (map them with `labelMapping`); CANCELLED.
 */
export async function evaluateModel(
  folder: string,
  file: string,
  { onAnswers, ...options }: FileOptions & { readonly onAnswers?: (answers: LikeliestLabels) => void } = {},
): Promise<EvaluationMetrics> {
  return withModel(folder, options, async (model) => {
    const { examples } = await readFileFor(model, file, 'train', options);
    const { definition, labels, answers } = await modelAnswers(model, examples, options);
    if (onAnswers && definition.probabilities) {
      const likeliest = (answer: unknown): number => {
        const probabilities = definition.probabilities!(answer);
        return probabilities.indexOf(Math.max(...probabilities));
      };
      onAnswers({ rows: examples.map(({ row }) => row), labels: answers.map(likeliest) });
    }
    return definition.report({ labels, examples, answers });
  });
}

/** For each row: its place among the file's readable rows, and the id of its likeliest label. */
export interface LikeliestLabels {
  readonly rows: readonly number[];
  readonly labels: readonly number[];
}

/** The metrics of a model on labelled examples. @throws MedTextError CANCELLED, RUNTIME, OUT_OF_MEMORY. */
export async function evaluateExamples(
  model: OpenedModel,
  examples: readonly Example<unknown>[],
  options: Pick<FileOptions, 'log'> & RunOptions = {},
): Promise<EvaluationMetrics> {
  const { definition, labels, answers } = await modelAnswers(model, examples, options);
  return definition.report({ labels, examples, answers });
}
