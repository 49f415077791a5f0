/** Comparison of an exported graph's outputs with the model's, which differ if the graph has another precision. */
import { mkdtemp, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { MedTextError, words } from '../base/errors';
import type { Example } from '../data/examples';
import { definitionOfModel, labelsOfModel, readingOf, windowsFor } from '../evaluation/modelAnswers';
import { eachInBatches, type RunOptions } from '../inference/classifierRunner';
import { GraphRunner } from '../inference/graphRunner';
import type { OpenedModel } from '../inference/openedModel';
import { Session, type Feed } from '../inference/session';
import { writeModelFile } from '../models/checkpoint/writeOnnx';
import { emulateHalf, RANGES } from '../onnx/emulateHalf';
import type { LaterTensor, Model, Tensor } from '../onnx/model';
import { LARGEST } from '../onnx/toFloat16';
import { metricOf } from '../protocol/evaluation';
import type { ExportCheck } from '../protocol/exportCheck';
import { padBatch, type BatchShape } from '../tokenization/batchEncoding';
import type { EncodedExample } from '../tokenization/tokenizer';
import type { CheckRows } from './checkRows';

/** Computes the outputs of an exported graph. */
type Answers = OpenedModel['outputs'];

/** Opens what is compared with the model, and closes it after `use`. */
export type WithAnswers = <T>(use: (answers: Answers) => Promise<T>) => Promise<T>;

export interface Checked {
  readonly check: ExportCheck;
  /** The predictions before and after the conversion, one for each row. */
  readonly answers: Readonly<Record<'before' | 'after', readonly unknown[]>>;
  readonly largestLogit: number;
}

/** The number of windows compared at a time if each output is a matrix over tokens, which limits the memory. */
const MATRICES_AT_ONCE = 64;
/** The number of rows that are emulated at a time: the runtime keeps every value until the ranges of all are known. */
const HALF_ROWS = 4;

/**
 * Compares the predictions of an exported graph with the model's own. `onProgress` counts each row twice. The two are not
 * open at once, because a scorer has little memory: the model is closed before. Only where outputs are too large to be
 * stored, both are open, and outputs are compared part by part.
 */
export function checkAnswers(
  model: OpenedModel,
  rows: CheckRows,
  withAnswers: WithAnswers,
  options: RunOptions = {},
): Promise<Checked> {
  const { axes } = model.head.output(model.columns.length);
  if (axes.filter((axis) => axis === 'length').length > 1) {
    return withAnswers((answers) => compared(model, rows, answers, MATRICES_AT_ONCE, options));
  }
  const afterwards: Answers = async (...asked) => {
    await model.close();
    await withAnswers((answers) => answers(...asked));
  };
  return compared(model, rows, afterwards, Infinity, options);
}

async function compared(
  model: OpenedModel,
  { of, rows, isLabelled }: CheckRows,
  answers: Answers,
  atOnce: number,
  { signal, onProgress }: RunOptions,
): Promise<Checked> {
  const windows = await windowsFor(model, rows, signal);
  const readings = { before: readingOf(model, rows), after: readingOf(model, rows) };
  let [largestDifference, largestLogit] = [0, 0];
  for (let first = 0; first < windows.length; first += atOnce) {
    const part = windows.slice(first, first + atOnce);
    const encoded = part.map((window) => window.encoded);
    const before: Float32Array[] = [];
    const half = (done: number): RunOptions => ({ signal, onProgress: (now) => onProgress?.(2 * first + done + now, 2 * windows.length) }); // prettier-ignore
    await model.outputs(encoded, (at, output) => {
      before[at] = Float32Array.from(output);
      for (const value of output) largestLogit = Math.max(largestLogit, Math.abs(value));
      readings.before.take(part[at], output);
    }, half(0)); // prettier-ignore
    await answers(encoded, (at, output) => {
      if (output.length !== before[at].length) largestDifference = Infinity;
      output.forEach((value, i) => (largestDifference = Math.max(largestDifference, Math.abs(value - before[at][i]))));
      readings.after.take(part[at], output);
    }, half(part.length)); // prettier-ignore
  }
  const both = { before: readings.before.answers(), after: readings.after.answers() };
  const check = { rows: rows.length, of, largestDifference, ...changes(model, both, isLabelled ? rows : undefined) };
  return { check, answers: both, largestLogit };
}

/** The number of changed predictions and, on rows with labels, the task's first metric before and after. */
function changes(
  model: OpenedModel,
  { before, after }: Readonly<Record<'before' | 'after', readonly unknown[]>>,
  examples: readonly Example<unknown>[] | undefined,
): Omit<ExportCheck, 'rows' | 'of' | 'largestDifference'> {
  const definition = definitionOfModel(model);
  const labels = labelsOfModel(model);
  const name = definition.metric;
  const measured = (answers: readonly unknown[]) => metricOf(definition.report({ labels, examples: examples!, answers }), name); // prettier-ignore
  const values = examples && { before: measured(before), after: measured(after) };
  const isDefined = typeof values?.before === 'number' && typeof values.after === 'number';
  return {
    ...(definition.saysSame && {
      changedAnswers: before.filter((answer, at) => !definition.saysSame!(answer, after[at])).length,
    }),
    ...(isDefined && { metric: { name, before: values.before!, after: values.after! } }),
  };
}

/** The outputs of an exported file, computed as this program does after opening the exported folder. */
export function graphAnswers(
  opened: OpenedModel,
  model: Model<Tensor | LaterTensor>,
  file: string,
  threads: number | undefined,
): WithAnswers {
  return async (use) => {
    const { config, path } = opened.folder;
    const { padTokenId, maxPositions, vocabSize } = config;
    const runner = await GraphRunner.open(path, model, {
      output: (columns) => opened.head.output(columns),
      padTokenId,
      maxPositions,
      vocabSize,
      graph: file,
      exactLengths: false,
      threads,
    });
    try {
      return await use((examples, each, options) => runner.outputs(examples, each, options));
    } finally {
      await runner.close();
    }
  };
}

/**
 * The outputs of the graph in half precision on a device that computes in half precision.
 * @param float32 the graph that {@link halfPrecision} converts
 * @param folder for a file that is gone afterwards
 * @throws MedTextError UNSUPPORTED naming the first value that leaves half precision's range.
 */
export function halfAnswers(
  opened: OpenedModel,
  float32: Model<Tensor | LaterTensor>,
  folder: string,
  threads: number | undefined,
): WithAnswers {
  return async (use) => {
    const { model, values } = emulateHalf(float32);
    const { config, path } = opened.folder;
    const inputs = model.graph.inputs.filter(({ name }) => !model.graph.initializers.has(name));
    const temporary = await mkdtemp(join(folder, 'half-'));
    try {
      const file = join(temporary, 'model.onnx');
      await writeModelFile(file, model, { isSplit: true });
      const session = await Session.create(file, { threads });
      const run = async ([batch]: readonly (readonly EncodedExample[])[], { length }: BatchShape) => {
        // Rows of padding alone are left out, because their outputs belong to no text.
        const shape = { batchSize: batch.length, length };
        const outputs = await session.run(feedsOf(batch, shape, inputs, config.padTokenId));
        refuseOverflow(outputs[RANGES].data as Float32Array, values, path);
        return outputs.logits.data as Float32Array;
      };
      const output = opened.head.output(opened.columns.length);
      const layout = { output, maxPositions: config.maxPositions, maxRows: HALF_ROWS, anyShape: true, run };
      try {
        return await use((examples, each, options = {}) => eachInBatches(examples, layout, each, options));
      } finally {
        await session.release();
      }
    } finally {
      await rm(temporary, { recursive: true, force: true });
    }
  };
}

function refuseOverflow(ranges: Float32Array, values: readonly string[], folder: string): void {
  const at = ranges.findIndex((range) => !(range <= LARGEST));
  if (at < 0) return;
  const reached = String(Math.round(ranges[at]));
  throw new MedTextError(
    'UNSUPPORTED',
    words`${folder} cannot be exported in half precision: its value "${values[at]}" reaches ${reached}, but the largest value in half precision is ${LARGEST}. A device that computes in half precision would give NaN. Export it as onnx.`,
    { value: values[at], reached, format: 'onnx-fp16' },
  );
}

function feedsOf(
  batch: readonly EncodedExample[],
  shape: BatchShape,
  inputs: Model['graph']['inputs'],
  padTokenId: number,
): Record<string, Feed> {
  const { batchSize, length } = shape;
  const padded = {
    int32: padBatch(batch, shape, padTokenId, 'int32'),
    int64: padBatch(batch, shape, padTokenId, 'int64'),
  };
  return Object.fromEntries(
    inputs.map(({ name, dataType }): [string, Feed] => {
      const type = dataType === 'int32' ? 'int32' : 'int64';
      const { inputIds, attentionMask, tokenTypeIds } = padded[type];
      const data = { input_ids: inputIds, attention_mask: attentionMask, token_type_ids: tokenTypeIds }[name];
      if (!data) throw new MedTextError('INTERNAL', `The exported graph has an input "${name}".`, { name });
      return [name, { dataType: type, shape: [batchSize, length], data }];
    }),
  );
}
