import type { ColumnType, FieldMapping } from '../../src/protocol/datasetPreview';

/** What the person has done to the columns; columns it does not name stand as in the file. */
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

/** Every column's name in the person's order; new ones where the file has them, at the end. */
export function orderedColumns(layout: ColumnLayout, columns: readonly string[]): readonly string[] {
  const known = layout.order.filter((name) => columns.includes(name));
  return [...known, ...columns.filter((name) => !known.includes(name))];
}

/** Inputs and label side by side, whatever stands between them in the file; the person's own order wins. */
export function pairOrder(layout: ColumnLayout, columns: readonly string[], mapping: FieldMapping): readonly string[] {
  if (layout.order.length > 0) return orderedColumns(layout, columns);
  const fields = [mapping.first_sequence, mapping.second_sequence, mapping.label];
  const front = fields.filter((name, at): name is string => name !== null && columns.includes(name) && fields.indexOf(name) === at); // prettier-ignore
  return [...front, ...columns.filter((name) => !front.includes(name))];
}

export interface GridColumnsOptions {
  readonly layout: ColumnLayout;
  readonly columns: readonly string[];
  /** In which order; hidden ones among them. */
  readonly order: readonly string[];
  readonly typeOf: (name: string) => ColumnType | undefined;
  readonly lastLine: number;
  /** The name of the column that predictions follow; null: they come last; undefined: there are none. */
  readonly predictionAfter: string | null | undefined;
  readonly widthPx: number;
}

/** The columns on the screen with their widths: texts share what narrow columns leave, unless the person has set a width. */
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

/** The key under which a column's width is kept; no column of a file can have that of the predictions. */
export function widthKey(column: GridColumn): string | undefined {
  return column.kind === 'data' ? column.name : column.kind === 'prediction' ? '\0prediction' : undefined;
}

export function resized(layout: ColumnLayout, key: string, widthPx: number): ColumnLayout {
  const width = Math.round(Math.max(minWidthPx, Math.min(maxWidthPx, widthPx)));
  return { ...layout, widths: { ...layout.widths, [key]: width } };
}

/** One place to the left (-1) or right (+1) among the columns that are shown. */
export function moved(layout: ColumnLayout, order: readonly string[], name: string, by: -1 | 1): ColumnLayout {
  const shown = order.filter((other) => !layout.hidden.includes(other));
  const neighbour = shown[shown.indexOf(name) + by];
  return neighbour === undefined ? layout : movedTo(layout, order, name, neighbour);
}

/** To the place of another column, which makes room. */
export function movedTo(layout: ColumnLayout, order: readonly string[], name: string, target: string): ColumnLayout {
  const [from, to] = [order.indexOf(name), order.indexOf(target)];
  if (from < 0 || to < 0 || from === to) return layout;
  const rest = order.filter((other) => other !== name);
  rest.splice(to, 0, name);
  return { ...layout, order: rest };
}

/** Hidden or shown again; the last column that is shown stays. */
export function toggled(layout: ColumnLayout, order: readonly string[], name: string): ColumnLayout {
  if (layout.hidden.includes(name)) return { ...layout, hidden: layout.hidden.filter((other) => other !== name) };
  const shown = order.filter((other) => !layout.hidden.includes(other));
  return shown.length <= 1 ? layout : { ...layout, hidden: [...layout.hidden, name] };
}
