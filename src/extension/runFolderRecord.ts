import { existsSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { RunRecord } from './runStore';

/** The part of a run folder's run.json that the editor reads. */
interface RunFile {
  readonly status?: string;
  readonly pid?: number;
  readonly step?: number;
  readonly totalSteps?: number;
  readonly best?: { readonly metric: string; readonly value: number } | null;
  readonly error?: { readonly code: string; readonly message: string };
}

/**
 * The record brought up to date from its folder: the training process writes there, with or without a window. A run
 * that says it is running while its process is gone was interrupted.
 */
export async function recordFromFolder(run: RunRecord, isAliveNow = isAlive): Promise<RunRecord> {
  const file = await readRunFile(join(run.folder, 'run.json'));
  const pid = file?.pid ?? run.pid;
  const said = file?.status;
  const status =
    said === 'finished' || said === 'stopped' || said === 'failed' ? said : isAliveNow(pid) ? 'running' : 'interrupted';
  const model = join(run.folder, 'model');
  return {
    ...run,
    pid,
    status,
    step: file?.step ?? run.step,
    totalSteps: file?.totalSteps ?? run.totalSteps,
    endedAtMs: status === 'running' ? undefined : (run.endedAtMs ?? Date.now()),
    metric: file?.best ? { name: file.best.metric, value: file.best.value } : run.metric,
    modelFolder: status === 'finished' && existsSync(model) ? model : run.modelFolder,
    error: status === 'failed' ? file?.error : undefined,
  };
}

async function readRunFile(file: string): Promise<RunFile | undefined> {
  try {
    return JSON.parse(await readFile(file, 'utf8')) as RunFile;
  } catch {
    return undefined;
  }
}

export function isAlive(pid: number): boolean {
  if (!(pid > 0)) return false;
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
}
