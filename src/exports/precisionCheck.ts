/** The effect on a model of scoring in int8, or in float16 on a GPU. It is measured once and kept with the quantised copies. */
import { MedTextError, words } from '../base/errors';
import { definitionOfModel } from '../evaluation/modelAnswers';
import { withModel } from '../evaluation/withModel';
import type { RunOptions } from '../inference/classifierRunner';
import { openEmbedder } from '../inference/embedder';
import type { ScoringPrecision } from '../inference/packedSession';
import { hasHead } from '../inference/openedModel';
import { cosine } from '../inference/vectorScorer';
import { openModelFolder, type ModelFolder } from '../models/modelFolder';
import { quantizedKey, readQuantizedNote, writeQuantizedNote } from '../models/quantizedCopy';
import { precisionCheck, type PrecisionCheck } from '../protocol/precisionCheck';
import { improves } from '../tasks/evaluationReport';
import { pairedDifferenceInterval } from '../tasks/intervals';
import { checkAnswers, type WithAnswers } from './checkExport';
import { checkRows, SENTENCES } from './checkRows';

/** A precision that may change predictions. */
type Lower = Exclude<ScoringPrecision, 'float32'>;

export interface PrecisionCheckOptions extends RunOptions {
  readonly threads?: number;
  /** The device for float16. int8 is always measured on the CPU. */
  readonly device?: string;
  readonly log?: (line: string) => void;
}

/** The largest share of changed predictions, used if no labels show whether they are worse. */
const MAX_CHANGED_SHARE = 0.05;
/** The largest loss of a metric without an interval. */
const MAX_METRIC_LOSS = 0.01;
const MIN_MEAN_COSINE = 0.95;

/**
 * The check of a model in a precision: the kept one, or a new one on up to 2,000 rows ({@link checkRows}).
 * @throws MedTextError the errors of opening the model; UNSUPPORTED for an ONNX graph, whose precision is fixed; CANCELLED.
 */
export async function checkPrecision(
  path: string,
  precision: Lower,
  options: PrecisionCheckOptions = {},
): Promise<PrecisionCheck> {
  const folder = await openModelFolder(path);
  const key = await keyOf(folder, precision, options);
  const kept = await keptCheck(key);
  if (kept) return kept;
  const compared = { ...options, device: precision === 'int8' ? 'cpu' : options.device, precision };
  const check = await ((await hasHead(folder)) ? ofModel(folder.path, compared) : ofEncoder(folder.path, compared));
  // If the check cannot be saved, the next use measures again.
  await writeQuantizedNote(key, check).catch((error: Error) => options.log?.(error.message));
  return check;
}

/** The key of a kept check. It names the device for float16, because devices round differently. */
async function keyOf(folder: ModelFolder, precision: Lower, { device, signal }: PrecisionCheckOptions) {
  const key = await quantizedKey(folder, signal);
  return precision === 'int8' ? key : `${key}-${precision}-${device}`;
}

/** The precision if it passed an earlier check on this device, otherwise float32. It measures nothing. */
export async function soundPrecision(path: string, precision: Lower, device: string): Promise<ScoringPrecision> {
  const check = await keptCheck(await keyOf(await openModelFolder(path), precision, { device }));
  return check && !check.harms ? precision : 'float32';
}

/** @throws MedTextError UNSUPPORTED if the precision harms the model. */
export function refuseHarm(check: PrecisionCheck, path: string): void {
  if (!check.harms) return;
  throw new MedTextError(
    'UNSUPPORTED',
    words`${path} is harmed by ${check.precision}: its predictions become worse (see the figures). Use the precision float32.`,
    { file: path, ...check },
  );
}

async function keptCheck(key: string): Promise<PrecisionCheck | undefined> {
  const note = await readQuantizedNote(key);
  try {
    return note === undefined ? undefined : precisionCheck(note, 'check');
  } catch {
    return undefined;
  }
}

type Comparison = PrecisionCheckOptions & { readonly precision: Lower };

/** Checks a model with a head. */
async function ofModel(
  path: string,
  { log, threads, device, precision, ...options }: Comparison,
): Promise<PrecisionCheck> {
  const opened = { device, threads, signal: options.signal };
  return withModel(path, opened, async (model) => {
    const rows = await checkRows(model, { signal: options.signal, log });
    const withLower: WithAnswers = (use) =>
      withModel(path, { ...opened, precision }, (lower) => use((examples, each, run) => lower.outputs(examples, each, run))); // prettier-ignore
    const { check, answers } = await checkAnswers(model, rows, withLower, options);
    const { metric: name, isRight } = definitionOfModel(model);
    const rights = (of: readonly unknown[]) => rows.rows.map(({ label }, row) => isRight!(of[row], label));
    const gain = rows.isLabelled && isRight && gainOf(rights(answers.before), rights(answers.after));
    const { largestDifference, changedAnswers, metric, of } = check;
    const measured = {
      ...{ precision, rows: check.rows, of, largestDifference },
      ...(changedAnswers !== undefined && { changedAnswers }),
      ...(metric && { metric }),
      ...(gain && { gain }),
    };
    const isWorse = metric && improves(name, metric.before, metric.after, MAX_METRIC_LOSS);
    return { ...measured, harms: isHarmful(measured, isWorse) };
  });
}

function gainOf(before: readonly boolean[], after: readonly boolean[]): NonNullable<PrecisionCheck['gain']> {
  const gained = after.filter((isRight, row) => isRight && !before[row]).length;
  const lost = before.filter((isRight, row) => isRight && !after[row]).length;
  const [low, high] = pairedDifferenceInterval(gained, lost, before.length);
  return { difference: (gained - lost) / before.length, low, high };
}

/** @param isWorse whether the metric is worse by {@link MAX_METRIC_LOSS}; undefined without a metric */
function isHarmful(
  { rows, changedAnswers, gain }: Omit<PrecisionCheck, 'harms'>,
  isWorse: boolean | undefined,
): boolean {
  if (gain) return gain.high < 0;
  if (isWorse !== undefined) return isWorse;
  return changedAnswers !== undefined && changedAnswers > MAX_CHANGED_SHARE * rows;
}

/** Checks an encoder without a head by comparing its vectors of sentences. */
async function ofEncoder(path: string, { device, threads, signal, precision }: Comparison): Promise<PrecisionCheck> {
  const vectors = async (precision: ScoringPrecision) => {
    const embedder = await openEmbedder(path, { device, threads, precision, signal });
    try {
      const { dimensions } = embedder;
      const values = await embedder.embed(SENTENCES, { signal });
      return SENTENCES.map((_, i) => values.slice(i * dimensions, (i + 1) * dimensions));
    } finally {
      await embedder.close();
    }
  };
  const [before, after] = [await vectors('float32'), await vectors(precision)];
  const cosines = before.map((vector, i) => cosine(vector, after[i]));
  const mean = cosines.reduce((sum, value) => sum + value, 0) / cosines.length;
  return {
    precision,
    rows: SENTENCES.length,
    of: 'samples',
    cosines: { mean, lowest: Math.min(...cosines) },
    harms: mean < MIN_MEAN_COSINE,
  };
}
