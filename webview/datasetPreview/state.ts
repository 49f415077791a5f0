import type { CleanOperation } from '../../src/base/cleanText';
import {
  wholeFile,
  type exportFormats,
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
  type CleanPlan,
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
import type { ShownError } from '../shared/errorNotice';

export const rowHeightPx = 26;

export const sidePanels = ['overview', 'column', 'row'] as const;
export type SidePanel = (typeof sidePanels)[number];

/** The whole text of a cell that the host had cut. */
export interface WholeCell {
  readonly row: number;
  readonly column: string;
  readonly text: string;
  readonly isWhole: boolean;
}

export type PreviewDialog = 'split' | 'clean' | 'export';

export interface SplitDraft {
  /** The three shares in per cent, as typed. */
  readonly train: string;
  readonly validation: string;
  readonly test: string;
  readonly seed: string;
  readonly stratify: string | null;
  readonly group: string | null;
  readonly plan: SplitPlan | undefined;
  readonly problem: ShownError | undefined;
  /** Whether the host is writing the files. */
  readonly working: boolean;
}

export interface CleanDraft {
  readonly operations: readonly CleanOperation[];
  readonly dropDuplicates: boolean;
  /** The effect of the draft. While the host counts it, the effect of the previous draft. */
  readonly plan: CleanPlan | undefined;
  readonly problem: string;
  /** Whether the host is writing the file. */
  readonly working: boolean;
}

export interface ExportDraft {
  readonly format: (typeof exportFormats)[number];
  readonly allColumns: boolean;
  readonly predictions: boolean;
  /** Written rows. Undefined if no export is under way. */
  readonly progress: { readonly done: number; readonly total: number } | undefined;
}

export interface DatasetPreviewState {
  /** Undefined until the host has answered. */
  readonly snapshot: PreviewSnapshot | undefined;
  /** The filters, the search and the order that the person chose. The host's view follows later. */
  readonly query: ViewQuery;
  /** The search as typed. The query takes it over when the person stops typing. */
  readonly search: RowSearch;
  readonly searchProblem: string;
  readonly rows: RowCache;
  readonly scroll: ScrollPosition;
  /** The size of the part of the table that shows rows. */
  readonly viewport: { readonly widthPx: number; readonly heightPx: number };
  /** Heights in pixels of wrapped rows that have been drawn. Other rows count as one line. */
  readonly heights: ReadonlyMap<number, number>;
  /**
   * Rows from this one on were visible before scrolling up. They stay in place when heights of rows above become known.
   */
  readonly heldFrom: number;
  readonly selection: Selection;
  readonly layout: ColumnLayout;
  readonly wraps: boolean;
  /** Whether the inputs stand side by side with their differences marked. */
  readonly pairs: boolean;
  readonly showsInsights: boolean;
  /** Whether the model predicts visible rows. */
  readonly predicts: boolean;
  readonly panel: SidePanel | undefined;
  /** The column that the panel describes. */
  readonly panelColumn: string | undefined;
  readonly wholeCells: readonly WholeCell[];
  readonly dialog: PreviewDialog | undefined;
  /** The open context menu: its cell or head, and its position in the window in pixels. */
  readonly menu: { readonly place: Place; readonly x: number; readonly y: number } | undefined;
  readonly split: SplitDraft;
  readonly clean: CleanDraft;
  readonly export: ExportDraft;
  /** The error of the last action. The next action removes it. */
  readonly trouble: ShownError | undefined;
  /** A message about the success of the last action. */
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
  split: { train: '80', validation: '10', test: '10', seed: '2021', stratify: null, group: null, plan: undefined, problem: undefined, working: false }, // prettier-ignore
  clean: { operations: [], dropDuplicates: false, plan: undefined, problem: '', working: false },
  export: { format: 'jsonl', allColumns: false, predictions: false, progress: undefined },
  trouble: undefined,
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
  | { readonly type: 'dialog'; readonly dialog: PreviewDialog | undefined }
  | { readonly type: 'menu'; readonly menu: DatasetPreviewState['menu'] }
  | { readonly type: 'split'; readonly draft: Partial<SplitDraft> }
  | { readonly type: 'clean'; readonly draft: Partial<CleanDraft> }
  | { readonly type: 'export'; readonly draft: Partial<ExportDraft> }
  | { readonly type: 'trouble'; readonly error: ShownError | undefined }
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
      const read = { ...state, snapshot: { ...state.snapshot, state: event.state }, split: splitIn(event.state, state.split) }; // prettier-ignore
      // Of a file or a sheet that is read anew the host chooses the view, unless the person has just asked for another.
      const { query } = event.state.view;
      const isChosen = isCurrent(state) && !isCurrent(read);
      const next = isChosen ? { ...read, query, search: query.search ?? { ...state.search, text: '' } } : read;
      const isOtherFile = before.shown !== event.state.shown;
      // For another split the host chooses the first view.
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
        trouble: undefined,
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
      return { ...state, dialog: event.dialog, trouble: undefined, notice: '' };
    case 'menu':
      return { ...state, menu: event.menu };
    case 'split':
      return { ...state, split: { ...state.split, ...event.draft } };
    case 'clean':
      return { ...state, clean: { ...state.clean, ...event.draft } };
    case 'export':
      return { ...state, export: { ...state.export, ...event.draft } };
    case 'trouble':
      return { ...state, trouble: event.error, ...(event.error && { notice: '' }) };
    case 'notice':
      return { ...state, notice: event.message };
  }
}

/** The draft of a split for the file on show: columns that were chosen in another one, and are not in this, are chosen anew. */
function splitIn({ columns }: PreviewState, draft: SplitDraft): SplitDraft {
  const isGone = (column: string | null): boolean => column !== null && !columns.includes(column);
  if (columns.length === 0 || (!isGone(draft.stratify) && !isGone(draft.group))) return draft;
  return { ...draft, stratify: null, group: null, plan: undefined, problem: undefined };
}

/** The state for a view. If the view is new, its rows are unknown and the table starts at the top. */
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
  // The upper edge moves by the growth of the rows above, so that visible rows stay in place.
  const grownPx = changed
    .filter(([index]) => index >= state.scroll.index && index < state.heldFrom)
    .reduce((sum, [index, heightPx]) => sum + heightPx - heightOf(index), 0);
  const next = { ...state, heights };
  return { ...next, scroll: movedBy(next.scroll, grownPx, frameOf(next)) };
}

// ── Derived from the state ───────────────────────────────────────────────────────────────────────────────────────────

export function frameOf(state: DatasetPreviewState): ScrollFrame {
  return {
    rows: rowCount(state),
    viewportPx: Math.max(rowHeightPx, state.viewport.heightPx),
    heightOf: (index) => (state.wraps ? (state.heights.get(index) ?? rowHeightPx) : rowHeightPx),
  };
}

/** The number of rows of the view so far. */
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

/** The active row. Undefined if the page does not have it yet. */
export function activeRow(state: DatasetPreviewState): ShownRow | undefined {
  const { row } = state.selection.active;
  return row < 0 ? undefined : rowAt(state.rows, row);
}

/** Whether the host's view has the filters, search and order of the person. */
export function isCurrent({ snapshot, query }: DatasetPreviewState): boolean {
  return snapshot !== undefined && isSameQuery(snapshot.state.view.query, query);
}

/** Numbers of visible rows that have no prediction and no error. */
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

/** The labels of all splits in a fixed order, which gives their colours. Counts and filters do not change the order. */
export function labelOrder({ snapshot }: DatasetPreviewState): readonly string[] {
  const texts = snapshot?.insights.labels.flatMap(({ counts }) => counts.map(({ text }) => text)) ?? [];
  return [...new Set(texts)].sort((a, b) => a.localeCompare(b, 'en', { numeric: true }));
}

/** The options of a draft. Undefined if a share or the seed is no valid number. */
export function splitOptions({ train, validation, test, seed, stratify, group }: SplitDraft): SplitOptions | undefined {
  const [a, b, c, n] = [train, validation, test, seed].map((typed) => (typed.trim() === '' ? NaN : Number(typed)));
  const isValid = [a, b, c].every((share) => share >= 0 && share <= 100) && a > 0 && Number.isInteger(n) && n >= 0;
  if (!isValid || Math.abs(a + b + c - 100) > 1e-6) return undefined;
  return { train: a / 100, validation: b / 100, test: c / 100, seed: n, stratify, group };
}

// ── Kept over a reload ───────────────────────────────────────────────────────────────────────────────────────────────

export function remembered(state: DatasetPreviewState): unknown {
  const { layout, wraps, pairs, showsInsights, predicts, panel, panelColumn } = state;
  return { layout, wraps, pairs, showsInsights, predicts, panel: panel ?? null, panelColumn };
}

/** The state after a reload. The memory may come from another version, so every value in it is checked. */
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
