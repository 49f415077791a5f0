/** Parsing of several labels in one cell. */

/** Possible separators between labels, the likeliest first. */
export const SEPARATORS = ['|', ';', '；', '、', ',', '，', '\t', '/', '／', '+', '&', ' '] as const;

/** The names in a text, split at the separator and trimmed. */
export function labelParts(text: string, separator: string | null): readonly string[] {
  const parts = separator === null ? [text] : text.split(separator);
  return parts.map((part) => part.trim()).filter((part) => part !== '');
}

/** The names in a list; undefined for any other value. */
export function namesIn(list: unknown): readonly string[] | undefined {
  if (!Array.isArray(list)) return undefined;
  const isName = (item: unknown) => ['string', 'number', 'boolean', 'bigint'].includes(typeof item);
  const names = list.map((item) => (isName(item) ? String(item).trim() : ''));
  return names.includes('') ? undefined : names;
}

/** The names in a text that is a list in JSON, or as Python prints a list of texts without quotes. Undefined for any other text. */
export function namesInText(text: string): readonly string[] | undefined {
  if (!text.startsWith('[') || !text.endsWith(']')) return undefined;
  for (const json of [text, /["\\]/.test(text) ? undefined : text.replaceAll("'", '"')]) {
    try {
      if (json !== undefined) return namesIn(JSON.parse(json));
    } catch {
      // The text is not JSON. It may be a list that Python printed.
    }
  }
  return undefined;
}
