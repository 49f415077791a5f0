/** Finds the file of a data set that `#split` means. */
import { MedTextError, words } from '../base/errors';

/** Other usual names of a split. */
const SYNONYMS: readonly (readonly string[])[] = [
  ['train', 'training'],
  ['validation', 'valid', 'val', 'dev', 'development'],
  ['test', 'testing'],
];

export interface SplitChoice {
  /** The paths of files with rows. */
  readonly tables: readonly string[];
  /** ModelScope's table of splits: the file by `split` and `subset/split`. */
  readonly splits: Readonly<Record<string, string>>;
}

/**
 * A file's own path; or the file in the table of splits; or the one file that is named after the split: `train.csv`,
 * `KUAKE-QQR_train.json`, `data/train-00000-of-00001.parquet`, `train/part.csv`, under another usual name of the split
 * (`dev` for `validation`) only where none has its own. Without a split, the only file.
 * @param where the address, for messages
 * @throws MedTextError NOT_FOUND, naming the files that there are; UNSUPPORTED for a split in several files
 */
export function fileOfSplit({ tables, splits }: SplitChoice, split: string | undefined, where: string): string {
  const list = (paths: readonly string[]): string => `${paths.slice(0, 8).join(', ')}${paths.length > 8 ? ', …' : ''}`;
  if (split === undefined) {
    if (tables.length === 1) return tables[0];
    throw new MedTextError(
      'NOT_FOUND',
      words`${where} has ${tables.length} files: ${list(tables)}. Name one of them: ${where}#train, or # and the path of a file.`,
      { files: tables.slice(0, 50) },
    );
  }
  if (tables.includes(split)) return split;
  const mapped = Object.hasOwn(splits, split) ? splits[split] : undefined;
  if (mapped !== undefined && tables.includes(mapped)) return mapped;
  const [name, ...subset] = split.split('/').reverse();
  const inSubset = tables.filter((path) => subset.every((part) => path.split('/').includes(part)));
  const names = SYNONYMS.find((group) => group.includes(name.toLowerCase())) ?? [];
  for (const tried of [[name.toLowerCase()], names]) {
    const found = inSubset.filter((path) => tried.some((one) => isNamedAfter(path, one)));
    if (found.length === 1) return found[0];
    if (found.length > 1) {
      throw new MedTextError(
        'UNSUPPORTED',
        words`${where}#${split} is in ${found.length} files: ${list(found)}. Name one of them after #, or join them.`,
        { files: found.slice(0, 50) },
      );
    }
  }
  throw new MedTextError('NOT_FOUND', words`${where} has no file of the split "${split}": it has ${list(tables)}.`, {
    files: tables.slice(0, 50),
  });
}

function isNamedAfter(path: string, split: string): boolean {
  const segments = path.toLowerCase().split('/');
  const stem = segments
    .pop()!
    .replace(/(\.\w+?)(\.gz)?$/, '')
    .replace(/-\d{5}-of-\d{5}$/, '');
  return stem.split(/[-_.\s]/).includes(split) || segments.includes(split);
}
