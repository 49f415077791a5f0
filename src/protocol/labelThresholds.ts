/** Of a model that gives several labels: from which probability one is given. */
import { MedTextError, words } from '../base/errors';

/** Where nobody chose any. */
export const USUAL_THRESHOLD = 0.5;

/** In float64: what a float32 logit means. */
export function probabilityOf(logit: number): number {
  return 1 / (1 + Math.exp(-logit));
}

/** Of a model that is used. @throws MODEL_CONFIG for what is no probability, or of other labels */
export function thresholdsIn(usage: Readonly<Record<string, unknown>>, labels: readonly string[]): readonly number[] {
  const { thresholds } = usage;
  if (thresholds === undefined || thresholds === null) return labels.map(() => USUAL_THRESHOLD);
  return labels.map((label) => {
    const isKnown = typeof thresholds === 'object' && Object.hasOwn(thresholds, label);
    const value = isKnown ? (thresholds as Record<string, unknown>)[label] : undefined;
    if (typeof value === 'number' && value >= 0 && value <= 1) return value;
    throw new MedTextError(
      'MODEL_CONFIG',
      words`config.json: medtext.thresholds gives the label "${label}" no probability between 0 and 1.`,
      { label, found: value },
    );
  });
}

/** The ids of the labels that are given, ascending. */
export function labelsAbove(probabilities: ArrayLike<number>, thresholds: readonly number[]): number[] {
  return Array.from(thresholds.keys()).filter((id) => probabilities[id] >= thresholds[id]);
}
