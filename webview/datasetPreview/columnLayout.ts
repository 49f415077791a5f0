import type { ColumnType, FieldMapping } from '../../src/protocol/datasetPreview';

/** The person's changes to the columns. Columns without a change stand as in the file. */
export interface ColumnLayout {
  readonly order: readonly string[];
  readonly hidden: readonly string[];
  readonly widths: Readonly<Record<string, number>>;
}

export type GridColumn =
  | { readonly kind: 'line'; readonly widthPx: number }
  | { readonly kind: 'data'; readonly name: string; readonly index: number; readonly widthPx: number }
  | { readonly kind: 'prediction'; readonly widthPx: number };

export const untouched: ColumnLayout = { order: [], hidden: [], widths: {} };
const minWidthPx = 48;
const maxWidthPx = 1600;
const predictionWidthPx = 170;

/** The names of all columns in the person's order. Columns that are new in the file come last. */
export function orderedColumns(layout: ColumnLayout, columns: readonly string[]): readonly string[] {
  const known = layout.order.filter((name) => columns.includes(name));
  return [...known, ...columns.filter((name) => !known.includes(name))];
}

/** The names of all columns, with inputs and label side by side. An order that the person chose has priority. */
export function pairOrder(layout: ColumnLayout, columns: readonly string[], mapping: FieldMapping): readonly string[] {
  if (layout.order.length > 0) return orderedColumns(layout, columns);
  const fields = [mapping.first_sequence, mapping.second_sequence, mapping.label];
  const front = fields.filter((name, at): name is string => name !== null && columns.includes(name) && fields.indexOf(name) === at); // prettier-ignore
  return [...front, ...columns.filter((name) => !front.includes(name))];
}

export interface GridColumnsOptions {
  readonly layout: ColumnLayout;
  readonly columns: readonly string[];
  /** The names of all columns in their order, including hidden ones. */
  readonly order: readonly string[];
  readonly typeOf: (name: string) => ColumnType | undefined;
  readonly lastLine: number;
  /** Predictions stand after this column. Null puts them last. Undefined means that there are no predictions. */
  readonly predictionAfter: string | null | undefined;
  readonly widthPx: number;
}

/**
 * The visible columns with their widths. Text columns share the width that the others leave; a width that the person
 * set stays.
 */
export function gridColumns(options: GridColumnsOptions): readonly GridColumn[] {
  const { layout, columns, order, typeOf, lastLine, predictionAfter, widthPx } = options;
  const shown = order.filter((name) => !layout.hidden.includes(name));
  const lineWidthPx = Math.max(56, 22 + 8 * String(lastLine).length);
  const isText = (name: string): boolean => ['text', 'json', 'mixed'].includes(typeOf(name) ?? 'text');
  const own = (name: string): number | undefined => layout.widths[name];
  const fixedPx = shown.reduce((sum, name) => sum + (own(name) ?? (isText(name) ? 0 : 120)), lineWidthPx);
  const sharing = shown.filter((name) => own(name) === undefined && isText(name)).length;
  const restPx = widthPx - fixedPx - (predictionAfter === undefined ? 0 : predictionWidthPx);
  const sharePx = Math.floor(Math.max(180, Math.min(720, restPx / Math.max(1, sharing))));
  const result: GridColumn[] = [{ kind: 'line', widthPx: lineWidthPx }];
  const prediction: GridColumn = { kind: 'prediction', widthPx: own('\0prediction') ?? predictionWidthPx };
  for (const name of shown) {
    const index = columns.indexOf(name);
    result.push({ kind: 'data', name, index, widthPx: own(name) ?? (isText(name) ? sharePx : 120) });
    if (name === predictionAfter) result.push(prediction);
  }
  if (predictionAfter !== undefined && !result.includes(prediction)) result.push(prediction);
  return result;
}

/** The key of a column's width. The key of the predictions begins with a null character, so that no column has it. */
export function widthKey(column: GridColumn): string | undefined {
  return column.kind === 'data' ? column.name : column.kind === 'prediction' ? '\0prediction' : undefined;
}

export function resized(layout: ColumnLayout, key: string, widthPx: number): ColumnLayout {
  const width = Math.round(Math.max(minWidthPx, Math.min(maxWidthPx, widthPx)));
  return { ...layout, widths: { ...layout.widths, [key]: width } };
}

/** Moves a column past its visible neighbour, to the left (-1) or to the right (+1). */
export function moved(layout: ColumnLayout, order: readonly string[], name: string, by: -1 | 1): ColumnLayout {
  const shown = order.filter((other) => !layout.hidden.includes(other));
  const neighbour = shown[shown.indexOf(name) + by];
  return neighbour === undefined ? layout : movedTo(layout, order, name, neighbour);
}

/** Moves a column to the place of the column `target`. */
export function movedTo(layout: ColumnLayout, order: readonly string[], name: string, target: string): ColumnLayout {
  const [from, to] = [order.indexOf(name), order.indexOf(target)];
  if (from < 0 || to < 0 || from === to) return layout;
  const rest = order.filter((other) => other !== name);
  rest.splice(to, 0, name);
  return { ...layout, order: rest };
}

/** Hides or shows a column. The last visible column cannot be hidden. */
export function toggled(layout: ColumnLayout, order: readonly string[], name: string): ColumnLayout {
  if (layout.hidden.includes(name)) return { ...layout, hidden: layout.hidden.filter((other) => other !== name) };
  const shown = order.filter((other) => !layout.hidden.includes(other));
  return shown.length <= 1 ? layout : { ...layout, hidden: [...layout.hidden, name] };
}
