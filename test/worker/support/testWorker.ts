import { MedTextError } from '../../../src/base/errors';
import { FileWatch } from '../../../src/base/fileWatch';
import { serveWorker } from '../../../src/worker/serveWorker';
import { testContract } from './testContract';

serveWorker(
  testContract,
  ({ emit, log }) => ({
    echo: (value) => value,
    emitThree() {
      for (let n = 0; n < 3; n++) emit('tick', { n });
      log.warn('three ticks');
    },
    fail() {
      throw new MedTextError('DATA_FORMAT', 'row 3 is broken', { row: 3 });
    },
    wait: (_, signal) =>
      new Promise<void>((_resolve, reject) => {
        signal.addEventListener('abort', () => {
          emit('tick', { n: 99 });
          reject(new MedTextError('CANCELLED', 'cancelled'));
        });
      }),
    die: () => process.kill(process.pid, 'SIGKILL') as never,
    quit() {
      // The last message before the exit must still arrive.
      emit('tick', { n: 7 });
      setImmediate(() => process.exit(3));
    },
    /** As a reader of a stranger's file: computes without giving way, and fills memory. */
    read({ ms, megabytes }) {
      new FileWatch('data', '/strangers/file.csv', 100).during(() => {
        const held: Buffer[] = [];
        for (const end = Date.now() + ms; Date.now() < end;) {
          if (held.length < megabytes) held.push(Buffer.alloc(1e6, 1));
        }
      });
    },
    leaveBehind() {
      void Promise.reject(new Error('nobody waits for this'));
    },
    block({ ms }) {
      for (const end = Date.now() + ms; Date.now() < end;);
    },
  }),
  { graceMs: 300 },
);
