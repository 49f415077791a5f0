import type { RunRecord, RunStore } from './runStore';

/** What is selected in the Runs view: a command that a key starts is about these. */
export class RunSelection {
  private folders: readonly string[] = [];

  constructor(private readonly runs: RunStore) {}

  set(selected: readonly RunRecord[]): void {
    this.folders = selected.map(({ folder }) => folder);
  }

  /** The selected runs with their present state; the view itself keeps the state at their selection. */
  list(): readonly RunRecord[] {
    return this.folders.flatMap((folder) => this.runs.get(folder) ?? []);
  }
}
