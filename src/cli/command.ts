/** The entry point of the process that does the work: runs the command and turns its end into an exit code. */
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
    // EPIPE means that the reader has closed early (`| head`), which is no error.
    if (error.code === 'EPIPE') process.exit(0);
    fail(error);
  });
}

/** A rejection that a library did not handle. It counts as an error only if the command never ends by itself. */
let leftBehind: unknown;
let isDone = false;
process.on('unhandledRejection', (reason) => (leftBehind ??= reason));
process.on('uncaughtException', fail);
process.on('beforeExit', () => {
  if (!isDone) fail(leftBehind ?? new Error('The command ended without a result.'));
});

void runCommandLine(argv).then((code) => {
  isDone = true;
  // process.exit() would lose output that is still on its way to a pipe.
  process.exitCode = code;
});

/** Prints the error, as JSON too if asked for, and ends the process. */
function fail(error: unknown): never {
  const coded = asMedTextError(error);
  const screen = new Screen({ json: argv.includes('--json') });
  try {
    screen.note(`error: ${coded.code}: ${coded.message}`);
    if (coded.code === 'INTERNAL' && process.env.MEDTEXT_DEBUG) screen.note(String((error as Error).stack));
    screen.printJson({ error: coded });
  } catch {
    // The streams themselves may have failed.
  }
  process.exit(1);
}
