import { join } from 'node:path';
import { writeFileAtomically } from '../../base/atomicFile';
import { readTextFile } from '../../base/textFile';

/** What a person writes of a run: beside its record, which only the run writes. */
export interface RunNotes {
  readonly note: string;
  readonly tags: readonly string[];
}

const maxNote = 20_000;
const maxTags = 30;
const maxTag = 60;

const fileIn = (runFolder: string): string => join(runFolder, 'notes.json');

/** Nothing where nobody has written anything, or something else. */
export async function readRunNotes(runFolder: string): Promise<RunNotes> {
  try {
    const { note, tags } = JSON.parse(await readTextFile(fileIn(runFolder))) as { note?: unknown; tags?: unknown };
    return {
      note: typeof note === 'string' ? note.slice(0, maxNote) : '',
      tags: Array.isArray(tags) ? cleanTags(tags.filter((tag) => typeof tag === 'string')) : [],
    };
  } catch {
    return { note: '', tags: [] };
  }
}

/** @throws IO, DISK_FULL */
export async function writeRunNotes(runFolder: string, { note, tags }: RunNotes): Promise<void> {
  const content = { note: note.slice(0, maxNote), tags: cleanTags(tags) };
  await writeFileAtomically(fileIn(runFolder), `${JSON.stringify(content, undefined, 2)}\n`);
}

function cleanTags(tags: readonly string[]): string[] {
  const named = tags.map((tag) => tag.trim().slice(0, maxTag)).filter((tag) => tag !== '');
  return [...new Set(named)].slice(0, maxTags);
}
