import {
  wholeFile,
  type ColumnInsight,
  type Findings,
  type Insights,
  type Prediction,
  type Predictions,
  type PreviewSnapshot,
  type PreviewState,
  type RowSearch,
  type ShownRow,
  type SplitOptions,
  type SplitPlan,
  type ViewQuery,
} from '../../src/protocol/datasetPreview';
import { gridColumns, orderedColumns, pairOrder, untouched, type ColumnLayout, type GridColumn } from './columnLayout';
import { within, type GridSize, type Place, type Selection } from './gridFocus';
import { emptyCache, outdated, rowAt, withPage, withPredictions, type RowCache } from './rowCache';
import {
  bottomOf,
  movedBy,
  positionAt,
  revealing,
  settled,
  top,
  visibleRows,
  type ScrollFrame,
  type ScrollPosition,
} from './scroll';
import { isSameQuery } from './viewQueries';

export const rowHeightPx = 26;

export const sidePanels = ['overview', 'column', 'row'] as const;
export type SidePanel = (typeof sidePanels)[number];

/** A whole cell that was asked for, because its row came with it cut. */
export interface WholeCell {
  readonly row: number;
  readonly column: string;
  readonly text: string;
  readonly isWhole: boolean;
}

export interface SplitDraft {
  /** Shares in per cent, as typed. */
  readonly train: string;
  readonly validation: string;
  readonly test: string;
  readonly seed: string;
  readonly stratify: string | null;
  readonly group: string | null;
  readonly plan: SplitPlan | undefined;
  readonly problem: string;
  /** The files are being written. */
  readonly working: boolean;
}

export interface ExportDraft {
  readonly format: 'jsonl' | 'json' | 'csv' | 'tsv';
  readonly allColumns: boolean;
  readonly predictions: boolean;
  /** Rows written, while it is being written. */
  readonly progress: { readonly done: number; readonly total: number } | undefined;
}

export interface DatasetPreviewState {
  /** Undefined until the host has answered. */
  readonly snapshot: PreviewSnapshot | undefined;
  /** What the person wants to see; the host's view follows it. */
  readonly query: ViewQuery;
  /** As typed; becomes the query's once typing pauses. */
  readonly search: RowSearch;
  readonly searchProblem: string;
  readonly rows: RowCache;
  readonly scroll: ScrollPosition;
  /** Of the part of the table that shows rows. */
  readonly viewport: { readonly widthPx: number; readonly heightPx: number };
  /** Heights of wrapped rows that have been drawn; the others count as one line. */
  readonly heights: ReadonlyMap<number, number>;
  /** Rows below this one were on the screen before scrolling up: they stay where they are as new heights become known. */
  readonly heldFrom: number;
  readonly selection: Selection;
  readonly layout: ColumnLayout;
  readonly wraps: boolean;
  /** Inputs side by side with their differences marked. */
  readonly pairs: boolean;
  readonly showsInsights: boolean;
  /** Rows on the screen are predicted as they come. */
  readonly predicts: boolean;
  readonly panel: SidePanel | undefined;
  /** The column that the panel is about. */
  readonly panelColumn: string | undefined;
  readonly wholeCells: readonly WholeCell[];
  readonly dialog: 'split' | 'export' | undefined;
  /** The menu of a cell or a column's head, where it was asked for in the window. */
  readonly menu: { readonly place: Place; readonly x: number; readonly y: number } | undefined;
  readonly split: SplitDraft;
  readonly export: ExportDraft;
  /** What an action met; until the next action. */
  readonly trouble: string;
  /** What an action did. */
  readonly notice: string;
}

export const initialState: DatasetPreviewState = {
  snapshot: undefined,
  query: wholeFile,
  search: { text: '', regex: false, caseSensitive: false, columns: [] },
  searchProblem: '',
  rows: emptyCache(-1),
  scroll: top,
  viewport: { widthPx: 0, heightPx: 0 },
  heights: new Map(),
  heldFrom: -1,
  selection: { anchor: { row: 0, column: 0 }, active: { row: 0, column: 0 } },
  layout: untouched,
  wraps: false,
  pairs: true,
  showsInsights: true,
  predicts: true,
  panel: 'overview',
  panelColumn: undefined,
  wholeCells: [],
  dialog: undefined,
  menu: undefined,
  split: { train: '80', validation: '10', test: '10', seed: '2021', stratify: null, group: null, plan: undefined, problem: '', working: false }, // prettier-ignore
  export: { format: 'jsonl', allColumns: false, predictions: false, progress: undefined },
  trouble: '',
  notice: '',
};

export type DatasetPreviewEvent =
  | { readonly type: 'started'; readonly snapshot: PreviewSnapshot }
  | { readonly type: 'state'; readonly state: PreviewState }
  | { readonly type: 'insights'; readonly insights: Insights }
  | { readonly type: 'findings'; readonly findings: Findings }
  | { readonly type: 'predictions'; readonly predictions: Predictions }
  | { readonly type: 'rows'; readonly view: number; readonly page: number; readonly rows: readonly ShownRow[]; readonly generation: number } // prettier-ignore
  | { readonly type: 'predicted'; readonly view: number; readonly found: ReadonlyMap<number, Prediction> }
  | { readonly type: 'query'; readonly query: ViewQuery }
  | { readonly type: 'searching'; readonly search: RowSearch }
  | { readonly type: 'searchProblem'; readonly problem: string }
  | { readonly type: 'viewport'; readonly widthPx: number; readonly heightPx: number }
  | { readonly type: 'measured'; readonly heights: readonly (readonly [index: number, heightPx: number])[] }
  | { readonly type: 'scrolled'; readonly deltaPx: number }
  | { readonly type: 'scrolledTo'; readonly fraction: number }
  | { readonly type: 'active'; readonly place: Place; readonly extends: boolean }
  | { readonly type: 'selectAll' }
  | { readonly type: 'layout'; readonly layout: ColumnLayout }
  | { readonly type: 'set'; readonly option: 'wraps' | 'pairs' | 'showsInsights' | 'predicts'; readonly on: boolean }
  | { readonly type: 'panel'; readonly panel: SidePanel | undefined; readonly column?: string }
  | { readonly type: 'wholeCell'; readonly view: number; readonly cell: WholeCell }
  | { readonly type: 'dialog'; readonly dialog: 'split' | 'export' | undefined }
  | { readonly type: 'menu'; readonly menu: DatasetPreviewState['menu'] }
  | { readonly type: 'split'; readonly draft: Partial<SplitDraft> }
  | { readonly type: 'export'; readonly draft: Partial<ExportDraft> }
  | { readonly type: 'trouble'; readonly message: string }
  | { readonly type: 'notice'; readonly message: string };

export function reduce(state: DatasetPreviewState, event: DatasetPreviewEvent): DatasetPreviewState {
  switch (event.type) {
    case 'started': {
      const { query } = event.snapshot.state.view;
      const search = query.search ?? state.search;
      return withView({ ...state, snapshot: event.snapshot, query, search }, event.snapshot.state);
    }
    case 'state': {
      if (!state.snapshot) return state;
      const before = state.snapshot.state;
      const next = { ...state, snapshot: { ...state.snapshot, state: event.state } };
      const isOtherFile = before.shown !== event.state.shown;
      // Another split begins with the view that its host gives it.
      if (isOtherFile) return withView({ ...next, query: event.state.view.query, wholeCells: [] }, event.state);
      const isOtherModel = before.model?.name !== event.state.model?.name;
      return withView(isOtherModel ? { ...next, rows: outdated(next.rows) } : next, event.state);
    }
    case 'insights':
      return state.snapshot ? { ...state, snapshot: { ...state.snapshot, insights: event.insights } } : state;
    case 'findings':
      return state.snapshot ? { ...state, snapshot: { ...state.snapshot, findings: event.findings } } : state;
    case 'predictions': {
      if (!state.snapshot) return state;
      const isMore = event.predictions.done !== state.snapshot.predictions.done;
      const snapshot = { ...state.snapshot, predictions: event.predictions };
      return { ...state, snapshot, ...(isMore && { rows: outdated(state.rows) }) };
    }
    case 'rows':
      if (event.view !== state.rows.view) return state;
      return { ...state, rows: withPage(state.rows, event.page, event.rows, event.generation) };
    case 'predicted':
      if (event.view !== state.rows.view) return state;
      return { ...state, rows: withPredictions(state.rows, event.found) };
    case 'query':
      return {
        ...state,
        query: event.query,
        search: event.query.search ?? { ...state.search, text: '' },
        searchProblem: '',
        trouble: '',
        notice: '',
      };
    case 'searching':
      return { ...state, search: event.search, searchProblem: '' };
    case 'searchProblem':
      return { ...state, searchProblem: event.problem };
    case 'viewport': {
      const { widthPx, heightPx } = event;
      const isOtherWidth = widthPx !== state.viewport.widthPx;
      const next = { ...state, viewport: { widthPx, heightPx }, ...(isOtherWidth && { heights: new Map() }) };
      return { ...next, scroll: settled(next.scroll, frameOf(next)) };
    }
    case 'measured':
      return withHeights(state, event.heights);
    case 'scrolled': {
      const scroll = movedBy(state.scroll, event.deltaPx, frameOf(state));
      return { ...state, scroll, heldFrom: event.deltaPx < 0 ? state.scroll.index : -1 };
    }
    case 'scrolledTo':
      return { ...state, scroll: positionAt(event.fraction, frameOf(state)), heldFrom: -1 };
    case 'active': {
      const active = within(event.place, gridSize(state));
      const anchor = event.extends && active.row >= 0 ? state.selection.anchor : active;
      const scroll = active.row < 0 ? state.scroll : revealing(active.row, state.scroll, frameOf(state));
      const isUp = scroll.index < state.scroll.index;
      return { ...state, selection: { anchor, active }, scroll, heldFrom: isUp ? state.scroll.index : -1, notice: '' };
    }
    case 'selectAll': {
      const { rows, columns } = gridSize(state);
      const anchor = { row: 0, column: 0 };
      const active = { row: Math.max(0, rows - 1), column: columns - 1 };
      return { ...state, selection: { anchor: active, active: anchor }, scroll: top };
    }
    case 'layout': {
      const next = { ...state, layout: event.layout, heights: new Map() };
      const place = within(state.selection.active, gridSize(next));
      return { ...next, selection: { anchor: place, active: place } };
    }
    case 'set': {
      const next = { ...state, [event.option]: event.on, heights: new Map() };
      return { ...next, scroll: settled(next.scroll, frameOf(next)) };
    }
    case 'panel':
      return { ...state, panel: event.panel, panelColumn: event.column ?? state.panelColumn };
    case 'wholeCell':
      if (event.view !== state.rows.view) return state;
      return { ...state, wholeCells: [...state.wholeCells.slice(-9), event.cell] };
    case 'dialog':
      return { ...state, dialog: event.dialog, trouble: '', notice: '' };
    case 'menu':
      return { ...state, menu: event.menu };
    case 'split':
      return { ...state, split: { ...state.split, ...event.draft } };
    case 'export':
      return { ...state, export: { ...state.export, ...event.draft } };
    case 'trouble':
      return { ...state, trouble: event.message, ...(event.message && { notice: '' }) };
    case 'notice':
      return { ...state, notice: event.message };
  }
}

/** Another view: its rows are unknown, and it is read from its beginning. */
function withView(state: DatasetPreviewState, { view }: PreviewState): DatasetPreviewState {
  if (view.id === state.rows.view) return { ...state, scroll: settled(state.scroll, frameOf(state)) };
  const place = { row: 0, column: Math.min(state.selection.active.column, gridSize(state).columns - 1) };
  return {
    ...state,
    rows: emptyCache(view.id),
    scroll: top,
    heights: new Map(),
    heldFrom: -1,
    wholeCells: [],
    selection: { anchor: place, active: place },
  };
}

const maxHeights = 2000;

function withHeights(
  state: DatasetPreviewState,
  measured: readonly (readonly [index: number, heightPx: number])[],
): DatasetPreviewState {
  const { heightOf } = frameOf(state);
  const changed = measured.filter(([index, heightPx]) => heightOf(index) !== heightPx);
  if (changed.length === 0) return state;
  const kept = state.heights.size > maxHeights ? new Map<number, number>() : state.heights;
  const heights = new Map([...kept, ...changed]);
  // What was on the screen before scrolling up stays there: the growth above it moves the upper edge.
  const grownPx = changed
    .filter(([index]) => index >= state.scroll.index && index < state.heldFrom)
    .reduce((sum, [index, heightPx]) => sum + heightPx - heightOf(index), 0);
  const next = { ...state, heights };
  return { ...next, scroll: movedBy(next.scroll, grownPx, frameOf(next)) };
}

// ── What follows from the state ──────────────────────────────────────────────────────────────────────────────────

export function frameOf(state: DatasetPreviewState): ScrollFrame {
  return {
    rows: rowCount(state),
    viewportPx: Math.max(rowHeightPx, state.viewport.heightPx),
    heightOf: (index) => (state.wraps ? (state.heights.get(index) ?? rowHeightPx) : rowHeightPx),
  };
}

/** Rows of the view, as far as it has come. */
export function rowCount({ snapshot, rows }: DatasetPreviewState): number {
  const view = snapshot?.state.view;
  return view && (view.id === rows.view || rows.view === -1) ? view.rows : 0;
}

export function shownRows(state: DatasetPreviewState): { readonly start: number; readonly end: number } {
  return visibleRows(state.scroll, frameOf(state));
}

export function canScroll(state: DatasetPreviewState): boolean {
  const { index, hiddenPx } = bottomOf(frameOf(state));
  return index > 0 || hiddenPx > 0;
}

export function hasPairs({ snapshot }: DatasetPreviewState): boolean {
  const mapping = snapshot?.state.mapping;
  return mapping?.first_sequence != null && mapping.second_sequence !== null;
}

export function columnOrder(state: DatasetPreviewState): readonly string[] {
  const { snapshot, layout } = state;
  if (!snapshot) return [];
  const { columns, mapping } = snapshot.state;
  return state.pairs && hasPairs(state) ? pairOrder(layout, columns, mapping) : orderedColumns(layout, columns);
}

export function insightOf({ snapshot }: DatasetPreviewState, column: string): ColumnInsight | undefined {
  return snapshot?.insights.columns.find((insight) => insight.column === column);
}

function hasPredictionColumn({ snapshot, predicts }: DatasetPreviewState): boolean {
  if (!snapshot || snapshot.state.mapping.first_sequence === null) return false;
  return (predicts && snapshot.state.model !== null) || snapshot.predictions.done > 0;
}

export function shownColumns(state: DatasetPreviewState): readonly GridColumn[] {
  const { snapshot, layout, viewport } = state;
  if (!snapshot) return [];
  const { columns, mapping, index } = snapshot.state;
  return gridColumns({
    layout,
    columns,
    order: columnOrder(state),
    typeOf: (name) => insightOf(state, name)?.type,
    lastLine: index.rows,
    predictionAfter: hasPredictionColumn(state) ? mapping.label : undefined,
    widthPx: viewport.widthPx,
  });
}

export function gridSize(state: DatasetPreviewState): GridSize {
  const pageRows = Math.max(1, Math.floor(state.viewport.heightPx / rowHeightPx) - 1);
  return { rows: rowCount(state), columns: shownColumns(state).length, pageRows };
}

/** The row that the keyboard is on, if it has come. */
export function activeRow(state: DatasetPreviewState): ShownRow | undefined {
  const { row } = state.selection.active;
  return row < 0 ? undefined : rowAt(state.rows, row);
}

/** Whether the view that is shown is the one asked for. */
export function isCurrent({ snapshot, query }: DatasetPreviewState): boolean {
  return snapshot !== undefined && isSameQuery(snapshot.state.view.query, query);
}

/** Rows on the screen to predict: those without a prediction, good ones only. */
export function unpredictedRows(state: DatasetPreviewState): readonly number[] {
  const { snapshot } = state;
  if (!snapshot || !state.predicts || !snapshot.state.model || snapshot.state.mapping.first_sequence === null)
    return [];
  const { start, end } = shownRows(state);
  const rows: number[] = [];
  for (let index = start; index < end; index++) {
    const row = rowAt(state.rows, index);
    if (row && !row.bad && !row.prediction) rows.push(row.row);
  }
  return rows;
}

/** The label as it stands in the row; undefined: there is no label column. Null: this row has none. */
export function givenLabel(row: ShownRow, { columns, mapping }: PreviewState): string | null | undefined {
  if (mapping.label === null) return undefined;
  return row.cells[columns.indexOf(mapping.label)]?.text.trim() || null;
}

/** Labels of all splits in a fixed order, which colours go by: it stays as counts come in and filters change. */
export function labelOrder({ snapshot }: DatasetPreviewState): readonly string[] {
  const texts = snapshot?.insights.labels.flatMap(({ counts }) => counts.map(({ text }) => text)) ?? [];
  return [...new Set(texts)].sort((a, b) => a.localeCompare(b, 'en', { numeric: true }));
}

/** What a draft asks for; undefined while it is not a number. */
export function splitOptions({ train, validation, test, seed, stratify, group }: SplitDraft): SplitOptions | undefined {
  const [a, b, c, n] = [train, validation, test, seed].map((typed) => (typed.trim() === '' ? NaN : Number(typed)));
  const isValid = [a, b, c].every((share) => share >= 0 && share <= 100) && a > 0 && Number.isInteger(n) && n >= 0;
  if (!isValid || Math.abs(a + b + c - 100) > 1e-6) return undefined;
  return { train: a / 100, validation: b / 100, test: c / 100, seed: n, stratify, group };
}

// ── What outlives the page ───────────────────────────────────────────────────────────────────────────────────────

export function remembered(state: DatasetPreviewState): unknown {
  const { layout, wraps, pairs, showsInsights, predicts, panel, panelColumn } = state;
  return { layout, wraps, pairs, showsInsights, predicts, panel: panel ?? null, panelColumn };
}

/** The initial state with what was remembered, whatever that is by now. */
export function restored(memory: unknown): DatasetPreviewState {
  if (typeof memory !== 'object' || memory === null) return initialState;
  const found = memory as Record<string, unknown>;
  const option = (name: 'wraps' | 'pairs' | 'showsInsights' | 'predicts'): boolean =>
    typeof found[name] === 'boolean' ? found[name] : initialState[name];
  const panel = found.panel === null ? undefined : sidePanels.find((name) => name === found.panel);
  return {
    ...initialState,
    layout: restoredLayout(found.layout),
    wraps: option('wraps'),
    pairs: option('pairs'),
    showsInsights: option('showsInsights'),
    predicts: option('predicts'),
    panel: found.panel === null ? undefined : (panel ?? initialState.panel),
    panelColumn: typeof found.panelColumn === 'string' ? found.panelColumn : undefined,
  };
}

function restoredLayout(memory: unknown): ColumnLayout {
  if (typeof memory !== 'object' || memory === null) return untouched;
  const { order, hidden, widths } = memory as Record<string, unknown>;
  const texts = (list: unknown): string[] =>
    Array.isArray(list) ? list.filter((entry): entry is string => typeof entry === 'string') : [];
  const numbers = Object.entries((typeof widths === 'object' && widths) || {}).filter(
    (entry): entry is [string, number] => typeof entry[1] === 'number' && entry[1] > 0,
  );
  return { order: texts(order), hidden: texts(hidden), widths: Object.fromEntries(numbers) };
}
