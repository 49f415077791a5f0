/**
 * A place in the grid. `row` is an index into the view, -1 for the header. `column` is an index into the visible
 * columns.
 */
export interface Place {
  readonly row: number;
  readonly column: number;
}

/** A selected rectangle. `anchor` is the cell where the selection began. */
export interface Selection {
  readonly anchor: Place;
  readonly active: Place;
}

export interface GridSize {
  readonly rows: number;
  readonly columns: number;
  /** The number of rows that Page Up and Page Down move by. */
  readonly pageRows: number;
}

/** The place that a key of WAI-ARIA's grid pattern leads to. Undefined if the key does not move. */
export function placeAfter(key: string, isCtrl: boolean, from: Place, size: GridSize): Place | undefined {
  const to = target(key, isCtrl, from, size);
  return to && within(to, size);
}

function target(key: string, isCtrl: boolean, { row, column }: Place, size: GridSize): Place | undefined {
  switch (key) {
    case 'ArrowUp':
      return { row: isCtrl ? Math.min(row, 0) : row - 1, column };
    case 'ArrowDown':
      return { row: isCtrl ? size.rows - 1 : row + 1, column };
    case 'ArrowLeft':
      return { row, column: isCtrl ? 0 : column - 1 };
    case 'ArrowRight':
      return { row, column: isCtrl ? size.columns - 1 : column + 1 };
    case 'Home':
      return { row: isCtrl ? 0 : row, column: 0 };
    case 'End':
      return { row: isCtrl ? size.rows - 1 : row, column: size.columns - 1 };
    case 'PageUp':
      // Page Up stops at the first row. The arrow key leads on to the header.
      return { row: row <= 0 ? row : Math.max(0, row - size.pageRows), column };
    case 'PageDown':
      return { row: row + size.pageRows, column };
    default:
      return undefined;
  }
}

export function within({ row, column }: Place, size: GridSize): Place {
  return {
    row: Math.max(-1, Math.min(size.rows - 1, row)),
    column: Math.max(0, Math.min(size.columns - 1, column)),
  };
}

/** The first and the last selected row and column. Undefined if only the header is selected. */
export function selectedPart({
  anchor,
  active,
}: Selection): { readonly rows: readonly [number, number]; readonly columns: readonly [number, number] } | undefined {
  if (active.row < 0) return undefined;
  const rows = [Math.max(0, Math.min(anchor.row, active.row)), Math.max(anchor.row, active.row)] as const;
  return { rows, columns: [Math.min(anchor.column, active.column), Math.max(anchor.column, active.column)] };
}

export function isSelected(selection: Selection, row: number, column: number): boolean {
  const part = selectedPart(selection);
  if (!part) return false;
  return row >= part.rows[0] && row <= part.rows[1] && column >= part.columns[0] && column <= part.columns[1];
}
