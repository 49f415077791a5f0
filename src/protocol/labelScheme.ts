/** How the raw values of a label column become labels: the three fields that a recipe's split and a `*.labels.json` share. */

/** Details of a class that a person may give. The training needs none of them. */
export interface LabelDetails {
  description?: string;
  /** The display colour, `#rrggbb`. */
  color?: string;
  /** The similarity of a pair of this class, in [0, 1]. Absent: {@link impliedScores}. */
  score?: number;
}

export interface LabelScheme {
  /** The labels in the order of their ids. Absent: to be inferred from the data. */
  readonly labels?: readonly (string | number)[];
  /** Maps a raw value to a label; null drops its rows. */
  readonly label_mapping?: Readonly<Record<string, string | number | null>>;
  readonly label_details?: Readonly<Record<string, LabelDetails>>;
}

/**
 * Returns the function that maps a trimmed raw value to a label, to `null` (its rows are left out) or to `undefined` (not
 * mapped). Labels map to themselves unless the mapping says otherwise. Without a list of labels, every value but the empty
 * one is a label.
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

const SAME =
  /^(相同|同义|一致|等价|相似|相关|匹配|蕴[含涵]|是|同|(语义|意思|含义)(相同|一致|等价|相似)|same|similar|equivalents?|duplicates?|paraphrases?|entail(ment|s|ed)?|match(es|ed)?|relevant|related|true|yes)$/;
const BETWEEN =
  /^(部分(相同|一致|相似|相关|匹配)|中立|中性|neutral|partial(ly)?(same|similar|relevant|related|match)?)$/;
const DIFFERENT =
  /^(不同|不(相同|一致|等价|相似|相关|匹配|同义)|(语义|意思|含义)(不同|不一致|不相似)|无关|毫不相关|矛盾|否|不是|非|different|dissimilar|un(related|matched)|irrelevant|mismatch(ed)?|contradict(ion|s|ory)?|(not?|non)(same|similar|equivalent|duplicates?|paraphrases?|entail(ment|ed)?|match(ed)?|relevant|related)|false|no)$/;

/**
 * The similarity scores that the labels' names imply. Numbers are spaced evenly from 0 (KUAKE-QQR's 0, 1, 2 become 0, 0.5,
 * 1; transformers' LABEL_0 counts as 0). Words for "the same", "different" and "partly" become 1, 0 and 0.5.
 * @returns undefined if the names do not show which label means that two texts are alike
 */
export function impliedScores(labels: readonly string[]): readonly number[] | undefined {
  return scoresOfNumbers(labels) ?? scoresOfWords(labels);
}

function scoresOfNumbers(labels: readonly string[]): readonly number[] | undefined {
  const numbers = labels.map((label) => Number(/^(?:LABEL_)?(-?\d+(?:\.\d+)?)$/.exec(label.trim())?.[1] ?? NaN));
  const ascending = [...new Set(numbers)].sort((a, b) => a - b);
  if (labels.length < 2 || !numbers.every(Number.isFinite) || ascending.length < labels.length) return undefined;
  return numbers.map((number) => ascending.indexOf(number) / (labels.length - 1));
}

function scoresOfWords(labels: readonly string[]): readonly number[] | undefined {
  const scores = labels.map((label) => {
    const word = label.normalize('NFKC').toLowerCase().replace(/[\s_\-.]/g, ''); // prettier-ignore
    return SAME.test(word) ? 1 : DIFFERENT.test(word) ? 0 : BETWEEN.test(word) ? 0.5 : NaN;
  });
  // Two words for the same end of the scale leave their order open.
  const isScale = scores.includes(0) && scores.includes(1) && new Set(scores).size === labels.length;
  return isScale && scores.every(Number.isFinite) ? scores : undefined;
}

/**
 * The similarity scores of the labels; undefined if the score of some label is unknown.
 * @param said the scores that a person gave, by label; others are taken from the names
 */
export function scoresOf(
  labels: readonly string[],
  said: (label: string) => number | undefined,
): readonly number[] | undefined {
  const implied = impliedScores(labels);
  const scores = labels.map((label, id) => said(label) ?? implied?.[id]);
  return scores.every((score) => score !== undefined) ? scores : undefined;
}

/**
 * The labels of values, in an order that does not depend on the order of the rows: first the labels that the file declares,
 * then numbers ascending, then other values by code point. The order defines the ids, so a recipe that lists its labels is
 * safer.
 *
 * @param declared labels in the order of their ids; they count also if no row has them
 */
export function inferLabels(values: Iterable<string>, declared: readonly string[] = []): string[] {
  const isNumber = (value: string): boolean => value !== '' && Number.isFinite(Number(value));
  const known = new Set(declared);
  const distinct = [...new Set(values)].filter((value) => !known.has(value));
  const numbers = distinct.filter(isNumber).sort((a, b) => Number(a) - Number(b) || byCodePoint(a, b));
  return [...known, ...numbers, ...distinct.filter((value) => !isNumber(value)).sort(byCodePoint)];
}

/** The first label that occurs a second time. */
export function firstRepeated(labels: readonly string[]): string | undefined {
  const seen = new Set<string>();
  return labels.find((label) => seen.size === seen.add(label).size);
}

/** Values that mean "no label", in lower case. */
const NO_LABEL = new Set(['', 'na', 'n/a', '#n/a', '<na>', 'nan', 'null', '无标签', '未标注']);

/** Whether a raw value means that its row has no label. The value is a class until a person maps it to null. */
export function saysNoLabel(value: string): boolean {
  return NO_LABEL.has(value.trim().toLowerCase());
}

/**
 * The labels and the mapping for a new recipe on these raw values. Values that mean "no label" are mapped to null, so that
 * the recipe runs on the rows with labels.
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

/** Guesses whether a label column holds numbers for a regression: all values are numbers, and some have fractions. */
export function hasAmounts(labels: Iterable<string>): boolean {
  const numbers = [...labels].filter((label) => !saysNoLabel(label)).map(Number);
  // 0.0 and 1.0 count as whole numbers: pandas writes the classes 0 and 1 so if some rows have no label.
  return numbers.every(Number.isFinite) && numbers.some((number) => !Number.isInteger(number));
}

/** Compares by code point: UTF-16 units would sort characters beyond the basic plane before U+E000. */
function byCodePoint(a: string, b: string): number {
  const [left, right] = [[...a], [...b]];
  for (let i = 0; i < Math.min(left.length, right.length); i++) {
    const difference = left[i].codePointAt(0)! - right[i].codePointAt(0)!;
    if (difference !== 0) return difference;
  }
  return left.length - right.length;
}
