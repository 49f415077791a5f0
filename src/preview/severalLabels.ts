import type { DataValue } from '../data/dataRow';
import { labelCellOf, SeveralCounts } from '../data/labelLists';
import { labelParts } from '../protocol/severalLabels';

/** A bound on combinations; further ones are counted together. */
const MAX_COMBINATIONS = 10_000;
const SHOWN_COMBINATIONS = 20;

/** How the cells of a column hold several labels a row: as lists, or as texts with something between them. */
export class SeveralLabels {
  /** A text is one label. */
  static readonly ONE = new SeveralLabels(null);

  /** @param separator null: a text is one label */
  private constructor(private readonly separator: string | null) {}

  /**
   * Undefined where a row has one label.
   * @param sample cells of the column
   * @param said the recipe's `label_separator`; null: a text is one label
   */
  static in(sample: readonly DataValue[], said: string | null | undefined): SeveralLabels | undefined {
    const counts = new SeveralCounts(sample.length);
    sample.forEach((cell, row) => counts.add(cell, row));
    const found = counts.several(said);
    return found && new SeveralLabels(found.separator ?? null);
  }

  /** The labels of a cell, each once; undefined for a cell that holds no labels. */
  of(cell: DataValue): readonly string[] | undefined {
    const found = labelCellOf(cell);
    return found && [...new Set('text' in found ? labelParts(found.text, this.separator) : found)];
  }
}

/** Rows by their labels, whatever the order these stand in. */
export class CombinationCounts {
  private readonly counts = new Map<string, { readonly labels: readonly string[]; count: number }>();
  /** Rows beyond those counted one by one. */
  private others = 0;

  add(labels: readonly string[]): void {
    const key = JSON.stringify([...labels].sort());
    const known = this.counts.get(key);
    if (known) known.count++;
    else if (this.counts.size < MAX_COMBINATIONS) this.counts.set(key, { labels, count: 1 });
    else this.others++;
  }

  /** The most frequent first; how many there are, null where there are more than were counted. */
  list() {
    const all = [...this.counts.values()].sort((a, b) => b.count - a.count);
    return { most: all.slice(0, SHOWN_COMBINATIONS), total: this.others > 0 ? null : all.length };
  }
}
