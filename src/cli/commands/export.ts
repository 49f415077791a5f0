import { modelFormats } from '../../protocol/modelFormat';
import type { Arguments, Command, Context } from '../commandLine';

export const exportCommand: Command = {
  name: 'export',
  usage: [`export <model> --output DIR [--format ${modelFormats.join('|')}]`],
  summary: 'Write a fine-tuned model for other programs: Hugging Face, ModelScope, ONNX, sentence-transformers.',
  details: [
    'huggingface              config.json, model.safetensors, tokenizer, label_mapping.json, configuration.json, card',
    "modelscope               the same with pytorch_model.bin, in PyTorch's own format, which ModelScope looks for",
    'onnx                     model.onnx (float32; any batch and length) beside configuration and tokenizer, checked',
    '                         against this program before it is written',
    'onnx-fp16                model_fp16.onnx: half the size, for GPUs; LayerNorm and Softmax stay float32',
    'onnx-int8                model_int8.onnx: a quarter of the size, for CPUs; dynamic quantisation, answers may change',
    'sentence-transformers    the encoder alone with modules.json and pooling, for sentence embeddings',
  ],
  options: {
    output: { kind: 'value', value: 'DIR', short: 'o', help: 'The folder to write; it must be new or empty.' },
    format: { kind: 'value', value: 'FORMAT', help: `${modelFormats.join(', ')}. Default: huggingface.` },
  },
  examples: ['medtext export runs/qqr/model --format onnx --output qqr-onnx'],
  run: exportCommandLine,
};

async function exportCommandLine(args: Arguments, { screen, signal }: Context): Promise<void> {
  args.atMost(1);
  const model = args.needed(0, 'The model folder');
  const output = args.text('output');
  if (output === undefined) throw args.wrong('--output DIR is missing.');
  const format = args.choice('format', modelFormats) ?? 'huggingface';
  const { exportModel } = await import('../../exports/exportModel');
  const exported = await exportModel(model, output, { format, signal });
  screen.printJson({ ...exported, format });
  screen.print(exported.output, ...exported.files.map((name) => `  ${name}`));
  if (exported.largestDifference !== undefined) {
    screen.print(
      '',
      `Checked: its logits differ from this program's by at most ${exported.largestDifference.toExponential(1)}.`,
    );
  }
}
