/** What a file's offsets count: characters, as Python does, or UTF-16 units, as JavaScript does. */
export type OffsetUnit = 'characters' | 'utf16';

/** The UTF-16 units of a text by its characters (code points); the two are the same thing in most texts. */
export interface CharacterMap {
  /** How many characters the text has. */
  readonly length: number;
  /** Whether a character of two UTF-16 units is among them. */
  readonly isWide: boolean;
  /** The UTF-16 unit at which a character begins, the text's length for the one behind the last; undefined beyond. */
  unitOf(character: number): number | undefined;
  /** The character that begins at a UTF-16 unit; undefined inside a character and beyond the text. */
  characterAt(unit: number): number | undefined;
}

const ASTRAL = /[\u{10000}-\u{10ffff}]/u;

export function characterMap(text: string): CharacterMap {
  if (!ASTRAL.test(text)) {
    const same = (place: number) => (place >= 0 && place <= text.length ? place : undefined);
    return { length: text.length, isWide: false, unitOf: same, characterAt: same };
  }
  const starts: number[] = [];
  for (let unit = 0; unit < text.length; unit += text.codePointAt(unit)! > 0xffff ? 2 : 1) starts.push(unit);
  const length = starts.length;
  starts.push(text.length);
  const characters = new Map(starts.map((unit, character) => [unit, character]));
  return {
    length,
    isWide: true,
    unitOf: (character) => starts[character],
    characterAt: (unit) => characters.get(unit),
  };
}

/** How many characters (code points) a text has. */
export function characterLength(text: string): number {
  let length = 0;
  for (let unit = 0; unit < text.length; unit += text.codePointAt(unit)! > 0xffff ? 2 : 1) length++;
  return length;
}
