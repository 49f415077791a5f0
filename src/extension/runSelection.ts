import type { RunRecord, RunStore } from './runStore';

/** What is selected in the Runs view: a command that a key starts is about these. */
export class RunSelection {
  private folders: readonly string[] = [];

  constructor(private readonly runs: RunStore) {}

  set(selected: readonly RunRecord[]): void {
    this.folders = selected.map(({ folder }) => folder);
  }

  /** As they are now: the view keeps what it was given when they were selected. */
  list(): readonly RunRecord[] {
    return this.folders.flatMap((folder) => this.runs.get(folder) ?? []);
  }
}
