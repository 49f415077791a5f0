import type { Memory } from '../modelStore';

const key = 'medtext.previewSheets';
/** The files that are remembered; of more the one that was chosen first is forgotten. */
const maxFiles = 200;

/** The sheet of each workbook that a person has chosen, kept with the workspace. */
export class ChosenSheets {
  constructor(private readonly memory: Memory) {}

  of(file: string): string | undefined {
    return this.entries().find(([name]) => name === file)?.[1];
  }

  async choose(file: string, sheet: string): Promise<void> {
    if (this.of(file) === sheet) return;
    await this.memory.update(key, [...this.without(file), [file, sheet]].slice(-maxFiles));
  }

  async forget(file: string): Promise<void> {
    if (this.of(file) !== undefined) await this.memory.update(key, this.without(file));
  }

  private without(file: string): (readonly [string, string])[] {
    return this.entries().filter(([name]) => name !== file);
  }

  private entries(): readonly (readonly [string, string])[] {
    return this.memory.get<(readonly [string, string])[]>(key) ?? [];
  }
}
