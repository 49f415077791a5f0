/** Takes a lock, says whether it got it, and holds it until it is told to end. */
import { words } from '../../src/base/errors';
import { FileLock } from '../../src/base/fileLock';

FileLock.take(process.argv[2], words`Busy`).then(
  (lock) => {
    process.stdout.write('taken\n');
    process.stdin.on('data', () => void lock.release().then(() => process.exit()));
  },
  (error: { code: string }) => {
    process.stdout.write(`${error.code}\n`);
    process.exit();
  },
);
