import { mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { ExtensionContext } from 'vscode';

/** A training process that was started, noted before it has a run folder. */
export interface StartNote {
  readonly pid: number;
  readonly recipeFile: string;
  readonly name: string;
  /** Where its run folder will be. */
  readonly workDir: string;
  /** A resumed run has its folder already. */
  readonly runFolder?: string;
  readonly startedAtMs: number;
}

/**
 * Notes of the trainings that this workspace has started and not seen ending, a file each. Written at once, unlike the
 * editor's memory, which a window that is reloaded in the same second may lose.
 */
export class StartNotes {
  constructor(private readonly folder: string) {}

  /** The notes of this workspace. */
  static of({ storageUri, globalStorageUri }: Pick<ExtensionContext, 'storageUri' | 'globalStorageUri'>): StartNotes {
    return new StartNotes(join((storageUri ?? globalStorageUri).fsPath, 'starts'));
  }

  add(note: StartNote): void {
    mkdirSync(this.folder, { recursive: true });
    writeFileSync(this.fileOf(note.pid), JSON.stringify(note));
  }

  list(): readonly StartNote[] {
    let names: string[];
    try {
      names = readdirSync(this.folder);
    } catch {
      return [];
    }
    return names.flatMap((name) => {
      try {
        const note = JSON.parse(readFileSync(join(this.folder, name), 'utf8')) as StartNote;
        return typeof note.pid === 'number' && typeof note.workDir === 'string' ? [note] : [];
      } catch {
        return [];
      }
    });
  }

  remove(pid: number): void {
    rmSync(this.fileOf(pid), { force: true });
  }

  private fileOf(pid: number): string {
    return join(this.folder, `${pid}.json`);
  }
}
