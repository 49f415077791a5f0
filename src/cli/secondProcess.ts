/**
 * Commands that read files run in a second process. Files come from strangers: one may hold an expression that is matched
 * for hours or ask for all the memory there is, and a loop inside a library hears neither Ctrl-C nor a deadline. A process
 * can be killed whatever it is doing, native code included; a thread of the same process cannot, and shares its memory. So
 * the first process stays free: it hears signals, and learns which file took more than its budget (src/base/fileWatch.ts).
 *
 * The same process gives a training its memory in huge pages (src/base/hugePages.ts): a step took 1.3 to 2 times less.
 * glibc reads the setting once, when a process starts, and so the loader does with the place of the CUDA libraries
 * (src/base/gpuRuntime.ts). The second shares the first one's terminal.
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

/** A person who sets it gets one process, and no watch. */
const OFF = 'MEDTEXT_NO_RESPAWN';
/** Set in the second process. */
const MARK = 'MEDTEXT_RESPAWNED';
/** After stdin, stdout, stderr and the channel. */
const beatFd = 4;
/** A command that has not even heard that it shall end is stuck. */
const deafMs = 5000;

/** Those that read files; the others need a second process only for what it is started with. */
const READERS: readonly string[] = ['import', 'data', 'finetune', 'evaluate', 'predict', 'score', 'embed', 'export'];
/** Those that may run a model on a device. */
const RUNNERS: readonly string[] = ['finetune', 'evaluate', 'predict', 'score', 'embed', 'doctor'];

/** What the command's second process is started with beside what this one was; undefined: it needs none. */
export function secondProcessVariables(
  args: readonly string[],
  env: NodeJS.ProcessEnv = process.env,
  platform: string = process.platform,
): Record<string, string> | undefined {
  if (env[OFF] === '1' || env[MARK] === '1') return undefined;
  const [name] = args;
  const options = args.includes('--') ? args.slice(0, args.indexOf('--')) : args;
  if (options.some((arg) => arg === '--help' || arg === '-h')) return undefined;
  const isOnProcessor = options.some((arg, i) => arg === '--device=cpu' || (arg === '--device' && args[i + 1] === 'cpu')); // prettier-ignore
  const onDevice = platform === 'linux' && RUNNERS.includes(name) && (name === 'finetune' || !isOnProcessor);
  const memory = name === 'finetune' && !env[memoryTunables] ? hugePages(platform) : {};
  const variables = { ...memory, ...(onDevice && gpuRuntimeVariables(env)) };
  return READERS.includes(name) || Object.keys(variables).length > 0 ? variables : undefined;
}

/**
 * Runs the command in a second process, with these variables, and gives its exit code. The first interruption asks it to
 * stop, the second kills it; so does the first where it is not heard.
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
  // A terminal sends Ctrl-C to both processes, `kill` to one: the child obeys this message alone, so it counts right.
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
    // 'close', not 'exit': the report has come through its pipe by then.
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

/** The command could not tell by itself how it ended. */
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
 * In the second process: `stop` is called when the first one is interrupted. When the first one is gone, nobody is left
 * to be told how it ends, and the process ends; a run goes on from its last checkpoint.
 * @returns whether this is the second process: a Ctrl-C is then the first one's business
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

/** From now on a step may take its time before it is heard that the command shall end, and its end is worth waiting for. */
export function askForPatience(): void {
  if (isSecondProcess()) process.send!('patience', () => undefined);
}
