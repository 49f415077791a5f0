import type { Arguments, Command, Context } from '../commandLine';
import { evaluationText } from '../evaluationText';
import { fileOptions, mapOption, readFileOptions } from '../fileOptions';
import { modelOrPath } from '../modelArgument';
import { chosenPrecision, precisionOption } from '../precision';

export const evaluateCommand: Command = {
  name: 'evaluate',
  usage: ['evaluate <model> --data FILE'],
  summary: 'Evaluate a model on a labelled file: accuracy, F1 and confusion matrix, with intervals and a baseline.',
  options: {
    data: { kind: 'value', value: 'FILE', help: 'The labelled file: JSON, JSON Lines, CSV, TSV, XLSX or Parquet.' },
    ...mapOption,
    ...fileOptions,
    ...precisionOption,
  },
  examples: [
    'medtext evaluate runs/qqr/model --data dev.json',
    'medtext evaluate model --data dev.csv --map 3=2 --json',
  ],
  run: evaluate,
};

async function evaluate(args: Arguments, context: Context): Promise<void> {
  args.atMost(1);
  const folder = modelOrPath(args.needed(0, 'The model folder'));
  const file = args.text('data');
  if (file === undefined) throw args.wrong('--data FILE is missing.');
  const options = { ...readFileOptions(args, context), precision: await chosenPrecision(args, folder, context) };
  const { evaluateModel } = await import('../../evaluation/evaluateModel');
  const metrics = await evaluateModel(folder, file, options);
  context.screen.printJson(metrics);
  context.screen.print(...evaluationText(metrics));
}
