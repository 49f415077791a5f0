import { count, flag, number, object, oneOf, text, type Check, type Checked } from './check';
import { logLevels } from '../base/log';

/**
 * One boundary as data: the requests its server answers and the events its server emits, each with the validator of
 * everything that crosses. The client end and the server end are both typed from this value.
 */
export interface Contract {
  readonly name: string;
  /** Raised whenever an old end could misread a new one; the handshake refuses a difference. */
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

/** First request on every channel to a child process. */
export const handshake = {
  params: object({ contract: text, version: count }),
  result: object({ contract: text, version: count, pid: count, node: text, platform: text }),
};
export type WorkerIdentity = Checked<typeof handshake.result>;

/** What every child process says unasked. */
export const workerEvents = {
  log: object({ level: oneOf(...logLevels), message: text }),
  /** About every two seconds while the child's thread is free; `busy` is true while a request is being worked on. */
  heartbeat: object({ memoryBytes: number, busy: flag }),
};
