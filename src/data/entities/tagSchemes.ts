/** Tags of a sequence and the entities that they spell: IOB2, IOB1 and IOBES, each read strictly or not. */

/**
 * IOB2: every entity begins with B. IOB1: with I, and with B only behind another entity of its type. IOBES: its last token is E, a
 * single one is S (BMES and BILOU are the same with other letters).
 */
export type TagScheme = 'IOB2' | 'IOB1' | 'IOBES';

export interface Tag {
  readonly prefix: 'B' | 'I' | 'E' | 'S' | 'O';
  /** '' for O */
  readonly type: string;
}

/** A run of tokens, half-open, that is an entity. */
export interface TagSpan {
  readonly start: number;
  readonly end: number;
  readonly type: string;
}

/** A tag that its scheme does not allow at its place. */
export interface IllegalTag {
  readonly at: number;
  readonly tag: Tag;
}

const OUTSIDE: Tag = { prefix: 'O', type: '' };

/** Letters of BMES, BMEWO and BILOU by those of IOBES. */
const LETTERS: Readonly<Record<string, Tag['prefix']>> = { B: 'B', I: 'I', M: 'I', E: 'E', L: 'E', S: 'S', U: 'S', W: 'S' }; // prettier-ignore

/** Where a tag has its letter: `B-type` or `type-B`. */
export type TagForm = 'prefix' | 'suffix';

/** `B-disease`, `B_disease`, `disease-B`, `O`; undefined for what is none. */
export function parseTag(text: string, form: TagForm): Tag | undefined {
  if (text === 'O' || text === 'o') return OUTSIDE;
  const found = form === 'prefix' ? /^([BIMELSUW])[-_](.+)$/.exec(text) : /^(.+)[-_]([BIMELSUW])$/.exec(text);
  if (!found) return undefined;
  const [letter, type] = form === 'prefix' ? [found[1], found[2]] : [found[2], found[1]];
  return { prefix: LETTERS[letter], type };
}

/**
 * The scheme that a file's tags follow; undefined where there is no entity. Tags in which an I begins an entity are IOB1 where
 * every B stands behind an entity of its type, as IOB1 has it; else they are read as IOB2, which such an I breaks.
 *
 * @param sequences tags of each sequence
 */
export function schemeOf(sequences: readonly (readonly Tag[])[]): TagScheme | undefined {
  let [beginningI, freeB, bs, others] = [0, 0, 0, 0];
  for (const tags of sequences) {
    let before = OUTSIDE;
    for (const tag of tags) {
      const continues = before.prefix !== 'O' && before.type === tag.type;
      if (tag.prefix === 'E' || tag.prefix === 'S') others++;
      else if (tag.prefix === 'I' && !continues) beginningI++;
      else if (tag.prefix === 'B') {
        bs++;
        if (!continues) freeB++;
      }
      before = tag;
    }
  }
  if (others > 0) return 'IOBES';
  if (beginningI === 0) return bs > 0 ? 'IOB2' : undefined;
  return freeB === 0 ? 'IOB1' : 'IOB2';
}

/**
 * The entities of a sequence of tags. Every tag belongs to some entity but O: an illegal one is reported, and read as
 * conlleval reads it, an entity's tag that continues none begins one.
 *
 * Of legal sequences this is what seqeval's `mode='strict'` finds. Of others strict mode leaves entities out: those with an
 * illegal tag in them (`isLegal` false).
 */
export function spansOfTags(
  tags: readonly Tag[],
  scheme: TagScheme,
): { spans: (TagSpan & { readonly isLegal: boolean })[]; illegal: IllegalTag[] } {
  const spans: (TagSpan & { readonly isLegal: boolean })[] = [];
  const illegal: IllegalTag[] = [];
  let open: { start: number; type: string; isLegal: boolean } | undefined;
  const close = (end: number, isWhole: boolean) => {
    if (open) spans.push({ start: open.start, end, type: open.type, isLegal: open.isLegal && isWhole });
    open = undefined;
  };
  const isBes = scheme === 'IOBES';
  for (const [at, tag] of tags.entries()) {
    const continues = open?.type === tag.type && (tag.prefix === 'I' || tag.prefix === 'E');
    if (!continues) {
      // In IOBES only E and S end an entity: one that is still open was cut off.
      if (open && isBes) illegal.push({ at, tag });
      close(at, !isBes);
    }
    if (tag.prefix === 'O') continue;
    if (!continues) {
      const begins =
        scheme === 'IOB1'
          ? tag.prefix === 'I' || (spans.at(-1)?.end === at && spans.at(-1)?.type === tag.type)
          : tag.prefix === 'B' || (isBes && tag.prefix === 'S');
      if (!begins && illegal.at(-1)?.at !== at) illegal.push({ at, tag });
      open = { start: at, type: tag.type, isLegal: begins };
    }
    if (tag.prefix === 'E' || tag.prefix === 'S') close(at + 1, true);
  }
  if (open && isBes) illegal.push({ at: tags.length, tag: OUTSIDE });
  close(tags.length, !isBes);
  return { spans, illegal };
}
