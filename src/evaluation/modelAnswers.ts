/** Predictions of an opened model for examples. */
import type { Example } from '../data/examples';
import type { RunOptions } from '../inference/classifierRunner';
import { Classifier } from '../inference/openClassifier';
import type { OpenedModel } from '../inference/openedModel';
import { definitionFor } from '../tasks/definitions';
import { describeTask } from '../protocol/tasks';
import type { EncodedWindow, Reading, TaskDefinition, TaskNetwork } from '../tasks/task';

/** The task definition that turns the model's outputs into predictions: by its task, otherwise by its head. */
export function definitionOfModel(model: OpenedModel): TaskDefinition {
  if (model instanceof Classifier) return definitionFor(model.answer);
  return definitionFor(describeTask(model.task!).answer);
}

/** The labels of a model. @throws MedTextError MODEL_CONFIG if its outputs have no valid names. */
export function labelsOfModel(model: OpenedModel): readonly string[] {
  return definitionOfModel(model).labelsOfColumns(model.columns, model.head, model.folder.path);
}

function networkOf(model: OpenedModel): TaskNetwork {
  return { head: model.head, labels: labelsOfModel(model), columns: model.columns };
}

export interface ModelAnswers {
  readonly definition: TaskDefinition;
  readonly labels: readonly string[];
  /** The predictions, one for each example. */
  readonly answers: readonly unknown[];
}

/**
 * `log` is told how many texts are longer than what the model reads.
 * @throws MedTextError CANCELLED, RUNTIME, OUT_OF_MEMORY.
 */
export async function modelAnswers(
  model: OpenedModel,
  examples: readonly Example<unknown>[],
  options: RunOptions & { readonly log?: (line: string) => void } = {},
): Promise<ModelAnswers> {
  const windows = await windowsFor(model, examples, options.signal);
  const cut = windows.filter(({ encoded }) => encoded.truncated).length;
  if (cut > 0) options.log?.(`${cut} of ${examples.length} rows are longer than ${model.maxLength} tokens, which the model reads. Their ends are cut.`); // prettier-ignore
  const reading = readingOf(model, examples);
  await model.outputs(
    windows.map(({ encoded }) => encoded),
    (at, output) => reading.take(windows[at], output),
    options,
  );
  return { definition: definitionOfModel(model), labels: labelsOfModel(model), answers: reading.answers() };
}

/** The windows of tokens that the model reads from the examples. @throws MedTextError CANCELLED */
export function windowsFor(
  model: OpenedModel,
  examples: readonly Example<unknown>[],
  signal?: AbortSignal,
): Promise<EncodedWindow[]> {
  const { maxLength, tokenizer } = model;
  return definitionOfModel(model).encode(tokenizer, examples, { ...networkOf(model), maxLength, signal });
}

/** The function from the model's outputs to predictions. A cross-encoder's logit becomes a probability. */
export function readingOf(model: OpenedModel, examples: readonly Example<unknown>[]): Reading<unknown> {
  const reading = definitionOfModel(model).reading({ ...networkOf(model), examples, by: { usage: model.usage } });
  if (!(model instanceof Classifier) || !model.givesNumber) return reading;
  return {
    ...reading,
    take: (window, output) =>
      reading.take(
        window,
        output.map((logit) => model.numberOf(logit)),
      ),
  };
}
