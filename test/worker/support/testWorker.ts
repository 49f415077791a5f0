import { MedTextError } from '../../../src/base/errors';
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
    block({ ms }) {
      for (const end = Date.now() + ms; Date.now() < end;);
    },
  }),
  { graceMs: 300 },
);
