import { asMedTextError } from '../base/errors';
import { words, type Words } from '../base/words';
import type { DataFile } from '../data/dataFile';
import { isBadRow } from '../data/dataRow';
import { overlapsOf, byPlace, distinctEntities, type Entity } from '../data/entities/entity';
import { entityColumns, openEntityFile, type EntityFile, type EntityRow } from '../data/entities/readEntities';
import { isUnreadable, type StoredRow } from './rowStore';

/** A preview opens at once: so many rows tell what the ends of entities mean. */
const TELLING_ROWS = 2000;

/** The entities of a file on show. */
export class FileEntities {
  private constructor(
    readonly columns: { readonly text: string; readonly entities: string },
    private readonly file: EntityFile | undefined,
    /** Why they cannot be placed in their texts. */
    readonly problem: Words | undefined,
  ) {}

  /** Undefined for a file without a column of entities. */
  static async of(file: DataFile): Promise<FileEntities | undefined> {
    let columns: { text: string; entities: string | undefined };
    try {
      columns = entityColumns(file);
    } catch {
      return undefined;
    }
    const { text, entities } = columns;
    if (entities === undefined) return undefined;
    try {
      return new FileEntities({ text, entities }, await openEntityFile(file, { mostRows: TELLING_ROWS }), undefined);
    } catch (error) {
      const { code, message, words: said } = asMedTextError(error);
      if (code !== 'RECIPE') throw error;
      return new FileEntities({ text, entities }, undefined, said ?? words`the entities cannot be placed: ${message}`);
    }
  }

  /** Undefined for a row that has none to show. */
  rowOf(stored: StoredRow): EntityRow | undefined {
    if (!this.file || isUnreadable(stored)) return undefined;
    const row = this.file.rowOf(stored, stored.row);
    return isBadRow(row) ? undefined : row;
  }
}

/** What is odd about the entities of one text. */
export interface EntityOddities {
  /** Entities that are misplaced or unreadable. */
  readonly misplaced: readonly Words[];
  /** Entities whose own text differs from the text at their place by case or width alone. */
  readonly normalized: readonly Words[];
  /** Pairs that share characters. */
  readonly overlapping: readonly Words[];
  /** One stretch with several types. */
  readonly contradictory: readonly Words[];
}

export function odditiesOf({ text, entities, findings, normalized }: EntityRow): EntityOddities {
  const overlapping: Words[] = [];
  const contradictory: Words[] = [];
  const shown = ({ start, end }: Entity) => JSON.stringify(text.slice(start, Math.min(end, start + 40)));
  for (const [first, second] of overlapsOf(distinctEntities(entities).sort(byPlace))) {
    if (first.start === second.start && first.end === second.end) {
      contradictory.push(words`${shown(first)} is both ${first.type} and ${second.type}`);
    } else {
      overlapping.push(words`${shown(first)} (${first.type}) and ${shown(second)} (${second.type}) overlap`);
    }
  }
  const reasons = (list: typeof findings) => list.map(({ reason }) => reason);
  return { misplaced: reasons(findings), normalized: reasons(normalized), overlapping, contradictory };
}
