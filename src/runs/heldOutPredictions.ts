import { readdir, stat } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { readTextFile } from '../base/textFile';
import { writeFileAtomically } from '../base/atomicFile';
import type { Fingerprint } from '../data/fingerprint';
import { recordIn, RunFolder } from './runFolder';

/** The sheets of a workbook have one fingerprint, and rows of equal numbers. */
export type RowsFile = Omit<Fingerprint, 'file'> & { readonly sheet?: string };

/** Predictions of a run's best model for its validation rows, which it did not learn from. */
export interface HeldOutPredictions {
  readonly format: 1;
  /** The fingerprint of the rows' file, and the sheet of a workbook. */
  readonly file: RowsFile;
  readonly labels: readonly string[];
  readonly step: number;
  /** 0-based places among the file's readable rows. */
  readonly rows: readonly number[];
  /** Probabilities [rows][labels], rounded to six digits. */
  readonly probabilities: readonly (readonly number[])[];
}

const maxBytes = 256 * 2 ** 20;
const maxRuns = 100;

/** @param probabilities [rows, labels] row after row */
export async function writeHeldOutPredictions(
  folder: RunFolder,
  { rows, labels, ...about }: Omit<HeldOutPredictions, 'format' | 'probabilities'>,
  probabilities: ArrayLike<number>,
): Promise<void> {
  const table = rows.map((_, at) => labels.map((_, label) => Number(probabilities[at * labels.length + label].toFixed(6)))); // prettier-ignore
  const content: HeldOutPredictions = { format: 1, ...about, labels, rows, probabilities: table };
  await writeFileAtomically(folder.heldOutPredictionsFile, `${JSON.stringify(content)}\n`);
}

/**
 * Predictions for rows of a file by models that did not learn from them. The model's own run comes first, then finished runs
 * beside it with the same starting model and the same labels, the newest first. Runs with other seeds of `dataset.split`
 * together give the cross-validated predictions that confident learning needs.
 * @param modelPath the model's folder inside the folder of its run
 * @returns probabilities by row; empty if the model has no run, or no run kept predictions for this file
 */
export async function outOfFoldPredictions(
  modelPath: string,
  file: RowsFile,
  labels: readonly string[],
): Promise<ReadonlyMap<number, readonly number[]>> {
  const found = new Map<number, readonly number[]>();
  const own = new RunFolder(dirname(modelPath));
  const record = await recordIn(own);
  if (!record) return found;
  const siblings = record.model?.contentHash === undefined ? [] : await runsBeside(own);
  for (const folder of [own, ...siblings]) {
    const other = folder === own ? record : await recordIn(folder);
    const isAlike = other?.status === 'finished' && other.model?.contentHash === record.model?.contentHash;
    if (folder !== own && !isAlike) continue;
    const kept = await heldOutIn(folder);
    if (!kept || !isWhole(kept) || !isOf(kept, file, labels)) continue;
    kept.rows.forEach((row, at) => found.has(row) || found.set(row, kept.probabilities[at]));
  }
  return found;
}

const isOf = (kept: HeldOutPredictions, file: RowsFile, labels: readonly string[]): boolean =>
  kept.file.sha256 === file.sha256 && kept.file.sizeBytes === file.sizeBytes && kept.file.sheet === file.sheet && kept.labels.join('\n') === labels.join('\n'); // prettier-ignore

/** Whether the file is intact. An edited or foreign file is ignored. */
function isWhole({ format, file, labels, rows, probabilities }: HeldOutPredictions): boolean {
  return (
    format === 1 &&
    typeof file?.sha256 === 'string' &&
    Array.isArray(labels) &&
    Array.isArray(rows) &&
    Array.isArray(probabilities) &&
    rows.length === probabilities.length &&
    probabilities.every((row) => Array.isArray(row) && row.length === labels.length && row.every(Number.isFinite))
  );
}

/** The runs beside a run, the newest first by the time at the end of their names. */
async function runsBeside(own: RunFolder): Promise<RunFolder[]> {
  const workDir = dirname(own.path);
  const entries = await readdir(workDir, { withFileTypes: true }).catch(() => []);
  const names = entries.filter((entry) => entry.isDirectory() && entry.name !== own.id).map(({ name }) => name);
  const timeOf = (name: string): string => /\d{8}-\d{6}(-\d+)?$/.exec(name)?.[0] ?? '';
  names.sort((a, b) => timeOf(b).localeCompare(timeOf(a)));
  return names.slice(0, maxRuns).map((name) => new RunFolder(join(workDir, name)));
}

async function heldOutIn({ heldOutPredictionsFile: path }: RunFolder): Promise<HeldOutPredictions | undefined> {
  try {
    if ((await stat(path)).size > maxBytes) return undefined;
    return JSON.parse(await readTextFile(path)) as HeldOutPredictions;
  } catch {
    return undefined;
  }
}
