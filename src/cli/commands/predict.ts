import type { Arguments, Command, Context } from '../commandLine';
import { fileOptions, readFileOptions } from '../fileOptions';
import { chosenPrecision, precisionOption } from '../precision';
import { bar, counted, integer, percent, table } from '../terminal';

export const predictCommand: Command = {
  name: 'predict',
  usage: ['predict <model> --data FILE --output OUT'],
  summary: 'Fill in the labels of a file; its format and everything else stay as they are.',
  options: {
    data: { kind: 'value', value: 'FILE', help: 'The file to label: JSON, JSON Lines, CSV or TSV.' },
    output: { kind: 'value', value: 'OUT', short: 'o', help: 'The file to write.' },
    ...fileOptions,
    ...precisionOption,
    label: {
      kind: 'value',
      value: 'COLUMN',
      help: 'The column to fill in. Default: the label column, otherwise a new one.',
    },
  },
  examples: ['medtext predict runs/qqr/model --data KUAKE-QQR_test.json --output submission.json'],
  run: predict,
};

async function predict(args: Arguments, context: Context): Promise<void> {
  args.atMost(1);
  const folder = args.needed(0, 'The model folder');
  const file = args.text('data');
  const output = args.text('output');
  if (file === undefined) throw args.wrong('--data FILE is missing.');
  if (output === undefined) throw args.wrong('--output OUT is missing.');
  const options = { ...readFileOptions(args, context), precision: await chosenPrecision(args, folder, context) };
  const { predictFile } = await import('../../evaluation/predictFile');
  const written = await predictFile(folder, file, output, options);
  const { screen } = context;
  screen.printJson(written);
  screen.print(`${written.output}: ${counted(written.rows, 'row')} labelled in the column "${written.column}"`);
  if (written.badRows > 0) screen.print(`${counted(written.badRows, 'bad row')} copied as they are`);
  const counts = Object.entries(written.counts);
  if (counts.length === 0) return;
  const whole = written.counted ? counts.reduce((sum, [, count]) => sum + count, 0) : written.rows;
  const rows = counts.map(([label, count]) => {
    const share = whole === 0 ? 0 : count / whole;
    return [label, integer(count), percent(share), bar(share, 30)];
  });
  screen.print('', ...table(rows, [1, 2]));
}
