/**
 * Translates regular expressions of tokenizer.json files, which are Oniguruma's (Ruby's syntax), into JavaScript's. The
 * classes of characters come from our own tables, so that texts split alike on every runtime.
 *
 * An expression treats all characters alike that are in the same of its classes. So the expression runs over a text in
 * which each character is replaced by the letter of its kind; there are about ten kinds. JavaScript's engine takes up
 * to a hundred times as long for classes of hundreds of ranges.
 */
import { aloneWordRanges, categoryRanges, parseRanges, patternWordRanges, spaceRanges } from './characterClasses';
import { complement, intersection, runtimeProperty, union, type CharacterSet } from './characterSet';
import { ALSO_ALPHABETIC, ALSO_LOWER, ALSO_UPPER } from './unicodeTables';

/** Thrown for a part of an expression that has no translation. */
class UntranslatablePattern extends Error {}

/** An expression over kinds of characters. */
export interface KindPattern {
  readonly expression: RegExp;
  /** The kind of each code point: the code unit that stands for it in the text that the expression runs over. */
  readonly kinds: Uint16Array;
}

/**
 * Translates an Oniguruma expression.
 * @throws UntranslatablePattern for a part that has no counterpart in JavaScript.
 */
export function translatePattern(pattern: string): KindPattern {
  const translation = new Translation(pattern);
  const source = translation.translate();
  const { kinds, members } = partition(translation.sets);
  const written = source.replace(/[\ue000-\uf8ff]/g, (letter) => {
    const kindsOfSet = members[letter.charCodeAt(0) - FIRST_SET];
    return `[${kindsOfSet.map((kind) => `\\u${kind.toString(16).padStart(4, '0')}`).join('')}]`;
  });
  return { expression: new RegExp(written, 'g'), kinds };
}

const FIRST_SET = 0xe000;
const FIRST_KIND = 0x100;
const MOST_SETS = 1000;

/** Divides all code points into kinds by the sets that they are in. */
function partition(sets: readonly CharacterSet[]): { kinds: Uint16Array; members: number[][] } {
  const events = sets.flatMap((set, i) =>
    union(set).flatMap(
      ([first, last]) =>
        [
          [first, i],
          [last + 1, i],
        ] as const,
    ),
  );
  events.sort(([a], [b]) => a - b);
  const kinds = new Uint16Array(0x110000);
  const kindOf = new Map<string, number>();
  const members = sets.map((): number[] => []);
  const inside = sets.map(() => false);
  for (let next = 0, from = 0; from <= 0x10ffff;) {
    while (next < events.length && events[next][0] === from) {
      const set = events[next++][1];
      inside[set] = !inside[set];
    }
    const to = events[next]?.[0] ?? 0x110000;
    const key = inside.map(Number).join('');
    let kind = kindOf.get(key);
    if (kind === undefined) {
      kind = FIRST_KIND + kindOf.size;
      kindOf.set(key, kind);
      inside.forEach((is, set) => is && members[set].push(kind!));
    }
    kinds.fill(kind, from, to);
    from = to;
  }
  return { kinds, members };
}

interface Options {
  readonly ignoreCase: boolean;
  readonly dotAll: boolean;
}

const SIMPLE_ESCAPES: Readonly<Record<string, number>> = { t: 9, n: 10, v: 11, f: 12, r: 13, a: 7, e: 27 };
const LINE_ENDS: CharacterSet = parseRanges('a-d 85 2028-2029');
const ANYTHING = '[^]';
const NEWLINE: CharacterSet = [[10, 10]];

class Translation {
  /** The classes of the expression, each once. */
  readonly sets: CharacterSet[] = [];

  private readonly letters = new Map<string, string>();
  private at = 0;
  private atomicGroups = 0;

  constructor(private readonly pattern: string) {}

  translate(): string {
    const source = this.alternatives({ ignoreCase: false, dotAll: false });
    if (this.at < this.pattern.length) throw this.problem('unmatched )');
    return source;
  }

  /** Reads alternatives up to the closing bracket or the end. */
  private alternatives(options: Options): string {
    let source = '';
    while (this.at < this.pattern.length && this.peek() !== ')') {
      if (this.peek() === '|') {
        this.at++;
        source += '|';
        continue;
      }
      // `(?i)` holds to the end of its group, including later alternatives.
      const inline = /^\(\?([im]*)(?:-([im]*))?\)/.exec(this.pattern.slice(this.at));
      if (inline) {
        this.at += inline[0].length;
        source += `(?:${this.alternatives(changed(options, inline[1], inline[2]))})`;
        continue;
      }
      source += this.quantified(this.atom(options));
    }
    return source;
  }

  private quantified(atom: string): string {
    for (;;) {
      const match = /^(?:[*+?]|\{(\d*),?(\d*)\})/.exec(this.pattern.slice(this.at));
      if (!match || match[0] === '{}' || match[0] === '{,}') return atom;
      this.at += match[0].length;
      const interval = match[0][0] === '{';
      const quantifier = match[0].replace(/^\{,/, '{0,');
      const suffix = this.peek();
      if (suffix === '?') {
        this.at++;
        return `${atom}${quantifier}?`;
      }
      if (suffix === '+' && !interval) {
        this.at++;
        return this.atomic(`${atom}${quantifier}`);
      }
      // A second quantifier applies to the atom with its first quantifier.
      atom = /^[*+?{]/.test(suffix) ? `(?:${atom}${quantifier})` : `${atom}${quantifier}`;
      if (!/^[*+?{]/.test(suffix)) return atom;
    }
  }

  /** An atomic group keeps what it has matched, because the engine does not enter a look-ahead again. */
  private atomic(source: string): string {
    const name = `atomic${++this.atomicGroups}`;
    return `(?:(?=(?<${name}>${source}))\\k<${name}>)`;
  }

  private atom(options: Options): string {
    const character = this.next();
    switch (character) {
      case '(':
        return this.group(options);
      case '[':
        return this.letter(this.withCase(this.classAfterBracket(), options));
      case '.':
        return options.dotAll ? ANYTHING : this.letter(complement(NEWLINE));
      case '^':
        return `(?:(?<!${ANYTHING})|(?<=${this.letter(NEWLINE)})(?=${ANYTHING}))`;
      case '$':
        return `(?=${this.letter(NEWLINE)}|(?!${ANYTHING}))`;
      case '\\':
        return this.escape(options);
      case '*':
      case '+':
      case '?':
        throw this.problem(`${character} without anything to repeat`);
      default:
        return this.literal(character.codePointAt(0)!, options);
    }
  }

  private group(options: Options): string {
    const opening = /^\?(?:(:|=|!|<=|<!|>|<\w+>)|#[^)]*\)|([im]*)(?:-([im]*))?:)/.exec(this.pattern.slice(this.at));
    let inner = options;
    let kind = '(';
    if (opening) {
      this.at += opening[0].length;
      if (opening[0].startsWith('?#')) return '(?:)';
      if (opening[1] === undefined) inner = changed(options, opening[2], opening[3]);
      kind = opening[1] === '>' ? 'atomic' : opening[1] === undefined ? '(?:' : `(?${opening[1]}`;
    } else if (this.peek() === '?') {
      throw this.problem(`the group (${this.pattern.slice(this.at, this.at + 3)}`);
    }
    const source = this.alternatives(inner);
    if (this.peek() !== ')') throw this.problem('a group that does not end');
    this.at++;
    return kind === 'atomic' ? this.atomic(source) : `${kind}${source})`;
  }

  private escape(options: Options): string {
    const word = /^(?:[wW]|[pP]\{[Ww]ord\})/.exec(this.pattern.slice(this.at));
    if (word) {
      this.at += word[0].length;
      const set = aloneWordRanges();
      return this.letter(/^[WP]/.test(word[0]) ? complement(set) : set);
    }
    const set = this.classEscape();
    if (set) return this.letter(set);
    const character = this.next();
    const words = this.letter(aloneWordRanges());
    switch (character) {
      case 'A':
        return `(?<!${ANYTHING})`;
      case 'z':
        return `(?!${ANYTHING})`;
      case 'Z':
        return `(?=${this.letter(NEWLINE)}?(?!${ANYTHING}))`;
      case 'b':
        return `(?:(?<=${words})(?!${words})|(?<!${words})(?=${words}))`;
      case 'B':
        return `(?:(?<=${words})(?=${words})|(?<!${words})(?!${words}))`;
      case 'R':
        return this.atomic(`${this.letter([[13, 13]])}${this.letter(NEWLINE)}|${this.letter(LINE_ENDS)}`);
      default:
        this.at -= character.length;
        return this.literal(this.escapedPoint(), options);
    }
  }

  /**
   * The class after a backslash: `\p{…}`, `\s` and similar ones. Undefined, with nothing read, where the escape is
   * something else.
   */
  private classEscape(): CharacterSet | undefined {
    const rest = this.pattern.slice(this.at);
    const property = /^([pP])\{(\^?)([^}]*)\}/.exec(rest);
    if (property) {
      this.at += property[0].length;
      const set = this.property(property[3]);
      return (property[1] === 'P') !== (property[2] === '^') ? complement(set) : set;
    }
    const shorthand = SHORTHANDS[rest[0]];
    if (!shorthand) return undefined;
    this.at++;
    return shorthand();
  }

  /** The code point of an escape that names a single character. */
  private escapedPoint(): number {
    const code = /^(?:x\{([0-9a-fA-F]+)\}|x([0-9a-fA-F]{1,2})|u([0-9a-fA-F]{4}))/.exec(this.pattern.slice(this.at));
    if (code) {
      this.at += code[0].length;
      return parseInt(code[1] ?? code[2] ?? code[3], 16);
    }
    const character = this.next();
    if (character in SIMPLE_ESCAPES) return SIMPLE_ESCAPES[character];
    if (/[0-9A-Za-z]/.test(character)) throw this.problem(`\\${character}`);
    return character.codePointAt(0)!;
  }

  /** Reads a class whose opening bracket has been read. */
  private classAfterBracket(): CharacterSet {
    const negated = this.peek() === '^';
    if (negated) this.at++;
    let set: CharacterSet = [];
    let intersected: CharacterSet | undefined;
    for (let first = true; ; first = false) {
      if (this.at >= this.pattern.length) throw this.problem('a class that does not end');
      if (this.peek() === ']' && !first) {
        this.at++;
        break;
      }
      if (this.pattern.startsWith('&&', this.at)) {
        this.at += 2;
        intersected = intersected ? intersection(intersected, set) : set;
        set = [];
        continue;
      }
      set = union(set, this.classItem());
    }
    if (intersected) set = intersection(intersected, set);
    return negated ? complement(set) : union(set);
  }

  private classItem(): CharacterSet {
    const posix = /^\[:(\^?)(\w+):\]/.exec(this.pattern.slice(this.at));
    if (posix) {
      this.at += posix[0].length;
      // In a POSIX bracket (`[:punct:]`), symbols count as punctuation.
      const set = posix[2] === 'punct' ? categoryRanges('P', 'S') : this.property(posix[2]);
      return posix[1] ? complement(set) : set;
    }
    if (this.peek() === '[') {
      this.at++;
      return this.classAfterBracket();
    }
    const first = this.classPoint();
    if (typeof first !== 'number') return first;
    // A hyphen before the closing bracket is a literal hyphen.
    if (this.peek() !== '-' || this.pattern[this.at + 1] === ']') return [[first, first]];
    this.at++;
    const last = this.classPoint();
    if (typeof last !== 'number' || last < first) throw this.problem('a range without an end');
    return [[first, last]];
  }

  private classPoint(): number | CharacterSet {
    const character = this.next();
    if (character !== '\\') return character.codePointAt(0)!;
    const set = this.classEscape();
    if (set) return set;
    if (this.peek() === 'b') {
      this.at++;
      return 8;
    }
    return this.escapedPoint();
  }

  private property(name: string): CharacterSet {
    const set = propertySet(name);
    if (!set) throw this.problem(`\\p{${name}}`);
    return set;
  }

  private literal(point: number, options: Options): string {
    return this.letter(this.withCase([[point, point]], options));
  }

  private withCase(set: CharacterSet, { ignoreCase }: Options): CharacterSet {
    if (!ignoreCase) return set;
    const variants: [number, number][] = [];
    for (const [first, last] of set) {
      // Sets with long ranges hold both cases already, because a person writes out only short ranges.
      if (last - first > 1000) continue;
      for (let point = first; point <= last; point++) {
        for (const variant of caseVariants(point)) variants.push([variant, variant]);
      }
    }
    return union(set, variants);
  }

  /** A letter that stands for a class until all classes are known. */
  private letter(set: CharacterSet): string {
    const sorted = union(set);
    const key = sorted.join();
    let letter = this.letters.get(key);
    if (letter === undefined) {
      if (this.sets.length > MOST_SETS) throw this.problem('too many classes');
      letter = String.fromCharCode(FIRST_SET + this.sets.push(sorted) - 1);
      this.letters.set(key, letter);
    }
    return letter;
  }

  private peek(): string {
    return this.pattern[this.at] ?? '';
  }

  private next(): string {
    if (this.at >= this.pattern.length) throw this.problem('a backslash at the end');
    const character = String.fromCodePoint(this.pattern.codePointAt(this.at)!);
    this.at += character.length;
    return character;
  }

  private problem(what: string): UntranslatablePattern {
    return new UntranslatablePattern(`${what}, at ${this.at}`);
  }
}

function changed(options: Options, on: string, off: string | undefined): Options {
  const flag = (name: string, before: boolean) => (off?.includes(name) ? false : on.includes(name) || before);
  return { ignoreCase: flag('i', options.ignoreCase), dotAll: flag('m', options.dotAll) };
}

function caseVariants(point: number): number[] {
  const character = String.fromCodePoint(point);
  const variants = [character.toLowerCase(), character.toUpperCase(), character.toUpperCase().toLowerCase()];
  if (/[sS]/.test(character)) variants.push('ſ');
  if (/[kK]/.test(character)) variants.push('\u212a');
  return variants.filter((text) => [...text].length === 1).map((text) => text.codePointAt(0)!);
}

const digits = (): CharacterSet => categoryRanges('Nd');
const hexDigits: CharacterSet = [
  [0x30, 0x39],
  [0x41, 0x46],
  [0x61, 0x66],
];

const SHORTHANDS: Readonly<Record<string, (() => CharacterSet) | undefined>> = {
  s: spaceRanges,
  S: () => complement(spaceRanges()),
  w: patternWordRanges,
  W: () => complement(patternWordRanges()),
  d: digits,
  D: () => complement(digits()),
  h: () => hexDigits,
  H: () => complement(hexDigits),
};

const lowercase = () => union(categoryRanges('Ll'), parseRanges(ALSO_LOWER));
const uppercase = () => union(categoryRanges('Lu'), parseRanges(ALSO_UPPER));
const alphabetic = () => union(categoryRanges('L', 'Nl'), parseRanges(ALSO_ALPHABETIC));
const assigned = (): CharacterSet => complement(categoryRanges('Cn'));
/** Properties by name. Oniguruma compares names in lower case, without spaces, hyphens and underscores. */
const PROPERTIES: Readonly<Record<string, (() => CharacterSet) | undefined>> = {
  any: () => [[0, 0x10ffff]],
  assigned,
  ascii: () => [[0, 0x7f]],
  alpha: alphabetic,
  alphabetic,
  alnum: () => union(alphabetic(), digits()),
  blank: () => union(categoryRanges('Zs'), [[9, 9]]),
  cntrl: () => categoryRanges('Cc'),
  digit: digits,
  graph: () => complement(union(spaceRanges(), categoryRanges('Cc', 'Cs', 'Cn'))),
  print: () =>
    complement(union(intersection(spaceRanges(), complement(categoryRanges('Zs'))), categoryRanges('Cc', 'Cs', 'Cn'))),
  lower: lowercase,
  lowercase,
  upper: uppercase,
  uppercase,
  punct: () => categoryRanges('P'),
  space: spaceRanges,
  whitespace: spaceRanges,
  xdigit: () => hexDigits,
  word: patternWordRanges,
  letter: () => categoryRanges('L'),
  mark: () => categoryRanges('M'),
  number: () => categoryRanges('N'),
  punctuation: () => categoryRanges('P'),
  symbol: () => categoryRanges('S'),
  separator: () => categoryRanges('Z'),
  other: () => categoryRanges('C'),
};

const sets = new Map<string, CharacterSet | undefined>();

function propertySet(name: string): CharacterSet | undefined {
  const key = name.toLowerCase().replace(/[\s_-]/g, '');
  if (!sets.has(key)) sets.set(key, makePropertySet(name, key));
  return sets.get(key);
}

function makePropertySet(name: string, key: string): CharacterSet | undefined {
  const property = PROPERTIES[key];
  if (property) return property();
  const category = /^(l|m|n|p|s|z|c)([a-z]?)$/.exec(key);
  if (category) {
    const ranges = categoryRanges(category[1].toUpperCase() + category[2]);
    if (ranges.length > 0) return ranges;
  }
  // Scripts are the runtime's, without characters that are newer than the library's tables.
  const script = runtimeProperty(`Script=${name}`);
  return script && intersection(script, assigned());
}
