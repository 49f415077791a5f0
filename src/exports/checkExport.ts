/** Whether an exported graph answers as the model does, and what it changes where it computes in another precision. */
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { asMedTextError, MedTextError, words } from '../base/errors';
import type { Example } from '../data/examples';
import { definitionOfModel, labelsOfModel, readingOf, windowsFor } from '../evaluation/modelAnswers';
import { eachInBatches, type RunOptions } from '../inference/classifierRunner';
import { GraphRunner } from '../inference/graphRunner';
import type { OpenedModel } from '../inference/openedModel';
import { Session, type Feed } from '../inference/session';
import { MAX_SINGLE_FILE_BYTES } from '../models/writeGraphFolder';
import { emulateHalf, RANGES } from '../onnx/emulateHalf';
import type { Model } from '../onnx/model';
import { LARGEST } from '../onnx/toFloat16';
import { writeModel } from '../onnx/writeModel';
import { metricOf } from '../protocol/evaluation';
import type { ExportCheck } from '../protocol/exportCheck';
import { padBatch, type BatchShape } from '../tokenization/batchEncoding';
import type { EncodedExample } from '../tokenization/tokenizer';
import type { CheckRows } from './checkRows';

/** Computes the outputs of an exported graph. */
export type Answers = OpenedModel['outputs'];

export interface Checked {
  readonly check: ExportCheck;
  /** One a row. */
  readonly answers: Readonly<Record<'before' | 'after', readonly unknown[]>>;
  readonly largestLogit: number;
}

/** Windows whose outputs are compared at once, where each is a matrix over its tokens: they lie in memory. */
const MATRICES_AT_ONCE = 64;

/** Compares the answers of an exported graph with the model's own. `onProgress` counts each row twice. */
export async function checkAnswers(
  model: OpenedModel,
  { of, rows, isLabelled }: CheckRows,
  answers: Answers,
  { signal, onProgress }: RunOptions = {},
): Promise<Checked> {
  const windows = await windowsFor(model, rows, signal);
  const readings = { before: readingOf(model, rows), after: readingOf(model, rows) };
  const { axes } = model.head.output(model.columns.length);
  const atOnce = axes.filter((axis) => axis === 'length').length > 1 ? MATRICES_AT_ONCE : windows.length;
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

/** Answers that change, and the metric that chooses models, on rows with labels. */
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
    ...(isDefined && { [name]: values }),
  };
}

/** The graph's answers as this program gives them when it opens the exported folder. */
export async function graphAnswers(
  opened: OpenedModel,
  model: Model,
  threads: number | undefined,
  use: (answers: Answers) => Promise<Checked>,
): Promise<Checked> {
  const { config, path } = opened.folder;
  return withGraph(model, async (graph) => {
    const { padTokenId, maxPositions, vocabSize } = config;
    const runner = await GraphRunner.open(path, model, {
      output: (columns) => opened.head.output(columns),
      padTokenId,
      maxPositions,
      vocabSize,
      graph,
      exactLengths: false,
      threads,
    });
    try {
      return await use((examples, each, options) => runner.outputs(examples, each, options));
    } finally {
      await runner.close();
    }
  });
}

/**
 * What the graph in half precision answers on a device that computes in it.
 * @param float32 the graph that {@link halfPrecision} makes it of
 * @throws MedTextError UNSUPPORTED naming the first value that leaves half precision's range.
 */
export async function halfAnswers(
  opened: OpenedModel,
  float32: Model,
  threads: number | undefined,
  use: (answers: Answers) => Promise<Checked>,
): Promise<Checked> {
  const { model, values } = emulateHalf(float32);
  const { config, path } = opened.folder;
  const inputs = model.graph.inputs.filter(({ name }) => !model.graph.initializers.has(name));
  return withGraph(model, async (graph) => {
    const session = await Session.create(graph, { threads });
    const run = async ([batch]: readonly (readonly EncodedExample[])[], { length }: BatchShape) => {
      // No rows of padding alone: what they compute is nobody's answer.
      const shape = { batchSize: batch.length, length };
      const outputs = await session.run(feedsOf(batch, shape, inputs, config.padTokenId));
      refuseOverflow(outputs[RANGES].data as Float32Array, values, path);
      return outputs.logits.data as Float32Array;
    };
    const layout = { output: opened.head.output(opened.columns.length), maxPositions: config.maxPositions, run };
    try {
      return await use((examples, each, options = {}) => eachInBatches(examples, layout, each, options));
    } finally {
      await session.release();
    }
  });
}

function refuseOverflow(ranges: Float32Array, values: readonly string[], folder: string): void {
  const at = ranges.findIndex((range) => !(range <= LARGEST));
  if (at < 0) return;
  const reached = String(Math.round(ranges[at]));
  throw new MedTextError(
    'UNSUPPORTED',
    words`${folder} cannot be exported in half precision: its value "${values[at]}" reaches ${reached}, and half precision ends at ${LARGEST}. A device that computes in half precision would give NaN. Export it as onnx.`,
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

/** The graph as the runtime takes it: its bytes, or, of a large one, a file in a folder of its own. */
async function withGraph<T>(model: Model, use: (graph: Uint8Array | string) => Promise<T>): Promise<T> {
  const sizeBytes = [...model.graph.initializers.values()].reduce((sum, { data }) => sum + data.byteLength, 0);
  if (sizeBytes <= MAX_SINGLE_FILE_BYTES) return use(writeModel(model).bytes);
  const folder = await mkdtemp(join(tmpdir(), 'medtext-export-')).catch((error: unknown) => {
    throw asMedTextError(error);
  });
  try {
    const { bytes, externalData } = writeModel(model, { externalThresholdBytes: 1024 });
    const path = join(folder, 'model.onnx');
    await writeFile(path, bytes);
    if (externalData) await writeFile(join(folder, externalData.location), externalData.pieces);
    return await use(path);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}
