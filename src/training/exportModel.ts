/** A fine-tuned model for other programs. */
import { copyFile, writeFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { MedTextError } from '../base/errors';
import { openClassifier, type Classifier } from '../inference/openClassifier';
import { Session, type Feed } from '../inference/session';
import { bertClassifier } from '../models/encoder';
import { namesIn, replaceFolder } from '../models/checkpoint/replaceFolder';
import type { Parameters } from '../models/parameters';
import { importModel } from '../models/importModel';
import type { Value } from '../onnx/graphBuilder';
import type { Model } from '../onnx/model';
import { Operators } from '../onnx/operators';
import { withSymbolicShapes, type Sizes } from '../onnx/symbolicShapes';
import { writeModel } from '../onnx/writeModel';

export const exportFormats = ['huggingface', 'modelscope', 'onnx'] as const;
export type ExportFormat = (typeof exportFormats)[number];

export interface ExportedModel {
  /** Absolute. */
  readonly output: string;
  readonly files: readonly string[];
  /** ONNX only: the largest difference of a logit from this program's own, on a few sentences. */
  readonly largestDifference?: number;
}

/** Above this, weights go to a file of their own: protobuf ends at 2 GB. */
const MAX_SINGLE_FILE_BYTES = 1.8e9;
const TOLERANCE = 1e-3;

/**
 * Writes a model to a new folder. `huggingface` and `modelscope`: a model folder, with
 * model.safetensors or pytorch_model.bin. `onnx`:
 * model.onnx (float32, opset 20; `input_ids`, `attention_mask`, `token_type_ids` int64 [batch, sequence] to `logits`
 * [batch, labels]) beside the configuration and the tokenizer's files.
 * @throws MedTextError IO when the folder holds anything; what opening and writing throw; INTERNAL when the ONNX file
 * does not compute what it should.
 */
export async function exportModel(
  model: string,
  output: string,
  options: { readonly format: ExportFormat; readonly threads?: number; readonly signal?: AbortSignal },
): Promise<ExportedModel> {
  const path = resolve(output);
  const present = await namesIn(path);
  if (present.length > 0) {
    throw new MedTextError(
      'IO',
      `${path} already holds files (${present.slice(0, 3).join(', ')}). Choose a new folder.`,
      {
        file: path,
      },
    );
  }
  if (options.format !== 'onnx') {
    // ModelScope's loaders look for pytorch_model.bin.
    const weightsFormat = options.format === 'modelscope' ? 'torch' : 'safetensors';
    await importModel(model, path, { signal: options.signal, weightsFormat });
    return { output: path, files: await namesIn(path) };
  }
  const classifier = await openClassifier(model, { threads: options.threads, signal: options.signal });
  try {
    return await exportOnnx(classifier, path);
  } finally {
    await classifier.close();
  }
}

async function exportOnnx(classifier: Classifier, path: string): Promise<ExportedModel> {
  const { folder } = classifier;
  const parameters = parametersOf(classifier);
  const isLarge = 4 * parameters.flat.length > MAX_SINGLE_FILE_BYTES;
  const written = writeModel(onnxClassifier(classifier), isLarge ? { externalThresholdBytes: 1024 } : {});
  // A large model is checked by its tests alone: the session would have to find the second file.
  const largestDifference = isLarge ? undefined : await differenceFrom(classifier, written.bytes);
  if (largestDifference !== undefined && !(largestDifference <= TOLERANCE)) {
    throw new MedTextError('INTERNAL', `The exported graph's logits differ by ${largestDifference}.`, {
      largestDifference,
    });
  }
  const names = await namesIn(folder.path);
  const config = ['config.json', 'configuration.json', 'label_mapping.json'].filter((name) => names.includes(name));
  const copies = [...config.map((name) => join(folder.path, name)), ...folder.tokenizerFiles, ...folder.cardFiles];
  await replaceFolder(path, async (temporary) => {
    await writeFile(join(temporary, 'model.onnx'), written.bytes, { flush: true });
    if (written.externalData) {
      const { location, pieces } = written.externalData;
      await writeFile(join(temporary, location), pieces, { flush: true });
    }
    for (const file of copies) await copyFile(file, join(temporary, file.slice(folder.path.length + 1)));
  });
  return { output: path, files: await namesIn(path), ...(largestDifference !== undefined && { largestDifference }) };
}

/** The classifier with its weights in it, for any batch and length. */
export function onnxClassifier(classifier: Classifier): Model {
  const { folder: { config }, labels } = classifier; // prettier-ignore
  const parameters = parametersOf(classifier);
  const { build } = bertClassifier(config, labels.length);
  const buildStatic = ({ batch, sequence }: Sizes): Model => {
    const g = new Operators();
    const ids = (name: string) => g.input(name, 'int64', [batch, sequence]);
    const inputs = {
      inputIds: ids('input_ids'),
      attentionMask: ids('attention_mask'),
      tokenTypeIds: ids('token_type_ids'),
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

function parametersOf({ parameters, folder }: Classifier): Parameters {
  if (parameters) return parameters;
  throw new MedTextError('UNSUPPORTED', `${folder.path} is an ONNX graph already (${folder.weightsPath}); copy it.`, { file: folder.path }); // prettier-ignore
}

/** The largest difference of a logit over two batches of other shapes than the graph was made from. */
async function differenceFrom(classifier: Classifier, bytes: Uint8Array): Promise<number> {
  const session = await Session.create(bytes);
  try {
    const texts = [
      { first: '肺炎怎么治疗', second: '肺炎的治疗方法有哪些' },
      { first: '头痛', second: '头痛挂什么科' },
    ];
    let largest = 0;
    for (const batch of [texts, texts.slice(1)]) {
      const expected = await classifier.logits(batch);
      const { logits } = await session.run(feedsOf(classifier, batch));
      logits.data.forEach((value: number | bigint, i: number) => {
        const difference = Math.abs(Number(value) - expected[i]);
        largest = difference <= largest ? largest : difference;
      });
    }
    return largest;
  } finally {
    await session.release();
  }
}

function feedsOf(
  { tokenizer, maxLength, folder }: Classifier,
  texts: readonly { first: string; second: string }[],
): Record<string, Feed> {
  const encoded = texts.map(({ first, second }) => tokenizer.encodePair(first, second, maxLength));
  const length = Math.max(...encoded.map((example) => example.length));
  const padded = (of: (example: (typeof encoded)[number], i: number) => number): Feed => ({
    dataType: 'int64',
    shape: [texts.length, length],
    data: BigInt64Array.from(encoded.flatMap((e) => Array.from({ length }, (_, i) => BigInt(of(e, i))))),
  });
  return {
    input_ids: padded((e, i) => e.inputIds[i] ?? folder.config.padTokenId),
    attention_mask: padded((e, i) => (i < e.length ? 1 : 0)),
    token_type_ids: padded((e, i) => e.tokenTypeIds[i] ?? 0),
  };
}
