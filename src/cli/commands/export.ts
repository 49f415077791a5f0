import type { Arguments, Command, Context } from '../commandLine';

const formats = ['huggingface', 'modelscope', 'onnx'] as const;

export const exportCommand: Command = {
  name: 'export',
  usage: ['export <model> --output DIR [--format huggingface|modelscope|onnx]'],
  summary: 'Write a fine-tuned model for other programs: a Hugging Face or ModelScope folder, or ONNX.',
  details: [
    'huggingface              config.json, model.safetensors, tokenizer, label_mapping.json, configuration.json',
    "modelscope               the same with pytorch_model.bin, in PyTorch's own format, which ModelScope looks for",
    'onnx                     model.onnx (float32; any batch and length) beside configuration and tokenizer, checked',
    '                         against this program before it is written',
  ],
  options: {
    output: { kind: 'value', value: 'DIR', short: 'o', help: 'The folder to write; it must be new or empty.' },
    format: { kind: 'value', value: 'FORMAT', help: `${formats.join(', ')}. Default: huggingface.` },
  },
  examples: ['medtext export runs/qqr/model --format onnx --output qqr-onnx'],
  run: exportCommandLine,
};

async function exportCommandLine(args: Arguments, { screen, signal }: Context): Promise<void> {
  args.atMost(1);
  const model = args.needed(0, 'The model folder');
  const output = args.text('output');
  if (output === undefined) throw args.wrong('--output DIR is missing.');
  const format = args.choice('format', formats) ?? 'huggingface';
  const { exportModel } = await import('../../training/exportModel');
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
