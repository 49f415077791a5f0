/** Thresholds of a model for several labels: the lowest probability at which a label is predicted. */
import { MedTextError, words } from '../base/errors';

/** The threshold if none was chosen. */
export const USUAL_THRESHOLD = 0.5;

/** The sigmoid of a float32 logit, in float64. */
export function probabilityOf(logit: number): number {
  return 1 / (1 + Math.exp(-logit));
}

/** The thresholds in `medtext` of config.json, in label order; the usual one if there are none. @throws MODEL_CONFIG for a label without a probability */
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

/** The ids of the predicted labels, ascending. */
export function labelsAbove(probabilities: ArrayLike<number>, thresholds: readonly number[]): number[] {
  return Array.from(thresholds.keys()).filter((id) => probabilities[id] >= thresholds[id]);
}
