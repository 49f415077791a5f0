import { render } from 'lit';
import { asMedTextError } from '../../src/base/errors';
import {
  datasetPreviewContract,
  maxRowsPerRequest,
  type Prediction,
  type ViewQuery,
} from '../../src/protocol/datasetPreview';
import { pageMemory } from '../shared/host';
import '../shared/entityText.css';
import '../shared/page.css';
import { startPage } from '../shared/startPage';
import type { DatasetPreviewActions } from './actions';
import { GridInput } from './gridInput';
import { selectedPart } from './gridFocus';
import { neededPages, pageSize } from './rowCache';
import { ScrollElements } from './scrollElements';
import { expressionProblem } from './searchMarks';
import {
  columnOrder,
  isCurrent,
  reduce,
  remembered,
  restored,
  rowCount,
  shownColumns,
  shownRows,
  splitOptions,
  unpredictedRows,
  type DatasetPreviewEvent,
} from './state';
import './style.css';
import { datasetPreview } from './view';
import { countText } from './words';

const searchDelayMs = 250;
const predictDelayMs = 200;
const requestsAtATime = 2;
const predictionsAtATime = 64;

const {
  host,
  root,
  t,
  show: showTrouble,
} = startPage(datasetPreviewContract, {
  paint,
  show: (snapshot) => dispatch({ type: 'started', snapshot }),
  setTrouble: (error) => dispatch({ type: 'trouble', error }),
});
let state = restored(pageMemory.read());

// ── Actions of the person ────────────────────────────────────────────────────────────────────────────────────────────

let searchTimer = 0;
let planTimer = 0;
let cleanNumber = 0;
let planNumber = 0;
let exporting: AbortController | undefined;

const actions: DatasetPreviewActions = {
  dispatch,
  show,
  search(search) {
    dispatch({ type: 'searching', search });
    clearTimeout(searchTimer);
    const problem = search.text === '' ? undefined : expressionProblem(search);
    if (problem) return dispatch({ type: 'searchProblem', problem });
    searchTimer = window.setTimeout(() => {
      const wanted = search.text === '' ? null : search;
      // If the box is empty and nothing was searched, the view stays the same.
      if (wanted !== null || state.query.search !== null) show({ ...state.query, search: wanted });
    }, searchDelayMs);
  },
  showSplit: (name) => ask(host.request('showSplit', { name })),
  showSheet: (name) => ask(host.request('showSheet', { name })),
  addSplit: () => ask(host.request('addSplit', undefined)),
  setMapping: (mapping) => ask(host.request('setMapping', mapping)),
  skipBadRows: () =>
    ask(host.request('skipBadRows', undefined), (written) => written && t('Written into {0}.', written.recipe)),
  writeMapping: () =>
    ask(host.request('writeMapping', undefined), (written) => written && t('Written into {0}.', written.recipe)),
  setMaxLength: (maxLength) => ask(host.request('setMaxLength', { maxLength })),
  chooseModel: () => ask(host.request('chooseModel', undefined)),
  start: (task) => ask(host.request('start', { task })),
  cancel: (task) => ask(host.request('cancel', { task })),
  jump: (row) => ask(host.request('jump', { view: state.rows.view, row })),
  copy,
  wholeCell(row, column) {
    const { view } = state.rows;
    ask(
      host.request('cell', { view, row, column }).then(({ text, isWhole }) => {
        dispatch({ type: 'wholeCell', view, cell: { row, column, text, isWhole } });
      }),
    );
  },
  planClean() {
    const number = ++cleanNumber;
    const { operations, dropDuplicates } = state.clean;
    host.request('planClean', { operations, dropDuplicates }).then(
      (plan) => number === cleanNumber && dispatch({ type: 'clean', draft: { plan, problem: '' } }),
      (error: unknown) =>
        number === cleanNumber &&
        dispatch({ type: 'clean', draft: { plan: undefined, problem: asMedTextError(error).message } }),
    );
  },
  writeClean(target) {
    const { operations, dropDuplicates } = state.clean;
    dispatch({ type: 'clean', draft: { working: true } });
    ask(
      host
        .request('writeClean', { options: { operations, dropDuplicates }, target })
        .finally(() => dispatch({ type: 'clean', draft: { working: false } })),
      (written) => {
        if (!written) return undefined;
        dispatch({ type: 'dialog', dialog: undefined });
        return t('Written: {0}', written.name);
      },
    );
  },
  planSplit() {
    clearTimeout(planTimer);
    const number = ++planNumber;
    const options = splitOptions(state.split);
    if (!options) return dispatch({ type: 'split', draft: { plan: undefined, problem: undefined } });
    planTimer = window.setTimeout(() => {
      host.request('planSplit', options).then(
        (plan) => number === planNumber && dispatch({ type: 'split', draft: { plan, problem: undefined } }),
        (error: unknown) =>
          number === planNumber &&
          dispatch({ type: 'split', draft: { plan: undefined, problem: asMedTextError(error) } }),
      );
    }, searchDelayMs);
  },
  writeSplit(target) {
    const options = splitOptions(state.split);
    if (!options) return;
    dispatch({ type: 'split', draft: { working: true } });
    ask(
      host
        .request('writeSplit', { options, target })
        .finally(() => dispatch({ type: 'split', draft: { working: false } })),
      (written) => {
        if (!written) return undefined;
        dispatch({ type: 'dialog', dialog: undefined });
        return t('Written: {0}', written.names.join(', '));
      },
    );
  },
  writeExport() {
    const { format, allColumns, predictions } = state.export;
    const { layout } = state;
    const columns = columnOrder(state).filter((name) => allColumns || !layout.hidden.includes(name));
    exporting = new AbortController();
    dispatch({ type: 'export', draft: { progress: { done: 0, total: rowCount(state) } } });
    const params = { view: state.rows.view, columns, format, predictions: predictions && state.snapshot!.predictions.done > 0 }; // prettier-ignore
    ask(
      host
        .request('export', params, exporting.signal)
        .finally(() => dispatch({ type: 'export', draft: { progress: undefined } })),
      (written) => {
        if (!written) return undefined;
        dispatch({ type: 'dialog', dialog: undefined });
        return t('{0} rows written to {1}.', countText(written.rows), written.fileName);
      },
    );
  },
  cancelExport: () => exporting?.abort(),
  body: (element) => input.attach(element),
  scrollbar: (element) => scrolling.attach(element),
  focusGrid: () => document.getElementById('grid')?.focus(),
};

const scrolling = new ScrollElements((fraction) => dispatch({ type: 'scrolledTo', fraction }));
const input = new GridInput(() => state, actions);

function show(query: ViewQuery): void {
  clearTimeout(searchTimer);
  dispatch({ type: 'query', query });
  host.request('setView', query).catch((error: unknown) => {
    const { code, message } = asMedTextError(error);
    if (code === 'USAGE' && query.search?.regex) dispatch({ type: 'searchProblem', problem: message });
    else showTrouble(error);
  });
}

function copy(format: 'json' | 'tsv', part: 'selection' | 'row'): void {
  const selected = selectedPart(state.selection);
  if (!selected) return;
  const shown = shownColumns(state);
  const names = (columns: typeof shown): string[] => columns.flatMap((column) => (column.kind === 'data' ? [column.name] : [])); // prettier-ignore
  const [first, last] = part === 'row' ? [state.selection.active.row, state.selection.active.row] : selected.rows;
  const within = names(shown.slice(selected.columns[0], selected.columns[1] + 1));
  // A selection of line numbers or predictions only copies whole rows.
  const columns = part === 'row' ? columnOrder(state) : within.length > 0 ? within : names(shown);
  const ranges = [{ start: first, count: Math.min(maxRowsPerRequest, last - first + 1) }];
  ask(host.request('copy', { view: state.rows.view, ranges, columns, format }), ({ rows }) =>
    rows === 1 ? t('Copied.') : t('{0} rows copied.', countText(rows)),
  );
}

/** Waits for a request. Then shows the notice that `words` makes of the result, or the error. */
function ask<T>(request: Promise<T>, words?: (result: T) => string | null | undefined): void {
  dispatch({ type: 'trouble', error: undefined });
  request.then((result) => {
    const message = words?.(result);
    if (message) dispatch({ type: 'notice', message });
  }, showTrouble);
}

// ── Events of the host ───────────────────────────────────────────────────────────────────────────────────────────────

host.on('state', (next) => dispatch({ type: 'state', state: next }));
host.on('insights', (insights) => dispatch({ type: 'insights', insights }));
host.on('findings', (findings) => dispatch({ type: 'findings', findings }));
host.on('predictions', (predictions) => dispatch({ type: 'predictions', predictions }));
host.on('query', (query) => show(query));
host.on('exportProgress', (progress) => state.export.progress && dispatch({ type: 'export', draft: { progress } }));

// ── Requests for visible rows ────────────────────────────────────────────────────────────────────────────────────────

const underWay = new Set<string>();
/** Requests that failed or brought too few rows. The page repeats them only after the view has changed. */
const givenUp = new Set<string>();

function askForRows(): void {
  if (!state.snapshot || !isCurrent(state)) return;
  const { view, generation } = state.rows;
  const total = rowCount(state);
  const { start, end } = shownRows(state);
  for (const page of neededPages(state.rows, start, end, total)) {
    if (underWay.size >= requestsAtATime) return;
    const key = `${view}:${page}`;
    const attempt = `${key}:${generation}:${total}`;
    if (underWay.has(key) || givenUp.has(attempt)) continue;
    underWay.add(key);
    const expected = Math.min(pageSize, total - page * pageSize);
    host
      .request('rows', { view, start: page * pageSize, count: pageSize })
      .then(
        ({ rows }) => {
          if (rows.length < expected) givenUp.add(attempt);
          dispatch({ type: 'rows', view, page, rows, generation });
        },
        (error: unknown) => {
          givenUp.add(attempt);
          // The host no longer has an old view, and nobody needs its rows.
          if (asMedTextError(error).code !== 'NOT_FOUND') showTrouble(error);
        },
      )
      .finally(() => {
        underWay.delete(key);
        askForRows();
      });
  }
}

let predictTimer = 0;
let predicting: { readonly key: string; readonly abort: AbortController } | undefined;
/**
 * Rows without a prediction, and whether predicting failed. `of` names split, model and mapping for which this holds.
 */
let unpredictable = { of: '', rows: new Set<number>(), failed: false };

/**
 * Asks for predictions of visible rows after scrolling has stopped. Cancels the request for rows that are no longer
 * visible.
 */
function askForPredictions(): void {
  const { model, mapping, shown } = state.snapshot?.state ?? {};
  const of = JSON.stringify([shown, model?.name, model?.description, mapping]);
  if (unpredictable.of !== of) unpredictable = { of, rows: new Set(), failed: false };
  const wanted = unpredictable.failed ? [] : unpredictedRows(state).filter((row) => !unpredictable.rows.has(row));
  const rows = wanted.slice(0, predictionsAtATime);
  const { view } = state.rows;
  const key = `${of}:${view}:${rows.join()}`;
  if (predicting?.key === key) return;
  clearTimeout(predictTimer);
  predicting?.abort.abort();
  predicting = undefined;
  if (rows.length === 0) return;
  const abort = new AbortController();
  predicting = { key, abort };
  predictTimer = window.setTimeout(() => {
    host.request('predict', { view, rows }, abort.signal).then(
      ({ predictions }) => {
        const found = new Map<number, Prediction>();
        rows.forEach((row, at) => {
          const prediction = predictions[at];
          if (prediction) found.set(row, prediction);
          else unpredictable.rows.add(row);
        });
        predicting = undefined;
        dispatch({ type: 'predicted', view, found });
      },
      (error: unknown) => {
        if (abort.signal.aborted) return;
        const { code } = asMedTextError(error);
        if (code === 'CANCELLED') {
          // The host has forgotten its predictions meanwhile: the same rows are asked for again.
          predicting = undefined;
          askForPredictions();
        } else if (code !== 'NOT_FOUND') {
          // An old view needs no notice.
          unpredictable.failed = true;
          showTrouble(error);
        }
      },
    );
  }, predictDelayMs);
}

// ── Painting ─────────────────────────────────────────────────────────────────────────────────────────────────────────

let isPaintAsked = false;

function dispatch(event: DatasetPreviewEvent): void {
  const before = state;
  state = reduce(state, event);
  if (state === before) return;
  if (event.type === 'layout' || event.type === 'set' || event.type === 'panel') pageMemory.write(remembered(state));
  if (event.type === 'dialog' && event.dialog === 'split') openSplit();
  if (event.type === 'dialog' && event.dialog === 'clean') openClean();
  if (event.type === 'active') input.revealColumnAfterPaint();
  if (!isPaintAsked) {
    isPaintAsked = true;
    requestAnimationFrame(paint);
  }
}

/** Opens the dialog with the operations of the recipe, unless the person has chosen some before. */
function openClean(): void {
  const { clean = [], dropDuplicates = false } = state.snapshot!.state.recipe ?? {};
  const { plan, operations } = state.clean;
  if (!plan && operations.length === 0)
    state = reduce(state, { type: 'clean', draft: { operations: clean, dropDuplicates } });
  actions.planClean();
}

/** Opens the dialog with label and first text of the mapping, unless the person has chosen columns before. */
function openSplit(): void {
  const { mapping } = state.snapshot!.state;
  const { plan, stratify, group } = state.split;
  if (!plan && stratify === null && group === null) {
    state = reduce(state, { type: 'split', draft: { stratify: mapping.label, group: mapping.first_sequence } });
  }
  actions.planSplit();
}

function paint(): void {
  isPaintAsked = false;
  render(datasetPreview(state, actions, t), root);
  input.afterPaint();
  scrolling.show(state);
  askForRows();
  askForPredictions();
}
