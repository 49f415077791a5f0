import { modelFormats } from '../../protocol/modelFormat';
import { untranslated } from '../../base/translate';
import { changeText, type ExportCheck } from '../../protocol/exportCheck';
import type { Arguments, Command, Context } from '../commandLine';
import { modelOrPath } from '../modelArgument';
import { countProgress } from '../screen';
import { counted, integer } from '../terminal';

export const exportCommand: Command = {
  name: 'export',
  usage: [`export <model> --output DIR [--format ${modelFormats.join('|')}]`],
  summary: 'Write a fine-tuned model for other programs: Hugging Face, ModelScope, ONNX, sentence-transformers.',
  details: [
    'huggingface              config.json, model.safetensors, tokenizer, label_mapping.json, configuration.json, card',
    "modelscope               the same, with the weights in pytorch_model.bin (PyTorch's format), which ModelScope looks for",
    'onnx                     model.onnx (float32, any batch size and length), with configuration and tokenizer',
    'onnx-fp16                model_fp16.onnx: half the size, for GPUs; LayerNorm and Softmax stay float32',
    'onnx-int8                model_int8.onnx: a quarter of the size, for CPUs; dynamic quantisation, predictions may change',
    'sentence-transformers    the encoder alone with modules.json and pooling, for sentence embeddings',
    '',
    'Before an ONNX file is written, its outputs are compared with those of this program on the validation rows of the run. The',
    'differences are printed. If the precision cannot hold the values of the model, the export fails.',
  ],
  options: {
    output: { kind: 'value', value: 'DIR', short: 'o', help: 'The folder to write. It must be new or empty.' },
    data: {
      kind: 'value',
      value: 'FILE',
      help: "Check an ONNX file on these rows. Default: those of the model's run.",
    },
    format: { kind: 'value', value: 'FORMAT', help: `${modelFormats.join(', ')}. Default: huggingface.` },
  },
  examples: ['medtext export runs/qqr/model --format onnx --output qqr-onnx'],
  run: exportCommandLine,
};

async function exportCommandLine(args: Arguments, { screen, signal }: Context): Promise<void> {
  args.atMost(1);
  const model = modelOrPath(args.needed(0, 'The model folder'));
  const output = args.text('output');
  if (output === undefined) throw args.wrong('--output DIR is missing.');
  const format = args.choice('format', modelFormats) ?? 'huggingface';
  const { exportModel } = await import('../../exports/exportModel');
  const data = args.text('data');
  if (data !== undefined && !format.startsWith('onnx')) throw args.wrong('--data needs an ONNX format.');
  const exported = await exportModel(model, output, {
    format,
    data,
    signal,
    log: (line) => screen.note(line),
    ...(format.startsWith('onnx') && { onProgress: countProgress(screen, 'predictions') }),
  });
  screen.printJson({ ...exported, format });
  screen.print(exported.output, ...exported.files.map((name) => `  ${name}`));
  if (exported.checked) screen.print('', ...checkLines(exported.checked));
}

const ROWS: Readonly<Record<ExportCheck['of'], string>> = {
  validation: "validation rows of the model's run",
  train: "training rows of the model's run",
  file: 'rows of the file',
  samples: 'sample texts of this program, because the model is not in a run with data',
};

function checkLines({ rows, of, largestDifference, changedAnswers, metric }: ExportCheck): string[] {
  return [
    `Checked on ${integer(rows)} ${ROWS[of]}: the largest difference of a logit is ${largestDifference === 0 ? '0' : largestDifference.toPrecision(2)}.`,
    ...(changedAnswers === undefined ? [] : [`${counted(changedAnswers, 'prediction')} of ${integer(rows)} changed.`]),
    ...(metric ? [changeText(metric, untranslated)] : []),
  ];
}
