/** Sentences that are English where they are made and another language where they are read. */
import { cutTo, MAX_VALUE_LENGTH, textOfValue } from './plainText';
import type { Translate } from './translate';

/** Plain data, which can cross to another process or lie in a file. */
export interface PlainWords {
  /** `{0}` stands for the first value. */
  readonly template: string;
  readonly values: readonly (string | number | boolean | PlainWords)[];
}

/** A template and the values in it. Its `toString` gives the English sentence. */
export class Words implements PlainWords {
  constructor(
    readonly template: string,
    readonly values: readonly (string | number | boolean | Words)[],
  ) {}

  toString(): string {
    return this.template.replace(/\{(\d+)\}/g, (whole, index: string) => String(this.values[Number(index)] ?? whole));
  }
}

/** The templates by their place in the code, since a file may have a million bad rows with one reason. */
const templates = new WeakMap<TemplateStringsArray, string>();

/**
 * words`${path} is no recipe.`: the template `{0} is no recipe.`, whose translation the editor's bundle holds, and its
 * value. A value that is itself words is translated, too.
 */
export function words(parts: TemplateStringsArray, ...values: readonly unknown[]): Words {
  let template = templates.get(parts);
  if (template === undefined) {
    template = parts.reduce((text, part, i) => `${text}{${i - 1}}${part}`);
    templates.set(parts, template);
  }
  return new Words(template, values.map(asValue));
}

/** A list within a sentence; the separator may be words, for not every language writes a comma alike. */
export function joined(parts: readonly (string | Words)[], separator: string | Words): Words {
  const values = parts.flatMap((part, i) => (i === 0 ? [part] : [separator, part]));
  return new Words(values.map((_, i) => `{${i}}`).join(''), values);
}

/** The sentence as plain data, in English and for translation: a state keeps it as it keeps an error. */
export function messageAndWords(said: Words): { readonly message: string; readonly words: Words } {
  return { message: String(said), words: said };
}

/** The sentence in the language of `t`. */
export function translated({ template, values }: PlainWords, t: Translate): string {
  return t(template, ...values.map((value) => (typeof value === 'object' ? translated(value, t) : value)));
}

/** A bound on nesting. No message of ours nests deeper; data from elsewhere may. */
const MAX_DEPTH = 12;

/** The words in data from another process or a file; undefined where the data hold none. */
export function wordsFrom(value: unknown, depth = 0): Words | undefined {
  const { template, values } = (value ?? {}) as Partial<Record<keyof PlainWords, unknown>>;
  if (depth > MAX_DEPTH || typeof template !== 'string' || !Array.isArray(values)) return undefined;
  const read = values.map((one) => (typeof one === 'object' ? wordsFrom(one, depth + 1) : asValue(one)));
  return read.every((one) => one !== undefined) ? new Words(template, read) : undefined;
}

function asValue(value: unknown): string | number | boolean | Words {
  const isPlain = typeof value === 'number' || typeof value === 'boolean' || value instanceof Words;
  return isPlain ? value : cutTo(MAX_VALUE_LENGTH, textOfValue(value));
}
