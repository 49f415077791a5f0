import { fork, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import type { Readable } from 'node:stream';
import type { Disposable } from '../base/disposables';
import { MedTextError, words } from '../base/errors';
import { Emitter, type Event } from '../base/events';
import { gpuRuntimeVariables } from '../base/gpuRuntime';
import type { Log } from '../base/log';
import { OverrunReport } from '../base/overrun';
import { beatVariable } from '../base/watchThread';
import { ClientChannel, closedError, processName } from '../protocol/channel';
import type { Contract, RequestName, WorkerIdentity } from '../protocol/contract';
import type { Silence } from '../protocol/silence';
import { LifeSigns, usualSilenceLimits, type SilenceLimits } from './lifeSigns';
import { childPort } from './processPort';
import type { Runtime } from './runtime';

const handshakeTimeoutMs = 30_000;
const oldestNode = 20;
const lookMs = 1000;
/** The file descriptor of the beats, after stdin, stdout, stderr and the channel. */
const beatFd = 4;

export interface WorkerLaunch {
  /** The child's bundled entry point. */
  readonly entry: string;
  readonly runtime: Runtime;
  readonly execArgv?: readonly string[];
  readonly env?: Readonly<Record<string, string>>;
  readonly log: Log;
  readonly silenceLimits?: SilenceLimits;
}

export interface WorkerExit {
  readonly exitCode: number | null;
  readonly signal: string | null;
  /** Whether this end asked the process to end. */
  readonly expected: boolean;
  /** The error of the file whose reading exceeded its budget, if the process ended itself for that. */
  readonly overrun?: MedTextError;
}

/** A running child process and the channel to it. A process that ended is not restarted. */
export class WorkerProcess<C extends Contract> implements Disposable {
  private constructor(
    readonly channel: ClientChannel<C>,
    readonly identity: WorkerIdentity,
    /** Fires when the child has been silent for longer than work explains, and with undefined when the silence ends. */
    readonly onSilence: Event<Silence | undefined>,
    private readonly child: ChildProcess,
    private readonly ending: Ending,
    /** Resolves when the process has ended and all its messages are delivered. It never rejects. */
    readonly exited: Promise<Omit<WorkerExit, 'expected'>>,
  ) {}

  /**
   * Forks the child and does the handshake.
   * @throws CLOSED when the child does not start or ends at once · PROTOCOL for another version · UNSUPPORTED for an old Node
   */
  static async start<C extends Contract>(contract: C, launch: WorkerLaunch): Promise<WorkerProcess<C>> {
    const child = fork(launch.entry, [], {
      execPath: launch.runtime.path,
      execArgv: [...(launch.execArgv ?? [])],
      env: childEnvironment(launch),
      serialization: 'advanced',
      stdio: ['ignore', 'pipe', 'pipe', 'ipc', 'pipe'],
    });
    const { log } = launch;
    const ending: Ending = { asked: false };
    createInterface({ input: child.stdout! }).on('line', (line) => log.info(`[${contract.name}] ${line}`));
    const lastErrors: string[] = [];
    createInterface({ input: child.stderr! }).on('line', (line) => {
      log.warn(`[${contract.name}] ${line}`);
      if (lastErrors.push(line) > 20) lastErrors.shift();
    });
    const port = childPort(child);
    const channel = new ClientChannel(contract, port);
    const report = new OverrunReport();
    child.stdio[beatFd]?.on('data', (chunk: Buffer) => report.add(chunk.toString('utf8')));
    const exited = whenEnded(child).then(async (exit) => {
      await drained(child.stdio[beatFd] as Readable | null);
      const overrun = report.error();
      if (overrun) log.error(`[${contract.name}] ${overrun.message}`);
      channel.close(overrun ?? endedError(contract.name, exit, lastErrors, ending));
      port.close();
      return { ...exit, ...(overrun && { overrun }) };
    });
    const onSilence = followLifeSigns(child, launch.silenceLimits ?? usualSilenceLimits, exited);
    channel.onMalformedEvent((error) => log.warn(`[${contract.name}] ${error.message}`));
    channel.on('log', (entry: any) => log[entry.level as 'info'](`[${contract.name}] ${entry.message}`));
    try {
      const identity = await withTimeout(shakeHands(contract, channel), contract.name);
      log.info(`[${contract.name}] process ${identity.pid} on Node ${identity.node} (${launch.runtime.path})`);
      return new WorkerProcess(channel, identity, onSilence, child, ending, exited);
    } catch (error) {
      child.kill('SIGKILL');
      throw error;
    }
  }

  get pid(): number {
    return this.child.pid!;
  }

  /** Why the process ended, and whether this end asked for it. */
  async exit(): Promise<WorkerExit> {
    return { ...(await this.exited), expected: this.ending.asked };
  }

  /** Closes the channel, upon which the child ends. After `graceMs` the child is killed. */
  async end(graceMs: number): Promise<void> {
    this.ending.asked = true;
    if (this.child.connected) this.child.disconnect();
    const timer = setTimeout(() => this.child.kill('SIGKILL'), graceMs);
    await this.exited;
    clearTimeout(timer);
  }

  /** Ends the process now. */
  kill(): void {
    this.ending.asked = true;
    this.child.kill('SIGKILL');
  }

  /** Detaches the process, which continues without this window. */
  release(): void {
    this.ending.asked = true;
    if (this.child.connected) this.child.disconnect();
    this.child.stdout?.destroy();
    this.child.stderr?.destroy();
    (this.child.stdio[beatFd] as Readable | null)?.destroy();
    this.child.unref();
  }

  dispose(): void {
    this.kill();
  }
}

/** Whether this end asked the child to end. */
interface Ending {
  asked: boolean;
}

/** Reports the child's beats and messages as life signs, from its start to its end. */
function followLifeSigns(
  child: ChildProcess,
  limits: SilenceLimits,
  exited: Promise<unknown>,
): Event<Silence | undefined> {
  const silence = new Emitter<Silence | undefined>();
  const signs = new LifeSigns(limits, (change) => silence.fire(change));
  const beats = child.stdio[beatFd] as Readable | null;
  beats?.on('data', () => signs.beat());
  // A broken pipe of beats does not mean that the child has ended; `exit` reports that.
  beats?.on('error', () => undefined);
  child.on('message', () => signs.message());
  let last = performance.now();
  const timer = setInterval(() => {
    const now = performance.now();
    signs.tick(now - last);
    last = now;
  }, lookMs);
  timer.unref();
  void exited.then(() => {
    clearInterval(timer);
    silence.dispose();
  });
  return silence.event;
}

async function shakeHands<C extends Contract>(contract: C, channel: ClientChannel<C>): Promise<WorkerIdentity> {
  const asked = { contract: contract.name, version: contract.version };
  const identity: WorkerIdentity = await channel.request('initialize' as RequestName<C>, asked as never);
  if (Number.parseInt(identity.node.slice(1), 10) < oldestNode) {
    throw new MedTextError(
      'UNSUPPORTED',
      words`The ${processName(contract.name)} runs on Node ${identity.node}; version ${oldestNode} or later is needed. Change the setting medtext.runtime.nodePath.`,
      { node: identity.node },
    );
  }
  return identity;
}

/** Waits for both the exit and the end of the channel, because messages sent before the exit may arrive after it. */
function whenEnded(child: ChildProcess): Promise<Omit<WorkerExit, 'expected'>> {
  return new Promise((resolve) => {
    let exit: Omit<WorkerExit, 'expected'> | undefined;
    let drained = false;
    const settle = (force = false): void => {
      if ((exit && drained) || force) resolve(exit ?? { exitCode: null, signal: null });
    };
    child.once('exit', (exitCode, signal) => {
      exit = { exitCode, signal };
      settle();
      // The wait is limited, because a helper process that inherited the pipe could keep it open for ever.
      setTimeout(() => settle(true), 1000).unref();
    });
    child.once('disconnect', () => {
      drained = true;
      settle();
    });
    child.once('error', (error: NodeJS.ErrnoException) => {
      if (child.pid === undefined) resolve({ exitCode: null, signal: error.code ?? error.message });
    });
  });
}

/** Waits for the rest of the pipe's output, but not for a pipe that another process holds open. */
async function drained(pipe: Readable | null): Promise<void> {
  if (!pipe || pipe.readableEnded || pipe.destroyed) return;
  await Promise.race([once(pipe, 'close'), new Promise((late) => setTimeout(late, 500).unref())]).catch(
    () => undefined,
  );
}

function endedError(
  name: string,
  { exitCode, signal }: Omit<WorkerExit, 'expected'>,
  lastErrors: string[],
  { asked }: Ending,
): MedTextError {
  if (asked) return closedError(name, { exitCode, signal, asked });
  const how = signal ? words`signal ${signal}` : exitCode === null ? words`no exit code` : words`exit code ${exitCode}`;
  const hint =
    signal === 'ENOENT' || signal === 'EACCES'
      ? words` Check the setting medtext.runtime.nodePath.`
      : signal === 'SIGKILL'
        ? words` It was killed, perhaps because the memory ran out.`
        : '';
  const error = closedError(name, { exitCode, signal, lastErrors: [...lastErrors] });
  return new MedTextError(error.code, words`The ${processName(name)} process ended (${how}).${hint}`, error.detail);
}

function childEnvironment({ runtime, env }: WorkerLaunch): NodeJS.ProcessEnv {
  const inherited = { ...process.env };
  // The editor's own variables (inspector, crash reporter, its Node's proxies) are not for the child.
  for (const name of Object.keys(inherited)) {
    if (/^(VSCODE_|ELECTRON_|NODE_OPTIONS$|NODE_CHANNEL)/.test(name)) delete inherited[name];
  }
  return { ...inherited, ...gpuRuntimeVariables(inherited), ...runtime.env, [beatVariable]: String(beatFd), ...env };
}

async function withTimeout<T>(answer: Promise<T>, name: string): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  const timeout = new Promise<never>((_, reject) => {
    timer = setTimeout(
      () =>
        reject(
          new MedTextError(
            'CLOSED',
            words`The ${processName(name)} process did not respond within ${handshakeTimeoutMs / 1000} s.`,
          ),
        ),
      handshakeTimeoutMs,
    );
  });
  try {
    return await Promise.race([answer, timeout]);
  } finally {
    clearTimeout(timer);
  }
}
