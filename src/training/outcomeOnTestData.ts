/** What the model of a run says of the recipe's test data, once the training is over. */
import { mkdir } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { asMedTextError } from '../base/errors';
import type { RunOptions } from '../inference/classifierRunner';
import type { ResolvedSplit } from '../protocol/recipe';
import { evaluateExamples } from '../evaluation/evaluateModel';
import type { EvaluationMetrics } from '../protocol/evaluation';
import { predictExamples } from '../evaluation/predictFile';
import type { RunFolder } from '../runs/runFolder';
import type { TestData } from './runMaterial';
import { withModel, type WholeFileOptions } from '../evaluation/withModel';

export interface TestOutcome {
  /** The metrics on test data with labels. */
  readonly test?: EvaluationMetrics;
  /** The test file with labels filled in, where it came without; absolute. */
  readonly predictions?: string;
}

/**
 * Evaluates the model in the run's folder on the test data or, where these have no labels, writes them again with its own.
 * @throws MedTextError CANCELLED, RUNTIME, OUT_OF_MEMORY; what `writeFilled` throws.
 */
export async function outcomeOnTestData(
  folder: RunFolder,
  { data, isLabelled }: TestData,
  onBadRow: ResolvedSplit['on_bad_row'],
  options: WholeFileOptions & RunOptions,
): Promise<TestOutcome> {
  return withModel(folder.model, options, async (model) => {
    if (isLabelled) return { test: await evaluateExamples(model, data.examples, options) };
    // Parquet is read, not written.
    const output = join(folder.predictions, basename(data.file.path).replace(/\.parquet$/i, '.jsonl'));
    await mkdir(folder.predictions, { recursive: true }).catch((error: unknown) => {
      throw asMedTextError(error);
    });
    const { label } = data.fields;
    await predictExamples(model, data, output, { ...options, ...(label !== undefined && { label: String(label) }), onBadRow }); // prettier-ignore
    return { predictions: output };
  });
}
