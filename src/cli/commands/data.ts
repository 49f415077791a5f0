import type { Arguments, Command, Context } from '../commandLine';

export const dataCommand: Command = {
  name: 'data',
  usage: ['data <file>'],
  summary: 'Report on a data file: format, columns, labels, lengths, duplicates, bad rows.',
  options: {
    first: { kind: 'value', value: 'COLUMN', help: 'The (first) text, by name or place from 0. Default: recognised.' },
    second: { kind: 'value', value: 'COLUMN', help: 'The second text of a pair. Default: recognised.' },
    label: { kind: 'value', value: 'COLUMN', help: 'The label. Default: recognised.' },
  },
  examples: ['medtext data train.json', 'medtext data pairs.tsv --first 1 --second 2 --label 0'],
  run: data,
};

async function data(args: Arguments, { screen, signal }: Context): Promise<void> {
  args.atMost(1);
  const path = args.needed(0, 'The data file');
  const { openDataFile } = await import('../../data/dataFile');
  const { resolveColumn } = await import('../../data/columns');
  const { renderReport, reportOn } = await import('../../data/report');
  const file = await openDataFile(path);
  const column = (option: string, use: string): string | undefined => {
    const name = args.text(option);
    return name === undefined ? undefined : resolveColumn(file, name, use);
  };
  const fields = {
    firstSequence: column('first', 'first_sequence'),
    secondSequence: column('second', 'second_sequence'),
    label: column('label', 'label'),
  };
  const report = await reportOn(file, { fields, signal });
  screen.printJson(report);
  screen.print(...renderReport(report));
}
