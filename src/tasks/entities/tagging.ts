import { MedTextError, words } from '../../base/errors';
import type { Entity } from '../../data/entities/entity';
import { parseTag, spansOfTags, type Tag, type TagForm, type TagScheme } from '../../data/entities/tagSchemes';
import type { WindowedText } from './windows';

/** The target of a token that nothing is learned of. */
export const NO_TAG = -1;

/** Where the characters of tokens lie. */
export type TokenPlaces = Pick<WindowedText, 'starts' | 'ends'>;

/** The tags that a head's columns stand for. */
export interface TagSet {
  /** By column. */
  readonly tags: readonly Tag[];
  readonly scheme: TagScheme;
  /** The types, in the order in which the columns name them first. */
  readonly types: readonly string[];
}

/** O, then B and I of every type: the columns of a model that is trained here, scheme IOB2. */
export function tagNames(types: readonly string[]): string[] {
  return ['O', ...types.flatMap((type) => [`B-${type}`, `I-${type}`])];
}

/**
 * The tags of a model by the names of its columns, also of one that was trained elsewhere: BIO, BIOES, BMES or BILOU in any order,
 * `B-type` or `type-B`.
 *
 * @param where the model folder, for messages
 * @throws MODEL_CONFIG naming a column that is no tag, or when no column is the tag of what is no entity
 */
export function tagSetOf(columns: readonly string[], where: string): TagSet {
  const parsed = (form: TagForm) => columns.map((column) => parseTag(column, form));
  const tags = [parsed('prefix'), parsed('suffix')].find((all) => all.every((tag) => tag !== undefined));
  if (!tags || !tags.some(({ prefix }) => prefix === 'O')) {
    const odd = columns.find((column) => !parseTag(column, 'prefix'));
    throw new MedTextError(
      'MODEL_CONFIG',
      odd === undefined
        ? words`${where}: none of the labels of config.json (id2label) is O, the tag for tokens outside entities.`
        : words`${where}: the label ${JSON.stringify(odd)} of config.json (id2label) is not a tag such as B-disease, I-disease or O.`,
      { where, columns },
    );
  }
  const letters = new Set(tags.map(({ prefix }) => prefix));
  const scheme = letters.has('E') || letters.has('S') ? 'IOBES' : letters.has('B') ? 'IOB2' : 'IOB1';
  const types = [...new Set(tags.filter(({ prefix }) => prefix !== 'O').map(({ type }) => type))];
  return { tags, scheme, types };
}

export interface EncodedTags {
  /** [tokens] the column of each token's tag, or {@link NO_TAG}. */
  readonly columns: Int32Array;
  /** Tokens that lie partly in an entity: an entity begins or ends within them. */
  readonly straddling: number;
  /** Entities that no tags spell: an edge lies within a token, or another entity has their tokens. */
  readonly unspelled: readonly Entity[];
}

/**
 * The tags of a text's tokens. A token that an entity begins or ends in is the entity's, and of two entities the one's with more of
 * its characters; the entity that the tags then spell is another one, which is counted. A token without a character of its own
 * has no tag.
 *
 * @param entities in the order of the text, without overlap
 */
export function encodeTags(entities: readonly Entity[], { starts, ends }: TokenPlaces, set: TagSet): EncodedTags {
  const columnOf = new Map(set.tags.map(({ prefix, type }, column) => [`${prefix} ${type}`, column]));
  const columns = new Int32Array(starts.length).fill(NO_TAG);
  const outside = columnOf.get('O ')!;
  // The first and last token of each entity, and whether they match it.
  const runs = entities.map(() => ({ first: -1, last: -1 }));
  let straddling = 0;
  let from = 0;
  for (let token = 0; token < starts.length; token++) {
    const [start, end] = [starts[token], ends[token]];
    if (start === end) continue;
    columns[token] = outside;
    while (from < entities.length && entities[from].end <= start) from++;
    let best = -1;
    let most = 0;
    for (let i = from; i < entities.length && entities[i].start < end; i++) {
      const shared = Math.min(end, entities[i].end) - Math.max(start, entities[i].start);
      if (shared > most) [best, most] = [i, shared];
    }
    if (best < 0) continue;
    if (most < end - start) straddling++;
    if (runs[best].first < 0) runs[best].first = token;
    runs[best].last = token;
  }
  const unspelled: Entity[] = [];
  entities.forEach((entity, i) => {
    const { first, last } = runs[i];
    if (first < 0 || starts[first] !== entity.start || ends[last] !== entity.end) unspelled.push(entity);
    if (first >= 0) tagRun(columns, first, last, entity.type, set.scheme, columnOf);
  });
  return { columns, straddling, unspelled };
}

function tagRun(
  columns: Int32Array,
  first: number,
  last: number,
  type: string,
  scheme: TagScheme,
  columnOf: ReadonlyMap<string, number>,
): void {
  // In IOB1 an entity begins with B behind one of its type only; the others here begin with B always.
  for (let token = first; token <= last; token++) {
    if (columns[token] === NO_TAG) continue;
    const isFirst = token === first;
    const wanted = scheme !== 'IOBES' ? (isFirst ? 'B' : 'I') : first === last ? 'S' : isFirst ? 'B' : token === last ? 'E' : 'I'; // prettier-ignore
    columns[token] = columnOf.get(`${wanted} ${type}`) ?? columnOf.get(`I ${type}`) ?? NO_TAG;
  }
}

/** An entity that a model found. */
export interface FoundEntity extends Entity {
  /** The probability that the model gives to the tags of the entity. */
  readonly probability: number;
}

export interface DecodedTags {
  /** Entities of legal tag sequences, as in seqeval's strict mode. */
  readonly entities: FoundEntity[];
  /** Entities as conlleval reads them, which also begin with I. */
  readonly lenient: Entity[];
  /** Tags that the scheme does not allow at their place. */
  readonly illegal: number;
}

/**
 * The entities that a text's tags spell. A tag that the scheme does not allow (an I without its B) spells none: strict reading.
 *
 * @param columns [tokens] the column of each token's tag; what is said of tokens without a character of their own does not count
 * @param probabilities [tokens] of the tags
 */
export function decodeTags(
  columns: ArrayLike<number>,
  probabilities: ArrayLike<number>,
  { starts, ends }: TokenPlaces,
  set: TagSet,
): DecodedTags {
  const tokens: number[] = [];
  for (let token = 0; token < starts.length; token++) if (starts[token] < ends[token]) tokens.push(token);
  const { spans, illegal } = spansOfTags(
    tokens.map((token) => set.tags[columns[token]]),
    set.scheme,
  );
  const entities: FoundEntity[] = [];
  const lenient: Entity[] = [];
  for (const { start, end, type, isLegal } of spans) {
    const entity = { start: starts[tokens[start]], end: ends[tokens[end - 1]], type };
    lenient.push(entity);
    if (!isLegal) continue;
    let probability = 1;
    for (let at = start; at < end; at++) probability *= probabilities[tokens[at]];
    entities.push({ ...entity, probability });
  }
  return { entities, lenient, illegal: illegal.length };
}
