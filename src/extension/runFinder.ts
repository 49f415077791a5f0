import { existsSync } from 'node:fs';
import { stat } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import {
  isTrainer,
  recordFromFolder,
  recordOfUnknown,
  readRunFile,
  runFoldersIn,
  type IsTrainer,
} from './runFolderRecord';
import type { RunLogs } from './runLog';
import type { RunRecord, RunStore } from './runStore';
import type { StartNote, StartNotes } from './startNotes';
import type { TrainingService } from './trainingService';

/** What of a change the person should hear. */
export interface RunNews {
  /** Runs that were going on, or unknown, and have finished. */
  readonly finished: readonly RunRecord[];
  /** Runs that were going on and have lost their process. */
  readonly lost: readonly RunRecord[];
  /** Runs that were going on and were stopped: a checkpoint is saved. */
  readonly stopped: readonly RunRecord[];
  /** Trainings that ended before they had a run folder, with nobody watching. */
  readonly neverBegun: readonly StartNote[];
}

/**
 * Finds runs by what lies on the disk, whoever started them: this window, an earlier one, or the command line. Follows
 * those that go on without this window. Knows no editor.
 */
export class RunFinder {
  private looking: Promise<unknown> = Promise.resolve();
  /** The folders of the runs of {@link whileEnding}. */
  private readonly ending = new Set<string>();
  /** The work folders of the last {@link look}. */
  private places: readonly string[] = [];
  /** When {@link poll} found each run.json written, in milliseconds since 1970. */
  private readonly written = new Map<string, number>();
  private readonly beganAtMs = Date.now();

  constructor(
    private readonly runs: RunStore,
    private readonly training: Pick<TrainingService, 'state' | 'pid'>,
    private readonly starts: Pick<StartNotes, 'list' | 'remove'>,
    private readonly logs: Pick<RunLogs, 'read' | 'last'>,
    private readonly isTrainerNow: IsTrainer = isTrainer,
  ) {}

  /** Every run in these work folders and beside the known ones; entries whose folder was deleted go. */
  look(workDirs: readonly string[]): Promise<RunNews> {
    return this.alone(() => this.lookNow(workDirs));
  }

  private async lookNow(workDirs: readonly string[]): Promise<RunNews> {
    const noted = await this.lookForStarts();
    for (const run of this.runs.list()) {
      const isDeleted = !existsSync(run.folder) && existsSync(dirname(run.folder));
      if (isDeleted && !this.isOwn(run.folder)) await this.runs.remove(run.folder);
    }
    const folders = new Set(this.runs.list().map(({ folder }) => folder));
    this.places = [...new Set([...workDirs, ...[...folders].map((folder) => dirname(folder))])];
    for (const place of this.places) for (const folder of await runFoldersIn(place)) folders.add(folder);
    return joined(noted, await this.updateNow([...folders]));
  }

  /** What has become of the runs that go on without this window, and of those that were starting. */
  follow(): Promise<RunNews> {
    return this.alone(() => this.followNow());
  }

  private async followNow(): Promise<RunNews> {
    const noted = await this.lookForStarts();
    const news = joined(noted, await this.updateNow(this.detached().map(({ folder }) => folder)));
    // A log that cannot be read now is read again at the next look; the news must not be lost with it.
    await this.followLogs().catch(() => undefined);
    return news;
  }

  /** How far they are, of which run.json speaks at checkpoints only. */
  private async followLogs(): Promise<void> {
    let isNew = false;
    for (const { folder } of this.detached()) {
      const before = this.logs.last(folder)?.step;
      await this.logs.read(folder);
      isNew ||= this.logs.last(folder)?.step !== before;
    }
    if (isNew) this.runs.refresh();
  }

  /** Runs that go on without this window. */
  private detached(): readonly RunRecord[] {
    return this.runs.list().filter(({ status, folder }) => status === 'running' && !this.isOwn(folder));
  }

  /** Whether there is anything to {@link follow}. */
  get hasDetached(): boolean {
    const { pid } = this.training;
    return this.detached().length > 0 || this.starts.list().some((note) => note.pid !== pid);
  }

  /** Brings the records of these run folders up to date; unknown ones are listed unless they were taken off the list. */
  update(folders: readonly string[]): Promise<RunNews> {
    return this.alone(() => this.updateNow(folders));
  }

  /**
   * Brings the records up to date of the runs in these work folders, and in those of the last look, whose run.json was
   * written since the window opened. A file watcher does not tell of all of them: it misses what is written into a
   * folder before it watches this folder, is turned off by `files.watcherExclude`, and sees nothing that another
   * machine writes.
   */
  poll(workDirs: readonly string[]): Promise<RunNews> {
    return this.alone(() => this.pollNow(workDirs));
  }

  private async pollNow(workDirs: readonly string[]): Promise<RunNews> {
    const changed: string[] = [];
    for (const place of new Set([...workDirs, ...this.places])) {
      for (const folder of await runFoldersIn(place)) {
        const writtenAtMs = await modifiedAt(join(folder, 'run.json'));
        if (writtenAtMs <= this.beganAtMs || writtenAtMs === this.written.get(folder)) continue;
        this.written.set(folder, writtenAtMs);
        changed.push(folder);
      }
    }
    return this.updateNow(changed);
  }

  /** Two looks at once would both tell of the same end. */
  private alone(look: () => Promise<RunNews>): Promise<RunNews> {
    const news = this.looking.then(look);
    this.looking = news.catch(() => undefined);
    return news;
  }

  /** Runs `end`. The loss of this run is no news meanwhile: who ends it tells the person. */
  async whileEnding<T>(folder: string, end: () => Promise<T>): Promise<T> {
    this.ending.add(folder);
    try {
      return await end();
    } finally {
      this.ending.delete(folder);
    }
  }

  private async updateNow(folders: readonly string[]): Promise<RunNews> {
    const changed: RunRecord[] = [];
    const finished: RunRecord[] = [];
    const lost: RunRecord[] = [];
    const stopped: RunRecord[] = [];
    for (const folder of folders) {
      const known = this.runs.get(folder);
      if (await this.belongsToThisWindow(folder)) continue;
      const found = known
        ? await recordFromFolder(known, this.isTrainerNow)
        : await recordOfUnknown(folder, {}, this.isTrainerNow);
      const now = found && (await this.withLoggedStep(known, found));
      if (!now || sameCourse(known, now)) continue;
      if (!known && now.status !== 'running' && this.runs.isForgotten(folder)) continue;
      changed.push(now);
      if (now.status === 'finished' && known?.status !== 'finished') finished.push(now);
      if (now.status === 'interrupted' && known?.status === 'running' && !this.ending.has(folder)) lost.push(now);
      if (now.status === 'stopped' && known?.status === 'running') stopped.push(now);
    }
    if (changed.length > 0) await this.runs.put(...changed);
    return { finished, lost, stopped, neverBegun: [] };
  }

  /** A run that lost its process came further than run.json says, which speaks of its last checkpoint. */
  private async withLoggedStep(known: RunRecord | undefined, now: RunRecord): Promise<RunRecord> {
    if (now.status !== 'interrupted' || known?.pid !== now.pid) return now;
    if (known.status === 'interrupted') return { ...now, step: Math.max(now.step, known.step) };
    await this.logs.read(now.folder);
    return { ...now, step: Math.max(now.step, this.logs.last(now.folder)?.step ?? 0) };
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
        const put = { ...now, recipeFile, name: known?.name ?? name };
        await this.runs.put(put);
        // It may have ended while no window followed it.
        if (put.status === 'finished' && known?.status !== 'finished') finished.push(put);
        if (put.status === 'interrupted' && (!known || known.status === 'running')) lost.push(put);
        this.starts.remove(note.pid);
      } else if (!isGoingOn) {
        this.starts.remove(note.pid);
        neverBegun.push(note);
      }
    }
    return { finished, lost, stopped: [], neverBegun };
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

/** In milliseconds since 1970; 0 for a file that cannot be looked at. */
async function modifiedAt(path: string): Promise<number> {
  return stat(path).then(
    ({ mtimeMs }) => mtimeMs,
    () => 0,
  );
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
    known.stopAsked === now.stopAsked &&
    known.place?.program === now.place?.program &&
    known.modelFolder === now.modelFolder
  );
}

const joined = (a: RunNews, b: RunNews): RunNews => ({
  finished: [...a.finished, ...b.finished],
  lost: [...a.lost, ...b.lost],
  stopped: [...a.stopped, ...b.stopped],
  neverBegun: [...a.neverBegun, ...b.neverBegun],
});
