import { readdir, stat } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { readTextFile } from '../base/textFile';
import { writeFileAtomically } from '../base/atomicFile';
import type { Fingerprint } from '../data/fingerprint';
import { recordIn, RunFolder } from './runFolder';

/** What a run's best model says of the rows it was validated on, which it did not learn from. */
export interface HeldOutPredictions {
  readonly format: 1;
  /** The file that the rows are of. */
  readonly file: Omit<Fingerprint, 'file'>;
  readonly labels: readonly string[];
  readonly step: number;
  /** Among the file's readable rows, from 0. */
  readonly rows: readonly number[];
  /** [rows][labels], rounded to six digits. */
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
 * Predictions for rows of a file by models that did not learn from them: those of the model's own run, then those of
 * finished runs beside it that began with the same model and tell the same labels apart, the newest first. Runs with
 * other seeds of `dataset.split` so add up to the cross-validated predictions that confident learning asks for.
 * @param modelPath the model's folder, inside the folder of its run
 * @returns by row; empty for a model without a run, or with none that kept predictions of this file
 */
export async function outOfFoldPredictions(
  modelPath: string,
  file: Omit<Fingerprint, 'file'>,
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

const isOf = (kept: HeldOutPredictions, file: Omit<Fingerprint, 'file'>, labels: readonly string[]): boolean =>
  kept.file.sha256 === file.sha256 && kept.file.sizeBytes === file.sizeBytes && kept.labels.join('\n') === labels.join('\n'); // prettier-ignore

/** A file that a person has edited, or that is not ours, counts as none. */
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

/** The newest first, by their names, which end with the time. */
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
