/** What becomes of the raw values of a label column: the three fields that a recipe's split and a `*.labels.json` share. */

/** What a person may say about a class; none of it is needed to train. */
export interface LabelDetails {
  description?: string;
  /** `#rrggbb`, for people's eyes. */
  color?: string;
  /** What the class counts for in a similarity, in [0, 1]. Absent: {@link impliedScores}. */
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

const SAME =
  /^(相同|同义|一致|等价|相似|相关|匹配|蕴[含涵]|是|同|(语义|意思|含义)(相同|一致|等价|相似)|same|similar|equivalents?|duplicates?|paraphrases?|entail(ment|s|ed)?|match(es|ed)?|relevant|related|true|yes)$/;
const BETWEEN =
  /^(部分(相同|一致|相似|相关|匹配)|中立|中性|neutral|partial(ly)?(same|similar|relevant|related|match)?)$/;
const DIFFERENT =
  /^(不同|不(相同|一致|等价|相似|相关|匹配|同义)|(语义|意思|含义)(不同|不一致|不相似)|无关|毫不相关|矛盾|否|不是|非|different|dissimilar|un(related|matched)|irrelevant|mismatch(ed)?|contradict(ion|s|ory)?|(not?|non)(same|similar|equivalent|duplicates?|paraphrases?|entail(ment|ed)?|match(ed)?|relevant|related)|false|no)$/;

/**
 * What each label counts for in a similarity where nobody says it, by what the labels are called: numbers are spaced evenly,
 * the least being 0 (KUAKE-QQR's 0, 1, 2 become 0, 0.5, 1; transformers' LABEL_0 is a 0); words that say "the same",
 * "different" or "partly" are 1, 0 and 0.5. Undefined where the names do not tell: nobody can say then which label means
 * that two texts are alike.
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
  // Two words for one end leave open which of them is the farther.
  const isScale = scores.includes(0) && scores.includes(1) && new Set(scores).size === labels.length;
  return isScale && scores.every(Number.isFinite) ? scores : undefined;
}

/**
 * What each label counts for, said by a person or by its name. Undefined where that is not known of every label.
 * @param said by label; what is missing is taken from the names
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
