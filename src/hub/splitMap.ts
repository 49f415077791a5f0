/**
 * A data set of ModelScope may have a table of its splits: `{subset: {split: {meta: "train.csv", file: "x.zip"}}}` in
 * `NAME.json` (modelscope 1.36.3, msdatasets/meta/data_meta_manager.py, parse_dataset_structure, and
 * msdatasets/utils/dataset_utils.py, get_target_dataset_structure: the first subset unless one is named).
 */
import type { RemoteFile } from './hub';

/** A bound on bytes: a table of splits is a page, and a larger file of that name holds rows. */
const MAX_BYTES = 256 * 1024;

/** The file that would be it; whether it is one its content says. */
export function splitMapFile(files: readonly RemoteFile[], name: string): RemoteFile | undefined {
  const file = files.find(({ path }) => path === `${name}.json`);
  return file && file.sizeBytes <= MAX_BYTES ? file : undefined;
}

/**
 * The file of each split, by `split` (of the first subset) and by `subset/split`.
 * @param paths of the repository: a file that is not in it cannot be meant
 * @returns undefined where the text is something else
 */
export function parseSplitMap(text: string, paths: ReadonlySet<string>): Readonly<Record<string, string>> | undefined {
  let json: unknown;
  try {
    json = JSON.parse(text.replace(/^\uFEFF/, ''));
  } catch {
    return undefined;
  }
  if (!isObject(json)) return undefined;
  const files = new Map<string, string>();
  for (const [at, [subset, splits]] of Object.entries(json).entries()) {
    if (!isObject(splits)) return undefined;
    for (const [split, entry] of Object.entries(splits)) {
      if (!isObject(entry) || typeof (entry.meta ?? entry.file) !== 'string') return undefined;
      const path = [entry.meta, entry.file].find((one) => typeof one === 'string' && paths.has(one));
      if (typeof path !== 'string') continue;
      files.set(`${subset}/${split}`, path);
      if (at === 0) files.set(split, path);
    }
  }
  return files.size === 0 && Object.keys(json).length === 0 ? undefined : Object.fromEntries(files);
}

function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
