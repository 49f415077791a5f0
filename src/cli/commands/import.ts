import type { Arguments, Command, Context } from '../commandLine';
import { bytes, duration, integer, properties } from '../terminal';

export const importCommand: Command = {
  name: 'import',
  usage: ['import <folder|file> --output DIR'],
  summary: 'Turn a checkpoint (safetensors, pytorch_model.bin, ONNX) into a model folder.',
  details: [
    'Nothing in a checkpoint is ever executed: a pickle that asks for more than tensors is refused by name.',
    "The folder written is Hugging Face's layout with ModelScope's files, float32, and loads in transformers as it is.",
  ],
  options: { output: { kind: 'value', value: 'DIR', short: 'o', help: 'The model folder to write.' } },
  examples: ['medtext import ~/.cache/modelscope/hub/damo/nlp_structbert_backbone_base_std --output models/structbert'],
  run: importCheckpoint,
};

async function importCheckpoint(args: Arguments, { screen, signal }: Context): Promise<void> {
  args.atMost(1);
  const source = args.needed(0, 'The checkpoint');
  const output = args.text('output');
  if (output === undefined) throw args.wrong('--output DIR is missing.');
  const { importModel } = await import('../../models/importModel');
  const { loadReportLines } = await import('../../models/parameterNames');
  const started = performance.now();
  const {
    path,
    source: folder,
    parameterCount,
    report,
  } = await importModel(source, output, {
    signal,
    onProgress: ({ doneBytes, totalBytes }) =>
      screen.progress(
        totalBytes > 0 ? doneBytes / totalBytes : 1,
        `${bytes(doneBytes)} of ${bytes(totalBytes)} written`,
      ),
  });
  const { config, labels } = folder;
  screen.printJson({
    model: path,
    parameterCount,
    modelType: config.modelType,
    layers: config.layerCount,
    hiddenSize: config.hiddenSize,
    vocabSize: config.vocabSize,
    labels: labels ?? null,
    ...report,
  });
  screen.print(
    path,
    ...properties([
      [
        'architecture',
        `${config.modelType}, ${config.layerCount} layers, ${config.hiddenSize} wide, ${config.headCount} heads`,
      ],
      ['vocabulary', `${integer(config.vocabSize)} tokens, ${integer(config.maxPositions)} positions`],
      ['parameters', `${integer(parameterCount)} (${bytes(4 * parameterCount)})`],
      ...(labels ? ([['labels', labels.join(', ')]] as const) : []),
      ['time', duration((performance.now() - started) / 1000)],
    ]),
    '',
    ...loadReportLines(report).map((line) => `  ${line}`),
  );
}
