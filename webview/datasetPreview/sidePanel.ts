import { html, nothing, type TemplateResult } from 'lit';
import { live } from 'lit/directives/live.js';
import { sum } from '../../src/base/sum';
import type { Translate } from '../../src/base/translate';
import { hasAmounts } from '../../src/protocol/labelScheme';
import type { Finding, Insights, ShownRow, TokenLengths } from '../../src/protocol/datasetPreview';
import { styleProperties } from '../shared/styleProperties';
import type { DatasetPreviewActions } from './actions';
import { cellContent, entitiesOf, firstText, labelDot, marksOf, predictionContent } from './cells';
import { moved, resized, toggled } from './columnLayout';
import { roleBadge, valueBars } from './headerCell';
import { distributionText, histogram } from './histogram';
import { icon } from './icons';
import {
  activeRow,
  columnOrder,
  gridSize,
  hasPairs,
  insightOf,
  labelOrder,
  shownColumns,
  sidePanels,
  type DatasetPreviewState,
  type SidePanel,
} from './state';
import { hasRange, hasValue, ofFinding, withFilterToggled, withRangeToggled, withSort, withValueToggled } from './viewQueries'; // prettier-ignore
import { countText, findingWords, numberText, shareText, typeText } from './words';
import { errorWords, whatToDo, type ShownError } from '../shared/errorNotice';

const panelValues = 20;

/** The panel beside the table. Its tabs describe the whole file, one column and one row. */
export function sidePanel(state: DatasetPreviewState, actions: DatasetPreviewActions, t: Translate): TemplateResult {
  const shown = state.panel!;
  const titles: Readonly<Record<SidePanel, string>> = { overview: t('Overview'), column: t('Column'), row: t('Row') };
  const contents = { overview, column: columnPanel, row: rowPanel };
  const onKey = (event: KeyboardEvent): void => {
    const by = { ArrowLeft: -1, ArrowRight: 1 }[event.key];
    if (by === undefined) return;
    const next = sidePanels[(sidePanels.indexOf(shown) + by + sidePanels.length) % sidePanels.length];
    actions.dispatch({ type: 'panel', panel: next });
    requestAnimationFrame(() => document.getElementById(`tab-${next}`)?.focus());
  };
  return html`
    <aside class="panel" aria-label=${t('Details')}>
      <div class="tabs">
        <div role="tablist" aria-label=${t('Details')} @keydown=${onKey}>
          ${sidePanels.map(
            (name) =>
              html`<button
                type="button"
                role="tab"
                id="tab-${name}"
                aria-selected=${name === shown ? 'true' : 'false'}
                aria-controls="panel-content"
                tabindex=${name === shown ? 0 : -1}
                @click=${() => actions.dispatch({ type: 'panel', panel: name })}
              >
                ${titles[name]}
              </button>`,
          )}
        </div>
        <button
          type="button"
          class="tool"
          title=${t('Close details')}
          aria-label=${t('Close details')}
          @click=${() => {
            actions.dispatch({ type: 'panel', panel: undefined });
            actions.focusGrid();
          }}
        >
          ${icon('close')}
        </button>
      </div>
      <div class="content" id="panel-content" role="tabpanel" aria-labelledby="tab-${shown}" tabindex="0">
        ${contents[shown](state, actions, t)}
      </div>
    </aside>
  `;
}

// ── Overview: labels, lengths, findings ──────────────────────────────────────────────────────────────────────────────

function overview(state: DatasetPreviewState, actions: DatasetPreviewActions, t: Translate): TemplateResult {
  const { insights, findings, state: file } = state.snapshot!;
  const notices: readonly ShownError[] = [
    ...(file.file?.warnings ?? []),
    ...(file.index.error ? [file.index.error] : []),
  ];
  return html`
    ${
      notices.length > 0
        ? html`<section aria-label=${t('How the file was read')}>
            ${notices.map(({ code, message }) => html`<p class="notice">${message} ${whatToDo(code, t)}</p>`)}
          </section>`
        : nothing
    }
    ${labelSection(state, actions, t)}
    ${
      insights.examples
        ? html`<section aria-labelledby="examples-title">
            <h2 id="examples-title">${t('Length of examples in tokens')}</h2>
            ${tokenSection(insights.examples, null, state, actions, t)}
          </section>`
        : nothing
    }
    <section aria-labelledby="findings-title">
      <div class="title">
        <h2 id="findings-title">${t('Findings')}</h2>
        ${workNote('findings', state, actions, t)}
      </div>
      ${
        findings.findings.length === 0 && !findings.work.working && findings.isComplete && !findings.work.error
          ? html`<p class="quiet">${t('Nothing suspicious was found.')}</p>`
          : nothing
      }
      <ul class="findings">
        ${findings.findings.map((finding) => findingItem(finding, state, actions, t))}
      </ul>
      ${
        findings.isComplete || findings.work.working || findings.work.cancelled
          ? nothing
          : html`<p class="quiet">${t('Only the first {0} rows were compared: more would need too much memory.', countText(findings.coveredRows))}</p>` // prettier-ignore
      }
      ${
        file.splits.length < 2
          ? html`<p class="quiet">
              ${t('Add the other splits to see what they share.')}
              <button type="button" class="link" @click=${() => actions.addSplit()}>${t('Add split…')}</button>
            </p>`
          : nothing
      }
    </section>
  `;
}

/** The progress of a background task, with a button that cancels or repeats it. */
function workNote(
  task: 'insights' | 'findings',
  state: DatasetPreviewState,
  actions: DatasetPreviewActions,
  t: Translate,
): TemplateResult | typeof nothing {
  const { work } = state.snapshot![task];
  if (work.working) {
    return html`<span class="quiet number"
      >${Math.round(100 * work.fraction)} %
      <button type="button" class="link" @click=${() => actions.cancel(task)}>${t('Cancel')}</button></span
    >`;
  }
  if (work.error) return errorWords(work.error, t);
  if (work.cancelled) {
    return html`<span class="quiet"
      >${t('cancelled')}
      <button type="button" class="link" @click=${() => actions.start(task)}>${t('Go on')}</button></span
    >`;
  }
  return nothing;
}

function findingItem(
  finding: Finding,
  state: DatasetPreviewState,
  actions: DatasetPreviewActions,
  t: Translate,
): TemplateResult {
  const { maxLength, recipe } = state.snapshot!.state;
  const words = findingWords(finding, maxLength, recipe, t);
  const isShown = state.query.filters.some((filter) => filter.kind === 'finding' && filter.id === finding.id);
  if (finding.kind === 'majorityBaseline') {
    return html`<li class=${words.severity}>
      ${icon(words.severity)}
      <div>
        <p><strong>${words.title}</strong></p>
        <p class="quiet">${words.hint}</p>
        <p class="number">
          <bdi>${finding.label ?? ''}</bdi> · ${t('accuracy {0}', (finding.accuracy ?? 0).toFixed(3))} ·
          ${t('macro F1 {0}', (finding.macroF1 ?? 0).toFixed(3))}
        </p>
      </div>
    </li>`;
  }
  return html`<li class="${words.severity} ${isShown ? 'shown' : ''}">
    ${icon(words.severity)}
    <div>
      <button
        type="button"
        class="finding"
        aria-pressed=${isShown ? 'true' : 'false'}
        @click=${() => actions.show(ofFinding(finding.id))}
      >
        <strong>${words.title}</strong>
        <span class="number">${t('{0} rows', countText(finding.rows))}</span>
      </button>
      <p class="quiet">
        ${words.hint}
        ${finding.groups > 1 && finding.groups < finding.rows ? t('{0} groups.', countText(finding.groups)) : nothing}
      </p>
      ${
        finding.kind === 'badRows' && recipe?.onBadRow !== 'skip'
          ? html`<button type="button" class="link finding-action" @click=${() => actions.skipBadRows()}>
              ${t('Skip these rows')}
            </button>`
          : nothing
      }
      ${finding.examples.slice(0, 2).map(
        ({ message, other }) =>
          html`<p class="example"><bdi dir="auto">${message}</bdi></p>
            ${other === undefined ? nothing : html`<p class="example other"><span aria-hidden="true">≈ </span><bdi dir="auto">${other}</bdi></p>`}`,
      )}
    </div>
  </li>`;
}

/** The labels of each split: a stacked bar and the counts. */
function labelSection(
  state: DatasetPreviewState,
  actions: DatasetPreviewActions,
  t: Translate,
): TemplateResult | typeof nothing {
  const { insights, state: file } = state.snapshot!;
  const { label } = file.mapping;
  if (label === null) return nothing;
  const order = labelOrder(state);
  const splits = insights.labels;
  if (splits.length === 0) {
    return html`<section><div class="title"><h2>${t('Labels')}</h2>${workNote('insights', state, actions, t)}</div></section>`; // prettier-ignore
  }
  // The labels of a regression are many different numbers, so a histogram replaces the list.
  const numbers = hasAmounts(order) ? insightOf(state, label)?.numbers : undefined;
  if (numbers) {
    const options = {
      column: label,
      query: state.query,
      show: actions.show,
      isInHeader: false,
      measure: 'value' as const,
    };
    return html`<section aria-labelledby="labels-title">
      <div class="title">
        <h2 id="labels-title">${t('Labels')}</h2>
        ${workNote('insights', state, actions, t)}
      </div>
      ${histogram(numbers, options, t)}
      <p class="quiet">${t('numbers, {0} different', countText(order.length))}</p>
    </section>`;
  }
  const shownLabels = [...order].slice(0, 30);
  const countIn = (split: (typeof splits)[number], text: string): number =>
    split.counts.find((entry) => entry.text === text)?.count ?? 0;
  const hasMissing = splits.some(({ missing }) => missing > 0);
  return html`
    <section aria-labelledby="labels-title">
      <div class="title">
        <h2 id="labels-title">${t('Labels')}</h2>
        ${workNote('insights', state, actions, t)}
      </div>
      <table class="labels number">
        <thead>
          <tr>
            <td></td>
            ${splits.map(({ split }) => html`<th scope="col"><bdi>${split}</bdi></th>`)}
          </tr>
          <tr class="stacks" aria-hidden="true">
            <td></td>
            ${splits.map(
              (split) =>
                html`<td>
                  <div class="stack">
                    ${shownLabels.map((text) => {
                      const share =
                        (100 * countIn(split, text)) /
                        Math.max(1, split.rows, sum(split.counts.map(({ count }) => count)));
                      return html`<span class="color-${order.indexOf(text) % 6}" ${styleProperties({ width: `${share.toFixed(2)}%` })}></span>`; // prettier-ignore
                    })}
                  </div>
                </td>`,
            )}
          </tr>
        </thead>
        <tbody>
          ${shownLabels.map(
            (text) =>
              html`<tr>
                <th scope="row">
                  <button
                    type="button"
                    class="link"
                    aria-pressed=${hasValue(state.query, label, text) ? 'true' : 'false'}
                    title=${t('Show only these rows')}
                    @click=${() => actions.show(withValueToggled(state.query, label, text))}
                  >
                    ${labelDot(order.indexOf(text))}<bdi>${text === '' ? '""' : text}</bdi>
                  </button>
                </th>
                ${splits.map(
                  (split) =>
                    html`<td>
                      ${countText(countIn(split, text))}
                      <span class="quiet">${shareText(countIn(split, text), split.rows)}</span>
                    </td>`,
                )}
              </tr>`,
          )}
          ${
            hasMissing
              ? html`<tr>
                  <th scope="row" class="quiet">
                    <button
                      type="button"
                      class="link"
                      @click=${() => actions.show(withValueToggled(state.query, label, null))}
                    >
                      ${t('(missing)')}
                    </button>
                  </th>
                  ${splits.map(({ missing, rows }) => html`<td>${countText(missing)} <span class="quiet">${shareText(missing, rows)}</span></td>`)}
                </tr>`
              : nothing
          }
        </tbody>
        <tfoot>
          <tr>
            <th scope="row" class="quiet">
              ${splits.some(({ areEntities }) => areEntities) ? t('Entities') : t('Rows')}
            </th>
            ${splits.map(({ rows }) => html`<td>${countText(rows)}</td>`)}
          </tr>
        </tfoot>
      </table>
      ${order.length > shownLabels.length ? html`<p class="quiet">${t('{0} more labels', countText(order.length - shownLabels.length))}</p>` : nothing}
      ${splits.map((split) => combinations(split, t))}
    </section>
  `;
}

/** For data with several labels a row: the most frequent combinations. */
function combinations(
  { split, rows, combinations: found }: Insights['labels'][number],
  t: Translate,
): TemplateResult | typeof nothing {
  if (!found) return nothing;
  const { most, total } = found;
  return html`<details>
    <summary>${t('Combinations of labels')} <bdi class="quiet">${split}</bdi> <span class="quiet number">${total === null ? '' : countText(total)}</span></summary>
    <table class="labels number">
      <tbody>
        ${most.map(
          ({ labels, count }) =>
            html`<tr>
              <th scope="row">
                ${labels.length === 0 ? t('none') : labels.map((label, at) => html`${at > 0 ? ' · ' : ''}<bdi>${label}</bdi>`)}
              </th>
              <td>${countText(count)} <span class="quiet">${shareText(count, rows)}</span></td>
            </tr>`,
        )}
      </tbody>
    </table>
    ${total !== null && total > most.length ? html`<p class="quiet">${t('and {0} more', countText(total - most.length))}</p>` : nothing}
  </details>`; // prettier-ignore
}

/** Lengths in tokens, with the longest length that the model reads. @param column null stands for whole examples */
function tokenSection(
  tokens: TokenLengths,
  column: string | null,
  state: DatasetPreviewState,
  actions: DatasetPreviewActions,
  t: Translate,
): TemplateResult {
  const { distribution, maxLength, over, count } = tokens;
  const beyond = { column, measure: 'tokens' as const, from: maxLength + 1, to: Math.max(maxLength + 1, distribution.max), closed: true }; // prettier-ignore
  const onChange = (event: Event): void => {
    const value = Number((event.target as HTMLInputElement).value);
    if (Number.isInteger(value) && value >= 1) actions.setMaxLength(value);
  };
  return html`
    ${histogram(distribution, { column, measure: 'tokens', query: state.query, show: actions.show, limit: maxLength }, t)}
    <p class="quiet number">${distributionText(distribution, t)}</p>
    <p class="number">
      <label>
        max_length
        <input class="short" type="number" min="1" max="100000" .value=${live(String(maxLength))} @change=${onChange} />
      </label>
      ${
        over > 0
          ? html`<button
              type="button"
              class="link over"
              aria-pressed=${hasRange(state.query, beyond) ? 'true' : 'false'}
              @click=${() => actions.show(withRangeToggled(state.query, beyond))}
            >
              ${t('{0} rows are longer ({1})', countText(over), shareText(over, count))}
            </button>`
          : html`<span class="quiet">${t('nothing is longer')}</span>`
      }
    </p>
  `;
}

// ── One column ───────────────────────────────────────────────────────────────────────────────────────────────────────

function columnPanel(state: DatasetPreviewState, actions: DatasetPreviewActions, t: Translate): TemplateResult {
  const { columns } = state.snapshot!.state;
  const { active } = state.selection;
  const focused = shownColumns(state)[active.column];
  const fallback = focused?.kind === 'data' ? focused.name : columns[0];
  const name = state.panelColumn !== undefined && columns.includes(state.panelColumn) ? state.panelColumn : fallback;
  if (name === undefined) return html`<p class="quiet">${t('This file has no columns.')}</p>`;
  const insight = insightOf(state, name);
  const options = { column: name, query: state.query, show: actions.show };
  return html`
    <section>
      <div class="title">
        <select
          aria-label=${t('Column')}
          @change=${(event: Event) => actions.dispatch({ type: 'panel', panel: 'column', column: (event.target as HTMLSelectElement).value })}
        >
          ${columns.map((other) => html`<option value=${other} .selected=${other === name}>${other}</option>`)}
        </select>
        ${roleBadge(name, state.snapshot!.state, t)} ${workNote('insights', state, actions, t)}
      </div>
      ${columnTools(name, state, actions, t)}
    </section>
    ${
      insight
        ? html`
            <section aria-label=${t('Values')}>
              <dl class="facts">
                <dt>${t('Type')}</dt>
                <dd>${typeText(insight.type, t)}</dd>
                <dt>${t('Rows')}</dt>
                <dd class="number">${countText(insight.count)}</dd>
                <dt>${t('Missing')}</dt>
                <dd class="number">${countText(insight.missing)} · ${shareText(insight.missing, insight.count)}</dd>
                <dt>${t('Distinct')}</dt>
                <dd class="number">
                  ${insight.distinctIsExact ? countText(insight.distinct) : t('at least {0}', countText(insight.distinct))}
                </dd>
              </dl>
            </section>
            ${
              insight.numbers
                ? html`<section aria-labelledby="numbers-title">
                    <h2 id="numbers-title">${t('Numbers')}</h2>
                    ${histogram(insight.numbers, { ...options, measure: 'value' }, t)}
                    <p class="quiet number">${distributionText(insight.numbers, t)}</p>
                  </section>`
                : nothing
            }
            ${
              insight.top.length > 0
                ? html`<section aria-labelledby="values-title">
                    <h2 id="values-title">${t('Most frequent values')}</h2>
                    ${valueBars(insight, panelValues, state, actions, t, false)}
                  </section>`
                : nothing
            }
            ${
              insight.characters
                ? html`<section aria-labelledby="characters-title">
                    <h2 id="characters-title">${t('Length in characters')}</h2>
                    ${histogram(insight.characters, { ...options, measure: 'characters' }, t)}
                    <p class="quiet number">${distributionText(insight.characters, t)}</p>
                  </section>`
                : nothing
            }
            ${
              insight.tokens
                ? html`<section aria-labelledby="tokens-title">
                    <h2 id="tokens-title">${t('Length in tokens')}</h2>
                    ${tokenSection(insight.tokens, name, state, actions, t)}
                  </section>`
                : insight.characters && !state.snapshot!.state.model
                  ? html`<p class="quiet">
                      ${t('Lengths in tokens need an active model.')}
                      <button type="button" class="link" @click=${() => actions.chooseModel()}>${t('Choose…')}</button>
                    </p>`
                  : nothing
            }
          `
        : html`<p class="quiet">${t('Not counted yet.')}</p>`
    }
  `;
}

/** Buttons that do with a column what a mouse can do in its head, for people who use the keyboard. */
function columnTools(
  name: string,
  state: DatasetPreviewState,
  actions: DatasetPreviewActions,
  t: Translate,
): TemplateResult {
  const { layout, query } = state;
  const order = columnOrder(state);
  const isHidden = layout.hidden.includes(name);
  const widthPx = shownColumns(state).find((column) => column.kind === 'data' && column.name === name)?.widthPx ?? 120;
  const setLayout = (next: typeof layout) => () => actions.dispatch({ type: 'layout', layout: next });
  const sort = (measure: 'value' | 'characters', descending: boolean) => () =>
    actions.show(withSort(query, { kind: 'column', column: name, measure, descending }));
  return html`
    <div class="tools" role="group" aria-label=${t('Sort')}>
      <button type="button" class="button secondary" @click=${sort('value', false)}>${t('Sort')} ↑</button>
      <button type="button" class="button secondary" @click=${sort('value', true)}>${t('Sort')} ↓</button>
      <button type="button" class="button secondary" @click=${sort('characters', true)}>${t('Longest first')}</button>
    </div>
    <div class="tools" role="group" aria-label=${t('Place and width')}>
      <button type="button" class="button secondary" ?disabled=${isHidden} aria-label=${t('Move left')} title=${t('Move left')} @click=${setLayout(moved(layout, order, name, -1))}>${icon('left')}</button>
      <button type="button" class="button secondary" ?disabled=${isHidden} aria-label=${t('Move right')} title=${t('Move right')} @click=${setLayout(moved(layout, order, name, 1))}>${icon('right')}</button>
      <button type="button" class="button secondary" ?disabled=${isHidden} aria-label=${t('Narrower')} title=${t('Narrower')} @click=${setLayout(resized(layout, name, widthPx - 40))}>−</button>
      <button type="button" class="button secondary" ?disabled=${isHidden} aria-label=${t('Wider')} title=${t('Wider')} @click=${setLayout(resized(layout, name, widthPx + 40))}>+</button>
      <button type="button" class="button secondary" aria-pressed=${isHidden ? 'true' : 'false'} @click=${setLayout(toggled(layout, order, name))}>${isHidden ? t('Show') : t('Hide')}</button>
      <button type="button" class="button secondary" @click=${() => actions.search({ ...state.search, columns: state.search.columns.includes(name) ? [] : [name] })} aria-pressed=${state.search.columns.includes(name) ? 'true' : 'false'}>${t('Search here only')}</button>
    </div>
  `; // prettier-ignore
}

// ── One row ──────────────────────────────────────────────────────────────────────────────────────────────────────────

function rowPanel(state: DatasetPreviewState, actions: DatasetPreviewActions, t: Translate): TemplateResult {
  const { active } = state.selection;
  const row = activeRow(state);
  const { rows } = gridSize(state);
  const go = (by: number) => () =>
    actions.dispatch({ type: 'active', place: { row: active.row + by, column: active.column }, extends: false });
  const { file, columns } = state.snapshot!.state;
  return html`
    <section>
      <div class="title">
        <h2>${active.row >= 0 && rows > 0 ? t('Row {0} of {1}', countText(active.row + 1), countText(rows)) : t('No row')}</h2>
        <span class="links">
          <button type="button" class="tool" ?disabled=${active.row <= 0} aria-label=${t('Previous row')} title=${t('Previous row')} @click=${go(-1)}>${icon('up')}</button>
          <button type="button" class="tool" ?disabled=${active.row >= rows - 1} aria-label=${t('Next row')} title=${t('Next row')} @click=${go(1)}>${icon('down')}</button>
        </span>
      </div>
      ${
        row
          ? html`<p class="links">
              ${
                file?.hasLines && row.line !== null
                  ? html`<button type="button" class="link" @click=${() => actions.jump(row.row)}>${t('Go to line {0}', row.line)}</button>` // prettier-ignore
                  : html`<span class="quiet">${t('Row {0} of the file', countText(row.line ?? row.row + 1))}</span>`
              }
              <button type="button" class="link" @click=${() => actions.copy('json', 'row')}>${t('Copy as JSON')}</button>
              <button type="button" class="link" @click=${() => actions.copy('tsv', 'row')}>${t('Copy as TSV')}</button>
            </p>`
          : html`<p class="quiet">${t('Click a row, or move to it with the arrow keys.')}</p>`
      }
    </section>
    ${row ? rowContent(row, columns, state, actions, t) : nothing}
  `; // prettier-ignore
}

function rowContent(
  row: ShownRow,
  columns: readonly string[],
  state: DatasetPreviewState,
  actions: DatasetPreviewActions,
  t: Translate,
): TemplateResult {
  if (row.bad) {
    return html`<section>
      <p class="notice error">${row.bad.message} ${whatToDo('DATA_FORMAT', t)}</p>
      <pre class="excerpt"><bdi dir="auto">${row.bad.excerpt}</bdi></pre>
    </section>`;
  }
  const file = state.snapshot!.state;
  const { mapping } = file;
  const labels = labelOrder(state);
  const marks = hasPairs(state) ? marksOf(row, file) : undefined;
  const { prediction } = row;
  const whole = (name: string) => state.wholeCells.find((cell) => cell.row === row.row && cell.column === name);
  return html`
    ${
      prediction
        ? html`<section aria-labelledby="prediction-title">
            <h2 id="prediction-title">${t('Prediction')}</h2>
            <p class="prediction">${predictionContent(prediction, { labels, text: firstText(row, file) }, t)}</p>
            ${
              prediction.label !== null
                ? html`<p>
                    <button
                      type="button"
                      class="link"
                      @click=${() => actions.show(withFilterToggled(state.query, { kind: 'predicted', label: prediction.label! }))}
                    >
                      ${t('Rows predicted like this')}
                    </button>
                  </p>`
                : nothing
            }
            ${prediction.similarity === null ? nothing : html`<p class="quiet number">${numberText(prediction.number, prediction.similarity.toFixed(3), t)}</p>`}
          </section>`
        : nothing
    }
    <section class="fields">
      ${columnOrder(state).map((name) => {
        const cell = row.cells[columns.indexOf(name)] ?? null;
        const full = whole(name);
        const isCut = cell?.length !== undefined && cell.length > cell.text.length && !full;
        const side = name === mapping.first_sequence ? marks?.first : name === mapping.second_sequence ? marks?.second : undefined; // prettier-ignore
        const shown = full && cell ? { kind: cell.kind, text: full.text } : cell;
        const labelIndex =
          name === mapping.label && cell && cell.kind !== 'json' ? labels.indexOf(cell.text.trim()) : undefined;
        return html`<div class="field">
          <h3><bdi>${name}</bdi> ${roleBadge(name, file, t)}</h3>
          <p class="value ${cell?.kind ?? ''}">
            ${cellContent(shown, { expression: undefined, marks: full ? undefined : side, labelIndex, entities: name === mapping.first_sequence ? entitiesOf(row, labels) : undefined }, t)}
          </p>
          ${
            isCut
              ? html`<button type="button" class="link" @click=${() => actions.wholeCell(row.row, name)}>
                  ${t('Show all {0} characters', countText(cell.length!))}
                </button>`
              : nothing
          }
          ${full && !full.isWhole ? html`<p class="quiet">${t('Only the first {0} characters are shown.', countText([...full.text].length))}</p>` : nothing}
        </div>`;
      })}
    </section>
  `;
}
