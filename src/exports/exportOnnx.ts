/** A fine-tuned classifier as one ONNX file with its weights in it, for other programs. */
import { copyFile, writeFile } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { MedTextError, words } from '../base/errors';
import type { Classifier } from '../inference/openClassifier';
import { Session, type Feed } from '../inference/session';
import { namesIn, replaceFolder } from '../models/checkpoint/replaceFolder';
import type { ModelFolder } from '../models/modelFolder';
import { readOnnxFile } from '../models/checkpoint/onnxWeights';
import { bertClassifier } from '../models/encoder';
import { refuseQuantised } from '../models/graphClassifier';
import type { Parameters } from '../models/parameters';
import { MAX_SINGLE_FILE_BYTES } from '../models/writeGraphFolder';
import { writeSynced } from '../models/writeModelFolder';
import type { Value } from '../onnx/graphBuilder';
import { widenModel } from '../onnx/halfPrecision';
import type { Model, ValueInfo } from '../onnx/model';
import { pruned } from '../onnx/openParameters';
import { Operators } from '../onnx/operators';
import { quantizeWeights } from '../onnx/quantize';
import { withSymbolicShapes, type Sizes } from '../onnx/symbolicShapes';
import { toFloat16 } from '../onnx/toFloat16';
import { writeModel } from '../onnx/writeModel';

export type OnnxFormat = 'onnx' | 'onnx-fp16' | 'onnx-int8';

interface Precision {
  /** As optimum and transformers.js name the file of each precision. */
  readonly file: string;
  readonly convert: (model: Model) => Model;
  /** What a logit may differ by, for the largest logit 1; more means that the precision does not suit the model. */
  readonly tolerance: number;
}

const PRECISIONS: Readonly<Record<OnnxFormat, Precision>> = {
  onnx: { file: 'model.onnx', convert: (model) => model, tolerance: 1e-3 },
  'onnx-fp16': { file: 'model_fp16.onnx', convert: toFloat16, tolerance: 0.05 },
  'onnx-int8': { file: 'model_int8.onnx', convert: (model) => quantizeWeights(model).model, tolerance: 1 },
};

/**
 * Writes the graph of a precision beside configuration, tokenizer and card; `files` are further ones, by name.
 * @returns the largest difference of a logit from this program's own on a few sentences; none for a file that is split.
 * @throws MedTextError UNSUPPORTED where the precision does not suit the weights, and for a model that is a quantised or
 * fused graph already; INTERNAL when float32 computes something else.
 */
export async function exportOnnx(
  classifier: Classifier,
  path: string,
  format: OnnxFormat,
  files: Readonly<Record<string, string>>,
): Promise<number | undefined> {
  const { folder } = classifier;
  const { file, convert, tolerance } = PRECISIONS[format];
  const model = convert(
    classifier.parameters ? onnxClassifier(classifier, classifier.parameters) : await ownGraph(folder),
  );
  const sizeBytes = [...model.graph.initializers.values()].reduce((sum, { data }) => sum + data.byteLength, 0);
  const isLarge = sizeBytes > MAX_SINGLE_FILE_BYTES;
  const external = { externalThresholdBytes: 1024, externalLocation: `${file}.data` };
  const written = writeModel(model, isLarge ? external : {});
  // A large model is checked by its tests alone: the session would have to find the second file.
  const checked = isLarge ? undefined : await differenceFrom(classifier, written.bytes, model.graph.inputs);
  if (checked && !(checked.difference <= tolerance * Math.max(1, checked.largestLogit))) refuse(format, checked);
  const names = await namesIn(folder.path);
  const config = ['config.json', 'configuration.json', 'label_mapping.json'].filter((name) => names.includes(name));
  const copies = [...config.map((name) => join(folder.path, name)), ...folder.tokenizerFiles, ...folder.cardFiles];
  const fill = async (temporary: string): Promise<void> => {
    await writeFile(join(temporary, file), written.bytes, { flush: true });
    if (written.externalData) {
      const { location, pieces } = written.externalData;
      await writeFile(join(temporary, location), pieces, { flush: true });
    }
    for (const copy of copies) await copyFile(copy, join(temporary, basename(copy)));
    for (const [name, content] of Object.entries(files)) await writeSynced(join(temporary, name), content);
  };
  await replaceFolder(path, fill, { sizeBytes });
  return checked?.difference;
}

function refuse(format: OnnxFormat, { difference }: Difference): never {
  if (format === 'onnx') {
    throw new MedTextError('INTERNAL', `The exported graph's logits differ by ${difference}.`, { difference });
  }
  throw new MedTextError(
    'UNSUPPORTED',
    words`This model does not bear ${format === 'onnx-fp16' ? words`half precision` : words`quantisation`}: its logits would differ by ${difference}. Export it as onnx.`,
    { difference, format },
  );
}

/** The classifier with its weights in it, for any batch and length. */
export function onnxClassifier({ folder: { config }, labels }: Classifier, parameters: Parameters): Model {
  const { build } = bertClassifier(config, labels.length);
  const buildStatic = ({ batch, sequence }: Sizes): Model => {
    const g = new Operators();
    const ids = (name: string) => g.input(name, 'int64', [batch, sequence]);
    const inputs = {
      inputIds: ids('input_ids'),
      attentionMask: ids('attention_mask'),
      // RoBERTa's tokenizers give none: there is one type.
      ...(config.typeVocabSize > 1 && { tokenTypeIds: ids('token_type_ids') }),
    };
    const values = new Map<string, Value>();
    const parameter = (name: string): Value => {
      const value =
        values.get(name) ??
        g.constant({ dataType: 'float32', shape: parameters.shape(name), data: parameters.values(name) }, name);
      values.set(name, value);
      return value;
    };
    g.output(build(g, inputs, { parameter }), 'logits');
    return g.build('classifier');
  };
  // Primes, so that no size is another's multiple; none of them above the shortest model's positions.
  return withSymbolicShapes(buildStatic, {
    samples: [
      { batch: 3, sequence: 5 },
      { batch: 7, sequence: 11 },
      { batch: 13, sequence: 2 },
    ],
    dimensions: { batch: { input: 'input_ids', axis: 0 }, sequence: { input: 'input_ids', axis: 1 } },
  });
}

/** The graph of a model that is one (its encoder came from an exporter), in float32 and with its logits alone. */
async function ownGraph({ path, weightsPath = path }: ModelFolder): Promise<Model> {
  const { model } = await readOnnxFile(weightsPath);
  refuseQuantised(model, weightsPath, words`be exported in another precision`);
  const wide = widenModel(model);
  return { ...wide, graph: pruned(wide.graph, ['logits']) };
}

interface Difference {
  readonly difference: number;
  readonly largestLogit: number;
}

/** The largest difference of a logit over two batches of other shapes than the graph was made from. */
async function differenceFrom(
  classifier: Classifier,
  bytes: Uint8Array,
  inputs: readonly ValueInfo[],
): Promise<Difference> {
  const session = await Session.create(bytes);
  try {
    const texts = [
      { first: '肺炎怎么治疗', second: '肺炎的治疗方法有哪些' },
      { first: '头痛', second: '头痛挂什么科' },
    ];
    let difference = 0;
    let largestLogit = 0;
    for (const batch of [texts, texts.slice(1)]) {
      const expected = await classifier.logits(batch);
      const { logits } = await session.run(feedsOf(classifier, batch, inputs));
      logits.data.forEach((value: number | bigint, i: number) => {
        const apart = Math.abs(Number(value) - expected[i]);
        // NaN is the largest of all.
        difference = apart <= difference ? difference : apart;
        largestLogit = Math.max(largestLogit, Math.abs(expected[i]));
      });
    }
    return { difference, largestLogit };
  } finally {
    await session.release();
  }
}

function feedsOf(
  { tokenizer, maxLength, folder }: Classifier,
  texts: readonly { first: string; second: string }[],
  inputs: readonly ValueInfo[],
): Record<string, Feed> {
  // Some exporters take int32.
  const isInt32 = new Set(inputs.filter(({ dataType }) => dataType === 'int32').map(({ name }) => name));
  const encoded = texts.map(({ first, second }) => tokenizer.encodePair(first, second, maxLength));
  const length = Math.max(...encoded.map((example) => example.length));
  const padded = (name: string, of: (example: (typeof encoded)[number], i: number) => number): [string, Feed] => {
    const values = encoded.flatMap((e) => Array.from({ length }, (_, i) => of(e, i)));
    const shape = [texts.length, length];
    if (isInt32.has(name)) return [name, { dataType: 'int32', shape, data: Int32Array.from(values) }];
    return [name, { dataType: 'int64', shape, data: BigInt64Array.from(values, BigInt) }];
  };
  return Object.fromEntries([
    padded('input_ids', (e, i) => e.inputIds[i] ?? folder.config.padTokenId),
    padded('attention_mask', (e, i) => (i < e.length ? 1 : 0)),
    padded('token_type_ids', (e, i) => e.tokenTypeIds[i] ?? 0),
  ]);
}
