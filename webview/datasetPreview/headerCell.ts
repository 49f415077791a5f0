import { html, nothing, type TemplateResult } from 'lit';
import type { Translate } from '../../src/base/translate';
import type { ColumnInsight, PreviewState } from '../../src/protocol/datasetPreview';
import { styleProperties } from '../shared/styleProperties';
import type { DatasetPreviewActions } from './actions';
import { labelDot } from './cells';
import { movedTo, resized, widthKey, type GridColumn } from './columnLayout';
import { histogram } from './histogram';
import { icon } from './icons';
import { columnOrder, insightOf, labelOrder, type DatasetPreviewState } from './state';
import { hasValue, withSort, withSortTurned, withValueToggled } from './viewQueries';
import { countText, shareText, typeText } from './words';

const shownValues = 3;
const dragType = 'application/x-medtext-column';

/** The head of a column: name, role, sort order, and a small picture of the values. */
export function headerContent(
  column: GridColumn,
  state: DatasetPreviewState,
  actions: DatasetPreviewActions,
  t: Translate,
): TemplateResult {
  const snapshot = state.snapshot!;
  if (column.kind === 'line') {
    return html`<div class="name">
      <span class="quiet">${snapshot.state.file?.hasLines ? t('Line') : t('Row')}</span>
    </div>`;
  }
  const { sort } = state.query;
  if (column.kind === 'prediction') {
    const isSorted = sort?.kind === 'probability' || sort?.kind === 'disagreement' || sort?.kind === 'similarity';
    return html`
      <div class="name">
        <button
          type="button"
          class="sort"
          tabindex="-1"
          title=${t('Sort: disagreements with the label first')}
          @click=${() => actions.show(withSort(state.query, sort?.kind === 'disagreement' ? null : { kind: 'disagreement' }))}
        >
          <strong>${t('Prediction')}</strong>${isSorted ? icon('up') : nothing}
        </button>
      </div>
      ${state.showsInsights ? predictionSummary(state, actions, t) : nothing} ${resizer(column, state, actions, t)}
    `;
  }
  const { name } = column;
  const insight = insightOf(state, name);
  const isSorted = sort?.kind === 'column' && sort.column === name;
  return html`
    <div class="name">
      <button
        type="button"
        class="sort"
        tabindex="-1"
        draggable="true"
        title=${t('{0}: click to sort, drag to move', name)}
        @click=${() => actions.show(withSortTurned(state.query, name))}
        @dragstart=${(event: DragEvent) => event.dataTransfer?.setData(dragType, name)}
      >
        <strong><bdi>${name}</bdi></strong>
        ${isSorted ? icon(sort.descending ? 'down' : 'up') : nothing}
      </button>
      ${roleBadge(name, snapshot.state, t)}
      <button
        type="button"
        class="tool"
        tabindex="-1"
        title=${t('More about {0}', name)}
        aria-label=${t('More about {0}', name)}
        @click=${() => actions.dispatch({ type: 'panel', panel: 'column', column: name })}
      >
        ${icon('more')}
      </button>
    </div>
    ${state.showsInsights ? insightSummary(insight, state, actions, t) : nothing} ${resizer(column, state, actions, t)}
  `;
}

/** Listeners for a column that is dropped onto this column and takes its place. */
export function dropHandlers(column: GridColumn, state: DatasetPreviewState, actions: DatasetPreviewActions) {
  const accepts = (event: DragEvent): boolean =>
    column.kind === 'data' && (event.dataTransfer?.types.includes(dragType) ?? false);
  return {
    over: (event: DragEvent): void => {
      if (!accepts(event)) return;
      event.preventDefault();
      (event.currentTarget as HTMLElement).classList.add('target');
    },
    leave: (event: DragEvent): void => (event.currentTarget as HTMLElement).classList.remove('target'),
    drop: (event: DragEvent): void => {
      (event.currentTarget as HTMLElement).classList.remove('target');
      if (!accepts(event) || column.kind !== 'data') return;
      event.preventDefault();
      const name = event.dataTransfer!.getData(dragType);
      actions.dispatch({ type: 'layout', layout: movedTo(state.layout, columnOrder(state), name, column.name) });
    },
  };
}

export function roleBadge(name: string, { mapping }: PreviewState, t: Translate): TemplateResult | typeof nothing {
  const words = [
    name === mapping.first_sequence && (mapping.second_sequence === null ? t('text') : t('first text')),
    name === mapping.second_sequence && t('second text'),
    name === mapping.label && t('label'),
  ].filter((word): word is string => typeof word === 'string');
  return words.length === 0 ? nothing : html`<span class="badge">${words.join(' · ')}</span>`;
}

function insightSummary(
  insight: ColumnInsight | undefined,
  state: DatasetPreviewState,
  actions: DatasetPreviewActions,
  t: Translate,
): TemplateResult {
  if (!insight) return html`<div class="facts quiet"><span class="skeleton"></span></div>`;
  const { type, missing, distinct, distinctIsExact, count, characters, numbers, column } = insight;
  const facts = [
    typeText(type, t),
    t('{0} distinct', `${countText(distinct)}${distinctIsExact ? '' : '+'}`),
    ...(missing > 0 ? [t('{0} missing', shareText(missing, count))] : []),
  ];
  const options = { column, query: state.query, show: actions.show, isInHeader: true };
  const shown = numbers
    ? histogram(numbers, { ...options, measure: 'value' }, t)
    : type === 'category' || type === 'boolean'
      ? valueBars(insight, shownValues, state, actions, t)
      : characters
        ? histogram(characters, { ...options, measure: 'characters' }, t)
        : nothing;
  return html`<div class="facts quiet" title=${facts.join(' · ')}>${facts.join(' · ')}</div>
    ${shown}`;
}

/** The most frequent values as buttons. A click shows only the rows with this value. */
export function valueBars(
  { column, top, count, missing, distinct }: ColumnInsight,
  limit: number,
  state: DatasetPreviewState,
  actions: DatasetPreviewActions,
  t: Translate,
  isInHeader = true,
): TemplateResult {
  const highest = Math.max(1, top[0]?.count ?? 1);
  const isLabel = column === state.snapshot?.state.mapping.label;
  const labels = isLabel ? labelOrder(state) : [];
  const rows = top.slice(0, limit);
  const more = distinct - rows.length;
  return html`
    <div class="values" role="group" aria-label=${t('Most frequent values; click one to filter by it')}>
      ${rows.map(({ text, count: valueCount }) => {
        const share = shareText(valueCount, count);
        const words = t('{0}: {1} rows ({2})', text, countText(valueCount), share);
        return html`<button
          type="button"
          class="value"
          tabindex=${isInHeader ? -1 : 0}
          aria-pressed=${hasValue(state.query, column, text) ? 'true' : 'false'}
          title=${words}
          @click=${() => actions.show(withValueToggled(state.query, column, text))}
        >
          <span class="label"
            >${isLabel ? labelDot(labels.indexOf(text)) : nothing}<bdi>${text === '' ? '""' : text}</bdi></span
          >
          <span class="bar"
            ><span ${styleProperties({ width: `${((100 * valueCount) / highest).toFixed(2)}%` })}></span
          ></span>
          <span class="number quiet">${isInHeader ? share : `${countText(valueCount)} · ${share}`}</span>
        </button>`;
      })}
      ${
        missing > 0 && !isInHeader
          ? html`<button
              type="button"
              class="value"
              aria-pressed=${hasValue(state.query, column, null) ? 'true' : 'false'}
              @click=${() => actions.show(withValueToggled(state.query, column, null))}
            >
              <span class="label quiet">${t('(missing)')}</span>
              <span class="bar"
                ><span ${styleProperties({ width: `${Math.min(100, (100 * missing) / highest).toFixed(2)}%` })}></span
              ></span>
              <span class="number quiet">${countText(missing)} · ${shareText(missing, count)}</span>
            </button>`
          : nothing
      }
      ${more > 0 ? html`<span class="more quiet">${t('{0} more', countText(more))}</span>` : nothing}
    </div>
  `;
}

function predictionSummary(state: DatasetPreviewState, actions: DatasetPreviewActions, t: Translate): TemplateResult {
  const { predictions, state: file } = state.snapshot!;
  const { done, work, compared, disagreements } = predictions;
  if (work.working) {
    return html`<div class="facts quiet">${t('{0} of {1} rows', countText(done), countText(predictions.total))}</div>
      <button type="button" class="link" tabindex="-1" @click=${() => actions.cancel('predictions')}>${t('Cancel')}</button>`; // prettier-ignore
  }
  if (done === 0) {
    return html`<div class="facts quiet">${t('rows on the screen')}</div>
      ${file.model ? html`<button type="button" class="link" tabindex="-1" @click=${() => actions.start('predictions')}>${t('Predict all rows')}</button>` : nothing}`; // prettier-ignore
  }
  if (compared === 0) return html`<div class="facts quiet">${t('{0} rows', countText(done))}</div>`;
  const [share, rows] = [shareText(compared - disagreements, compared), countText(compared)];
  return html`
    <div class="facts quiet" title=${t('{0} agree, of {1} rows compared', share, rows)}>
      ${t('{0} of {1} agree', share, rows)}
    </div>
    <button
      type="button"
      class="link"
      tabindex="-1"
      @click=${() => actions.show(withSort(state.query, { kind: 'disagreement' }))}
    >
      ${t('{0} disagree', countText(disagreements))}
    </button>
  `;
}

/** The edge of a column. Dragging it sets the width; a double click makes the width automatic again. */
function resizer(
  column: GridColumn,
  state: DatasetPreviewState,
  actions: DatasetPreviewActions,
  t: Translate,
): TemplateResult {
  const key = widthKey(column)!;
  const onDown = (event: PointerEvent): void => {
    event.preventDefault();
    const handle = event.currentTarget as HTMLElement;
    handle.setPointerCapture(event.pointerId);
    const startPx = event.clientX;
    const onMove = ({ clientX }: PointerEvent): void =>
      actions.dispatch({ type: 'layout', layout: resized(state.layout, key, column.widthPx + clientX - startPx) });
    handle.addEventListener('pointermove', onMove);
    handle.addEventListener('lostpointercapture', () => handle.removeEventListener('pointermove', onMove), { once: true }); // prettier-ignore
  };
  const onReset = (): void => {
    const { [key]: _, ...widths } = state.layout.widths;
    actions.dispatch({ type: 'layout', layout: { ...state.layout, widths } });
  };
  return html`<span
    class="resizer"
    title=${t('Drag to resize, double-click to reset')}
    @pointerdown=${onDown}
    @dblclick=${onReset}
  ></span>`;
}
