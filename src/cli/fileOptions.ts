/** Options of the commands that read a data file for a model. */
import type { FileOptions } from '../evaluation/readFileFor';
import { modelOptions, type Arguments, type Context, type OptionSpec } from './commandLine';
import { countProgress } from './screen';

export const fileOptions: Readonly<Record<string, OptionSpec>> = {
  first: { kind: 'value', value: 'COLUMN', help: 'The (first) text, by name or place from 0. Default: recognised.' },
  second: { kind: 'value', value: 'COLUMN', help: 'The second text of a pair. Default: recognised.' },
  label: { kind: 'value', value: 'COLUMN', help: 'The label. Default: recognised.' },
  'skip-bad-rows': { kind: 'flag', help: 'Leave out rows that cannot be read instead of stopping at the first.' },
  ...modelOptions,
};

export const mapOption: Readonly<Record<string, OptionSpec>> = {
  map: {
    kind: 'list',
    value: 'RAW=LABEL',
    help: 'Read a raw value as a label; RAW= leaves such rows out. May be repeated.',
  },
};

export function readFileOptions(args: Arguments, { screen, signal }: Context): FileOptions {
  return {
    device: args.text('device'),
    threads: args.number('threads', 1, 1024),
    first: args.text('first'),
    second: args.text('second'),
    label: args.text('label'),
    labelMapping: args.has('map') ? mapping(args) : undefined,
    onBadRow: args.flag('skip-bad-rows') ? 'skip' : 'stop',
    signal,
    onProgress: countProgress(screen, 'rows'),
    log: (line) => screen.note(line),
  };
}

/** `--map 3=2 --map NA=`: raw value to label, or to nothing. */
export function mapping(args: Arguments): Record<string, string | null> {
  return Object.fromEntries(
    args.list('map').map((entry) => {
      const equals = entry.lastIndexOf('=');
      if (equals < 0) throw args.wrong(`--map is "${entry}"; it takes RAW=LABEL.`);
      const label = entry.slice(equals + 1);
      return [entry.slice(0, equals), label === '' ? null : label];
    }),
  );
}
