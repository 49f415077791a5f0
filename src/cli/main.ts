#!/usr/bin/env node
/** `medtext`: the engine from a terminal. Finds the command, runs it, and turns its end into an exit code. */
import { runCommandLine } from './runCommandLine';

// A reader that closes early (`| head`) is not an error of ours.
for (const stream of [process.stdout, process.stderr]) {
  stream.on('error', (error: NodeJS.ErrnoException) => {
    if (error.code === 'EPIPE') process.exit(0);
    throw error;
  });
}

void runCommandLine(process.argv.slice(2)).then((code) => {
  // Not process.exit(): what is still on its way to a pipe would be lost.
  process.exitCode = code;
});
