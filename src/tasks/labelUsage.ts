import { evenScore } from '../protocol/labelScheme';
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
  const scores = labels.map((label, id) => [label, own(details, label)?.score ?? evenScore(id, labels.length)]);
  const described = labels.flatMap((label) => {
    const { description, color } = own(details, label) ?? {};
    return description || color ? [[label, { ...(description && { description }), ...(color && { color }) }]] : [];
  });
  return {
    ...(Object.keys(mapping).length > 0 && { label_mapping: mapping }),
    ...(scored && { label_scores: Object.fromEntries(scores) }),
    ...(described.length > 0 && { label_details: Object.fromEntries(described) }),
  };
}

function own<T>(record: Readonly<Record<string, T>>, key: string): T | undefined {
  return Object.hasOwn(record, key) ? record[key] : undefined;
}
