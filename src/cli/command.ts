/** The command itself, in the process that does its work. Finds it, runs it, and turns its end into an exit code. */
import { asMedTextError } from '../base/errors';
import { watchProcess } from '../base/watchThread';
import { runCommandLine } from './runCommandLine';
import { Screen } from './screen';
import { isSecondProcess } from './secondProcess';

const endGraceMs = 2000;
const argv = process.argv.slice(2);

if (isSecondProcess()) watchProcess(endGraceMs);

for (const stream of [process.stdout, process.stderr]) {
  stream.on('error', (error: NodeJS.ErrnoException) => {
    // A reader that closes early (`| head`) is not an error of ours.
    if (error.code === 'EPIPE') process.exit(0);
    fail(error);
  });
}

/** What a library left behind without waiting for it: an error only if the command does not end by itself. */
let leftBehind: unknown;
let isDone = false;
process.on('unhandledRejection', (reason) => (leftBehind ??= reason));
process.on('uncaughtException', fail);
process.on('beforeExit', () => {
  if (!isDone) fail(leftBehind ?? new Error('The command ended without a result.'));
});

void runCommandLine(argv).then((code) => {
  isDone = true;
  // Not process.exit(): what is still on its way to a pipe would be lost.
  process.exitCode = code;
});

/** Ends the process with the error, in every form that was asked for, as far as there is somebody to tell. */
function fail(error: unknown): never {
  const coded = asMedTextError(error);
  const screen = new Screen({ json: argv.includes('--json') });
  try {
    screen.note(`error: ${coded.code}: ${coded.message}`);
    if (coded.code === 'INTERNAL' && process.env.MEDTEXT_DEBUG) screen.note(String((error as Error).stack));
    screen.printJson({ error: coded });
  } catch {
    // The streams themselves may be what failed.
  }
  process.exit(1);
}
