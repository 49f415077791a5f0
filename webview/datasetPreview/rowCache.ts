import type { Prediction, ShownRow } from '../../src/protocol/datasetPreview';

/** Rows from the host, in pages of `pageSize`. The cache keeps the pages near the visible rows. */
export interface RowCache {
  readonly view: number;
  /** Rises when rows change, as after a change of the model. Pages of an older generation are asked for again. */
  readonly generation: number;
  readonly pages: ReadonlyMap<number, Page>;
}

interface Page {
  readonly rows: readonly ShownRow[];
  readonly generation: number;
}

export const pageSize = 100;
const maxPages = 40;

export function emptyCache(view: number): RowCache {
  return { view, generation: 0, pages: new Map() };
}

export function rowAt({ pages }: RowCache, index: number): ShownRow | undefined {
  return pages.get(Math.floor(index / pageSize))?.rows[index % pageSize];
}

/** The cache with one more page. If there are too many, the pages farthest from it are removed. */
export function withPage(cache: RowCache, page: number, rows: readonly ShownRow[], generation: number): RowCache {
  const pages = new Map(cache.pages).set(page, { rows, generation });
  if (pages.size > maxPages) {
    const farFirst = [...pages.keys()].sort((a, b) => Math.abs(b - page) - Math.abs(a - page));
    for (const far of farFirst.slice(0, pages.size - maxPages)) pages.delete(far);
  }
  return { ...cache, pages };
}

/** Marks all rows as outdated. The table shows them until the host sends new ones. */
export function outdated(cache: RowCache): RowCache {
  return { ...cache, generation: cache.generation + 1 };
}

/**
 * Numbers of pages to ask for: those with the rows [start, end) first, then their neighbours.
 * @param total rows of the view
 */
export function neededPages(cache: RowCache, start: number, end: number, total: number): readonly number[] {
  if (total === 0 || end <= start) return [];
  const lastPage = Math.floor((total - 1) / pageSize);
  const [first, last] = [Math.floor(start / pageSize), Math.min(lastPage, Math.floor((end - 1) / pageSize))];
  const wanted: number[] = [];
  for (let page = first; page <= last; page++) wanted.push(page);
  if (last < lastPage) wanted.push(last + 1);
  if (first > 0) wanted.push(first - 1);
  return wanted.filter((page) => {
    const known = cache.pages.get(page);
    const expected = Math.min(pageSize, total - page * pageSize);
    return !known || known.generation < cache.generation || known.rows.length < expected;
  });
}

/** The cache with predictions. The keys of `found` are row numbers of the file. */
export function withPredictions(cache: RowCache, found: ReadonlyMap<number, Prediction>): RowCache {
  const pages = new Map<number, Page>();
  for (const [number, page] of cache.pages) {
    const isTouched = page.rows.some(({ row }) => found.has(row));
    const rows = isTouched
      ? page.rows.map((row) => (found.has(row.row) ? { ...row, prediction: found.get(row.row)! } : row))
      : page.rows;
    pages.set(number, isTouched ? { ...page, rows } : page);
  }
  return { ...cache, pages };
}
