/** What becomes of the raw values of a label column: the three fields that a recipe's split and a `*.labels.json` share. */

/** What a person may say about a class; none of it is needed to train. */
export interface LabelDetails {
  description?: string;
  /** `#rrggbb`, for people's eyes. */
  color?: string;
  /** What the class counts for in a similarity, in [0, 1]. Absent: evenly spaced in label order. */
  score?: number;
}

export interface LabelScheme {
  /** Their order gives the ids. Absent: still to be taken from the data. */
  readonly labels?: readonly (string | number)[];
  /** Raw value to label; null drops the row. */
  readonly label_mapping?: Readonly<Record<string, string | number | null>>;
  readonly label_details?: Readonly<Record<string, LabelDetails>>;
}

/**
 * The function that says what becomes of a raw value (white space around it taken off): a label, `null` (its rows are
 * left out) or `undefined` (not mapped). Labels map to themselves unless the mapping says otherwise; while labels are
 * still to be inferred, every value but the empty one is a label.
 */
export function targetsOf({ labels, label_mapping }: LabelScheme): (raw: string) => string | null | undefined {
  const byRawValue = new Map<string, string | null>();
  for (const label of labels ?? []) byRawValue.set(String(label).trim(), String(label).trim());
  for (const [raw, target] of Object.entries(label_mapping ?? {})) {
    byRawValue.set(raw.trim(), target === null ? null : String(target).trim());
  }
  return (raw) => {
    const label = byRawValue.get(raw);
    return label !== undefined || labels || raw === '' ? label : raw;
  };
}

/**
 * What the label at place `id` of `count` counts for in a similarity where nobody says otherwise: labels of similarity
 * data count upwards, so that KUAKE-QQR's 0, 1, 2 become 0, 0.5, 1.
 */
export function evenScore(id: number, count: number): number {
  return count > 1 ? id / (count - 1) : 1;
}

/**
 * The labels of values in a deterministic order that does not depend on how the file is shuffled: those that the file
 * declares, in its order; then numbers ascending, then the others by code point. (The order defines the ids, so a recipe
 * that names its labels is safer.)
 *
 * @param declared in the order of their ids; they are labels also where no value is one
 */
export function inferLabels(values: Iterable<string>, declared: readonly string[] = []): string[] {
  const isNumber = (value: string): boolean => value !== '' && Number.isFinite(Number(value));
  const known = new Set(declared);
  const distinct = [...new Set(values)].filter((value) => !known.has(value));
  const numbers = distinct.filter(isNumber).sort((a, b) => Number(a) - Number(b) || byCodePoint(a, b));
  return [...known, ...numbers, ...distinct.filter((value) => !isNumber(value)).sort(byCodePoint)];
}

/** The first that was there before. */
export function firstRepeated(labels: readonly string[]): string | undefined {
  const seen = new Set<string>();
  return labels.find((label) => seen.size === seen.add(label).size);
}

/** What people and programs write where there is no label, in lower case; "" is no value at all. */
const NO_LABEL = new Set(['', 'na', 'n/a', '#n/a', '<na>', 'nan', 'null', '无标签', '未标注']);

/** Whether a raw value says that its row has no label. It is a class all the same until somebody maps it to null. */
export function saysNoLabel(value: string): boolean {
  return NO_LABEL.has(value.trim().toLowerCase());
}

/**
 * The labels and the mapping that a recipe for these raw values should have: values that say that there is no label are left
 * out by name, so that the recipe runs on the rows that have them.
 */
export function proposedScheme(
  values: readonly string[],
  declared: readonly string[] = [],
): { labels: string[]; label_mapping: Record<string, null> } {
  const isDeclared = new Set(declared);
  const missing = new Set(values.filter((value) => saysNoLabel(value) && !isDeclared.has(value)));
  const labels = inferLabels(
    values.filter((value) => !missing.has(value)),
    declared,
  );
  return { labels, label_mapping: Object.fromEntries(Array.from(missing, (value) => [value, null])) };
}

/** Whether a label column holds amounts, for a regression, rather than classes: numbers with fractions. A guess. */
export function hasAmounts(labels: Iterable<string>): boolean {
  const numbers = [...labels].filter((label) => !saysNoLabel(label)).map(Number);
  // pandas writes the classes 0 and 1 of a column with gaps as 0.0 and 1.0.
  return numbers.every(Number.isFinite) && numbers.some((number) => !Number.isInteger(number));
}

/** UTF-16 units would put characters beyond the basic plane before U+E000. */
function byCodePoint(a: string, b: string): number {
  const [left, right] = [[...a], [...b]];
  for (let i = 0; i < Math.min(left.length, right.length); i++) {
    const difference = left[i].codePointAt(0)! - right[i].codePointAt(0)!;
    if (difference !== 0) return difference;
  }
  return left.length - right.length;
}
