/**
 * Where rows stand in their file: by line, or by row where several of them share a line, as in a JSON array on one line.
 * @param rows 0-based places among the file's readable rows
 * @param all the rows that decide on line or row, where more rows than these are named together
 * @returns numbers from 1
 */
export function rowPlaces(
  lines: readonly number[],
  rows: readonly number[],
  all: { readonly lines: readonly number[]; readonly rows: readonly number[] } = { lines, rows },
): { readonly unit: 'line' | 'row'; readonly numbers: readonly number[] } {
  const areDistinct = new Set(all.lines).size === new Set(all.rows).size;
  return areDistinct ? { unit: 'line', numbers: lines } : { unit: 'row', numbers: rows.map((row) => row + 1) };
}
