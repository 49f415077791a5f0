import { html, nothing, type TemplateResult } from 'lit';
import { live } from 'lit/directives/live.js';
import type { Translate } from '../../src/base/translate';
import type { ShownRun } from '../../src/protocol/trainingView';
import { maxSmoothing } from './state';
import { isPreparing, runFacts } from './summary';

// Parts of a run that both the Training view and the page of a run show.

export function progressBar(run: ShownRun, t: Translate): TemplateResult {
  return html`<vscode-progress-bar
    aria-label=${t('Training progress')}
    .value=${run.step}
    .max=${Math.max(1, run.totalSteps)}
    ?indeterminate=${isPreparing(run)}
  ></vscode-progress-bar>`;
}

export function factList(run: ShownRun, t: Translate): TemplateResult {
  return html`<dl class="facts number">
    ${runFacts(run, t).map(
      ({ name, value }) =>
        html`<div>
          <dt>${name}</dt>
          <dd>${value}</dd>
        </div>`,
    )}
  </dl>`;
}

/** A list below a title that opens and closes it. Nothing if the list is empty. */
export function foldedLines(title: string, lines: readonly string[], isOpen: boolean): TemplateResult | typeof nothing {
  if (lines.length === 0) return nothing;
  return html`<details ?open=${isOpen}>
    <summary>${title}</summary>
    <ul class="reasons">
      ${lines.map((line) => html`<li>${line}</li>`)}
    </ul>
  </details>`;
}

/** The slider of the weight of the past in the smoothed loss. */
export function smoothingSlider(
  smoothing: number,
  onSmoothed: (smoothing: number) => void,
  t: Translate,
): TemplateResult {
  return html`<label class="smoothing">
    <span>${t('Smoothing')}</span>
    <input
      type="range"
      min="0"
      max=${maxSmoothing}
      step="0.01"
      .value=${live(String(smoothing))}
      @input=${(event: Event) => onSmoothed(Number((event.target as HTMLInputElement).value))}
    />
    <output class="number">${smoothing.toFixed(2)}</output>
  </label>`;
}
