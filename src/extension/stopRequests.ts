import { join } from 'node:path';
import { writeFileAtomically } from '../base/atomicFile';
import { STOP_FILE, type StopRequest } from '../protocol/stopRequest';
import { readRunFile, recordFromFolder } from './runFolderRecord';
import type { RunRecord } from './runStore';

/**
 * Asks the process that trains in the run's folder to finish its step, save a checkpoint and end: by a file there, which
 * other windows, terminals and machines see that share the folder.
 * @param now the process ends at once instead, and saves nothing
 * @returns false when nothing trains there any more: nobody would read it
 * @throws MedTextError IO, DISK_FULL
 */
export async function askToStop(run: RunRecord, { now = false } = {}): Promise<boolean> {
  const { status, pid } = await recordFromFolder(run);
  if (status !== 'running') return false;
  const { processStart, host } = (await readRunFile(run.folder)) ?? {};
  const request: StopRequest = { pid, ...(now && { now }), ...(processStart !== undefined && { processStart }), ...(host !== undefined && { host }) }; // prettier-ignore
  await writeFileAtomically(join(run.folder, STOP_FILE), `${JSON.stringify(request)}\n`);
  return true;
}
