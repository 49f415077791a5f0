/** A stretch of a text that is of a type: half-open, in UTF-16 units of the text as it stands in the file. */
export interface Entity {
  readonly start: number;
  readonly end: number;
  readonly type: string;
}

/** In the order of a text: by start, the longer one first, then by type. */
export function byPlace(a: Entity, b: Entity): number {
  return a.start - b.start || b.end - a.end || (a.type < b.type ? -1 : a.type > b.type ? 1 : 0);
}

/** Each one once, in the order of their first occurrence. */
export function distinctEntities(entities: readonly Entity[]): Entity[] {
  return [...new Map(entities.map((entity) => [`${entity.start} ${entity.end} ${entity.type}`, entity])).values()];
}

/** At most so many pairs of one row are named; a row can be made of nothing but nested ones. */
const MAX_PAIRS = 1000;

/**
 * The pairs of distinct entities that share a character.
 *
 * @param entities in the order of the text
 */
export function overlapsOf(entities: readonly Entity[]): [first: Entity, second: Entity][] {
  const pairs: [Entity, Entity][] = [];
  for (let i = 0; i < entities.length; i++) {
    for (let j = i + 1; j < entities.length && entities[j].start < entities[i].end; j++) {
      if (pairs.length === MAX_PAIRS) return pairs;
      pairs.push([entities[i], entities[j]]);
    }
  }
  return pairs;
}

/**
 * What a tagging of one tag a token can say: of entities that overlap, the longer one; of equally long ones, the one that
 * begins first; of two types for one stretch, the one that the file names first.
 *
 * @param entities in the file's order
 */
export function flatEntities(entities: readonly Entity[]): { kept: Entity[]; dropped: Entity[] } {
  const order = [...entities.keys()].sort((a, b) => {
    const [left, right] = [entities[a], entities[b]];
    return right.end - right.start - (left.end - left.start) || left.start - right.start || a - b;
  });
  // What overlaps a stretch and is at least as long covers its first or its last character.
  const isTaken = new Uint8Array(entities.reduce((most, { end }) => Math.max(most, end), 0));
  const kept: Entity[] = [];
  const dropped: Entity[] = [];
  for (const entity of order.map((i) => entities[i])) {
    const { start, end } = entity;
    if (isTaken[start] || isTaken[end - 1]) {
      dropped.push(entity);
    } else {
      kept.push(entity);
      isTaken.fill(1, start, end);
    }
  }
  return { kept: kept.sort(byPlace), dropped: dropped.sort(byPlace) };
}
