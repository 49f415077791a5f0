/** A fine-tuned model as one ONNX file with its weights in it, for other programs. */
import { copyFile, writeFile } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { MedTextError, words } from '../base/errors';
import type { RunOptions } from '../inference/classifierRunner';
import type { OpenedModel } from '../inference/openedModel';
import { namesIn, replaceFolder } from '../models/checkpoint/replaceFolder';
import type { ModelFolder } from '../models/modelFolder';
import { readOnnxFile } from '../models/checkpoint/onnxWeights';
import { bertNetwork } from '../models/encoder';
import { refuseQuantised } from '../models/graphClassifier';
import type { Parameters } from '../models/parameters';
import { MAX_SINGLE_FILE_BYTES } from '../models/writeGraphFolder';
import { writeSynced } from '../models/writeModelFolder';
import type { Value } from '../onnx/graphBuilder';
import { widenModel } from '../onnx/halfPrecision';
import type { Model } from '../onnx/model';
import { pruned } from '../onnx/openParameters';
import { Operators } from '../onnx/operators';
import { quantizeWeights } from '../onnx/quantize';
import { withSymbolicShapes, type Sizes } from '../onnx/symbolicShapes';
import { toFloat16 } from '../onnx/toFloat16';
import { writeModel } from '../onnx/writeModel';
import type { ExportCheck } from '../protocol/exportCheck';
import { checkAnswers, graphAnswers, halfAnswers, type Answers, type Checked } from './checkExport';
import { checkRows } from './checkRows';

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

export interface OnnxExportOptions extends RunOptions {
  /** A file whose rows are to be checked on, in place of those of the model's run. */
  readonly data?: string;
  readonly threads?: number;
  readonly log?: (line: string) => void;
}

/**
 * Writes the graph of a precision beside configuration, tokenizer and card; `files` are further ones, by name.
 * @returns what the graph changes, against this program, on rows ({@link checkRows})
 * @throws MedTextError UNSUPPORTED where the precision does not suit the model, and for a model that is a quantised or
 * fused graph already; INTERNAL when float32 computes something else; what {@link checkRows} throws.
 */
export async function exportOnnx(
  opened: OpenedModel,
  path: string,
  format: OnnxFormat,
  files: Readonly<Record<string, string>>,
  options: OnnxExportOptions = {},
): Promise<ExportCheck> {
  const { folder } = opened;
  const { file, convert } = PRECISIONS[format];
  const parameters = await opened.loadParameters?.();
  const float32 = parameters ? onnxNetwork(opened, parameters) : await ownGraph(folder);
  const model = convert(float32);
  const rows = await checkRows(opened, options);
  const compare = (answers: Answers) => checkAnswers(opened, rows, answers, options);
  // On this machine's processor a graph in half precision would be computed in float32.
  const checked = await (format === 'onnx-fp16' ? halfAnswers(opened, float32, options.threads, compare) : graphAnswers(opened, model, options.threads, compare)); // prettier-ignore
  refuseUnsuitable(format, checked);

  const sizeBytes = [...model.graph.initializers.values()].reduce((sum, { data }) => sum + data.byteLength, 0);
  const external = { externalThresholdBytes: 1024, externalLocation: `${file}.data` };
  const written = writeModel(model, sizeBytes > MAX_SINGLE_FILE_BYTES ? external : {});
  const names = await namesIn(folder.path);
  const config = ['config.json', 'configuration.json', 'label_mapping.json'].filter((name) => names.includes(name));
  const copies = [...config.map((name) => join(folder.path, name)), ...folder.tokenizerFiles, ...folder.cardFiles];
  await replaceFolder(path, async (temporary) => {
    await writeFile(join(temporary, file), written.bytes, { flush: true });
    if (written.externalData) {
      const { location, pieces } = written.externalData;
      await writeFile(join(temporary, location), pieces, { flush: true });
    }
    for (const copy of copies) await copyFile(copy, join(temporary, basename(copy)));
    for (const [name, content] of Object.entries(files)) await writeSynced(join(temporary, name), content);
  });
  return checked.check;
}

function refuseUnsuitable(
  format: OnnxFormat,
  { check: { largestDifference: difference }, largestLogit }: Checked,
): void {
  if (difference <= PRECISIONS[format].tolerance * Math.max(1, largestLogit)) return;
  if (format === 'onnx') {
    throw new MedTextError('INTERNAL', `The exported graph's logits differ by ${difference}.`, { difference });
  }
  throw new MedTextError(
    'UNSUPPORTED',
    words`This model cannot be exported as ${format === 'onnx-fp16' ? words`half precision` : words`quantisation`}: its logits would differ by ${difference}. Export it as onnx.`,
    { difference, format },
  );
}

/** The network with its weights in it, for any batch and length. */
export function onnxNetwork(
  { folder: { config }, head, columns }: Pick<OpenedModel, 'folder' | 'head' | 'columns'>,
  parameters: Parameters,
): Model {
  const network = bertNetwork(config, head, columns.length);
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
    g.output(network.build(g, inputs, { parameter }), 'logits');
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
