import { count, flag, number, object, oneOf, text, type Check, type Checked } from './check';
import { logLevels } from '../base/log';

/**
 * One boundary as data: the requests that its server handles and the events that its server emits, with validators for their
 * contents. The types of both ends derive from this value.
 */
export interface Contract {
  readonly name: string;
  /** The version, raised whenever an old end could misread a new one. The handshake refuses a difference. */
  readonly version: number;
  readonly requests: Readonly<Record<string, { readonly params: Check<any>; readonly result: Check<any> }>>;
  readonly events: Readonly<Record<string, Check<any>>>;
}

export type RequestName<C extends Contract> = keyof C['requests'] & string;
export type EventName<C extends Contract> = keyof C['events'] & string;
export type Params<C extends Contract, K extends RequestName<C>> = Checked<C['requests'][K]['params']>;
export type Result<C extends Contract, K extends RequestName<C>> = Checked<C['requests'][K]['result']>;
export type Payload<C extends Contract, K extends EventName<C>> = Checked<C['events'][K]>;

export function defineContract<const C extends Contract>(contract: C): C {
  return contract;
}

/** The first request on every channel to a child process. */
export const handshake = {
  params: object({ contract: text, version: count }),
  result: object({ contract: text, version: count, pid: count, node: text, platform: text }),
};
export type WorkerIdentity = Checked<typeof handshake.result>;

/** Events of every child process. */
export const workerEvents = {
  log: object({ level: oneOf(...logLevels), message: text }),
  /** Sent about every two seconds while the child's main thread is free. `busy`: the child is handling a request. */
  heartbeat: object({ memoryBytes: number, busy: flag }),
};
