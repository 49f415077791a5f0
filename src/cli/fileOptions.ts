/** Options of the commands that read a data file for a model. */
import type { FileOptions } from '../evaluation/readFileFor';
import { modelOptions, type Arguments, type Context, type OptionSpec } from './commandLine';
import { countProgress } from './screen';

export const sheetOption: Readonly<Record<string, OptionSpec>> = {
  sheet: { kind: 'value', value: 'NAME', help: 'The sheet of an XLSX workbook. Default: the first visible one.' },
};

/** The columns of a data file, by name or position. */
export const columnOptions: Readonly<Record<string, OptionSpec>> = {
  first: {
    kind: 'value',
    value: 'COLUMN',
    help: 'The column of the text, or of the first text of a pair: its name, or its position from 0. Default: recognised.',
  },
  second: { kind: 'value', value: 'COLUMN', help: 'The column of the second text of a pair. Default: recognised.' },
  label: { kind: 'value', value: 'COLUMN', help: 'The column of the label. Default: recognised.' },
};

const SPAN_ENDS = ['inclusive', 'exclusive'] as const;

export const fileOptions: Readonly<Record<string, OptionSpec>> = {
  ...columnOptions,
  ...sheetOption,
  'span-end': {
    kind: 'value',
    value: 'MEANING',
    help: 'The meaning of an entity’s end: inclusive (its last character) or exclusive (the character after it). Default: found from the file.',
  },
  'skip-bad-rows': { kind: 'flag', help: 'Skip rows that cannot be read, instead of stopping at the first.' },
  ...modelOptions,
};

export const mapOption: Readonly<Record<string, OptionSpec>> = {
  map: {
    kind: 'list',
    value: 'RAW=LABEL',
    help: 'Read the value RAW of the label column as LABEL. RAW= drops the rows with this value. May be repeated.',
  },
};

export function readFileOptions(args: Arguments, { screen, signal }: Context): FileOptions {
  return {
    device: args.text('device'),
    threads: args.number('threads', 1, 1024),
    first: args.text('first'),
    second: args.text('second'),
    label: args.text('label'),
    sheet: args.text('sheet'),
    spanEnd: args.choice('span-end', SPAN_ENDS),
    labelMapping: args.has('map') ? mapping(args) : undefined,
    onBadRow: args.flag('skip-bad-rows') ? 'skip' : 'stop',
    signal,
    onProgress: countProgress(screen, 'rows'),
    log: (line) => screen.note(line),
  };
}

/** Parses `--map 3=2 --map NA=` into a mapping from raw values to labels. Null drops a value's rows. */
export function mapping(args: Arguments): Record<string, string | null> {
  return Object.fromEntries(
    args.list('map').map((entry) => {
      const equals = entry.lastIndexOf('=');
      if (equals < 0) throw args.wrong(`--map is "${entry}"; it must be RAW=LABEL.`);
      const label = entry.slice(equals + 1);
      return [entry.slice(0, equals), label === '' ? null : label];
    }),
  );
}
