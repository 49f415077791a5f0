/** What scoring in int8 costs a model: measured once, kept with the quantised copy. */
import { MedTextError, words } from '../base/errors';
import { definitionOfModel } from '../evaluation/modelAnswers';
import { withModel } from '../evaluation/withModel';
import type { RunOptions } from '../inference/classifierRunner';
import { openEmbedder } from '../inference/embedder';
import type { ScoringPrecision } from '../inference/packedSession';
import { hasHead } from '../inference/openedModel';
import { cosine } from '../inference/vectorScorer';
import { openModelFolder } from '../models/modelFolder';
import { quantizedKey, readQuantizedNote, writeQuantizedNote } from '../models/quantizedCopy';
import { precisionCheck, type PrecisionCheck } from '../protocol/precisionCheck';
import { improves } from '../tasks/evaluationReport';
import { pairedDifferenceInterval } from '../tasks/intervals';
import { checkAnswers } from './checkExport';
import { checkRows, SENTENCES } from './checkRows';

export interface PrecisionCheckOptions extends RunOptions {
  readonly threads?: number;
  readonly log?: (line: string) => void;
}

/** Where no labels say whether a changed answer is a worse one. */
const MAX_CHANGED_SHARE = 0.05;
/** Of a metric without an interval of its own. */
const MAX_METRIC_LOSS = 0.01;
const MIN_MEAN_COSINE = 0.95;

/**
 * The check of a model in int8: as it was kept, or made now on up to 2,000 rows ({@link checkRows}).
 * @throws MedTextError what opening the model throws; UNSUPPORTED for an ONNX graph, whose precision is its own; CANCELLED.
 */
export async function checkInt8(path: string, options: PrecisionCheckOptions = {}): Promise<PrecisionCheck> {
  const folder = await openModelFolder(path);
  const key = await quantizedKey(folder, options.signal);
  const kept = await keptCheck(key);
  if (kept) return kept;
  const check = await ((await hasHead(folder)) ? ofModel(folder.path, options) : ofEncoder(folder.path, options));
  // A disk that refuses it costs another measurement.
  await writeQuantizedNote(key, check).catch((error: Error) => options.log?.(error.message));
  return check;
}

/** int8 where that is asked for, and was measured and found sound; else float32. Measures nothing. */
export async function soundPrecision(path: string, asked: ScoringPrecision | undefined): Promise<ScoringPrecision> {
  if (asked !== 'int8') return 'float32';
  const check = await keptCheck(await quantizedKey(await openModelFolder(path)));
  return check && !check.harms ? 'int8' : 'float32';
}

/** @throws MedTextError UNSUPPORTED for a model that int8 harms. */
export function refuseHarm(check: PrecisionCheck, path: string): void {
  if (!check.harms) return;
  throw new MedTextError(
    'UNSUPPORTED',
    words`${path} is harmed by int8: its predictions become worse (see the figures). Use the precision float32.`,
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

/** Both are open at once, so that answers need not be kept apart. */
async function ofModel(path: string, { log, threads, ...options }: PrecisionCheckOptions): Promise<PrecisionCheck> {
  const opened = { device: 'cpu', threads, signal: options.signal };
  return withModel(path, opened, async (model) => {
    const rows = await checkRows(model, { signal: options.signal, log });
    const { check, answers } = await withModel(path, { ...opened, precision: 'int8' }, (quantized) =>
      checkAnswers(model, rows, (examples, each, run) => quantized.outputs(examples, each, run), options),
    );
    const { metric: name, isRight } = definitionOfModel(model);
    const values = Object.entries(check).find(([field]) => field === name)?.[1] as Change | undefined;
    const rights = (of: readonly unknown[]) => rows.rows.map(({ label }, row) => isRight!(of[row], label));
    const gain = rows.isLabelled && isRight && gainOf(rights(answers.before), rights(answers.after));
    const { largestDifference, changedAnswers, of } = check;
    const measured = {
      ...{ precision: 'int8' as const, rows: check.rows, of, largestDifference },
      ...(changedAnswers !== undefined && { changedAnswers }),
      ...(values && { metric: { name, ...values } }),
      ...(gain && { gain }),
    };
    const isWorse = values && improves(name, values.before, values.after, MAX_METRIC_LOSS);
    return { ...measured, harms: isHarmful(measured, isWorse) };
  });
}

function gainOf(before: readonly boolean[], after: readonly boolean[]): NonNullable<PrecisionCheck['gain']> {
  const gained = after.filter((isRight, row) => isRight && !before[row]).length;
  const lost = before.filter((isRight, row) => isRight && !after[row]).length;
  const [low, high] = pairedDifferenceInterval(gained, lost, before.length);
  return { difference: (gained - lost) / before.length, low, high };
}

interface Change {
  readonly before: number;
  readonly after: number;
}

/** @param isWorse whether the metric is worse by {@link MAX_METRIC_LOSS}; undefined where there is none */
function isHarmful(
  { rows, changedAnswers, gain }: Omit<PrecisionCheck, 'harms'>,
  isWorse: boolean | undefined,
): boolean {
  if (gain) return gain.high < 0;
  if (isWorse !== undefined) return isWorse;
  return changedAnswers !== undefined && changedAnswers > MAX_CHANGED_SHARE * rows;
}

/** An encoder has no answers: its vectors of sentences are compared. */
async function ofEncoder(path: string, { threads, signal }: PrecisionCheckOptions): Promise<PrecisionCheck> {
  const vectors = async (precision: ScoringPrecision) => {
    const embedder = await openEmbedder(path, { device: 'cpu', threads, precision, signal });
    try {
      const { dimensions } = embedder;
      const values = await embedder.embed(SENTENCES, { signal });
      return SENTENCES.map((_, i) => values.slice(i * dimensions, (i + 1) * dimensions));
    } finally {
      await embedder.close();
    }
  };
  const [before, after] = [await vectors('float32'), await vectors('int8')];
  const cosines = before.map((vector, i) => cosine(vector, after[i]));
  const mean = cosines.reduce((sum, value) => sum + value, 0) / cosines.length;
  return {
    precision: 'int8',
    rows: SENTENCES.length,
    of: 'samples',
    cosines: { mean, lowest: Math.min(...cosines) },
    harms: mean < MIN_MEAN_COSINE,
  };
}
