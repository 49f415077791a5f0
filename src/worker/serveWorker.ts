import { type Handlers, ServerChannel } from '../protocol/channel';
import type { Contract, EventName, Payload, WorkerIdentity } from '../protocol/contract';
import { MedTextError } from '../base/errors';
import { logTo, type Log } from '../base/log';
import { watchProcess } from '../base/watchThread';
import { parentPort } from './processPort';

const heartbeatMs = 2000;

/** What the handlers of a child process may use. */
export interface WorkerContext<C extends Contract> {
  emit<K extends EventName<C>>(name: K, payload: Payload<C, K>): void;
  readonly log: Log;
  /** Aborts when the window that started this process is gone. */
  readonly hostGone: AbortSignal;
  /** From now on the process may outlive its host until its requests are done. */
  outliveHost(): void;
}

export type WorkerHandlers<C extends Contract> = Omit<Handlers<C>, 'initialize'>;

/**
 * Makes this process the server end of `contract`: handshake, heartbeat, log forwarding, and an end no later than
 * `graceMs` after the host's, unless a handler asked to outlive it.
 */
export function serveWorker<C extends Contract>(
  contract: C,
  createHandlers: (context: WorkerContext<C>) => WorkerHandlers<C>,
  { graceMs }: { graceMs: number },
): void {
  const port = parentPort();
  const watch = watchProcess(graceMs);
  const hostGone = new AbortController();
  const emit = (name: string, payload: unknown): void => channel.emit(name as EventName<C>, payload as never);
  const context: WorkerContext<C> = {
    emit,
    log: logTo((level, message) => emit('log', { level, message })),
    hostGone: hostGone.signal,
    outliveHost: () => watch.release(),
  };
  // Registered before the channel's own listener: a handler whose signal aborts can tell a lost host from a cancel.
  port.onClose(() => {
    hostGone.abort();
    // Handlers settle in their own time; look often, so that the process ends right after them.
    setInterval(() => channel.isBusy || process.exit(0), 50);
  });
  const handlers = { ...createHandlers(context), initialize: introduce(contract) } as unknown as Handlers<C>;
  const channel = new ServerChannel(contract, port, handlers);

  setInterval(() => emit('heartbeat', { memoryBytes: process.memoryUsage.rss(), busy: channel.isBusy }), heartbeatMs);
  // What a library leaves behind without waiting for it is no reason to lose what others read here.
  process.on('unhandledRejection', (reason) => context.log.warn(`left behind: ${describe(reason)}`));
  // After this nothing can be relied on: the process ends, and its end is told to all who wait.
  process.on('uncaughtException', (error) => {
    process.stderr.write(`${describe(error)}\n`, () => process.exit(1));
    setTimeout(() => process.exit(1), 1000);
  });
  // Ctrl-C in the terminal that VS Code was started from reaches the whole process group; the host decides, not we.
  process.on('SIGINT', () => undefined);
}

function describe(error: unknown): string {
  return error instanceof Error ? (error.stack ?? error.message) : String(error);
}

function introduce(contract: Contract) {
  return (asked: { contract: string; version: number }): WorkerIdentity => {
    if (asked.contract !== contract.name || asked.version !== contract.version) {
      throw new MedTextError(
        'PROTOCOL',
        `This process speaks ${contract.name} ${contract.version}, the window asked for ${asked.contract} ` +
          `${asked.version}. Reload the window after an update.`,
        { speaks: contract.version, asked: asked.version },
      );
    }
    const { name, version } = contract;
    return {
      contract: name,
      version,
      pid: process.pid,
      node: process.version,
      platform: `${process.platform}-${process.arch}`,
    };
  };
}
