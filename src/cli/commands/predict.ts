import type { Arguments, Command, Context } from '../commandLine';
import { fileOptions, readFileOptions } from '../fileOptions';
import { modelOrPath } from '../modelArgument';
import { chosenPrecision, precisionOption } from '../precision';
import { bar, counted, integer, percent, table } from '../terminal';

export const predictCommand: Command = {
  name: 'predict',
  usage: ['predict <model> --data FILE --output OUT'],
  summary: 'Fill in the labels of a file; its format and everything else stay as they are.',
  details: [
    'An output named .xlsx is a new workbook with the values of all rows: one sheet, no formats, and texts stay texts (007, =1).',
    'The predictions for a workbook or a Parquet file go into a new file: .xlsx, .csv, .tsv, .json or .jsonl, by the name of OUT.',
    'Tasks that Label Studio exported (JSON) get predictions in the form that Label Studio imports. Another ending gives a table.',
  ],
  options: {
    data: { kind: 'value', value: 'FILE', help: 'The file to label: JSON, JSON Lines, CSV, TSV, XLSX or Parquet.' },
    output: { kind: 'value', value: 'OUT', short: 'o', help: 'The file to write.' },
    ...fileOptions,
    ...precisionOption,
    label: {
      kind: 'value',
      value: 'COLUMN',
      help: 'The column to fill in. Default: the label column, otherwise a new one.',
    },
  },
  examples: [
    'medtext predict runs/qqr/model --data KUAKE-QQR_test.json --output submission.json',
    'medtext predict runs/qqr/model --data questions.xlsx --sheet 2024 --output labelled.xlsx',
  ],
  run: predict,
};

async function predict(args: Arguments, context: Context): Promise<void> {
  args.atMost(1);
  const folder = modelOrPath(args.needed(0, 'The model folder'));
  const file = args.text('data');
  const output = args.text('output');
  if (file === undefined) throw args.wrong('--data FILE is missing.');
  if (output === undefined) throw args.wrong('--output OUT is missing.');
  const options = { ...readFileOptions(args, context), precision: await chosenPrecision(args, folder, context) };
  const { predictFile } = await import('../../evaluation/predictFile');
  const written = await predictFile(folder, file, output, options);
  const { screen } = context;
  screen.printJson(written);
  screen.print(`${written.output}: ${counted(written.rows, 'prediction')} in the column "${written.column}"`);
  if (written.badRows > 0) screen.print(`${counted(written.badRows, 'bad row')} without a label`);
  if (written.leftOut) screen.print(`${counted(written.leftOut, 'annotation')} of other kinds (relations, events, attributes, notes) not carried over: they refer to the annotators’ entities`); // prettier-ignore
  const counts = Object.entries(written.counts);
  if (counts.length === 0) return;
  const whole = written.counted ? counts.reduce((sum, [, count]) => sum + count, 0) : written.rows;
  const rows = counts.map(([label, count]) => {
    const share = whole === 0 ? 0 : count / whole;
    return [label, integer(count), percent(share), bar(share, 30)];
  });
  screen.print('', ...table(rows, [1, 2]));
}
