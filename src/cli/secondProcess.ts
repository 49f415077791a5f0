/**
 * Commands that read files run in a second process, because files are untrusted. A file may contain an expression that takes
 * hours to match, or need all memory, and a loop inside a library reacts neither to Ctrl-C nor to a deadline. A process can
 * be killed at any time, even inside native code. A thread cannot, and it shares the memory of its process. The first process
 * therefore only handles signals, and learns which file exceeded its budget (src/base/fileWatch.ts).
 *
 * The second process also gives a training its memory in huge pages (src/base/hugePages.ts), which made steps 1.3 to 2 times
 * faster. glibc reads that setting only when a process starts, and so does the loader with the folder of the CUDA libraries
 * (src/base/gpuRuntime.ts). Both processes share one terminal.
 */
import { spawn } from 'node:child_process';
import { join } from 'node:path';
import { asMedTextError, MedTextError, words } from '../base/errors';
import { gpuRuntimeVariables } from '../base/gpuRuntime';
import { hugePages, memoryTunables } from '../base/hugePages';
import { OverrunReport } from '../base/overrun';
import { beatVariable } from '../base/watchThread';
import type { ExitCode } from './commandLine';
import { Screen } from './screen';

/** The variable that switches the second process off, and with it the protection. */
const OFF = 'MEDTEXT_NO_RESPAWN';
/** The variable that marks the second process. */
const MARK = 'MEDTEXT_RESPAWNED';
/** The file descriptor of the beats, after stdin, stdout, stderr and the channel. */
const beatFd = 4;
/** The time after which a child that has not confirmed the request to stop is killed. */
const deafMs = 5000;

/** The commands that read files. Others need a second process only for its environment variables. */
const READERS: readonly string[] = ['import', 'data', 'extend', 'finetune', 'evaluate', 'predict', 'score', 'embed', 'export', 'prune']; // prettier-ignore
/** The commands that may run a model on a device. */
const RUNNERS: readonly string[] = ['finetune', 'evaluate', 'predict', 'score', 'embed', 'doctor'];

/** The additional environment variables of the second process; undefined if the command needs no second process. */
export function secondProcessVariables(
  args: readonly string[],
  env: NodeJS.ProcessEnv = process.env,
  platform: string = process.platform,
): Record<string, string> | undefined {
  if (env[OFF] === '1' || env[MARK] === '1') return undefined;
  const [name] = args;
  const options = args.includes('--') ? args.slice(0, args.indexOf('--')) : args;
  if (options.some((arg) => arg === '--help' || arg === '-h')) return undefined;
  const isOnCpu = options.some((arg, i) => arg === '--device=cpu' || (arg === '--device' && args[i + 1] === 'cpu')); // prettier-ignore
  const onDevice = platform === 'linux' && RUNNERS.includes(name) && (name === 'finetune' || !isOnCpu);
  const memory = name === 'finetune' && !env[memoryTunables] ? hugePages(platform) : {};
  const variables = { ...memory, ...(onDevice && gpuRuntimeVariables(env)) };
  return READERS.includes(name) || Object.keys(variables).length > 0 ? variables : undefined;
}

/**
 * Runs the command in a second process with these variables and returns its exit code. The first interruption asks the
 * process to stop, and the second kills it. A process that does not confirm the first request is killed as well.
 */
export function runSecondProcess(
  args: readonly string[],
  variables: Readonly<Record<string, string>>,
): Promise<ExitCode> {
  const child = spawn(process.execPath, [...process.execArgv, join(__dirname, 'command.js'), ...args], {
    stdio: ['inherit', 'inherit', 'inherit', 'ipc', 'pipe'],
    env: { ...process.env, ...variables, [MARK]: '1', [beatVariable]: String(beatFd) },
  });
  const report = new OverrunReport();
  child.stdio[beatFd]?.on('data', (chunk: Buffer) => report.add(chunk.toString('utf8')));
  let interruptions = 0;
  let isPatient = false;
  let deaf: NodeJS.Timeout | undefined;
  child.on('message', (message) => {
    if (message === 'patience') isPatient = true;
    if (message === 'heard' || message === 'patience') clearTimeout(deaf);
  });
  // A terminal sends Ctrl-C to both processes, but `kill` reaches one. The child therefore obeys only this message.
  const onSignal = (): void => {
    if (++interruptions > 1) return void child.kill('SIGKILL');
    if (child.connected) child.send('stop', () => undefined);
    if (!isPatient) deaf = setTimeout(() => child.kill('SIGKILL'), deafMs);
  };
  const signals = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const;
  for (const signal of signals) process.on(signal, onSignal);
  return new Promise((resolve) => {
    const end = (settle: () => void) => {
      clearTimeout(deaf);
      for (const signal of signals) process.off(signal, onSignal);
      settle();
    };
    child.once('error', (error) =>
      end(() => {
        tell(asMedTextError(error), args);
        resolve(1);
      }),
    );
    // At 'close' the report has come through its pipe; at 'exit' it may not have.
    child.once('close', (code, signal) =>
      end(() => {
        if (code !== null) return resolve(code as ExitCode);
        if (interruptions > 0) return resolve(130);
        tell(report.error() ?? killedError(signal), args);
        resolve(1);
      }),
    );
  });
}

/** The error for a child that a signal ended, so that it could not report its own error. */
function killedError(signal: string | null): MedTextError {
  const isMemory = signal === 'SIGABRT' || signal === 'SIGKILL' || signal === 'SIGTRAP';
  return isMemory
    ? new MedTextError('OUT_OF_MEMORY', words`The process that did the work was ended by ${signal}, most likely because the memory ran out.`, { signal }) // prettier-ignore
    : new MedTextError('INTERNAL', words`The process that did the work was ended by ${signal}.`, { signal });
}

function tell(error: MedTextError, args: readonly string[]): void {
  const screen = new Screen({ json: args.includes('--json') });
  screen.printJson({ error });
  screen.note(`error: ${error.code}: ${error.message}`);
}

export function isSecondProcess(): boolean {
  return process.send !== undefined && process.env[MARK] === '1';
}

/**
 * Makes the second process obey the first: calls `stop` when the first process is interrupted. The second process ends when
 * the first is gone; a run can then resume from its last checkpoint.
 * @returns whether this is the second process, which leaves Ctrl-C to the first
 */
export function obeyParent(stop: () => void): boolean {
  if (!isSecondProcess()) return false;
  process.on('message', (message) => {
    if (message !== 'stop') return;
    process.send!('heard', () => undefined);
    stop();
  });
  process.on('disconnect', () => process.exit(130));
  process.channel?.unref();
  return true;
}

/** Tells the first process to wait for this one after an interruption, because a training step may take long. */
export function askForPatience(): void {
  if (isSecondProcess()) process.send!('patience', () => undefined);
}
