import { WorkerProcess } from '../../../src/worker/workerProcess';
import { launchOf } from './launch';
import { testContract } from './testContract';

// A host that gives its child minutes of uninterruptible work and waits to be killed; prints the child's id.
void (async () => {
  const worker = await WorkerProcess.start(testContract, launchOf('testWorker.ts'));
  if (process.argv[2] === 'busy') void worker.channel.request('block', { ms: 120_000 }).catch(() => undefined);
  await new Promise((resolve) => setTimeout(resolve, 100));
  console.log(worker.pid);
})();
setInterval(() => undefined, 1000);
