/** The files of a corpus: what a person names, folders searched, each with its fingerprint. */
import { createHash } from 'node:crypto';
import { readdir, stat } from 'node:fs/promises';
import { extname, join, relative, sep } from 'node:path';
import { asMedTextError, MedTextError, words } from '../../base/errors';
import { fingerprintFile, type Fingerprint } from '../fingerprint';

/** Files whose text is read as it stands. */
const TEXT_EXTENSIONS: ReadonlySet<string> = new Set(['.txt', '.text', '.md', '.markdown']);
/** Files of rows, of which one column is read. */
const TABLE_EXTENSIONS: ReadonlySet<string> = new Set([
  '.jsonl',
  '.ndjson',
  '.json',
  '.csv',
  '.tsv',
  '.xlsx',
  '.parquet',
]);

/** A folder that has one of these is a model's or a run's, whose texts are vocabularies and logs. */
const PROGRAM_FILES: ReadonlySet<string> = new Set(['config.json', 'run.json']);

export interface CorpusFile extends Fingerprint {
  readonly isTable: boolean;
}

export interface CorpusFiles {
  /** In the order in which they are read: as named, a folder's by their path. */
  readonly files: readonly CorpusFile[];
  /** Whether a folder was named, or several files: each is a document of its own then, unless something else is said. */
  readonly isCollection: boolean;
  /** Files of folders that are no text, and empty ones. */
  readonly passedOver: number;
  readonly sizeBytes: number;
  /** The hash of all contents in their order. */
  readonly sha256: string;
}

/** Whether a file of this name is one that a folder is searched for: a JSON file may be anything. */
function isCorpusFile(name: string): boolean {
  const extension = extname(name).toLowerCase();
  if (extension === '.json') return false;
  return TEXT_EXTENSIONS.has(extension) || TABLE_EXTENSIONS.has(extension);
}

/**
 * A file that is named is taken whatever its extension, as text where that is no table's. Folders are searched through,
 * hidden names and links left out, and folders of programs: models, runs, packages.
 * @param paths absolute
 * @throws MedTextError NOT_FOUND, IO; DATA_FORMAT where there is no text; CANCELLED.
 */
export async function findCorpusFiles(paths: readonly string[], signal?: AbortSignal): Promise<CorpusFiles> {
  const found: string[] = [];
  let passedOver = 0;
  let isCollection = paths.length > 1;
  for (const path of paths) {
    const about = await stat(path).catch((error: unknown) => {
      const isMissing = (error as NodeJS.ErrnoException).code === 'ENOENT';
      throw isMissing ? new MedTextError('NOT_FOUND', words`${path} does not exist.`, { file: path }) : asMedTextError(error); // prettier-ignore
    });
    if (!about.isDirectory()) {
      found.push(path);
      continue;
    }
    isCollection = true;
    const inside = await filesBelow(path, signal);
    const texts = inside.filter(({ name, sizeBytes }) => isCorpusFile(name) && sizeBytes > 0);
    passedOver += inside.length - texts.length;
    for (const { name } of texts) found.push(join(path, name));
  }
  if (found.length === 0) {
    for (const path of paths) {
      const program = (await readdir(path).catch(() => [])).find((name) => PROGRAM_FILES.has(name));
      if (program !== undefined) throw new MedTextError('DATA_FORMAT', words`${path} holds ${program}, as the folder of a model or a run does, so it is not searched for texts. Name its files, or a folder with texts only.`, { paths }); // prettier-ignore
    }
    throw new MedTextError(
      'DATA_FORMAT',
      words`${paths.join(', ')}: there is no text in it (.txt, .md, .jsonl, .csv, .tsv, .xlsx, .parquet).`,
      { paths },
    );
  }
  const files: CorpusFile[] = [];
  const all = createHash('sha256');
  for (const path of found) {
    const fingerprint = await fingerprintFile(path, signal);
    all.update(`${fingerprint.sha256}\n`);
    files.push({ ...fingerprint, isTable: TABLE_EXTENSIONS.has(extname(path).toLowerCase()) });
  }
  const sizeBytes = files.reduce((sum, file) => sum + file.sizeBytes, 0);
  return { files, isCollection, passedOver, sizeBytes, sha256: all.digest('hex') };
}

/** Sorted by path, on every machine alike. */
async function filesBelow(folder: string, signal?: AbortSignal): Promise<{ name: string; sizeBytes: number }[]> {
  const files: { name: string; sizeBytes: number }[] = [];
  const search = async (path: string): Promise<void> => {
    if (signal?.aborted) throw new MedTextError('CANCELLED', `Reading ${folder} was cancelled.`, { file: folder });
    const entries = await readdir(path, { withFileTypes: true });
    if (entries.some(({ name }) => PROGRAM_FILES.has(name))) return;
    for (const entry of entries) {
      if (entry.name.startsWith('.') || entry.name === 'node_modules') continue;
      const inside = join(path, entry.name);
      if (entry.isDirectory()) await search(inside);
      else if (entry.isFile()) files.push({ name: relative(folder, inside), sizeBytes: (await stat(inside)).size });
    }
  };
  await search(folder).catch((error: unknown) => {
    throw asMedTextError(error);
  });
  const key = ({ name }: { name: string }) => name.split(sep).join('/');
  return files.sort((a, b) => (key(a) < key(b) ? -1 : 1));
}
