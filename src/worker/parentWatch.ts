import { Worker } from 'node:worker_threads';

// A string, not a function's text: a bundler may rename or wrap functions, and the thread has none of its helpers.
const watchScript = `
const { parentPort, workerData: { parentPid, graceMs, intervalMs } } = require('node:worker_threads');
let goneSince;
const timer = setInterval(() => {
  if (parentIsAlive()) return;
  goneSince ??= Date.now();
  if (Date.now() - goneSince >= graceMs) process.kill(process.pid, 'SIGKILL');
}, intervalMs);
parentPort.once('message', () => clearInterval(timer));
function parentIsAlive() {
  if (process.platform !== 'win32' && process.ppid !== parentPid) return false;
  try { process.kill(parentPid, 0); return true; } catch (error) { return error.code === 'EPERM'; }
}
`;

/**
 * Ends this process when its parent is gone, even while the main thread is busy inside a native call: a second thread
 * looks twice a second and leaves `graceMs` for an orderly end. Call `release` to let the process outlive its parent.
 */
export function watchParent(graceMs: number, intervalMs = 500): { release(): void } {
  const thread = new Worker(watchScript, { eval: true, workerData: { parentPid: process.ppid, graceMs, intervalMs } });
  // A thread that cannot start must not take the process down: the closing channel still ends it.
  thread.on('error', () => undefined);
  thread.unref();
  return { release: () => thread.postMessage('release') };
}
