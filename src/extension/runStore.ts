import { Emitter } from '../base/events';
import type { ToldError } from '../protocol/errorWords';
import type { UnderstoodData } from '../protocol/fieldGuess';
import type { RunPlace } from '../protocol/trainingView';
import type { Memory } from './modelStore';

export type RunStatus = 'running' | 'finished' | 'stopped' | 'interrupted' | 'failed';

export interface RunMetric {
  readonly name: string;
  readonly value: number;
}

/** What this workspace knows of a run; the run folder holds the rest. */
export interface RunRecord {
  /** Name of the run folder. */
  readonly runId: string;
  readonly folder: string;
  readonly recipeFile: string;
  readonly name: string;
  readonly status: RunStatus;
  readonly pid: number;
  readonly startedAtMs: number;
  readonly endedAtMs?: number;
  readonly step: number;
  readonly totalSteps: number;
  readonly metric?: RunMetric;
  /** On the test data. */
  readonly test?: RunMetric;
  readonly modelFolder?: string;
  /** The training data as they were understood. */
  readonly understoodData?: UnderstoodData;
  /** Whether it can be resumed; undefined of what an earlier version remembered. */
  readonly hasCheckpoint?: boolean;
  /** Ended before its last step, because nothing was gained any more. */
  readonly stoppedEarly?: boolean;
  readonly error?: ToldError;
  /** Where it trains, while it does, without this window. */
  readonly place?: RunPlace;
  /** Somebody has asked it to stop, and it has not stopped yet. */
  readonly stopAsked?: boolean;
}

const key = 'medtext.runs';
const forgottenKey = 'medtext.forgottenRuns';
const maxForgotten = 500;

/** The runs of a workspace, newest first. */
export class RunStore {
  private readonly change = new Emitter<void>();
  readonly onDidChange = this.change.event;

  constructor(private readonly memory: Memory) {}

  list(): readonly RunRecord[] {
    return [...(this.memory.get<RunRecord[]>(key) ?? [])].sort((a, b) => b.startedAtMs - a.startedAtMs);
  }

  get(folder: string): RunRecord | undefined {
    return this.list().find((run) => run.folder === folder);
  }

  async put(...changed: readonly RunRecord[]): Promise<void> {
    const folders = new Set(changed.map(({ folder }) => folder));
    await this.save([...this.list().filter(({ folder }) => !folders.has(folder)), ...changed]);
  }

  async patch(folder: string, change: Partial<RunRecord>): Promise<void> {
    const run = this.get(folder);
    if (run) await this.put({ ...run, ...change });
  }

  async remove(folder: string): Promise<void> {
    await this.save(this.list().filter((run) => run.folder !== folder));
  }

  /** Removes the run from the list although its folder stays: looking for run folders does not bring it back. */
  async forget(folder: string): Promise<void> {
    const others = this.forgotten().filter((other) => other !== folder);
    await this.memory.update(forgottenKey, [...others, folder].slice(-maxForgotten));
    await this.remove(folder);
  }

  isForgotten(folder: string): boolean {
    return this.forgotten().includes(folder);
  }

  private forgotten(): readonly string[] {
    return this.memory.get<string[]>(forgottenKey) ?? [];
  }

  /** Makes views look again. */
  refresh(): void {
    this.change.fire();
  }

  private async save(runs: readonly RunRecord[]): Promise<void> {
    await this.memory.update(key, runs);
    this.change.fire();
  }
}

export const isResumable = ({ status, hasCheckpoint }: RunRecord): boolean =>
  hasCheckpoint !== false && (status === 'stopped' || status === 'interrupted' || status === 'failed');
