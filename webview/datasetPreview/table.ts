import { html, nothing, type TemplateResult } from 'lit';
import { ref } from 'lit/directives/ref.js';
import type { Translate } from '../../src/base/translate';
import type { ShownRow } from '../../src/protocol/datasetPreview';
import { styleProperties } from '../shared/styleProperties';
import type { DatasetPreviewActions } from './actions';
import { cellContent, entitiesOf, firstText, marksOf, predictionContent } from './cells';
import type { GridColumn } from './columnLayout';
import { isSelected } from './gridFocus';
import { dropHandlers, headerContent } from './headerCell';
import { rowAt } from './rowCache';
import { markExpression } from './searchMarks';
import { canScroll, hasPairs, isCurrent, labelOrder, rowCount, shownColumns, shownRows, type DatasetPreviewState } from './state'; // prettier-ignore
import { isWholeFile, withSort } from './viewQueries';
import { countText } from './words';
import { errorNotice } from '../shared/errorNotice';

/** Values that all rows of one painting need. */
interface Painting {
  readonly state: DatasetPreviewState;
  readonly columns: readonly GridColumn[];
  readonly labels: readonly string[];
  readonly expression: RegExp | undefined;
  readonly searched: readonly string[];
  readonly actions: DatasetPreviewActions;
  readonly t: Translate;
}

export const cellId = (row: number, column: number): string => `cell-${row < 0 ? 'head' : row}-${column}`;

/**
 * The table with its visible rows only. The grid itself has the focus and names its active cell
 * (aria-activedescendant), because a cell disappears from the page when it is scrolled away.
 */
export function table(state: DatasetPreviewState, actions: DatasetPreviewActions, t: Translate): TemplateResult {
  const columns = shownColumns(state);
  const { start, end } = shownRows(state);
  const { active } = state.selection;
  const isDrawn = active.row < 0 || (active.row >= start && active.row < end);
  const { search } = state.query;
  const expression = search ? markExpression(search) : undefined;
  const painting: Painting = { state, columns, labels: labelOrder(state), expression, searched: search?.columns ?? [], actions, t }; // prettier-ignore
  const template = columns.map(({ widthPx }) => `${widthPx}px`).join(' ');
  const indices = Array.from({ length: end - start }, (_, at) => start + at);
  return html`
    <div class="table ${state.wraps ? 'wraps' : ''}" ${styleProperties({ '--columns': template })}>
      <div class="sideways">
        <div
          class="grid"
          id="grid"
          role="grid"
          tabindex="0"
          aria-label=${t('Rows of {0}', state.snapshot!.state.file?.name ?? '')}
          aria-multiselectable="true"
          aria-rowcount=${rowCount(state) + 1}
          aria-colcount=${columns.length}
          aria-busy=${isCurrent(state) ? 'false' : 'true'}
          aria-activedescendant=${isDrawn ? cellId(active.row, active.column) : nothing}
        >
          <div class="head ${state.showsInsights ? 'tall' : ''}" role="rowgroup">
            <div class="row" role="row" aria-rowindex="1">
              ${columns.map((column, at) => headerCell(column, at, painting))}
            </div>
          </div>
          <div class="body" role="rowgroup" ${ref(actions.body)}>
            <div
              class="rows"
              role="presentation"
              ${styleProperties({ transform: `translateY(${-state.scroll.hiddenPx}px)` })}
            >
              ${indices.map((index) => tableRow(index, painting))}
            </div>
          </div>
        </div>
        ${emptyState(state, actions, t)}
      </div>
      <div
        class="scrollbar ${canScroll(state) ? '' : 'idle'}"
        tabindex="-1"
        aria-hidden="true"
        ${ref(actions.scrollbar)}
      >
        <div></div>
      </div>
    </div>
  `;
}

function headerCell(column: GridColumn, at: number, { state, actions, t }: Painting): TemplateResult {
  const { sort } = state.query;
  const isSorted = sort?.kind === 'column' && column.kind === 'data' && sort.column === column.name;
  const isActive = state.selection.active.row < 0 && state.selection.active.column === at;
  const drop = dropHandlers(column, state, actions);
  return html`<div
    class="cell ${column.kind} ${isActive ? 'active' : ''}"
    role="columnheader"
    id=${cellId(-1, at)}
    aria-colindex=${at + 1}
    aria-sort=${isSorted ? (sort.descending ? 'descending' : 'ascending') : 'none'}
    data-column=${at}
    data-row="-1"
    @dragover=${drop.over}
    @dragleave=${drop.leave}
    @drop=${drop.drop}
  >
    ${headerContent(column, state, actions, t)}
  </div>`;
}

function tableRow(index: number, painting: Painting): TemplateResult {
  const { state, columns, t } = painting;
  const row = rowAt(state.rows, index);
  const { group } = row ?? {};
  const classes = ['row', row?.bad ? 'bad' : '', group == null ? '' : group % 2 === 0 ? 'even' : 'odd', startsGroup(index, state) ? 'first' : '']; // prettier-ignore
  return html`<div class=${classes.filter(Boolean).join(' ')} role="row" aria-rowindex=${index + 2} data-index=${index}>
    ${
      row?.bad
        ? [lineCell(index, row, painting), badCell(index, row, painting)]
        : columns.map((column, at) => {
            if (column.kind === 'line') return lineCell(index, row, painting);
            if (!row) {
              const content = html`<span class="skeleton"></span><span class="for-readers">${t('Loading…')}</span>`;
              return gridCell(index, at, { column, content }, painting);
            }
            return column.kind === 'prediction' ? predictionCell(index, at, row, column, painting) : dataCell(index, at, row, column, painting); // prettier-ignore
          })
    }
  </div>`;
}

function lineCell(index: number, row: ShownRow | undefined, painting: Painting): TemplateResult {
  const { state, actions, t, columns } = painting;
  const hasLines = state.snapshot!.state.file?.hasLines && row?.line !== null;
  const number = row ? String(row.line ?? row.row + 1) : '';
  const content =
    row && hasLines
      ? html`<button
          type="button"
          class="line number"
          tabindex="-1"
          title=${t('Go to line {0}', number)}
          @click=${() => actions.jump(row.row)}
        >
          ${number}
        </button>`
      : html`<span class="line number">${number}</span>`;
  return gridCell(index, 0, { column: columns[0], content }, painting);
}

function badCell(index: number, { bad }: ShownRow, painting: Painting): TemplateResult {
  const { columns, state } = painting;
  return html`<div
    class="cell broken ${isSelected(state.selection, index, state.selection.active.column) ? 'selected' : ''} ${state.selection.active.row === index && state.selection.active.column > 0 ? 'active' : ''}"
    role="gridcell"
    id=${cellId(index, state.selection.active.row === index ? Math.max(1, state.selection.active.column) : 1)}
    aria-colindex="2"
    aria-colspan=${columns.length - 1}
    data-row=${index}
    data-column="1"
  >
    <strong>${bad!.message}</strong> <bdi class="quiet">${bad!.excerpt}</bdi>
  </div>`;
}

function dataCell(
  index: number,
  at: number,
  row: ShownRow,
  column: GridColumn & { kind: 'data' },
  painting: Painting,
): TemplateResult {
  const { state, labels, expression, searched, t } = painting;
  const { mapping } = state.snapshot!.state;
  const cell = row.cells[column.index] ?? null;
  const marks = state.pairs && hasPairs(state) ? marksOf(row, state.snapshot!.state) : undefined;
  const side =
    column.name === mapping.first_sequence
      ? marks?.first
      : column.name === mapping.second_sequence
        ? marks?.second
        : undefined;
  const isSearched = searched.length === 0 || searched.includes(column.name);
  const labelIndex =
    column.name === mapping.label && cell && cell.kind !== 'json' ? labels.indexOf(cell.text) : undefined;
  const entities = column.name === mapping.first_sequence ? entitiesOf(row, labels) : undefined;
  const content = html`<span class="content"
    >${cellContent(cell, { expression: isSearched ? expression : undefined, marks: side, labelIndex, entities }, t)}</span
  >`;
  return gridCell(index, at, { column, mark: cell?.kind, content }, painting);
}

function predictionCell(
  index: number,
  at: number,
  row: ShownRow,
  column: GridColumn,
  painting: Painting,
): TemplateResult {
  const { state, labels, t } = painting;
  const { prediction } = row;
  const content = prediction
    ? predictionContent(prediction, { labels, text: firstText(row, state.snapshot!.state) }, t)
    : html`<span class="missing">…</span>`;
  return gridCell(index, at, { column, mark: prediction?.differs ? 'differing' : undefined, content }, painting);
}

interface CellParts {
  readonly column: GridColumn;
  /** An additional CSS class. */
  readonly mark?: string;
  readonly content: TemplateResult;
}

function gridCell(
  index: number,
  at: number,
  { column, mark, content }: CellParts,
  { state }: Painting,
): TemplateResult {
  const { active } = state.selection;
  const isActive = active.row === index && active.column === at;
  const selected = isSelected(state.selection, index, at);
  const classes = ['cell', column.kind, mark, selected ? 'selected' : '', isActive ? 'active' : ''];
  return html`<div
    class=${classes.filter(Boolean).join(' ')}
    role="gridcell"
    id=${cellId(index, at)}
    aria-colindex=${at + 1}
    aria-selected=${selected ? 'true' : 'false'}
    data-row=${index}
    data-column=${at}
  >
    ${content}
  </div>`;
}

/** In a view of a finding: whether the row and the row above belong to different groups. */
function startsGroup(index: number, state: DatasetPreviewState): boolean {
  const group = rowAt(state.rows, index)?.group;
  return group != null && index > 0 && rowAt(state.rows, index - 1)?.group !== group;
}

/** The message in a table without rows. */
function emptyState(
  state: DatasetPreviewState,
  actions: DatasetPreviewActions,
  t: Translate,
): TemplateResult | typeof nothing {
  const { view, index } = state.snapshot!.state;
  if (rowCount(state) > 0) return nothing;
  if (view.error) {
    return html`<div class="empty">${errorNotice(view.error, t)}
      <button type="button" class="button secondary" @click=${() => actions.show({ search: null, filters: [], sort: null })}>${t('Show All Rows')}</button></div>`; // prettier-ignore
  }
  if (view.working || index.working || !isCurrent(state)) {
    const isSorting = state.query.sort !== null;
    const percent = Math.round(100 * (isWholeFile(state.query) ? index.fraction : view.fraction));
    return html`<div class="empty" role="status">
      <p>${isSorting ? t('Sorting… {0} %', percent) : isWholeFile(state.query) ? t('Reading… {0} %', percent) : t('Searching… {0} %', percent)}</p>
      ${view.working ? html`<button type="button" class="button secondary" @click=${() => actions.cancel('view')}>${t('Cancel')}</button>` : nothing}
    </div>`; // prettier-ignore
  }
  if (isWholeFile(state.query)) {
    return html`<div class="empty">
      <p><strong>${t('This file has no rows.')}</strong></p>
    </div>`;
  }
  return html`<div class="empty">
    <p><strong>${view.partial ? t('Cancelled before a row was found.') : t('No row matches.')}</strong></p>
    <p class="quiet">${t('{0} rows were searched.', countText(index.rows))}</p>
    ${
      state.query.sort !== null && view.partial
        ? html`<button type="button" class="button secondary" @click=${() => actions.show(withSort(state.query, null))}>${t('Do not sort')}</button>` // prettier-ignore
        : html`<button type="button" class="button secondary" @click=${() => actions.show({ search: null, filters: [], sort: null })}>${t('Show All Rows')}</button>` // prettier-ignore
    }
  </div>`;
}
