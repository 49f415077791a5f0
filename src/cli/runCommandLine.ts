import type { MedTextError } from '../base/errors';
import { asMedTextError } from '../base/errors';
import { commandHelp, meant, overallHelp, parseCommand, usageError, type Command, type ExitCode } from './commandLine';
import { dataCommand } from './commands/data';
import { doctorCommand } from './commands/doctor';
import { embedCommand } from './commands/embed';
import { evaluateCommand } from './commands/evaluate';
import { exportCommand } from './commands/export';
import { extendCommand } from './commands/extend';
import { finetuneCommand, NEWEST_RUN } from './commands/finetune';
import { gpuRuntimeCommand } from './commands/gpuRuntime';
import { importCommand } from './commands/import';
import { predictCommand } from './commands/predict';
import { pruneCommand } from './commands/prune';
import { scoreCommand } from './commands/score';
import { obeyParent } from './secondProcess';
import { errorHelp } from '../protocol/errorHelp';
import { Screen } from './screen';
import { version } from '../../package.json';

export const commands: readonly Command[] = [
  importCommand,
  dataCommand,
  finetuneCommand,
  evaluateCommand,
  predictCommand,
  scoreCommand,
  embedCommand,
  exportCommand,
  pruneCommand,
  extendCommand,
  doctorCommand,
  gpuRuntimeCommand,
];

/** Runs `medtext` with these arguments and returns its exit code. It never rejects. */
export async function runCommandLine(argv: readonly string[]): Promise<ExitCode> {
  const screen = new Screen({ json: argv.includes('--json') });
  const interrupted = new AbortController();
  const stopListening = onInterrupt(screen, interrupted);
  try {
    return await dispatch(argv, screen, interrupted.signal);
  } catch (error) {
    const coded = asMedTextError(error);
    screen.clearBar();
    screen.printJson({ error: coded });
    screen.note(`error: ${coded.code}: ${coded.message}`);
    for (const line of remedyLines(coded.code)) screen.note(line);
    if (coded.code === 'INTERNAL' && process.env.MEDTEXT_DEBUG) screen.note(String((error as Error).stack));
    return exitCodeOf(coded);
  } finally {
    screen.clearBar();
    stopListening();
  }
}

/** The remedy for an error and its page in the docs. A usage error has its remedy in the message; a cancellation needs none. */
function remedyLines(code: string): string[] {
  const help = errorHelp(code);
  if (help === undefined || code === 'USAGE' || code === 'CANCELLED') return [];
  return [`  what to do: ${help.remedy}`, `  more: docs/en/troubleshooting.md#${code.toLowerCase()}`];
}

async function dispatch(argv: readonly string[], screen: Screen, signal: AbortSignal): Promise<ExitCode> {
  const [name, ...rest] = argv[0] === 'help' ? [argv[1] ?? '--help', '--help'] : argv;
  if (name === '--version' || name === '-v' || name === 'version') {
    screen.print(version);
    screen.printJson({ version });
    return 0;
  }
  const isHelp = name === '--help' || name === '-h';
  if (name === undefined || isHelp) {
    (isHelp ? printHelp : (...lines: string[]) => lines.forEach((line) => screen.note(line)))(
      ...overallHelp(commands, version),
    );
    return isHelp ? 0 : 2;
  }
  const command = commands.find((candidate) => candidate.name === name);
  if (!command) throw unknownCommand(name);
  if (rest.some((arg, i) => (arg === '--help' || arg === '-h') && !rest.slice(0, i).includes('--'))) {
    printHelp(...commandHelp(command));
    return 0;
  }
  const args = parseCommand(command, withResumeValue(command, rest));
  return (await command.run(args, { screen, signal })) ?? 0;
}

/** Help has no form for programs: it is text with --json, too. */
function printHelp(...lines: readonly string[]): void {
  new Screen({ json: false }).print(...lines);
}

/** Gives a `--resume` without a value the value that means the newest run. */
function withResumeValue(command: Command, args: readonly string[]): readonly string[] {
  if (command !== finetuneCommand) return args;
  return args.map((arg, i) => {
    const next = args[i + 1];
    const isAlone = next === undefined || next.startsWith('-') || next.endsWith('.json');
    return arg === '--resume' && isAlone ? `--resume=${NEWEST_RUN}` : arg;
  });
}

function unknownCommand(name: string): MedTextError {
  const names = commands.map((command) => command.name);
  const what = name.startsWith('-') ? 'the first argument must be a command' : `there is no command "${name}"`;
  return usageError(
    `medtext: ${what}.${meant(name.replace(/^-+/, ''), names)} The commands are ${names.join(', ')}. See: medtext --help`,
    { command: name },
  );
}

function exitCodeOf({ code }: MedTextError): ExitCode {
  if (code === 'USAGE') return 2;
  return code === 'CANCELLED' ? 130 : 1;
}

/** The first Ctrl-C (or SIGTERM, SIGHUP) asks the command to end; the second ends the process. */
function onInterrupt(screen: Screen, interrupted: AbortController): () => void {
  const signals = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const;
  const isChild = obeyParent(() => interrupted.abort());
  const listener = (signal: NodeJS.Signals): void => {
    if (isChild && signal === 'SIGINT') return;
    if (interrupted.signal.aborted && !isChild) {
      screen.clearBar();
      process.exit(130);
    }
    interrupted.abort();
  };
  for (const signal of signals) process.on(signal, listener);
  return () => {
    for (const signal of signals) process.off(signal, listener);
  };
}
