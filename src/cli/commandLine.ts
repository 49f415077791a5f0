/** The command line's grammar: commands, options, help and usage errors. */
import { parseArgs } from 'node:util';
import { MedTextError } from '../base/errors';
import { nearestName } from '../protocol/recipe';
import type { Screen } from './screen';
import { clip, table } from './terminal';

export interface OptionSpec {
  /** A `flag` has no value. A `list` may be repeated. */
  readonly kind: 'flag' | 'value' | 'list';
  /** The placeholder for the value in help: FILE, N, … */
  readonly value?: string;
  readonly help: string;
  readonly short?: string;
}

export interface Command {
  readonly name: string;
  /** The forms of the command, such as `score <model> <text> [<text>]`. */
  readonly usage: readonly string[];
  readonly summary: string;
  readonly details?: readonly string[];
  readonly options: Readonly<Record<string, OptionSpec>>;
  readonly examples: readonly string[];
  run(args: Arguments, context: Context): Promise<void | ExitCode>;
}

export type ExitCode = 0 | 1 | 2 | 130;

export interface Context {
  readonly screen: Screen;
  /** A signal that aborts at the first Ctrl-C. */
  readonly signal: AbortSignal;
}

/** The arguments of a command. Its methods check values as they read them. */
export class Arguments {
  constructor(
    private readonly command: Command,
    readonly positionals: readonly string[],
    private readonly values: Readonly<Record<string, string | boolean | (string | boolean)[] | undefined>>,
  ) {}

  has(name: string): boolean {
    return this.values[name] !== undefined;
  }

  flag(name: string): boolean {
    return this.values[name] === true;
  }

  text(name: string): string | undefined {
    const value = this.values[name];
    return typeof value === 'string' ? value : undefined;
  }

  list(name: string): readonly string[] {
    const value = this.values[name];
    return Array.isArray(value) ? value.map(String) : [];
  }

  /** @throws USAGE unless the value is a number in the range. */
  number(name: string, low: number, high: number, whole = true): number | undefined {
    const text = this.text(name);
    if (text === undefined) return undefined;
    const value = text.trim() === '' ? NaN : Number(text);
    if (value >= low && value <= high && (!whole || Number.isInteger(value))) return value;
    const kind = whole ? 'a whole number' : 'a number';
    throw this.wrong(`--${name} is "${text}"; it must be ${kind} from ${low} to ${high}.`);
  }

  choice<T extends string>(name: string, choices: readonly T[]): T | undefined {
    const text = this.text(name);
    if (text === undefined || (choices as readonly string[]).includes(text)) return text as T | undefined;
    throw this.wrong(`--${name} is "${text}"; it must be one of ${choices.join(', ')}.${meant(text, choices)}`);
  }

  /** The positional at a place. @throws USAGE if it is missing, or empty as a shell's unset variable is */
  needed(place: number, what: string): string {
    const value = this.positionals[place] ?? '';
    if (value.trim() !== '') return value;
    throw this.wrong(`${what} is missing.`);
  }

  /** @throws USAGE when there are more positionals than the command knows. */
  atMost(count: number): void {
    if (this.positionals.length <= count) return;
    throw this.wrong(`"${this.positionals[count]}" is one argument too many.`);
  }

  /** Refuses options that would do nothing here. @throws USAGE */
  refuse(names: readonly string[], why: string): void {
    const unused = names.find((name) => this.has(name));
    if (unused !== undefined) throw this.wrong(`--${unused} ${why}`);
  }

  wrong(message: string): MedTextError {
    return usageError(`${message}\n  usage: medtext ${this.command.usage.join('\n         medtext ')}`, {
      command: this.command.name,
    });
  }
}

/** Options that every command has. */
const commonOptions: Readonly<Record<string, OptionSpec>> = {
  json: { kind: 'flag', help: 'Print results and errors as JSON on stdout.' },
  help: { kind: 'flag', short: 'h', help: 'Show this help.' },
};

/** Options of every command that runs a model. */
export const modelOptions: Readonly<Record<string, OptionSpec>> = {
  device: { kind: 'value', value: 'NAME', help: 'The device: auto, cpu, webgpu, cuda, dml or coreml. Default: auto.' },
  threads: { kind: 'value', value: 'N', help: 'CPU threads. Default: one for each physical core.' },
};

/** @throws USAGE for an unknown option (with the nearest one), and for a missing or unexpected value */
export function parseCommand(command: Command, argv: readonly string[]): Arguments {
  const specs = optionsOf(command);
  try {
    const { values, positionals } = parseArgs({
      args: [...argv],
      allowPositionals: true,
      strict: true,
      options: Object.fromEntries(
        Object.entries(specs).map(([name, { kind, short }]) => [
          name,
          {
            type: kind === 'flag' ? ('boolean' as const) : ('string' as const),
            multiple: kind === 'list',
            ...(short && { short }),
          },
        ]),
      ),
    });
    return new Arguments(command, positionals, values);
  } catch (error) {
    throw parseError(command, Object.keys(specs), error as NodeJS.ErrnoException);
  }
}

function parseError(command: Command, known: readonly string[], error: NodeJS.ErrnoException): MedTextError {
  const where = `See: medtext ${command.name} --help`;
  if (error.code === 'ERR_PARSE_ARGS_UNKNOWN_OPTION') {
    const option = /'(-[^']*)'/.exec(error.message)?.[1] ?? '';
    const near = meant(option.replace(/^-+/, ''), known, '--');
    return usageError(`medtext ${command.name} has no option ${option}.${near} ${where}`, {
      command: command.name,
      option,
    });
  }
  if (error.code === 'ERR_PARSE_ARGS_INVALID_OPTION_VALUE') {
    const option = /'(?:-\w, )?(--[\w-]+)/.exec(error.message)?.[1] ?? '';
    const takesNone = /does not take an argument/.test(error.message);
    const what = takesNone ? `${option} takes no value.` : `${option} needs a value.`;
    const dash = /ambiguous/.test(error.message) ? ` Write ${option}=… for a value that begins with a dash.` : '';
    return usageError(`${what}${dash} ${where}`, { command: command.name, option });
  }
  return usageError(`${error.message} ${where}`, { command: command.name });
}

export function usageError(message: string, detail: Readonly<Record<string, unknown>> = {}): MedTextError {
  return new MedTextError('USAGE', message, detail);
}

/** The sentence " Did you mean …?"; empty if no known name is near. */
export function meant(name: string, known: readonly string[], prefix = ''): string {
  const nearest = nearestName(name, known);
  return nearest === undefined ? '' : ` Did you mean ${prefix}${nearest}?`;
}

/** A command's options, followed by the options that every command has. */
export function optionsOf(command: Command): Readonly<Record<string, OptionSpec>> {
  return { ...command.options, ...commonOptions };
}

export function commandHelp(command: Command): string[] {
  const rows = Object.entries(optionsOf(command)).map(([name, { value, help, short }]) => [
    `${short ? `-${short}, ` : ''}--${name}${value ? ` ${value}` : ''}`,
    help,
  ]);
  return [
    command.summary,
    '',
    'Usage',
    ...command.usage.map((line) => `  medtext ${line}`),
    ...(command.details ? ['', ...command.details] : []),
    '',
    'Options',
    ...table(rows),
    '',
    'Examples',
    ...command.examples.map((line) => `  ${line}`),
  ];
}

export function overallHelp(commands: readonly Command[], version: string): string[] {
  return [
    `medtext ${version}: fine-tune BERT-family encoders for Chinese medical text, and use them`,
    '',
    'Usage',
    '  medtext <command> [options]',
    '',
    'Commands',
    ...table(commands.map(({ name, summary }) => [name, clip(summary, 90)])),
    '',
    'Help for one command: medtext <command> --help. Exit codes: 0 success, 1 error, 2 wrong usage, 130 interrupted.',
  ];
}
