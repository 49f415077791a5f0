/**
 * Numbers that a model's folder gives its labels: what each label contributes to a similarity, or the range of a
 * regression.
 */
import { MedTextError, words } from '../base/errors';
import { impliedScores } from '../protocol/labelScheme';
import type { LabelRange } from '../protocol/scores';

/** The input of a score: two texts, or one text where the model reads one. */
export interface ScoredPair {
  readonly first: string;
  readonly second?: string;
}

/**
 * The score of each label, in label order: `stored` where the model has scores, else scores from the labels' names.
 * Undefined where the names say nothing.
 * @throws MedTextError MODEL_CONFIG when `stored` leaves a label out or has a score outside [0, 1].
 */
export function labelScores(labels: readonly string[], stored: unknown, where: string): readonly number[] | undefined {
  if (stored === undefined || stored === null) return impliedScores(labels);
  const given = stored as Readonly<Record<string, unknown>>;
  return labels.map((label) => {
    const score = typeof given === 'object' && Object.hasOwn(given, label) ? given[label] : undefined;
    if (typeof score === 'number' && score >= 0 && score <= 1) return score;
    throw new MedTextError(
      'MODEL_CONFIG',
      words`${where}: medtext.label_scores gives the label "${label}" no score between 0 and 1.`,
      { label, found: score },
    );
  });
}

/**
 * The range of a regression's labels that training stored. @throws MedTextError MODEL_CONFIG for a value that is no
 * range.
 */
export function labelRange(stored: unknown, where: string): LabelRange | undefined {
  if (stored === undefined || stored === null) return undefined;
  const [least, greatest] = Array.isArray(stored) ? (stored as unknown[]) : [];
  if (Number.isFinite(least) && Number.isFinite(greatest) && (least as number) < (greatest as number)) {
    return [least as number, greatest as number];
  }
  throw new MedTextError(
    'MODEL_CONFIG',
    words`${where}: medtext.label_range must be the smallest and the largest label, such as [0, 5].`,
    { found: stored },
  );
}
