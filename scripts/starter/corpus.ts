/**
 * The texts in which the starter encoder's pieces are counted. Only training files are counted. A text is left out if it also
 * occurs in a dev or test file, or in the part of cMedQQ's training file that is held out for decisions.
 */
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

export interface LabelledPair {
  readonly first: string;
  readonly second: string;
  readonly isSame: boolean;
}

export interface Corpus {
  /** The counted texts, each once. */
  readonly counted: readonly string[];
  /** Paths below the data folder, with the number of texts counted in each. */
  readonly files: readonly { readonly file: string; readonly texts: number }[];
  /** Every eighth pair of cMedQQ's training file. */
  readonly heldOut: readonly LabelledPair[];
}

/** One row in this number is held out. */
const HELD_OUT_EVERY = 8;
const PAIRS = 'cMedQQ/train.txt';
/** ChineseBLUE's (Apache-2.0) files that may be counted. The data folder has no training files of its other sets. */
const COUNTED = [PAIRS, 'cMedIC/train.txt', 'cMedTC/train.txt', 'cEHRNER/train.json', 'cMedQANER/train.json'];
const COUNTED_SAMPLES = ['medical-pairs/train.json', 'departments/train.jsonl'];
/** Files that are never counted. Texts that also occur in them are left out everywhere. */
const JUDGES = ['cMedQQ', 'cMedIC', 'cMedTC', 'cEHRNER', 'cMedQANER', 'cMedQA', 'cMedIR'].flatMap((set) =>
  ['dev.txt', 'test.txt', 'dev.json', 'test.json'].map((name) => `${set}/${name}`),
);
const JUDGING_SAMPLES = ['medical-pairs/validation.json', 'medical-pairs/test.json', 'departments/validation.jsonl'];

export function readCorpus(data: string, samples: string): Corpus {
  const pairs = rowsOf(join(data, PAIRS)).map((row) => ({ first: row.texts[0], second: row.texts[1], isSame: row.label === '1' })); // prettier-ignore
  const heldOut = pairs.filter((_, i) => i % HELD_OUT_EVERY === 0);
  const judges = [
    ...JUDGES.map((file) => join(data, file)),
    ...JUDGING_SAMPLES.map((file) => join(samples, file)),
  ].filter((path) => existsSync(path));
  const kept = new Set(heldOut.flatMap(({ first, second }) => [first, second]));
  for (const path of judges) for (const { texts } of rowsOf(path)) texts.forEach((text) => kept.add(text));

  const counted = new Set<string>();
  const files = [...COUNTED.map((file) => [file, data]), ...COUNTED_SAMPLES.map((file) => [file, samples])].map(
    ([file, folder]) => {
      if (!/(^|\/)train\.[a-z]+$/.test(file)) throw new Error(`${file} is no training file`);
      const before = counted.size;
      for (const { texts } of rowsOf(join(folder, file))) {
        for (const text of texts) if (!kept.has(text)) counted.add(text);
      }
      return { file: folder === samples ? `samples/${file}` : file, texts: counted.size - before };
    },
  );
  return { counted: [...counted], files, heldOut };
}

/** Reads rows of `label TAB text [TAB text]`, JSON Lines, or a JSON array. */
function rowsOf(path: string): { label: string; texts: string[] }[] {
  const content = readFileSync(path, 'utf8').replace(/^\uFEFF/, '');
  if (path.endsWith('.txt')) {
    const fields = content.split(/\r?\n/).filter((line) => line !== '').map((line) => line.split('\t')); // prettier-ignore
    return fields.map(([label, ...texts]) => ({ label, texts }));
  }
  const rows: unknown[] = content.trimStart().startsWith('[')
    ? JSON.parse(content)
    : content.split('\n').filter((line) => line.trim() !== '').map((line) => JSON.parse(line)); // prettier-ignore
  return rows.map((row) => ({ label: '', texts: textsIn(row) }));
}

/** The strings in the fields that hold text. */
function textsIn(value: unknown): string[] {
  if (Array.isArray(value)) return value.flatMap(textsIn);
  if (typeof value !== 'object' || value === null) return [];
  return Object.entries(value).flatMap(([name, entry]) => {
    if (typeof entry === 'string') return /^(text|query\d?|title|sentence\d?)$/.test(name) ? [entry] : [];
    return textsIn(entry);
  });
}
