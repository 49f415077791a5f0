import { applyEdits, modify } from 'jsonc-parser';

/**
 * The recipe's text with a label mapping for the training split, formatted as before elsewhere. Values that keep their
 * name need no entry; labels are those that remain, in the order met, those listed already first.
 */
export function withLabelMapping(text: string, mapping: Readonly<Record<string, string | null>>): string {
  const formattingOptions = { insertSpaces: true, tabSize: 2, eol: text.includes('\r\n') ? '\r\n' : '\n' };
  const set = (json: string, field: string, value: unknown): string =>
    applyEdits(json, modify(json, ['dataset', 'train', field], value, { formattingOptions }));
  const recipe = JSON.parse(text) as { dataset: { train: { labels?: unknown[] } } };
  const remaining = new Set(Object.values(mapping).filter((label) => label !== null));
  const listed = (recipe.dataset.train.labels ?? []).map(String).filter((label) => remaining.has(label));
  const labels = [...new Set([...listed, ...remaining])];
  const changes = Object.entries(mapping).filter(([raw, label]) => raw !== label);
  const withMapping = set(text, 'label_mapping', changes.length > 0 ? Object.fromEntries(changes) : undefined);
  return set(withMapping, 'labels', labels);
}
