import type { Example } from '../data/examples';
import { scoresOf } from '../protocol/labelScheme';
import type { ResolvedSplit } from '../protocol/recipe';

/**
 * What a model folder keeps of its training's labels, under config.json's `medtext`: how raw values become labels, so
 * that the same files can be evaluated without saying it again; what each label counts for in a similarity, if anybody
 * said so; and what people wrote of them.
 */
export function labelUsage(
  { label_mapping: mapping = {}, label_details: details = {} }: ResolvedSplit,
  labels: readonly string[],
): Record<string, unknown> {
  const scored = labels.some((label) => own(details, label)?.score !== undefined);
  const scores = scored ? scoresOf(labels, (label) => own(details, label)?.score) : undefined;
  const described = labels.flatMap((label) => {
    const { description, color } = own(details, label) ?? {};
    return description || color ? [[label, { ...(description && { description }), ...(color && { color }) }]] : [];
  });
  return {
    ...(Object.keys(mapping).length > 0 && { label_mapping: mapping }),
    ...(scores && { label_scores: Object.fromEntries(labels.map((label, id) => [label, scores[id]])) }),
    ...(described.length > 0 && { label_details: Object.fromEntries(described) }),
  };
}

/**
 * What a model folder keeps of a regression's labels: the scale on which its predictions are similarities. Labels within
 * [0, 1] are on it already; others span it, the least being 0 and the greatest 1. Labels that are all equal span none.
 */
export function regressionUsage(examples: readonly Pick<Example, 'label'>[]): Record<string, unknown> {
  let [least, greatest] = [Infinity, -Infinity];
  for (const { label } of examples) {
    least = Math.min(least, label!);
    greatest = Math.max(greatest, label!);
  }
  if (least >= 0 && greatest <= 1) return { label_range: [0, 1] };
  return least < greatest ? { label_range: [least, greatest] } : {};
}

function own<T>(record: Readonly<Record<string, T>>, key: string): T | undefined {
  return Object.hasOwn(record, key) ? record[key] : undefined;
}
