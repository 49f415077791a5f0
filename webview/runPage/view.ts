import { html, nothing, type TemplateResult } from 'lit';
import { live } from 'lit/directives/live.js';
import { ref } from 'lit/directives/ref.js';
import { repeat } from 'lit/directives/repeat.js';
import type { Translate } from '../../src/base/translate';
import { translated } from '../../src/base/words';
import { countedWords, type CountedWords } from '../../src/protocol/answers';
import { metricText, phaseText, placeText } from '../../src/protocol/runWords';
import type { Measurement, RunPageAction, RunPageSnapshot, SeriesName, ShownData } from '../../src/protocol/runPage';
import type { ShownRun } from '../../src/protocol/trainingView';
import { bytesText, learningRateText, rateText, valueText } from '../shared/numberText';
import { styleProperties } from '../shared/styleProperties';
import { metricsOf } from '../trainingView/curves';
import { shownMetric } from '../trainingView/runCharts';
import { factList, progressBar, smoothingSlider, foldedLines } from '../trainingView/runParts';
import { deviceNotice, isActive, progressText, startNotice, timeText, understoodText } from '../trainingView/summary'; // prettier-ignore
import { differs, type RunPageEvent, type RunPageState } from './state';
import { errorNotice } from '../shared/errorNotice';

/** What a person can do on the page. `main.ts` does it; this file has no channel to the extension host. */
export interface RunPageActions {
  dispatch(event: RunPageEvent): void;
  act(action: RunPageAction): void;
  openRows(measurement: number, given: number, predicted: number): void;
  /** Saves the note and the tags. */
  annotate(): void;
  chart(name: 'loss' | 'metric' | SeriesName, element: Element | undefined): void;
}

export function runPage(state: RunPageState, actions: RunPageActions, t: Translate): TemplateResult {
  const { snapshot, trouble } = state;
  if (!snapshot) return html`<p class="quiet">${t('Loading…')}</p>`;
  if (snapshot.kind === 'none') return html`<p class="quiet">${t('The run is not in the list any more. Evaluate… makes the evaluation again.')}</p>`; // prettier-ignore
  const { run } = snapshot;
  return html`
    ${heading(snapshot, actions, t)} ${errorNotice(trouble, t)} ${run ? standing(run, snapshot, t) : nothing}
    ${snapshot.remarks.map((remark) => html`<p class="notice">${remark}</p>`)}
    ${
      snapshot.predictions
        ? html`<p>
            ${t('The test data have no labels. The model’s predictions are in {0}.', snapshot.predictions)}
            ${link(t('Open Predictions'), 'openPredictions', actions)}
          </p>`
        : nothing
    }
    ${snapshot.measurements.map((measurement, at) => measured(measurement, at, actions, t))}
    ${run ? curves(run, state, actions, t) : nothing} ${series(snapshot, actions, t)}
    ${snapshot.kind === 'run' ? notes(state, snapshot, actions, t) : nothing} ${settings(state, snapshot, actions, t)}
    ${snapshot.data.length > 0 ? data(snapshot.data, t) : nothing} ${surroundings(snapshot, actions, t)}
  `;
}

const link = (label: string, action: RunPageAction, actions: RunPageActions): TemplateResult =>
  html`<button type="button" class="link" @click=${() => actions.act(action)}>${label}</button>`;

/** The actions that are buttons in the heading, in the order of the snapshot. The other actions are links beside their subjects. */
const buttons: readonly RunPageAction[] = [
  'stop',
  'stopNow',
  'use',
  'resume',
  'evaluate',
  'export',
  'compare',
  'fineTuneFurther',
  'copyCommand',
  'copyPython',
  'openCard',
];

function actionText(action: RunPageAction, t: Translate): string {
  const words: Readonly<Record<RunPageAction, string>> = {
    stop: t('Stop'),
    stopNow: t('Stop Now'),
    resume: t('Resume'),
    use: t('Use This Model'),
    export: t('Export…'),
    evaluate: t('Evaluate…'),
    compare: t('Compare…'),
    fineTuneFurther: t('Fine-Tune Further…'),
    copyCommand: t('Copy as Command Line'),
    copyPython: t('Copy as Python'),
    openRecipe: t('Open Recipe'),
    openCard: t('Model Card'),
    openPredictions: t('Open Predictions'),
    reveal: t('Show Folder'),
    openLog: t('Open Log'),
  };
  return words[action];
}

function heading(snapshot: RunPageSnapshot, actions: RunPageActions, t: Translate): TemplateResult {
  const { run, title, kind } = snapshot;
  const shown = snapshot.actions.filter((action) => buttons.includes(action));
  return html`
    <header>
      <h1>
        <bdi>${title}</bdi>
        ${kind === 'evaluation' ? html`<span class="quiet">${t('evaluation')}</span>` : nothing}
      </h1>
      ${run ? html`<span class="phase ${run.phase}" role="status">${phaseText(run.phase, t)}</span>` : nothing}
    </header>
    <div class="actions" role="group" aria-label=${t('Actions')}>
      ${repeat(
        shown,
        (action) => action,
        (action, at) =>
          html`<vscode-button ?secondary=${at > 0} @click=${() => actions.act(action)}
            >${actionText(action, t)}</vscode-button
          >`,
      )}
    </div>
  `;
}

/** How far the run is, or how it ended. */
function standing(run: ShownRun, { stoppedAfter }: RunPageSnapshot, t: Translate): TemplateResult {
  const notices = [startNotice(run, t), deviceNotice(run, t)].filter((text) => text !== undefined);
  const lines = [progressText(run, t), timeText(run, t)].filter(Boolean);
  return html`
    <section aria-label=${t('Progress of the run')}>
      ${isActive(run) ? progressBar(run, t) : nothing} ${lines.map((line) => html`<p class="number">${line}</p>`)}
      ${stoppedAfter === null ? nothing : html`<p>${t('The training stopped early: {0} evaluations in a row were not better than the best one.', stoppedAfter)}</p>`}
      ${notices.map((text) => html`<p class="notice" role="alert">${text}</p>`)} ${errorNotice(run.error, t)}
      ${run.place ? html`<p class="quiet">${placeText(run.place, t)}</p>` : nothing} ${factList(run, t)}
      ${foldedLines(t('What the model learns from'), understoodText(run, t), false)}
    </section>
  `;
}

function splitText(split: string, t: Translate): string {
  if (split === 'train') return t('Training data');
  if (split === 'validation') return t('Validation data');
  return split === 'test' ? t('Test data') : split;
}

// ── Results ──────────────────────────────────────────────────────────────────────────────────────────────────────

function measured(measurement: Measurement, at: number, actions: RunPageActions, t: Translate): TemplateResult {
  const { split, file, rows, answer, metrics, baseline, table, matrix } = measurement;
  const words = countedWords(answer ?? 'class');
  const titleId = `measured-${at}`;
  const hasIntervals = metrics.some(({ low, high }) => low !== null && high !== null);
  const name = split === '' ? file : split === 'validation' ? t('Best checkpoint on validation data') : t('On test data'); // prettier-ignore
  return html`
    <section aria-labelledby=${titleId}>
      <div class="title">
        <h2 id=${titleId}><bdi>${name}</bdi></h2>
        <span class="quiet number"><bdi>${split === '' ? '' : file}</bdi> ${t('{0} rows', rows)}</span>
      </div>
      <div class="scroll" tabindex="0" role="region" aria-label=${`${name}, ${t('Metrics')}`}>
        <table>
          <thead>
            <tr>
              <th scope="col">${t('Metric')}</th>
              <th scope="col" class="number">${t('Value')}</th>
              ${hasIntervals ? html`<th scope="col" class="number">${t('95 % interval')}</th>` : nothing}
              ${baseline ? html`<th scope="col" class="number">${t('Constant prediction')}</th>` : nothing}
            </tr>
          </thead>
          <tbody>
            ${metrics.map(
              (metric) =>
                html`<tr>
                  <th scope="row">${metricText(metric.name, t)}</th>
                  <td class="number strong">${valueText(metric.value)}</td>
                  ${
                    hasIntervals
                      ? html`<td class="number">
                          ${metric.low === null || metric.high === null ? '' : `${valueText(metric.low)} – ${valueText(metric.high)}`}
                        </td>`
                      : nothing
                  }
                  ${baseline ? html`<td class="number">${baseline.name === metric.name ? valueText(baseline.value) : ''}</td>` : nothing}
                </tr>`,
            )}
          </tbody>
        </table>
      </div>
      ${table ? classTable(table, name, words, t) : nothing}
      ${matrix ? confusion(matrix, at, name, words, actions, t) : nothing}
    </section>
  `;
}

const countColumns: readonly string[] = ['support', 'predicted'];

function columnText(name: string, { support, predicted }: CountedWords, t: Translate): string {
  const words: Readonly<Record<string, string>> = {
    precision: t('precision'),
    recall: t('recall'),
    f1: 'F1',
    support: translated(support, t),
    predicted: translated(predicted, t),
    threshold: t('threshold'),
  };
  return Object.hasOwn(words, name) ? words[name] : metricText(name, t);
}

function classTable(
  { columns, rows }: NonNullable<Measurement['table']>,
  of: string,
  words: CountedWords,
  t: Translate,
): TemplateResult {
  const valueOf = (column: string, value: number | null): string =>
    value !== null && countColumns.includes(column) ? String(value) : valueText(value);
  return html`
    <div class="scroll" tabindex="0" role="region" aria-label=${`${of}, ${translated(words.table, t)}`}>
      <table>
        <thead>
          <tr>
            <th scope="col">${translated(words.name, t)}</th>
            ${columns.map((column) => html`<th scope="col" class="number">${columnText(column, words, t)}</th>`)}
          </tr>
        </thead>
        <tbody>
          ${rows.map(
            ({ name, values }) =>
              html`<tr>
                <th scope="row"><bdi>${name}</bdi></th>
                ${values.map((value, at) => html`<td class="number">${valueOf(columns[at], value)}</td>`)}
              </tr>`,
          )}
        </tbody>
      </table>
    </div>
  `;
}

/**
 * The confusion matrix: a line for each label in the data, a column for each predicted label. A cell opens its rows.
 */
function confusion(
  { labels, counts, canOpen, hasNone }: NonNullable<Measurement['matrix']>,
  at: number,
  of: string,
  { matrix: title, note, cell: cellText }: CountedWords,
  actions: RunPageActions,
  t: Translate,
): TemplateResult {
  const largest = Math.max(1, ...counts.flat());
  const none = hasNone ? labels.length : -1;
  const nameOf = (place: number, other: string): string => (place === none ? other : labels[place]);
  const [spurious, missed] = [t('spurious'), t('missed')];
  const heading = (place: number, other: string): TemplateResult =>
    place === none ? html`<em>${other}</em>` : html`<bdi>${labels[place]}</bdi>`;
  return html`
    <h3>${translated(title, t)}</h3>
    <p class="quiet">
      ${canOpen ? t('Rows: the given label. Columns: the predicted label. Click a cell to see its rows in the preview.') : translated(note, t)}
    </p>
    <div class="scroll" tabindex="0" role="region" aria-label=${`${of}, ${translated(title, t)}`}>
      <table class="matrix number" @keydown=${moveInTable}>
        <thead>
          <tr>
            <td></td>
            ${counts.map((_, place) => html`<th scope="col">${heading(place, missed)}</th>`)}
          </tr>
        </thead>
        <tbody>
          ${counts.map(
            (row, given) =>
              html`<tr>
                <th scope="row">${heading(given, spurious)}</th>
                ${row.map((count, predicted) => {
                  if (given === none && predicted === none) return html`<td></td>`;
                  const strength = `${Math.round(5 + 15 * Math.sqrt(count / largest))}%`;
                  const look = `cell ${given === predicted ? 'right' : 'wrong'} ${count === 0 ? 'none' : ''}`;
                  const words = translated(cellText(nameOf(given, spurious), nameOf(predicted, missed), count), t);
                  return html`<td>
                    ${
                      canOpen && count > 0
                        ? html`<button
                            type="button"
                            class=${look}
                            ${styleProperties({ '--strength': strength })}
                            aria-label=${words}
                            title=${words}
                            data-at="${given},${predicted}"
                            @click=${() => actions.openRows(at, given, predicted)}
                          >
                            ${count}
                          </button>`
                        : html`<span class=${look} ${styleProperties({ '--strength': strength })} title=${words}
                            >${count}</span
                          >`
                    }
                  </td>`;
                })}
              </tr>`,
          )}
        </tbody>
      </table>
    </div>
  `;
}

/** Moves the focus by arrow keys between cells that can be opened. */
function moveInTable(event: KeyboardEvent): void {
  const by = { ArrowUp: [-1, 0], ArrowDown: [1, 0], ArrowLeft: [0, -1], ArrowRight: [0, 1] }[event.key];
  const at = event.target instanceof HTMLElement ? event.target.dataset.at?.split(',').map(Number) : undefined;
  if (!by || !at) return;
  event.preventDefault();
  const table = event.currentTarget as HTMLElement;
  for (let steps = 1; steps <= 40; steps++) {
    const target = table.querySelector<HTMLElement>(`[data-at="${at[0] + by[0] * steps},${at[1] + by[1] * steps}"]`);
    if (target) return target.focus();
  }
}

// ── Curves ───────────────────────────────────────────────────────────────────────────────────────────────────────

export function seriesText(name: SeriesName, t: Translate): string {
  switch (name) {
    case 'learningRate':
      return t('Learning rate');
    case 'gradientNorm':
      return t('Gradient norm');
    case 'examplesPerSecond':
      return t('Examples a second');
    case 'memoryBytes':
      return t('Memory in GiB');
  }
}

function seriesValue(name: SeriesName, value: number | null | undefined): string {
  if (value === null || value === undefined) return '–';
  if (name === 'learningRate') return learningRateText(value);
  if (name === 'memoryBytes') return bytesText(value);
  return name === 'examplesPerSecond' ? rateText(value) : valueText(value);
}

function chartOf(name: 'loss' | 'metric' | SeriesName, label: string, actions: RunPageActions): TemplateResult {
  return html`<div
    class="chart"
    tabindex="0"
    role="application"
    aria-label=${label}
    ${ref((element) => actions.chart(name, element))}
  ></div>`;
}

function curves(
  run: ShownRun,
  state: RunPageState,
  actions: RunPageActions,
  t: Translate,
): TemplateResult | typeof nothing {
  if (run.steps.length === 0 && run.evaluations.length === 0) return nothing;
  const metrics = metricsOf(run);
  const metric = shownMetric(run, state);
  return html`
    <section aria-labelledby="curves-title">
      <h2 id="curves-title">${t('Curves')}</h2>
      <div class="charts">
        <figure>
          <figcaption>
            <span class="key train">${t('training loss')}</span>
            ${run.evaluations.length > 0 ? html`<span class="key check">${t('validation loss')}</span>` : nothing}
          </figcaption>
          ${chartOf('loss', t('Loss by step. Arrow keys move along the steps.'), actions)}
          ${smoothingSlider(state.smoothing, (smoothing) => actions.dispatch({ type: 'smoothed', smoothing }), t)}
        </figure>
        ${
          metric === undefined
            ? nothing
            : html`<figure>
                <figcaption>
                  <select
                    aria-label=${t('Metric')}
                    @change=${(event: Event) => actions.dispatch({ type: 'metric', metric: (event.target as HTMLSelectElement).value })}
                  >
                    ${metrics.map((name) => html`<option value=${name} .selected=${live(name === metric)}>${metricText(name, t)}</option>`)}
                  </select>
                  ${run.best ? html`<span class="key best">${t('best, step {0}', run.best.step)}</span>` : nothing}
                </figcaption>
                ${chartOf('metric', t('{0} by step. Arrow keys move along the steps.', metricText(metric, t)), actions)}
              </figure>`
        }
      </div>
    </section>
  `;
}

function series(
  { series: shown }: RunPageSnapshot,
  actions: RunPageActions,
  t: Translate,
): TemplateResult | typeof nothing {
  if (shown.length === 0) return nothing;
  return html`
    <section aria-labelledby="series-title">
      <h2 id="series-title">${t('Rate, gradient, speed and memory')}</h2>
      <div class="charts small">
        ${repeat(
          shown,
          ({ name }) => name,
          ({ name, values }) =>
            html`<figure>
              <figcaption>
                ${seriesText(name, t)}
                <span class="quiet number">${t('last {0}', seriesValue(name, values.at(-1)))}</span>
              </figcaption>
              ${chartOf(name, t('{0} by step. Arrow keys move along the steps.', seriesText(name, t)), actions)}
            </figure>`,
        )}
      </div>
    </section>
  `;
}

// ── What belongs to the run ──────────────────────────────────────────────────────────────────────────────────────

function notes(state: RunPageState, snapshot: RunPageSnapshot, actions: RunPageActions, t: Translate): TemplateResult {
  const typed = (event: Event): string => (event.target as HTMLInputElement | HTMLTextAreaElement).value;
  return html`
    <section aria-labelledby="notes-title">
      <h2 id="notes-title">${t('Notes and tags')}</h2>
      <label class="field">
        <span>${t('Tags, separated by commas')}</span>
        <input
          type="text"
          .value=${live(state.tags ?? snapshot.tags.join(', '))}
          @input=${(event: Event) => actions.dispatch({ type: 'tags', text: typed(event) })}
          @focusout=${() => actions.annotate()}
        />
      </label>
      <label class="field">
        <span>${t('Note')}</span>
        <textarea
          rows="3"
          .value=${live(state.note ?? snapshot.note)}
          @input=${(event: Event) => actions.dispatch({ type: 'note', text: typed(event) })}
          @focusout=${() => actions.annotate()}
        ></textarea>
      </label>
    </section>
  `;
}

function settings(
  { showsAllSettings }: RunPageState,
  { settings: all }: RunPageSnapshot,
  actions: RunPageActions,
  t: Translate,
): TemplateResult | typeof nothing {
  if (all.length === 0) return nothing;
  const shown = all.filter((setting) => showsAllSettings || setting.standard === null || differs(setting));
  return html`
    <section aria-labelledby="settings-title">
      <div class="title">
        <h2 id="settings-title">${t('Settings')}</h2>
        <span class="links">
          <label>
            <input
              type="checkbox"
              .checked=${live(showsAllSettings)}
              @change=${(event: Event) => actions.dispatch({ type: 'allSettings', on: (event.target as HTMLInputElement).checked })}
            />
            ${t('Show default values')}
          </label>
          ${link(t('Open Recipe'), 'openRecipe', actions)}
        </span>
      </div>
      <div class="scroll" tabindex="0" role="region" aria-label=${`${t('Settings')}, ${t('Values as a table')}`}>
        <table>
          <thead>
            <tr>
              <th scope="col">${t('Setting')}</th>
              <th scope="col">${t('Value')}</th>
              <th scope="col">${t('Default')}</th>
            </tr>
          </thead>
          <tbody>
            ${shown.map(
              (setting) =>
                html`<tr class=${differs(setting) ? 'differs' : ''}>
                  <th scope="row"><code>${setting.name}</code></th>
                  <td><bdi>${setting.value}</bdi></td>
                  <td class="quiet">${differs(setting) ? setting.standard : ''}</td>
                </tr>`,
            )}
          </tbody>
        </table>
      </div>
    </section>
  `;
}

function data(files: readonly ShownData[], t: Translate): TemplateResult {
  return html`
    <section aria-labelledby="data-title">
      <h2 id="data-title">${t('Data')}</h2>
      <div class="scroll" tabindex="0" role="region" aria-label=${`${t('Data')}, ${t('Values as a table')}`}>
        <table>
          <thead>
            <tr>
              <th scope="col">${t('Split')}</th>
              <th scope="col">${t('File')}</th>
              <th scope="col" class="number">${t('Rows')}</th>
              <th scope="col" class="number">${t('Left out')}</th>
              <th scope="col">SHA-256</th>
            </tr>
          </thead>
          <tbody>
            ${files.map(
              ({ split, file, rows, dropped, badRows, sha256 }) =>
                html`<tr>
                  <th scope="row">${splitText(split, t)}</th>
                  <td><bdi>${file}</bdi></td>
                  <td class="number">${rows}</td>
                  <td class="number">${dropped + badRows}</td>
                  <td><code title=${sha256}>${sha256.slice(0, 16)}</code></td>
                </tr>`,
            )}
          </tbody>
        </table>
      </div>
    </section>
  `;
}

function surroundings(
  { environment, deviceChoice, actions: can }: RunPageSnapshot,
  actions: RunPageActions,
  t: Translate,
): TemplateResult | typeof nothing {
  if (environment.length === 0 && !can.includes('openLog')) return nothing;
  return html`
    <section aria-labelledby="machine-title">
      <div class="title">
        <h2 id="machine-title">${t('Machine and log')}</h2>
        <span class="links">
          ${can.includes('reveal') ? link(t('Show Folder'), 'reveal', actions) : nothing}
          ${can.includes('openLog') ? link(t('Open Log'), 'openLog', actions) : nothing}
        </span>
      </div>
      <dl class="facts">
        ${environment.map(
          ({ name, value }) =>
            html`<div>
              <dt>${name}</dt>
              <dd><bdi>${value}</bdi></dd>
            </div>`,
        )}
      </dl>
      ${deviceChoice.length > 0 ? html`<pre class="log">${deviceChoice.join('\n')}</pre>` : nothing}
    </section>
  `;
}
