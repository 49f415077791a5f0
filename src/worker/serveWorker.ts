import { type Handlers, ServerChannel } from '../protocol/channel';
import type { Contract, EventName, Payload, WorkerIdentity } from '../protocol/contract';
import { MedTextError } from '../base/errors';
import { logTo, type Log } from '../base/log';
import { watchProcess } from '../base/watchThread';
import { parentPort } from './processPort';

const heartbeatMs = 2000;

/** The functions and signals that the handlers of a child process may use. */
export interface WorkerContext<C extends Contract> {
  emit<K extends EventName<C>>(name: K, payload: Payload<C, K>): void;
  readonly log: Log;
  /** A signal that aborts when the window that started this process is gone. */
  readonly hostGone: AbortSignal;
  /** Lets the process outlive its host from now on, until its requests are done. */
  outliveHost(): void;
}

export type WorkerHandlers<C extends Contract> = Omit<Handlers<C>, 'initialize'>;

/**
 * Makes this process the server end of `contract`, with handshake, heartbeat and log forwarding. The process ends at most
 * `graceMs` after its host, unless a handler asked to outlive the host.
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
  // This listener runs before the channel's own, so that an aborted handler can tell a lost host from a cancelled request.
  port.onClose(() => {
    hostGone.abort();
    // Handlers settle in their own time. The process looks often, so that it ends right after them.
    setInterval(() => channel.isBusy || process.exit(0), 50);
  });
  const handlers = { ...createHandlers(context), initialize: introduce(contract) } as unknown as Handlers<C>;
  const channel = new ServerChannel(contract, port, handlers);

  setInterval(() => emit('heartbeat', { memoryBytes: process.memoryUsage.rss(), busy: channel.isBusy }), heartbeatMs);
  // A library's unhandled rejection does not end the process, because other requests may be under way.
  process.on('unhandledRejection', (reason) => context.log.warn(`left behind: ${describe(reason)}`));
  // After an uncaught exception the state is unreliable. The process ends, which rejects all pending requests.
  process.on('uncaughtException', (error) => {
    process.stderr.write(`${describe(error)}\n`, () => process.exit(1));
    setTimeout(() => process.exit(1), 1000);
  });
  // Ctrl-C in the terminal that started VS Code reaches the whole process group, but only the host decides about the end.
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
