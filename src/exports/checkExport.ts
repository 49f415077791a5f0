/** Whether an exported graph answers as the model does, and what it changes where it computes in another precision. */
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { asMedTextError, MedTextError, words } from '../base/errors';
import { inBatches, type RunOptions } from '../inference/classifierRunner';
import { GraphRunner } from '../inference/graphRunner';
import type { ScoredPair } from '../inference/labelScores';
import type { Classifier } from '../inference/openClassifier';
import { Session, type Feed } from '../inference/session';
import { MAX_SINGLE_FILE_BYTES } from '../models/writeGraphFolder';
import { emulateHalf, RANGES } from '../onnx/emulateHalf';
import type { Model } from '../onnx/model';
import { LARGEST } from '../onnx/toFloat16';
import { writeModel } from '../onnx/writeModel';
import type { ExportCheck } from '../protocol/exportCheck';
import { argmaxRows, pearsonCorrelation } from '../tasks/metrics';
import { padBatch, type BatchShape } from '../tokenization/batchEncoding';
import type { EncodedExample } from '../tokenization/tokenizer';
import type { CheckRows } from './checkRows';

/** Logits of the rows, [rows, labels] row after row. */
export type Answers = (rows: readonly ScoredPair[], options: RunOptions) => Promise<Float32Array>;

export interface Checked {
  readonly check: ExportCheck;
  readonly largestLogit: number;
}

/** Compares the answers of an exported graph with the model's own. `onProgress` counts each row twice. */
export async function checkAnswers(
  classifier: Classifier,
  { of, rows, targets }: CheckRows,
  answers: Answers,
  { signal, onProgress }: RunOptions = {},
): Promise<Checked> {
  const half = (from: number): RunOptions => ({ signal, onProgress: (done, total) => onProgress?.(from * total + done, 2 * total) }); // prettier-ignore
  const before = await classifier.logits(rows, half(0));
  const after = await answers(rows, half(1));
  let largestDifference = 0;
  after.forEach((value, i) => (largestDifference = Math.max(largestDifference, Math.abs(value - before[i]))));
  const largestLogit = before.reduce((largest, value) => Math.max(largest, Math.abs(value)), 0);
  return {
    check: { rows: rows.length, of, largestDifference, ...changes(classifier, before, after, targets) },
    largestLogit,
  };
}

function changes(
  classifier: Classifier,
  before: Float32Array,
  after: Float32Array,
  targets: readonly number[] | undefined,
): Pick<ExportCheck, 'changedAnswers' | 'accuracy' | 'pearson'> {
  if (classifier.givesNumber) {
    const pearson = (logits: Float32Array) => pearsonCorrelation(targets!, logits.map((logit) => classifier.numberOf(logit))); // prettier-ignore
    const both = targets && { before: pearson(before), after: pearson(after) };
    return both && Number.isFinite(both.before) && Number.isFinite(both.after) ? { pearson: both } : {};
  }
  const columns = classifier.labels.length;
  const [first, second] = [argmaxRows(before, columns), argmaxRows(after, columns)];
  const shareRight = (ids: Int32Array) => ids.filter((id, row) => id === targets![row]).length / ids.length;
  return {
    changedAnswers: first.filter((id, row) => id !== second[row]).length,
    ...(targets && { accuracy: { before: shareRight(first), after: shareRight(second) } }),
  };
}

/** The graph's answers as this program gives them when it opens the exported folder. */
export async function graphAnswers(
  classifier: Classifier,
  model: Model,
  threads: number | undefined,
  use: (answers: Answers) => Promise<Checked>,
): Promise<Checked> {
  const { config, path } = classifier.folder;
  return withGraph(model, async (graph) => {
    const { padTokenId, maxPositions, vocabSize } = config;
    const runner = await GraphRunner.open(path, model, {
      padTokenId,
      maxPositions,
      vocabSize,
      graph,
      exactLengths: false,
      threads,
    });
    try {
      return await use(async (rows, options) => runner.logits(await encoded(classifier, rows, options), options));
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
  classifier: Classifier,
  float32: Model,
  threads: number | undefined,
  use: (answers: Answers) => Promise<Checked>,
): Promise<Checked> {
  const { model, values } = emulateHalf(float32);
  const { config, path } = classifier.folder;
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
    const layout = { columns: classifier.labels.length, maxPositions: config.maxPositions, run };
    try {
      return await use(async (rows, options) => inBatches(await encoded(classifier, rows, options), layout, options));
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
    words`${folder} does not bear half precision: its value "${values[at]}" reaches ${reached}, and half precision ends at ${LARGEST}; on a device that computes in it the answers would be no numbers. Export it as onnx.`,
    { value: values[at], reached, format: 'onnx-fp16' },
  );
}

function encoded({ tokenizer, maxLength }: Classifier, rows: readonly ScoredPair[], { signal }: RunOptions) {
  return tokenizer.encodeAll(
    rows.map(({ first, second }) => ({ a: first, b: second })),
    maxLength,
    undefined,
    signal,
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
