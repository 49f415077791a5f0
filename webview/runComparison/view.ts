import { html, nothing, svg, type TemplateResult } from 'lit';
import { live } from 'lit/directives/live.js';
import { ref } from 'lit/directives/ref.js';
import { durationText } from '../../src/base/durationText';
import type { Translate } from '../../src/base/translate';
import type { ComparedMetric, ComparedRun, RunComparison } from '../../src/protocol/runComparison';
import { metricText, phaseText, testMetricText } from '../../src/protocol/runWords';
import { valueText } from '../shared/numberText';
import {
  bestTwoOverlap,
  intervalScale,
  isBest,
  letterOf,
  ranking,
  shownMetric,
  validationDiffers,
  type RunComparisonEvent,
  type RunComparisonState,
} from './state';
import { errorNotice } from '../shared/errorNotice';

/** What a person can do in the panel. `main.ts` does it; this file has no channel to the extension host. */
export interface RunComparisonActions {
  dispatch(event: RunComparisonEvent): void;
  showRun(id: string): void;
  leaveOut(id: string): void;
  chooseRuns(): void;
  chart(name: 'loss' | 'metric', element: Element | undefined): void;
}

export function runComparisonView(
  { comparison, metric: chosen, showsAll, trouble }: RunComparisonState,
  actions: RunComparisonActions,
  t: Translate,
): TemplateResult {
  if (!comparison) return html`<p class="quiet">${t('Loading…')}</p>`;
  const { runs } = comparison;
  const choose = html`<vscode-button secondary @click=${actions.chooseRuns}>${t('Choose Runs…')}</vscode-button>`;
  if (runs.length === 0)
    return html`<p class="quiet">${t('The runs are not in the list any more.')}</p>
      ${choose}`;
  const metric = shownMetric(comparison, chosen);
  return html`
    <header>
      <h1>${t('Compare Runs')}</h1>
      ${choose}
    </header>
    ${errorNotice(trouble, t)}
    ${
      validationDiffers(comparison.data)
        ? html`<p class="notice">
            ${t('The runs were validated on different data: their metrics do not show which run is better.')}
          </p>`
        : nothing
    }
    ${metric ? metricFigures(comparison, metric, actions, t) : html`<p class="quiet">${t('No run has been evaluated yet.')}</p>`}
    ${lossFigure(comparison, actions, t)} ${resultTable(comparison, actions, t)} ${dataTable(comparison, t)}
    ${settingsTable(comparison, showsAll, actions, t)}
  `;
}

const runKey = (run: number): TemplateResult => html`<span class="key-letter run-${run}">${letterOf(run)}</span>`;

/** One metric of all runs: the values with their intervals on one scale, and the curves. */
function metricFigures(
  comparison: RunComparison,
  metric: ComparedMetric,
  actions: RunComparisonActions,
  t: Translate,
): TemplateResult {
  const overlap = bestTwoOverlap(comparison, metric);
  const [first, second] = ranking(metric);
  return html`
    <section aria-labelledby="metric-title">
      <div class="title">
        <h2 id="metric-title">${t('Best checkpoints on validation data')}</h2>
        <select
          aria-label=${t('Metric')}
          @change=${(event: Event) => actions.dispatch({ type: 'metric', metric: (event.target as HTMLSelectElement).value })}
        >
          ${comparison.metrics.map(({ name }) => html`<option value=${name} .selected=${live(name === metric.name)}>${metricText(name, t)}</option>`)}
        </select>
      </div>
      <div class="intervals">${metric.values.map((_, run) => intervalRow(comparison.runs[run], metric, run, t))}</div>
      ${
        overlap === undefined
          ? nothing
          : html`<p class="quiet">
              ${
                overlap
                  ? t('The 95 % intervals of {0} and {1} overlap: the difference may be chance.', letterOf(first), letterOf(second)) // prettier-ignore
                  : t('The 95 % intervals of {0} and {1} do not overlap.', letterOf(first), letterOf(second))
              }
            </p>`
      }
      <figure>
        <figcaption>
          ${t('{0} by step', metricText(metric.name, t))} ${comparison.runs.map((_, run) => lineKey(run))}
        </figcaption>
        <div
          class="chart"
          tabindex="0"
          role="application"
          aria-label=${t('{0} by step. Arrow keys move along the steps.', metricText(metric.name, t))}
          ${ref((element) => actions.chart('metric', element))}
        ></div>
      </figure>
    </section>
  `;
}

const lineKey = (run: number): TemplateResult => html`<span class="line-key run-${run}">${letterOf(run)}</span>`;

function intervalRow(run: ComparedRun, metric: ComparedMetric, index: number, t: Translate): TemplateResult {
  const value = metric.values[index];
  const at = intervalScale(metric);
  const percent = (number: number): string => `${(100 * at(number)).toFixed(2)}%`;
  const best = isBest(metric, index);
  const range = value?.low != null && value.high != null ? `${valueText(value.low)} – ${valueText(value.high)}` : '';
  return html`
    <div class="interval ${best ? 'best' : ''}">
      <span class="name">${runKey(index)} <bdi>${run.name}</bdi></span>
      <svg class="run-${index}" aria-hidden="true">
        ${
          value === null
            ? nothing
            : svg`<line class="range" x1=${percent(value.low ?? value.value)} x2=${percent(value.high ?? value.value)} y1="50%" y2="50%"></line>
                <circle cx=${percent(value.value)} cy="50%" r="4"></circle>`
        }
      </svg>
      <span class="number"
        >${valueText(value?.value)}${best ? html` <span title=${t('best')}>★</span><span class="for-readers">${t('best')}</span>` : nothing}</span
      >
      <span class="number quiet">${range}</span>
    </div>
  `;
}

function lossFigure({ runs }: RunComparison, actions: RunComparisonActions, t: Translate): TemplateResult {
  if (runs.every(({ steps }) => steps.length === 0)) return html``;
  return html`<section>
    <figure>
      <figcaption>${t('Training loss by step, smoothed')} ${runs.map((_, run) => lineKey(run))}</figcaption>
      <div
        class="chart"
        tabindex="0"
        role="application"
        aria-label=${t('Training loss by step. Arrow keys move along the steps.')}
        ${ref((element) => actions.chart('loss', element))}
      ></div>
    </figure>
  </section>`;
}

function resultTable(
  { runs, metrics, testMetrics }: RunComparison,
  actions: RunComparisonActions,
  t: Translate,
): TemplateResult {
  const facts: readonly [string, (run: ComparedRun) => string][] = [
    [t('Status'), ({ status }) => phaseText(status, t)],
    [t('Steps'), ({ step, totalSteps }) => (step === totalSteps ? String(step) : `${step} / ${totalSteps}`)],
    [t('Best step'), ({ bestStep }) => (bestStep === null ? '–' : String(bestStep))],
    [t('Duration'), ({ seconds }) => (seconds === null ? '–' : durationText(seconds, t))],
  ];
  return html`<section aria-labelledby="result-title">
    <h2 id="result-title">${t('Results')}</h2>
    <div class="scroll">
      <table>
        <thead>
          <tr>
            <td></td>
            ${runs.map(
              (run, index) =>
                html`<th scope="col">
                  <span class="run-head"
                    >${runKey(index)}<button
                      type="button"
                      class="link"
                      title=${t('Show Run')}
                      @click=${() => actions.showRun(run.id)}
                    >
                      <bdi>${run.name}</bdi></button
                    ><button
                      type="button"
                      class="leave"
                      title=${t('Leave out of the comparison')}
                      aria-label=${t('Leave {0} out of the comparison', run.name)}
                      @click=${() => actions.leaveOut(run.id)}
                    >
                      ×
                    </button></span
                  >
                </th>`,
            )}
          </tr>
        </thead>
        <tbody>
          ${metrics.map((metric) => metricRow(metric, metricText(metric.name, t)))}
          ${testMetrics.map((metric) => metricRow(metric, testMetricText(metric.name, t)))}
          ${facts.map(
            ([name, textOf]) =>
              html`<tr>
                <th scope="row">${name}</th>
                ${runs.map((run) => html`<td class="number">${textOf(run)}</td>`)}
              </tr>`,
          )}
        </tbody>
      </table>
    </div>
  </section>`;
}

function metricRow(metric: ComparedMetric, name: string): TemplateResult {
  return html`<tr>
    <th scope="row">${name}</th>
    ${metric.values.map((value, run) => html`<td class="number ${isBest(metric, run) ? 'best' : ''}">${valueText(value?.value)}</td>`)}
  </tr>`;
}

function dataTable({ runs, data }: RunComparison, t: Translate): TemplateResult {
  if (data.length === 0) return html``;
  const names: Readonly<Record<string, string>> = {
    train: t('Training data'),
    validation: t('Validation data'),
    test: t('Test data'),
  };
  return html`<section aria-labelledby="data-title">
    <h2 id="data-title">${t('Data')}</h2>
    <div class="scroll">
      <table>
        ${letterHead(runs)}
        <tbody>
          ${data.map(
            ({ split, values, differs }) =>
              html`<tr class=${differs ? 'differs' : ''}>
                <th scope="row">${Object.hasOwn(names, split) ? names[split] : split}</th>
                ${values.map(
                  (value) =>
                    html`<td title=${value ? `sha256 ${value.sha256}` : ''}>
                      ${
                        value
                          ? html`<bdi>${value.file}</bdi>
                              <span class="quiet">${t('{0} rows', value.rows)} · ${value.sha256.slice(0, 8)}</span>`
                          : '–'
                      }
                    </td>`,
                )}
              </tr>`,
          )}
        </tbody>
      </table>
    </div>
  </section>`;
}

function settingsTable(
  { runs, settings }: RunComparison,
  showsAll: boolean,
  actions: RunComparisonActions,
  t: Translate,
): TemplateResult {
  const shown = settings.filter(({ differs }) => showsAll || differs);
  return html`<section aria-labelledby="settings-title">
    <div class="title">
      <h2 id="settings-title">${t('Settings')}</h2>
      <label
        ><input
          type="checkbox"
          .checked=${live(showsAll)}
          @change=${(event: Event) => actions.dispatch({ type: 'all', on: (event.target as HTMLInputElement).checked })}
        />
        ${t('Show equal settings')}</label
      >
    </div>
    ${
      shown.length === 0
        ? html`<p class="quiet">${t('All settings are equal.')}</p>`
        : html`<div class="scroll">
            <table>
              ${letterHead(runs)}
              <tbody>
                ${shown.map(
                  ({ name, values, differs }) =>
                    html`<tr class=${differs ? 'differs' : ''}>
                      <th scope="row"><code>${name}</code></th>
                      ${values.map((value) => html`<td title=${value ?? ''}><bdi>${value === null || value === '' ? '–' : value}</bdi></td>`)}
                    </tr>`,
                )}
              </tbody>
            </table>
          </div>`
    }
  </section>`;
}

const letterHead = (runs: readonly ComparedRun[]): TemplateResult =>
  html`<thead>
    <tr>
      <td></td>
      ${runs.map((run, index) => html`<th scope="col" title=${run.name}>${runKey(index)}</th>`)}
    </tr>
  </thead>`;
