import type { MedTextError } from '../base/errors';
import { plainError } from '../base/errors';
import { thisProcess } from '../base/processIdentity';
import type { RunOwner, RunRecord, RunStatus } from '../protocol/runRecord';
import { writeRunRecord } from '../runs/runFolder';
import type { RunLock } from '../runs/runLock';

/** run.json: what the run says of itself, on the disk at every change. */
export class RunJournal {
  constructor(
    private readonly lock: RunLock,
    private current: RunRecord,
    private readonly owner: RunOwner | undefined,
  ) {}

  get record(): RunRecord {
    return this.current;
  }

  /** @throws MedTextError IO, DISK_FULL; IO when the run's folder is no longer where it was. */
  async write(change: Partial<RunRecord> = {}): Promise<void> {
    this.lock.refuseMoved();
    const { pid: _, processStart: __, host: ___, owner: ____, ...rest } = { ...this.current, ...change };
    this.current = {
      ...rest,
      ...(rest.status === 'running' && this.processOfRun()),
      updatedAt: new Date().toISOString(),
    };
    await writeRunRecord(this.lock.folder, this.current);
  }

  /** The first error is the one to hear of, also where the disk takes nothing any more. */
  async fail(error: MedTextError): Promise<void> {
    const status: RunStatus = 'failed';
    await this.write({ status, error: plainError(error) }).catch(() => undefined);
  }

  private processOfRun(): Pick<RunRecord, 'pid' | 'processStart' | 'host' | 'owner'> {
    const { pid, start, host } = thisProcess();
    return { pid, processStart: start, host, ...(this.owner && { owner: this.owner }) };
  }
}
