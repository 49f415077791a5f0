import { Worker } from 'node:worker_threads';
import { budgetVariable, scaleBudgets, SLOT_BYTES, SLOTS, slots } from './fileWatch';

/** Names the file descriptor that the child's second thread beats on and reports to. */
export const beatVariable = 'MEDTEXT_BEAT_FD';

const beatMs = 2000;
const budgetMs = 100;

// A string, not a function's text: a bundler may rename or wrap functions, and the thread has none of its helpers.
const watchScript = `
const { writeSync } = require('node:fs');
const { parentPort, workerData } = require('node:worker_threads');
const { parentPid, graceMs, intervalMs, beatFd, beatMs, budgetMs, slots, slotCount, slotBytes } = workerData;
const end = () => process.kill(process.pid, 'SIGKILL');

let goneSince;
const watching = setInterval(() => {
  if (parentIsAlive()) return;
  goneSince ??= Date.now();
  if (Date.now() - goneSince >= graceMs) end();
}, intervalMs);
parentPort.once('message', () => clearInterval(watching));
function parentIsAlive() {
  if (process.platform !== 'win32' && process.ppid !== parentPid) return false;
  try { process.kill(parentPid, 0); return true; } catch (error) { return error.code === 'EPERM'; }
}

const beating = beatFd > 2 ? setInterval(beat, beatMs) : undefined;
if (beating) beat();
function beat() {
  // Full: nobody has looked for long; gone: nobody looks any more.
  try { writeSync(beatFd, '.'); } catch (error) { if (error.code !== 'EAGAIN') clearInterval(beating); }
}

// What was taken since the last look counts for the files that are being read now.
let lastRss, lastLook;
if (beatFd > 2) setInterval(() => {
  const active = [];
  for (let slot = 0; slot < slotCount; slot++) {
    if (Atomics.load(new Int32Array(slots, slot * slotBytes, 1), 0) === 1) active.push(slot);
  }
  if (active.length === 0) return void (lastRss = lastLook = undefined);
  const rss = process.memoryUsage.rss();
  const now = performance.now();
  // A pause of the whole process (a sleep of the machine) is no work.
  const elapsed = Math.min(now - (lastLook ?? now), 10 * budgetMs);
  let worst;
  for (const slot of active) {
    const numbers = new Float64Array(slots, slot * slotBytes + 8, 4);
    const [usedMs, maxMs, grown, maxBytes] = numbers;
    numbers[0] = usedMs + elapsed;
    numbers[2] = Math.max(0, grown + rss - (lastRss ?? rss));
    const share = Math.max(numbers[0] / maxMs, numbers[2] / maxBytes);
    if (share > 1 && share > (worst?.share ?? 0)) worst = { slot, share, isTime: numbers[0] > maxMs, maxMs, maxBytes };
  }
  lastRss = rss;
  lastLook = now;
  if (worst) overrun(worst);
}, budgetMs);
function overrun({ slot, isTime, maxMs, maxBytes }) {
  const length = Atomics.load(new Int32Array(slots, slot * slotBytes + 4, 1), 0);
  const file = Buffer.from(new Uint8Array(slots, slot * slotBytes + 64, length).slice()).toString('utf8');
  const line = JSON.stringify({ file, what: isTime ? 'time' : 'memory', seconds: maxMs / 1000, megabytes: maxBytes / 1e6 });
  for (let tries = 0; tries < 10; tries++) {
    try { writeSync(beatFd, line + '\\n'); break; } catch (error) { if (error.code !== 'EAGAIN') break; }
  }
  end();
}
`;

/**
 * A second thread, which runs even while the main one is inside a native call or a loop without end. It ends this process
 * when its parent is gone: it looks twice a second and leaves `graceMs` for an orderly end. It beats, so that the parent
 * can tell a busy process from a frozen one. And it ends this process when reading a file takes more time or memory than
 * the file's budget (`fileWatch.ts`), after telling the parent which. Call `release` to let the process outlive its parent.
 */
export function watchProcess(graceMs: number, intervalMs = 500): { release(): void } {
  const beatFd = Number(process.env[beatVariable] ?? 0);
  scaleBudgets(process.env[budgetVariable]);
  const shared = { slots, slotCount: SLOTS, slotBytes: SLOT_BYTES };
  const workerData = { parentPid: process.ppid, graceMs, intervalMs, beatFd, beatMs, budgetMs, ...shared };
  const thread = new Worker(watchScript, { eval: true, workerData, stdout: false, stderr: false });
  // A thread that cannot start must not take the process down: the closing channel still ends it.
  thread.on('error', () => undefined);
  thread.unref();
  return { release: () => thread.postMessage('release') };
}
