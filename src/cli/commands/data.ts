import { resolve } from 'node:path';
import { CLEAN_OPERATIONS, isCleanOperation, type CleanOperation } from '../../base/cleanText';
import type { DataFile } from '../../data/dataFile';
import type { StoredRow } from '../../preview/rowStore';
import type { Arguments, Command, Context } from '../commandLine';
import { counted, integer, table } from '../terminal';
import { columnOptions, sheetOption } from '../fileOptions';

export const dataCommand: Command = {
  name: 'data',
  usage: ['data <file>'],
  summary: 'Report on a data file: format, columns, labels, lengths, duplicates, bad rows.',
  options: {
    ...columnOptions,
    clean: {
      kind: 'value',
      value: 'OPERATIONS',
      help: 'Show what cleaning would change. The value is all, or some of html_entities, zero_width, half_width, whitespace, trim, separated by commas.',
    },
    'drop-duplicates': {
      kind: 'flag',
      help: 'With --clean and --output: of the rows with the same texts and label, write only the first.',
    },
    output: { kind: 'value', value: 'FILE', help: 'With --clean: write the cleaned rows to another file.' },
    ...sheetOption,
  },
  examples: [
    'medtext data train.json',
    'medtext data pairs.tsv --first 1 --second 2 --label 0',
    'medtext data notes.csv --clean all --output notes.clean.csv',
  ],
  run: data,
};

async function data(args: Arguments, { screen, signal }: Context): Promise<void> {
  args.atMost(1);
  const path = args.needed(0, 'The data file');
  const { openDataFile } = await import('../../data/dataFile');
  const { resolveColumn } = await import('../../data/columns');
  const { renderReport, reportOn } = await import('../../data/report');
  const file = await openDataFile(path, { sheet: args.text('sheet') });
  const column = (option: string, use: string): string | undefined => {
    const name = args.text(option);
    return name === undefined ? undefined : resolveColumn(file, name, use);
  };
  const fields = {
    firstSequence: column('first', 'first_sequence'),
    secondSequence: column('second', 'second_sequence'),
    label: column('label', 'label'),
  };
  if (args.has('drop-duplicates') && !args.has('output'))
    throw args.wrong('--drop-duplicates needs --output with the file to write.');
  if (args.has('clean')) return clean(file, fields, args, { screen, signal });
  for (const name of ['output', 'drop-duplicates']) {
    if (args.has(name)) throw args.wrong(`--${name} needs --clean with its operations.`);
  }
  const report = await reportOn(file, { fields, signal });
  screen.printJson(report);
  screen.print(...renderReport(report));
}

async function clean(
  file: DataFile,
  fields: { readonly firstSequence?: string; readonly secondSequence?: string; readonly label?: string },
  args: Arguments,
  { screen, signal }: Pick<Context, 'screen' | 'signal'>,
): Promise<void> {
  const { planClean, writeClean } = await import('../../preview/cleanPreview');
  const { readFields } = await import('../../data/cleaning');
  const operations = operationsOf(args);
  const mapping = readFields(file, fields);
  const plan = await planClean(batchesOf(file, signal), mapping, operations, signal);
  const output = args.text('output');
  const dropDuplicates = args.flag('drop-duplicates');
  const isNamed = file.header || file.format === 'json' || file.format === 'jsonl';
  const target = output === undefined ? undefined : resolve(output);
  const written = target === undefined ? undefined : await writeClean(file, batchesOf(file, signal), target, { mapping, operations, dropDuplicates, isNamed }, signal); // prettier-ignore
  screen.printJson({ file: file.path, ...mapping, clean: operations, ...plan, ...(written && { output: target, written }) }); // prettier-ignore
  const columns = [mapping.first_sequence, mapping.second_sequence].filter((column) => column !== null);
  screen.print(`${file.path}: ${counted(plan.rows, 'row')}, texts in ${columns.map((name) => JSON.stringify(name)).join(' and ')}`, ''); // prettier-ignore
  screen.print(
    ...table(
      plan.operations.map(({ operation, rows, examples: [example] }) => [
        operations.includes(operation) ? '*' : ' ',
        operation,
        counted(rows, 'row'),
        example ? `${JSON.stringify(example.before)} -> ${JSON.stringify(example.after)}` : '',
      ]),
    ),
  );
  const { before, after } = plan.duplicates;
  screen.print('', `  rows changed by the operations with *: ${integer(plan.changed)}; duplicates: ${integer(before)} before cleaning, ${integer(after)} after`); // prettier-ignore
  if (written) {
    screen.print(`  written: ${target}, ${counted(written.rows, 'row')}${dropDuplicates ? `, without ${counted(written.dropped, 'duplicate')}` : ''}`); // prettier-ignore
    if (written.badRows > 0) screen.print(`  left out: ${counted(written.badRows, 'row')} that cannot be read`);
  } else screen.print(`  in a recipe: "dataset": {"clean": ${JSON.stringify(operations)}}`);
}

function operationsOf(args: Arguments): readonly CleanOperation[] {
  const asked = args.text('clean')!;
  if (asked === 'all') return CLEAN_OPERATIONS;
  const names = asked.split(',').map((name) => name.trim());
  const unknown = names.find((name) => !isCleanOperation(name));
  if (unknown !== undefined) {
    throw args.wrong(
      `--clean is "${unknown}"; it must be all, or some of ${CLEAN_OPERATIONS.join(', ')}, separated by commas.`,
    );
  }
  return names as CleanOperation[];
}

async function* batchesOf(file: DataFile, signal?: AbortSignal): AsyncGenerator<StoredRow[]> {
  let row = 0;
  for await (const read of file.rows(signal)) yield [{ ...read, row: row++ }];
}
