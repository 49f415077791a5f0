import { html, nothing, type TemplateResult } from 'lit';
import { live } from 'lit/directives/live.js';
import type { Translate } from '../../src/base/translate';
import { maxRowsPerRequest, type FieldMapping } from '../../src/protocol/datasetPreview';
import { styleProperties } from '../shared/styleProperties';
import type { DatasetPreviewActions } from './actions';
import { moved, toggled, untouched } from './columnLayout';
import { selectedPart } from './gridFocus';
import { icon, type IconName } from './icons';
import { columnOrder, hasPairs, isCurrent, rowCount, shownRows, type DatasetPreviewState } from './state';
import { isWholeFile, withFilterToggled, withoutFilter, withSort } from './viewQueries';
import { countText, filterWords, findingWords, formatText, sortWords, type ChipWords } from './words';
import { errorWords } from '../shared/errorNotice';

// The bars above and below the table.

export function topBar(state: DatasetPreviewState, actions: DatasetPreviewActions, t: Translate): TemplateResult {
  const { file, splits, shown, sheet, sheets, index } = state.snapshot!.state;
  const option = (name: 'wraps' | 'pairs' | 'showsInsights', picture: IconName, words: string): TemplateResult =>
    html`<button
      type="button"
      class="tool"
      aria-pressed=${state[name] ? 'true' : 'false'}
      title=${words}
      aria-label=${words}
      @click=${() => actions.dispatch({ type: 'set', option: name, on: !state[name] })}
    >
      ${icon(picture)}
    </button>`;
  return html`
    <header class="top">
      <div class="name-of-file">
        <h1><bdi>${file?.name ?? ''}</bdi></h1>
        ${file ? html`<span class="quiet">${formatText(file)}</span>` : nothing}
        ${
          sheets.length > 1
            ? html`<label class="choice">
                <span class="quiet">${t('Sheet')}</span>
                <select @change=${(event: Event) => actions.showSheet((event.target as HTMLSelectElement).value)}>
                  ${sheets.map((name) => html`<option value=${name} .selected=${live(name === sheet)}>${name}</option>`)}
                </select>
              </label>`
            : nothing
        }
        <span class="quiet number">
          ${index.working ? t('{0} rows so far', countText(index.rows)) : t('{0} rows', countText(index.rows))}
        </span>
        ${
          index.bad > 0
            ? html`<button
                type="button"
                class="link bad"
                @click=${() => actions.show(withFilterToggled(state.query, { kind: 'bad' }))}
              >
                ${t('{0} cannot be read', countText(index.bad))}
              </button>`
            : nothing
        }
      </div>
      <div class="splits" role="group" aria-label=${t('Splits')}>
        ${
          splits.length > 1
            ? splits.map(
                ({ name, fileName, problem }) =>
                  html`<button
                    type="button"
                    class="split"
                    aria-pressed=${name === shown ? 'true' : 'false'}
                    ?disabled=${problem !== null}
                    title=${problem?.message ?? fileName}
                    @click=${() => actions.showSplit(name)}
                  >
                    <bdi>${name}</bdi>
                  </button>`,
              )
            : nothing
        }
        <button
          type="button"
          class="tool"
          title=${t('Add split…')}
          aria-label=${t('Add split…')}
          @click=${() => actions.addSplit()}
        >
          ${icon('add')}
        </button>
      </div>
      <div class="tools" role="toolbar" aria-label=${t('Table')}>
        ${searchField(state, actions, t)}
        <button
          type="button"
          class="tool"
          popovertarget="columns-menu"
          title=${t('Columns')}
          aria-label=${t('Columns')}
        >
          ${icon('columns')}
        </button>
        ${option('wraps', 'wrap', t('Wrap long text'))}
        ${hasPairs(state) ? option('pairs', 'pairs', t('Pairs side by side, differences marked')) : nothing}
        ${option('showsInsights', 'insights', t('What columns hold'))}
        <button
          type="button"
          class="tool"
          aria-pressed=${state.panel ? 'true' : 'false'}
          title=${t('Details')}
          aria-label=${t('Details')}
          @click=${() => actions.dispatch({ type: 'panel', panel: state.panel ? undefined : 'overview' })}
        >
          ${icon('panel')}
        </button>
        <span class="gap"></span>
        <button
          type="button"
          class="tool worded"
          title=${t('Clean…')}
          @click=${() => actions.dispatch({ type: 'dialog', dialog: 'clean' })}
        >
          ${icon('clean')}<span>${t('Clean…')}</span>
        </button>
        <button
          type="button"
          class="tool worded"
          title=${t('Split…')}
          @click=${() => actions.dispatch({ type: 'dialog', dialog: 'split' })}
        >
          ${icon('split')}<span>${t('Split…')}</span>
        </button>
        <button
          type="button"
          class="tool worded"
          title=${t('Export…')}
          @click=${() => actions.dispatch({ type: 'dialog', dialog: 'export' })}
        >
          ${icon('export')}<span>${t('Export…')}</span>
        </button>
      </div>
      ${columnsMenu(state, actions, t)}
    </header>
  `;
}

function searchField(state: DatasetPreviewState, actions: DatasetPreviewActions, t: Translate): TemplateResult {
  const { search, searchProblem } = state;
  const toggle = (name: 'caseSensitive' | 'regex', label: string, words: string): TemplateResult =>
    html`<button
      type="button"
      class="inside"
      aria-pressed=${search[name] ? 'true' : 'false'}
      title=${words}
      aria-label=${words}
      @click=${() => actions.search({ ...search, [name]: !search[name] })}
    >
      ${label}
    </button>`;
  const where = search.columns.length > 0 ? t('Search in {0}', search.columns.join(', ')) : t('Search');
  return html`
    <div class="search ${searchProblem ? 'invalid' : ''}" role="search">
      ${icon('search')}
      <input
        id="search"
        type="text"
        spellcheck="false"
        autocomplete="off"
        placeholder=${where}
        aria-label=${where}
        aria-invalid=${searchProblem ? 'true' : 'false'}
        aria-describedby="search-problem"
        .value=${live(search.text)}
        @input=${(event: Event) => actions.search({ ...search, text: (event.target as HTMLInputElement).value })}
      />
      ${toggle('caseSensitive', 'Aa', t('Match case'))} ${toggle('regex', '.*', t('Regular expression'))}
      <div id="search-problem" class="search-problem" role="alert">${searchProblem}</div>
    </div>
  `;
}

function columnsMenu(state: DatasetPreviewState, actions: DatasetPreviewActions, t: Translate): TemplateResult {
  const { layout } = state;
  const order = columnOrder(state);
  const set = (next: typeof layout) => () => actions.dispatch({ type: 'layout', layout: next });
  // The menu opens below its button.
  const onToggle = (event: ToggleEvent): void => {
    const menu = event.target as HTMLElement;
    if (event.newState !== 'open') return;
    const { bottom, left } = document.querySelector('[popovertarget="columns-menu"]')!.getBoundingClientRect();
    menu.style.setProperty('top', `${bottom + 4}px`);
    menu.style.setProperty('left', `${Math.max(8, Math.min(left, window.innerWidth - menu.offsetWidth - 8))}px`);
  };
  return html`
    <div id="columns-menu" class="menu" popover role="group" aria-label=${t('Columns')} @toggle=${onToggle}>
      <div class="title">
        <h2>${t('Columns')}</h2>
        <button type="button" class="link" @click=${set(untouched)}>${t('Reset')}</button>
      </div>
      <ul>
        ${order.map(
          (name) =>
            html`<li>
              <label>
                <input type="checkbox" .checked=${live(!layout.hidden.includes(name))} @change=${set(toggled(layout, order, name))} />
                <bdi>${name}</bdi>
              </label>
              <button type="button" class="tool" aria-label=${t('Move {0} left', name)} title=${t('Move left')} @click=${set(moved(layout, order, name, -1))}>${icon('up')}</button>
              <button type="button" class="tool" aria-label=${t('Move {0} right', name)} title=${t('Move right')} @click=${set(moved(layout, order, name, 1))}>${icon('down')}</button>
            </li>`,
        )}
      </ul>
    </div>
  `; // prettier-ignore
}

/** The bar that shows and sets the roles of columns and the model. */
export function mappingBar(state: DatasetPreviewState, actions: DatasetPreviewActions, t: Translate): TemplateResult {
  const { columns, mapping, mappingSource, recipe, model } = state.snapshot!.state;
  const { predictions } = state.snapshot!;
  const choice = (field: keyof FieldMapping, label: string): TemplateResult =>
    html`<label class="choice">
      <span class="quiet">${label}</span>
      <select
        @change=${(event: Event) => {
          const { value } = event.target as HTMLSelectElement;
          actions.setMapping({ ...mapping, [field]: value === '' ? null : columns[Number(value)] });
        }}
      >
        <option value="" .selected=${mapping[field] === null}>${t('none')}</option>
        ${columns.map((name, index) => html`<option value=${index} .selected=${mapping[field] === name}>${name}</option>`)}
      </select>
    </label>`;
  const sources = {
    guess: t('recognised'),
    recipe: recipe ? t('from {0}', recipe.name) : t('from the recipe'),
    person: t('chosen'),
  };
  const { work, done, total } = predictions;
  return html`
    <div class="mapping">
      <div class="choices" role="group" aria-label=${t('Columns that the model reads')}>
        ${choice('first_sequence', mapping.second_sequence === null ? t('Text') : t('First text'))}
        ${choice('second_sequence', t('Second text'))} ${choice('label', t('Label'))}
        <span class="quiet">${sources[mappingSource]}</span>
        <button type="button" class="link" @click=${() => actions.writeMapping()}>${t('Write into recipe…')}</button>
      </div>
      <div class="model">
        ${
          model
            ? html`<span class="quiet">${t('Model:')}</span> <strong title=${model.description}><bdi>${model.name}</bdi></strong>
                <button type="button" class="link" @click=${() => actions.chooseModel()}>${t('Change…')}</button>
                <span class="gap"></span>
                <button
                  type="button"
                  class="tool"
                  aria-pressed=${state.predicts ? 'true' : 'false'}
                  title=${t('Predict the rows on the screen')}
                  aria-label=${t('Predict the rows on the screen')}
                  @click=${() => actions.dispatch({ type: 'set', option: 'predicts', on: !state.predicts })}
                >
                  ${icon('eye')}
                </button>
                ${
                  work.working
                    ? html`<span class="number quiet">${t('{0} of {1} predicted', countText(done), countText(total))}</span>
                        <button type="button" class="link" @click=${() => actions.cancel('predictions')}>${t('Cancel')}</button>`
                    : html`<button type="button" class="tool worded" ?disabled=${mapping.first_sequence === null} @click=${() => actions.start('predictions')}>
                        ${icon('predict')}<span>${done > 0 && !work.cancelled ? t('Predict again') : t('Predict all rows')}</span>
                      </button>`
                }
                ${predictions.disagreements > 0 ? disagreements(state, actions, t) : nothing}`
            : html`<span class="quiet">${t('No model is active.')}</span>
                <button type="button" class="link" @click=${() => actions.chooseModel()}>${t('Choose…')}</button>`
        }
        ${work.error ? errorWords(work.error, t) : nothing}
      </div>
    </div>
  `; // prettier-ignore
}

function disagreements(state: DatasetPreviewState, actions: DatasetPreviewActions, t: Translate): TemplateResult {
  const isSorted = state.query.sort?.kind === 'disagreement';
  return html`<button
    type="button"
    class="tool worded"
    aria-pressed=${isSorted ? 'true' : 'false'}
    title=${t('Rows whose prediction differs from the label, the most certain predictions first')}
    @click=${() => actions.show(withSort(state.query, isSorted ? null : { kind: 'disagreement' }))}
  >
    ${t('{0} disagreements first', countText(state.snapshot!.predictions.disagreements))}
  </button>`;
}

/** A chip for each filter, for the search and for the sort order, each with a button that removes it. */
export function chipsBar(
  state: DatasetPreviewState,
  actions: DatasetPreviewActions,
  t: Translate,
): TemplateResult | typeof nothing {
  const { query, snapshot } = state;
  if (isWholeFile(query)) return nothing;
  const { view, index, maxLength } = snapshot!.state;
  const titleOf = (id: string): string => {
    const finding = snapshot!.findings.findings.find((other) => other.id === id);
    return finding ? findingWords(finding, maxLength, null, t).title : t('Finding');
  };
  const chip = ({ name, relation, value }: ChipWords, remove: () => void): TemplateResult => {
    const words = [name, relation, value].filter(Boolean).join(' ');
    return html`<li class="chip">
      ${name ? html`<bdi class="quiet">${name}</bdi>` : nothing} ${relation ? html`<span class="quiet">${relation}</span>` : nothing}
      ${value ? html`<bdi class="chip-value">${value}</bdi>` : nothing}
      <button type="button" class="remove" title=${t('Remove {0}', words)} aria-label=${t('Remove {0}', words)} @click=${remove}>${icon('close')}</button>
    </li>`; // prettier-ignore
  };
  const isThere = isCurrent(state);
  return html`
    <div class="chips">
      <ul aria-label=${t('What is shown')}>
        ${
          query.search
            ? chip({ name: query.search.columns.join(', ') || t('Search'), relation: query.search.regex ? '~' : '⊃', value: query.search.text }, () => actions.show({ ...query, search: null })) // prettier-ignore
            : nothing
        }
        ${query.filters.map((filter, at) => chip(filterWords(filter, titleOf, t), () => actions.show(withoutFilter(query, at))))}
        ${query.sort ? chip(sortWords(query.sort, t), () => actions.show(withSort(query, null))) : nothing}
      </ul>
      <span class="number" role="status">
        ${isThere ? t('{0} of {1} rows', countText(view.rows), countText(index.rows)) : '…'}
        ${view.partial && isThere ? html`<span class="problem">${t('cancelled, incomplete')}</span>` : nothing}
      </span>
      ${
        view.working && isThere
          ? html`<span class="quiet number">${Math.round(100 * view.fraction)} %</span>
              <button type="button" class="link" @click=${() => actions.cancel('view')}>${t('Cancel')}</button>`
          : nothing
      }
      <button type="button" class="link" @click=${() => actions.show({ search: null, filters: [], sort: null })}>
        ${t('Clear all')}
      </button>
    </div>
  `;
}

/** A thin progress bar below the bars, as long as a background task is at work. */
export function progressLine(state: DatasetPreviewState, t: Translate): TemplateResult {
  const { state: file, insights, findings, predictions } = state.snapshot!;
  const under = [
    { is: file.index.working, fraction: file.index.fraction, words: t('Reading the file') },
    { is: file.view.working, fraction: file.view.fraction, words: t('Looking through the rows') },
    { is: predictions.work.working, fraction: predictions.work.fraction, words: t('Predicting') },
    { is: insights.work.working, fraction: insights.work.fraction, words: t('Counting') },
    { is: findings.work.working, fraction: findings.work.fraction, words: t('Comparing rows') },
  ].find(({ is }) => is);
  if (!under) return html`<div class="progress" aria-hidden="true"></div>`;
  const percent = Math.round(100 * under.fraction);
  return html`<div class="progress" role="progressbar" aria-label=${under.words} aria-valuemin="0" aria-valuemax="100" aria-valuenow=${percent}>
    <span ${styleProperties({ width: `${percent}%` })}></span>
  </div>`; // prettier-ignore
}

/** The line below the table: the place in the file, the selection, and the background tasks. */
export function statusLine(state: DatasetPreviewState, actions: DatasetPreviewActions, t: Translate): TemplateResult {
  const { state: file, insights, findings } = state.snapshot!;
  const rows = rowCount(state);
  const { start, end } = shownRows(state);
  const part = selectedPart(state.selection);
  const selected = part && rows > 0 ? part.rows[1] - part.rows[0] + 1 : 0;
  const tasks = [
    ...(file.index.working ? [[t('Reading the file'), file.index.fraction, undefined] as const] : []),
    ...(insights.work.working ? [[t('Counting'), insights.work.fraction, 'insights'] as const] : []),
    ...(findings.work.working ? [[t('Comparing rows'), findings.work.fraction, 'findings'] as const] : []),
  ];
  return html`
    <footer class="status">
      <span class="number quiet"
        >${rows === 0 ? t('No rows') : t('Rows {0}–{1} of {2}', countText(start + 1), countText(end), countText(rows))}</span
      >
      ${
        selected > 1
          ? html`<span class="number"
              >${t('{0} rows selected', countText(selected))}${
                selected > maxRowsPerRequest
                  ? html` <span class="quiet">(${t('the first {0} are copied', maxRowsPerRequest)})</span>`
                  : nothing
              }</span
            >`
          : nothing
      }
      ${
        selected > 0
          ? html`<span class="links">
              <button type="button" class="link" @click=${() => actions.copy('tsv', 'selection')}>
                ${t('Copy as TSV')}
              </button>
              <button type="button" class="link" @click=${() => actions.copy('json', 'selection')}>
                ${t('Copy as JSON')}
              </button>
            </span>`
          : nothing
      }
      <span role="status" class="notice-line">${state.notice}</span>
      <span class="gap"></span>
      ${tasks.map(
        ([words, fraction, task]) =>
          html`<span class="quiet number"
            >${words} ${Math.round(100 * fraction)} %
            ${
              task
                ? html`<button
                    type="button"
                    class="link"
                    aria-label=${t('Cancel: {0}', words)}
                    @click=${() => actions.cancel(task)}
                  >
                    ${t('Cancel')}
                  </button>`
                : nothing
            }</span
          >`,
      )}
    </footer>
  `;
}
