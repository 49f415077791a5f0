import { existsSync } from 'node:fs';
import { dirname } from 'node:path';
import {
  isTrainer,
  recordFromFolder,
  recordOfUnknown,
  readRunFile,
  runFoldersIn,
  type IsTrainer,
} from './runFolderRecord';
import type { RunRecord, RunStore } from './runStore';
import type { StartNote, StartNotes } from './startNotes';
import type { TrainingService } from './trainingService';

/** What of a change the person should hear. */
export interface RunNews {
  /** Runs that were going on, or unknown, and have finished. */
  readonly finished: readonly RunRecord[];
  /** Runs that were going on and have lost their process. */
  readonly lost: readonly RunRecord[];
  /** Trainings that ended before they had a run folder, with nobody watching. */
  readonly neverBegun: readonly StartNote[];
}

/**
 * Finds runs by what lies on the disk, whoever started them: this window, an earlier one, or the command line. Follows
 * those that go on without this window. Knows no editor.
 */
export class RunFinder {
  constructor(
    private readonly runs: RunStore,
    private readonly training: Pick<TrainingService, 'state' | 'pid'>,
    private readonly starts: Pick<StartNotes, 'list' | 'remove'>,
    private readonly isTrainerNow: IsTrainer = isTrainer,
  ) {}

  /** Every run in these work folders and beside the known ones; entries whose folder was deleted go. */
  async look(workDirs: readonly string[]): Promise<RunNews> {
    const noted = await this.lookForStarts();
    for (const run of this.runs.list()) {
      const isDeleted = !existsSync(run.folder) && existsSync(dirname(run.folder));
      if (isDeleted && !this.isOwn(run.folder)) await this.runs.remove(run.folder);
    }
    const folders = new Set(this.runs.list().map(({ folder }) => folder));
    const places = new Set([...workDirs, ...[...folders].map((folder) => dirname(folder))]);
    for (const place of places) for (const folder of await runFoldersIn(place)) folders.add(folder);
    return joined(noted, await this.update([...folders]));
  }

  /** What has become of the runs that go on without this window, and of those that were starting. */
  async follow(): Promise<RunNews> {
    const noted = await this.lookForStarts();
    const running = this.runs.list().filter(({ status }) => status === 'running');
    return joined(noted, await this.update(running.map(({ folder }) => folder)));
  }

  /** Whether there is anything to {@link follow}. */
  get hasDetached(): boolean {
    const { pid } = this.training;
    return (
      this.runs.list().some(({ status, folder }) => status === 'running' && !this.isOwn(folder)) ||
      this.starts.list().some((note) => note.pid !== pid)
    );
  }

  /** Brings the records of these run folders up to date; unknown ones are listed unless they were taken off the list. */
  async update(folders: readonly string[]): Promise<RunNews> {
    const changed: RunRecord[] = [];
    const finished: RunRecord[] = [];
    const lost: RunRecord[] = [];
    for (const folder of folders) {
      const known = this.runs.get(folder);
      if (await this.belongsToThisWindow(folder)) continue;
      const now = known
        ? await recordFromFolder(known, this.isTrainerNow)
        : await recordOfUnknown(folder, {}, this.isTrainerNow);
      if (!now || sameCourse(known, now)) continue;
      if (!known && now.status !== 'running' && this.runs.isForgotten(folder)) continue;
      changed.push(now);
      if (now.status === 'finished' && known?.status !== 'finished') finished.push(now);
      if (now.status === 'interrupted' && known?.status === 'running') lost.push(now);
    }
    if (changed.length > 0) await this.runs.put(...changed);
    return { finished, lost, neverBegun: [] };
  }

  /** Trainings that an earlier window started: their run folder is the one that names their process, once it is there. */
  private async lookForStarts(): Promise<RunNews> {
    const neverBegun: StartNote[] = [];
    const finished: RunRecord[] = [];
    const lost: RunRecord[] = [];
    for (const note of this.starts.list()) {
      if (note.pid === this.training.pid) continue;
      // Asked before the folder is looked for: a process that ends in between has written it.
      const isGoingOn = this.isTrainerNow(note.pid);
      const folder = await this.folderOf(note, isGoingOn);
      if (folder !== undefined) {
        const { recipeFile, name } = note;
        const known = this.runs.get(folder);
        const listed =
          known ??
          (await recordOfUnknown(folder, { recipeFile, name, startedAtMs: note.startedAtMs }, this.isTrainerNow));
        if (!listed) continue;
        // A run that is known stands as it was when the window was closed.
        const now = known ? await recordFromFolder(known, this.isTrainerNow) : listed;
        await this.runs.put({ ...now, recipeFile, name: known?.name ?? name });
        if (!known && listed.status === 'finished') finished.push(listed);
        if (!known && listed.status === 'interrupted') lost.push(listed);
        this.starts.remove(note.pid);
      } else if (!isGoingOn) {
        this.starts.remove(note.pid);
        neverBegun.push(note);
      }
    }
    return { finished, lost, neverBegun };
  }

  private async folderOf(note: StartNote, isGoingOn: boolean): Promise<string | undefined> {
    if (note.runFolder !== undefined) {
      // Until the process has read everything, the folder tells of the time before.
      const hasBegun = (await readRunFile(note.runFolder))?.pid === note.pid;
      return hasBegun || !isGoingOn ? note.runFolder : undefined;
    }
    const younger: { folder: string; startedAtMs: number }[] = [];
    for (const folder of await runFoldersIn(note.workDir)) {
      const file = await readRunFile(folder);
      const startedAtMs = Date.parse(file?.startedAt ?? '');
      if (!(startedAtMs >= note.startedAtMs)) continue;
      if (file?.pid === note.pid) return folder;
      // A run that has ended names no process: the one that was seen with this one, or the first that began after the note.
      const known = this.runs.get(folder);
      if (file?.pid === undefined && known?.pid === note.pid) return isGoingOn ? undefined : folder;
      if (file?.pid === undefined && !known) younger.push({ folder, startedAtMs });
    }
    return isGoingOn ? undefined : younger.sort((a, b) => a.startedAtMs - b.startedAtMs)[0]?.folder;
  }

  private isOwn(folder: string): boolean {
    return this.training.state.runFolder === folder;
  }

  /** Its own run is followed by its reports; at first it is known by its process alone. */
  private async belongsToThisWindow(folder: string): Promise<boolean> {
    if (this.isOwn(folder)) return true;
    return this.training.pid !== undefined && (await readRunFile(folder))?.pid === this.training.pid;
  }
}

function sameCourse(known: RunRecord | undefined, now: RunRecord): boolean {
  return (
    known !== undefined &&
    known.status === now.status &&
    known.step === now.step &&
    known.totalSteps === now.totalSteps &&
    known.pid === now.pid &&
    known.metric?.value === now.metric?.value &&
    known.hasCheckpoint === now.hasCheckpoint &&
    known.stoppedEarly === now.stoppedEarly &&
    known.modelFolder === now.modelFolder
  );
}

const joined = (a: RunNews, b: RunNews): RunNews => ({
  finished: [...a.finished, ...b.finished],
  lost: [...a.lost, ...b.lost],
  neverBegun: [...a.neverBegun, ...b.neverBegun],
});
