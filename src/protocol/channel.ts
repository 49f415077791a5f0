import {
  AbstractMessageReader,
  AbstractMessageWriter,
  createMessageConnection,
  ResponseError,
  type CancellationToken,
  type DataCallback,
  type Message,
  type MessageConnection,
} from 'vscode-jsonrpc';
import { DisposableStore, type Disposable } from '../base/disposables';
import { asMedTextError, MedTextError, type ErrorCode, words } from '../base/errors';
import { Emitter, type Event } from '../base/events';
import { wordsFrom, type PlainWords, type Words } from '../base/words';
import type { Contract, EventName, Params, Payload, RequestName, Result } from './contract';

/** The transport of a channel: a child process, a webview or, in tests, memory. */
export interface Port {
  post(message: unknown): void;
  readonly onMessage: Event<unknown>;
  /** Fires once, when the other end is gone. Later posts are lost. */
  readonly onClose: Event<void>;
}

/** The server end's functions, one for each request. `signal` aborts when the caller has cancelled or is gone. */
export type Handlers<C extends Contract> = {
  readonly [K in RequestName<C>]: (params: Params<C, K>, signal: AbortSignal) => Promise<Result<C, K>> | Result<C, K>;
};

/** The `data` of a JSON-RPC error, so that the caller can branch on the code that was thrown. */
interface WireError {
  readonly code: ErrorCode;
  readonly message: string;
  readonly detail: Readonly<Record<string, unknown>>;
  /** The parts of the message, for a host in another language. */
  readonly words?: PlainWords;
}

// A code of the range that JSON-RPC leaves to applications. The error's data holds the real code.
const applicationError = -31000;

/** The end that answers requests and emits events. */
export class ServerChannel<C extends Contract> implements Disposable {
  private readonly store = new DisposableStore();
  private readonly connection: MessageConnection;
  private readonly closing = new AbortController();
  private pending = 0;

  constructor(
    private readonly contract: C,
    port: Port,
    handlers: Handlers<C>,
    /** Words an error for an other end that shows its message unchanged. */
    private readonly wording?: (error: MedTextError) => string,
  ) {
    this.connection = this.store.add(connect(port));
    this.store.add(port.onClose(() => this.dispose()));
    for (const name of Object.keys(contract.requests) as RequestName<C>[]) {
      this.connection.onRequest(name, (params: unknown, token: CancellationToken) =>
        this.answer(name, params, token, handlers[name]),
      );
    }
    this.connection.listen();
  }

  /** Whether a request is being worked on. */
  get isBusy(): boolean {
    return this.pending > 0;
  }

  /** A signal that aborts when the caller is gone. */
  get closed(): AbortSignal {
    return this.closing.signal;
  }

  /** Sends an event. Without a listener at the other end it is lost, so every event is a complete snapshot. */
  emit<K extends EventName<C>>(name: K, payload: Payload<C, K>): void {
    if (this.store.isDisposed) return;
    // A write fails when the other end is gone, which `onClose` of the port reports.
    this.connection.sendNotification(name, wrap(payload)).catch(() => undefined);
  }

  dispose(): void {
    if (this.store.isDisposed) return;
    this.store.dispose();
    this.closing.abort();
  }

  private async answer<K extends RequestName<C>>(
    name: K,
    message: unknown,
    token: CancellationToken,
    handle: Handlers<C>[K],
  ): Promise<unknown> {
    const abort = new AbortController();
    const onClosing = (): void => abort.abort();
    this.closing.signal.addEventListener('abort', onClosing);
    const cancellation = token.onCancellationRequested(() => abort.abort());
    if (token.isCancellationRequested) abort.abort();
    this.pending++;
    try {
      const params = this.contract.requests[name].params(unwrap(message), `${name}.params`);
      return wrap(await handle(params, abort.signal));
    } catch (error) {
      const coded = asCodedError(error, abort.signal);
      const { code, detail, words } = coded;
      const text = this.wording?.(coded) ?? coded.message;
      return new ResponseError<WireError>(applicationError, text, {
        code,
        message: text,
        detail: plain(detail),
        words: this.wording ? undefined : words,
      });
    } finally {
      this.pending--;
      cancellation.dispose();
      this.closing.signal.removeEventListener('abort', onClosing);
    }
  }
}

/** The end that sends requests. Every request settles exactly once: with a result, a coded error, `CANCELLED` or `CLOSED`. */
export class ClientChannel<C extends Contract> implements Disposable {
  private readonly store = new DisposableStore();
  private readonly connection: MessageConnection;
  private readonly emitters = new Map<string, Emitter<any>>();
  private readonly pending = new Set<(error: MedTextError) => void>();
  private readonly malformed = this.store.add(new Emitter<MedTextError>());
  private closeReason: MedTextError | undefined;

  /** Fires for an event that did not pass its check and was dropped. */
  readonly onMalformedEvent = this.malformed.event;

  constructor(
    private readonly contract: C,
    port: Port,
  ) {
    this.connection = this.store.add(connect(port));
    this.store.add(port.onClose(() => this.close()));
    for (const name of Object.keys(contract.events) as EventName<C>[]) {
      const emitter = this.store.add(new Emitter<any>());
      this.emitters.set(name, emitter);
      this.connection.onNotification(name, (message: unknown) => this.receive(name, message, emitter));
    }
    this.connection.listen();
  }

  get isClosed(): boolean {
    return this.closeReason !== undefined;
  }

  on<K extends EventName<C>>(name: K, listener: (payload: Payload<C, K>) => void): Disposable {
    return this.emitters.get(name)!.event(listener);
  }

  /**
   * Sends a request and waits for its result. A cancelled request settles at once, even if the other end never reacts.
   * @throws the handler's code · CANCELLED · CLOSED · PROTOCOL for a malformed result
   */
  request<K extends RequestName<C>>(name: K, params: Params<C, K>, signal?: AbortSignal): Promise<Result<C, K>> {
    if (this.closeReason) return Promise.reject(this.closeReason);
    if (signal?.aborted) return Promise.reject(cancelled(name));
    return new Promise((resolve, reject) => {
      const cancel = cancellationToken(signal);
      const settle = (end: () => void): void => {
        if (!this.pending.delete(fail)) return;
        signal?.removeEventListener('abort', onAbort);
        end();
      };
      const fail = (error: MedTextError): void => settle(() => reject(error));
      const onAbort = (): void => {
        cancel.fire();
        fail(cancelled(name));
      };
      this.pending.add(fail);
      signal?.addEventListener('abort', onAbort);
      this.connection.sendRequest(name, wrap(params), cancel.token).then(
        (message) => {
          try {
            const result = this.contract.requests[name].result(unwrap(message), `${name}.result`);
            settle(() => resolve(result));
          } catch (error) {
            fail(asMedTextError(error));
          }
        },
        (error: unknown) => fail(this.closeReason ?? errorFromWire(error, this.contract.name)),
      );
    });
  }

  /** Ends the channel. Pending requests fail with `reason`. Later calls have no effect. */
  close(reason: MedTextError = closedError(this.contract.name)): void {
    if (this.closeReason) return;
    this.closeReason = reason;
    for (const fail of [...this.pending]) fail(reason);
    this.store.dispose();
  }

  dispose(): void {
    this.close();
  }

  private receive(name: EventName<C>, message: unknown, emitter: Emitter<unknown>): void {
    try {
      emitter.fire(this.contract.events[name](unwrap(message), name));
    } catch (error) {
      this.malformed.fire(asMedTextError(error));
    }
  }
}

/** The name for people of the child process behind a contract. */
export function processName(name: string): Words | string {
  switch (name) {
    case 'trainer':
      return words`trainer`;
    case 'scorer':
      return words`scorer`;
    case 'library':
      return words`library`;
    case 'data':
      return words`data`;
    default:
      return name;
  }
}

export function closedError(name: string, detail: Readonly<Record<string, unknown>> = {}): MedTextError {
  return new MedTextError('CLOSED', words`The ${processName(name)} process has ended.`, detail);
}

function connect(port: Port): MessageConnection {
  const connection = createMessageConnection(new PortReader(port), new PortWriter(port), {
    error: () => undefined,
    warn: () => undefined,
    info: () => undefined,
    log: () => undefined,
  });
  // Without a listener the library would throw. The port's `onClose` reports a broken transport.
  connection.onError(() => undefined);
  return connection;
}

class PortReader extends AbstractMessageReader {
  constructor(private readonly port: Port) {
    super();
  }

  listen(callback: DataCallback): Disposable {
    return this.port.onMessage((message) => {
      // Other programs may use the same transport: messages that are not JSON-RPC are ignored.
      if ((message as Message | null)?.jsonrpc === '2.0') callback(message as Message);
    });
  }
}

class PortWriter extends AbstractMessageWriter {
  constructor(private readonly port: Port) {
    super();
  }

  async write(message: Message): Promise<void> {
    this.port.post(message);
  }

  end(): void {}
}

// JSON-RPC would spread a list over positional parameters and forbids bare values, so content is always wrapped in an object.
const wrap = (content: unknown): { content: unknown } => ({ content });
const unwrap = (message: unknown): unknown => (message as { content?: unknown } | null | undefined)?.content;

function cancellationToken(signal: AbortSignal | undefined): { token: CancellationToken; fire: () => void } {
  let requested = signal?.aborted ?? false;
  const emitter = new Emitter<void>();
  const token = {
    get isCancellationRequested() {
      return requested;
    },
    onCancellationRequested: (listener: (event: any) => any) => emitter.event(() => listener(undefined)),
  } as CancellationToken;
  const fire = (): void => {
    requested = true;
    emitter.fire();
  };
  return { token, fire };
}

function asCodedError(error: unknown, signal: AbortSignal): MedTextError {
  if (signal.aborted && !(error instanceof MedTextError)) return cancelled('request');
  return asMedTextError(error);
}

function cancelled(name: string): MedTextError {
  return new MedTextError('CANCELLED', `The ${name} was cancelled.`);
}

function errorFromWire(error: unknown, name: string): MedTextError {
  const data = (error as ResponseError<WireError> | undefined)?.data;
  if (data && typeof data.code === 'string') {
    return new MedTextError(data.code, wordsFrom(data.words) ?? data.message, data.detail, { cause: error });
  }
  return new MedTextError(
    'CLOSED',
    words`The ${processName(name)} process did not respond: ${(error as Error)?.message ?? error}`,
    {},
    { cause: error },
  );
}

/** Makes an error's details safe to send: a value that cannot be cloned to another process becomes text. */
function plain(detail: Readonly<Record<string, unknown>>): Readonly<Record<string, unknown>> {
  try {
    return structuredClone(detail) as Readonly<Record<string, unknown>>;
  } catch {
    return Object.fromEntries(Object.entries(detail).map(([key, value]) => [key, String(value)]));
  }
}
