/** Export of a fine-tuned model as one ONNX file that includes its weights. */
import { copyFile } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { MedTextError, words } from '../base/errors';
import type { RunOptions } from '../inference/classifierRunner';
import type { OpenedModel } from '../inference/openedModel';
import { namesIn, replaceFolder } from '../models/checkpoint/replaceFolder';
import type { ModelFolder } from '../models/modelFolder';
import { readOnnxFile } from '../models/checkpoint/onnxWeights';
import { bertNetwork } from '../models/encoder';
import { refuseQuantised } from '../models/graphClassifier';
import { writeModelFile } from '../models/checkpoint/writeOnnx';
import { writeSynced } from '../models/writeModelFolder';
import type { Value } from '../onnx/graphBuilder';
import { widenModel } from '../onnx/halfPrecision';
import { weightBytes, type LaterTensor, type Model, type Tensor } from '../onnx/model';
import { pruned, withInitializers } from '../onnx/openParameters';
import { Operators } from '../onnx/operators';
import { quantizeLater } from '../onnx/quantize';
import { withSymbolicShapes, type Sizes } from '../onnx/symbolicShapes';
import { toFloat16 } from '../onnx/toFloat16';
import type { ExportCheck } from '../protocol/exportCheck';
import { checkAnswers, graphAnswers, halfAnswers, type Checked, type WithAnswers } from './checkExport';
import { checkRows } from './checkRows';

export type OnnxFormat = 'onnx' | 'onnx-fp16' | 'onnx-int8';

/** A model whose weights may still lie in their file. */
type Weighted = Model<Tensor | LaterTensor>;

interface Precision {
  /** The file name, as optimum and transformers.js expect it. */
  readonly file: string;
  readonly convert: (model: Weighted) => Weighted;
  /** The largest allowed difference of a logit, relative to the largest logit. A larger one means that the precision does not suit the model. */
  readonly tolerance: number;
}

const PRECISIONS: Readonly<Record<OnnxFormat, Precision>> = {
  onnx: { file: 'model.onnx', convert: (model) => model, tolerance: 1e-3 },
  'onnx-fp16': { file: 'model_fp16.onnx', convert: (model) => toFloat16(model), tolerance: 0.05 },
  'onnx-int8': { file: 'model_int8.onnx', convert: (model) => quantizeLater(model).model, tolerance: 1 },
};

export interface OnnxExportOptions extends RunOptions {
  /** A file with the rows for the check, in place of those of the model's run. */
  readonly data?: string;
  readonly threads?: number;
  readonly log?: (line: string) => void;
}

/**
 * Writes the graph in a precision beside configuration, tokenizer and card. `files` holds more files by name.
 * @returns the differences between the graph and this program on rows ({@link checkRows})
 * @throws MedTextError UNSUPPORTED if the precision does not suit the model, and for a model that is already a quantised or
 * fused graph; INTERNAL if the float32 graph computes other outputs; the errors of {@link checkRows}.
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
  const rows = await checkRows(opened, options);
  const names = await namesIn(folder.path);
  const config = ['config.json', 'configuration.json', 'label_mapping.json'].filter((name) => names.includes(name));
  const copies = [...config.map((name) => join(folder.path, name)), ...folder.tokenizerFiles, ...folder.cardFiles];
  const write = async (float32: Weighted): Promise<ExportCheck> => {
    const model = convert(float32);
    let check: ExportCheck | undefined;
    await replaceFolder(path, async (temporary) => {
      const written = join(temporary, file);
      // The CPU would compute a graph in half precision in float32, so half precision is emulated.
      const compared = format === 'onnx-fp16' ? halfAnswers(opened, float32, temporary, options.threads) : graphAnswers(opened, model, written, options.threads); // prettier-ignore
      const withAnswers: WithAnswers = async (use) => {
        await writeModelFile(written, model, { externalLocation: `${file}.data` });
        return compared(use);
      };
      const checked = await checkAnswers(opened, rows, withAnswers, options);
      refuseUnsuitable(format, checked);
      ({ check } = checked);
      for (const copy of copies) await copyFile(copy, join(temporary, basename(copy)));
      for (const [name, content] of Object.entries(files)) await writeSynced(join(temporary, name), content);
    }, { sizeBytes: weightBytes(model) }); // prettier-ignore
    return check!;
  };
  if (!opened.withWeights) return write(await ownGraph(folder));
  return opened.withWeights((weights) => write(onnxNetwork(opened, weights)));
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

/** The network's graph with its weights, for any batch size and length. */
export function onnxNetwork(
  { folder: { config }, head, columns }: Pick<OpenedModel, 'folder' | 'head' | 'columns'>,
  weights: ReadonlyMap<string, LaterTensor>,
): Weighted {
  const network = bertNetwork(config, head, columns.length);
  const buildStatic = ({ batch, sequence }: Sizes): Model => {
    const g = new Operators();
    const ids = (name: string) => g.input(name, 'int64', [batch, sequence]);
    const inputs = {
      inputIds: ids('input_ids'),
      attentionMask: ids('attention_mask'),
      // RoBERTa has one token type, and its tokenizers give no token type ids.
      ...(config.typeVocabSize > 1 && { tokenTypeIds: ids('token_type_ids') }),
    };
    const values = new Map<string, Value>();
    const parameter = (name: string): Value => {
      const value = values.get(name) ?? g.input(name, 'float32', weights.get(name)!.shape);
      values.set(name, value);
      return value;
    };
    g.output(network.build(g, inputs, { parameter }), 'logits');
    return g.build('classifier');
  };
  // The sizes are primes, so that none is a multiple of another. None exceeds the positions of the shortest model.
  const model = withSymbolicShapes(buildStatic, {
    samples: [
      { batch: 3, sequence: 5 },
      { batch: 7, sequence: 11 },
      { batch: 13, sequence: 2 },
    ],
    dimensions: { batch: { input: 'input_ids', axis: 0 }, sequence: { input: 'input_ids', axis: 1 } },
  });
  const read = model.graph.inputs.filter(({ name }) => weights.has(name));
  return withInitializers<Tensor | LaterTensor>(model, new Map(read.map(({ name }) => [name, weights.get(name)!])));
}

/** The graph of a model that is itself an ONNX graph of an exporter, in float32 and with only its logits as output. */
async function ownGraph({ path, weightsPath = path }: ModelFolder): Promise<Model> {
  const { model } = await readOnnxFile(weightsPath);
  refuseQuantised(model, weightsPath, words`be exported in another precision`);
  const wide = widenModel(model);
  return { ...wide, graph: pruned(wide.graph, ['logits']) };
}
