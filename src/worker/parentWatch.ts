import { Worker } from 'node:worker_threads';

/** Names the file descriptor that the child's second thread beats on. */
export const beatVariable = 'MEDTEXT_BEAT_FD';

const beatMs = 2000;

// A string, not a function's text: a bundler may rename or wrap functions, and the thread has none of its helpers.
const watchScript = `
const { writeSync } = require('node:fs');
const { parentPort, workerData: { parentPid, graceMs, intervalMs, beatFd, beatMs } } = require('node:worker_threads');
let goneSince;
const watching = setInterval(() => {
  if (parentIsAlive()) return;
  goneSince ??= Date.now();
  if (Date.now() - goneSince >= graceMs) process.kill(process.pid, 'SIGKILL');
}, intervalMs);
parentPort.once('message', () => clearInterval(watching));
const beating = beatFd > 2 ? setInterval(beat, beatMs) : undefined;
if (beating) beat();
function beat() {
  // Full: nobody has looked for long; gone: nobody looks any more.
  try { writeSync(beatFd, '.'); } catch (error) { if (error.code !== 'EAGAIN') clearInterval(beating); }
}
function parentIsAlive() {
  if (process.platform !== 'win32' && process.ppid !== parentPid) return false;
  try { process.kill(parentPid, 0); return true; } catch (error) { return error.code === 'EPERM'; }
}
`;

/**
 * A second thread, which runs even while the main one is inside a native call. It ends this process when its parent is
 * gone: it looks twice a second and leaves `graceMs` for an orderly end. And it beats, so that the parent can tell a busy
 * process from a frozen one. Call `release` to let the process outlive its parent.
 */
export function watchParent(graceMs: number, intervalMs = 500): { release(): void } {
  const beatFd = Number(process.env[beatVariable] ?? 0);
  const workerData = { parentPid: process.ppid, graceMs, intervalMs, beatFd, beatMs };
  const thread = new Worker(watchScript, { eval: true, workerData });
  // A thread that cannot start must not take the process down: the closing channel still ends it.
  thread.on('error', () => undefined);
  thread.unref();
  return { release: () => thread.postMessage('release') };
}
