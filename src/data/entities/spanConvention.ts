/** What a file's offsets mean: found from what the file itself says, or said by a person; never assumed. */
import { MedTextError, words } from '../../base/errors';
import type { Words } from '../../base/words';
import type { Mention } from './annotations';
import { isWrittenAs } from './mentionText';
import { characterLength, characterMap, type CharacterMap, type OffsetUnit } from './offsets';

/** Whether the end of an annotation is its last character, or the one behind it. */
export type SpanEnd = 'inclusive' | 'exclusive';

export interface SpanConvention {
  readonly end: SpanEnd;
  readonly unit: OffsetUnit;
  /** Where the end's meaning comes from. */
  readonly source: 'recipe' | 'text' | 'bounds' | 'format';
}

/** How many agreeing mentions decide; the others are compared one by one in any case. */
const ENOUGH = 200;

/** Gathers what the mentions of a file say about its offsets. */
export class ConventionEvidence {
  private readonly fits = { inclusive: 0, exclusive: 0 };
  private readonly unitFits = { characters: 0, utf16: 0 };
  private readonly bounds = { inclusive: 0, exclusive: 0 };
  /** Whether a mention has a text of its own. */
  private hasTexts = false;
  /** Mentions with an end, which has two meanings. */
  ends = 0;

  /** Whether more rows would say nothing new. */
  get isEnough(): boolean {
    return Math.max(this.fits.inclusive, this.fits.exclusive, this.unitFits.characters, this.unitFits.utf16) >= ENOUGH;
  }

  add(text: string, mentions: readonly Mention[]): void {
    if (mentions.length === 0) return;
    const map = characterMap(text);
    for (const mention of mentions) this.addMention(text, map, mention);
  }

  private addMention(text: string, map: CharacterMap, { start, end, text: said }: Mention): void {
    if (end !== undefined) this.ends++;
    const units: OffsetUnit[] = map.isWide ? ['characters', 'utf16'] : ['characters'];
    const fitting = units.filter((unit) => {
      const at = (place: number) => (unit === 'utf16' ? place : (map.unitOf(place) ?? text.length + 1));
      const length = unit === 'utf16' ? text.length : map.length;
      if (said !== undefined) {
        this.hasTexts = true;
        const last = end ?? start + (unit === 'utf16' ? said.length : characterLength(said));
        const isAt = (to: number) => at(to) <= text.length && isWrittenAs(text.slice(at(start), at(to)), said);
        const isExclusive = isAt(last);
        const isInclusive = end !== undefined && isAt(last + 1);
        if (end !== undefined && isExclusive) this.fits.exclusive++;
        if (isInclusive) this.fits.inclusive++;
        return isExclusive || isInclusive;
      }
      if (end === start) this.bounds.inclusive++;
      else if (end === length) this.bounds.exclusive++;
      return end! <= length;
    });
    // Only what reads one way says anything.
    if (map.isWide && fitting.length === 1) this.unitFits[fitting[0]]++;
  }

  /**
   * @param said `span_end` of the recipe
   * @param path for messages
   * @throws RECIPE where the end's meaning is neither said nor found, or is said against all that the file says
   */
  convention(said: SpanEnd | undefined, path: string): SpanConvention {
    const unit = this.unitFits.utf16 > this.unitFits.characters ? 'utf16' : 'characters';
    const found = this.end();
    if (said !== undefined) {
      const other = said === 'inclusive' ? 'exclusive' : 'inclusive';
      if (this.fits[said] === 0 && this.fits[other] > 0) {
        throw new MedTextError(
          'RECIPE',
          words`${path}: span_end is ${said}, but according to the entities’ own text all ends are ${other}. Set "span_end": ${JSON.stringify(other)}, or remove the field.`,
          { file: path, field: 'span_end', said, found: other },
        );
      }
      return { end: said, unit, source: 'recipe' };
    }
    if (found !== undefined) return { ...found, unit };
    if (this.ends === 0) return { end: 'exclusive', unit, source: 'format' };
    throw new MedTextError(
      'RECIPE',
      words`${path}: the file does not show whether the end of an entity is its last character or the one after it${this.reason()}. Set it (span_end in a recipe, --span-end on the command line): "exclusive" if text[start:end] is the entity in Python (as doccano writes), "inclusive" if text[start:end+1] is.`,
      { file: path, field: 'span_end' },
    );
  }

  private end(): Pick<SpanConvention, 'end' | 'source'> | undefined {
    const by = (counts: Record<SpanEnd, number>): SpanEnd | undefined =>
      counts.exclusive > counts.inclusive ? 'exclusive' : counts.inclusive > counts.exclusive ? 'inclusive' : undefined;
    const byText = by(this.fits);
    if (byText !== undefined) return { end: byText, source: 'text' };
    if (this.fits.inclusive > 0) return undefined;
    // An entity that ends behind the text, or where it begins, can only be meant one way; both in one file say nothing.
    const { inclusive, exclusive } = this.bounds;
    const isTold = inclusive > 0 !== exclusive > 0;
    return isTold ? { end: inclusive > 0 ? 'inclusive' : 'exclusive', source: 'bounds' } : undefined;
  }

  private reason(): Words | '' {
    if (this.fits.inclusive > 0) return words`: the entities’ own texts support both equally often`;
    if (this.bounds.inclusive > 0) return words`: it has entities that begin where they end, and entities that end where the text does`; // prettier-ignore
    if (this.hasTexts) return words`, because no entity’s own text is at the position of the entity`;
    return words`, because its entities have no text of their own`;
  }
}
