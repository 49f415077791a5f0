import { html, nothing, type TemplateResult } from 'lit';
import { live } from 'lit/directives/live.js';
import type { Translate } from '../../src/base/translate';
import type { Suspects } from '../../src/protocol/labelMappingEditor';
import { percentText } from '../shared/numberText';
import type { LabelMappingActions } from './actions';
import type { LabelMappingState } from './state';
import { countText } from './words';
import { errorNotice } from '../shared/errorNotice';

/** Rows whose labels are probably wrong, because the active model predicts others. */
export function suspectsSection(state: LabelMappingState, actions: LabelMappingActions, t: Translate): TemplateResult {
  const { model, splits, suspects } = state.snapshot!;
  const isSearching = suspects?.state === 'searching';
  const link = (label: string, act: () => void): TemplateResult =>
    html`<button type="button" class="link" @click=${act}>${label}</button>`;
  return html`
    <section class="suspects" aria-labelledby="suspects-title">
      <header>
        <h2 id="suspects-title">${t('Suspect labels')}</h2>
        <span class="quiet">${t('Rows whose label a fine-tuned model contradicts with good reason.')}</span>
      </header>
      <div class="tools">
        ${
          model?.hasHead
            ? html`<span><bdi>${model.name}</bdi> ${link(t('Other model…'), () => actions.ask('chooseModel'))}</span>
                <select aria-label=${t('Split')} @change=${(event: Event) => actions.dispatch({ type: 'split', split: (event.target as HTMLSelectElement).value })}>
                  ${splits.map(({ name }) => html`<option value=${name} .selected=${live(name === state.split)}>${name}</option>`)}
                </select>
                ${
                  isSearching
                    ? html`<button type="button" class="button secondary" @click=${() => actions.ask('cancelSuspects')}>${t('Cancel')}</button>`
                    : html`<button type="button" class="button" ?disabled=${splits.length === 0} @click=${() => actions.findSuspects(state.split)}>${t('Check labels')}</button>`
                }`
            : html`<span>${t('This needs a fine-tuned model.')} ${link(t('Choose model…'), () => actions.ask('chooseModel'))}</span>`
        }
      </div>
      ${suspects ? found(suspects, actions, t) : nothing}
    </section>
  `; // prettier-ignore
}

function found(suspects: Suspects, actions: LabelMappingActions, t: Translate): TemplateResult {
  if (suspects.state === 'failed') return html`${errorNotice(suspects.error, t)}`;
  if (suspects.state === 'searching') {
    const { done, total } = suspects;
    return html`<p role="status">
      ${t('Checking…')}
      ${total === null ? nothing : html`<span class="number">${countText(done)} / ${countText(total)}</span>`}
    </p>`;
  }
  const { rows, list, accepted, split, correctionFile, isUsed } = suspects;
  const byRow = new Map(accepted.map(({ row, label }) => [row, label]));
  return html`
    <p role="status">${t('{0} of {1} rows look mislabelled.', countText(suspects.found), countText(rows))}</p>
    <p class="quiet">
      ${
        !suspects.seenInTraining
          ? t('The model was not trained on this file.')
          : suspects.outOfFold === 0
            ? t('The model was trained on these rows and agrees with labels that it has memorised. Its run kept no out-of-fold predictions.')
            : t('For {0} of {1} rows there are predictions of runs that were not trained on them. Runs with another seed of dataset.split cover more rows.', countText(suspects.outOfFold), countText(rows))
      }
    </p>
    ${
      accepted.length > 0
        ? html`<p class="notice">
            ${t('Corrections in {1}: {0}. The data stays as it is.', accepted.length, correctionFile)}
            <button type="button" class="link" @click=${() => actions.ask('openCorrections')}>${t('Open')}</button>
            ${isUsed === false ? html`<button type="button" class="link" @click=${() => actions.ask('useCorrections')}>${t('Use them in the recipe')}</button>` : nothing}
          </p>`
        : nothing
    }
    ${
      list.length === 0
        ? nothing
        : html`<div class="scroll" tabindex="0" role="group" aria-label=${t('Suspect labels')}>
            <table>
              <thead>
                <tr>
                  <th scope="col">${t('Line')}</th>
                  <th scope="col" class="value">${t('Text')}</th>
                  <th scope="col">${t('Given')}</th>
                  <th scope="col">${t('Suggested')}</th>
                  <td></td>
                </tr>
              </thead>
              <tbody>
                ${list.map((suspect) => {
                  const label = byRow.get(suspect.row);
                  const { row, line, first, second, given, suggested, probability } = suspect;
                  return html`<tr class=${label === undefined ? '' : 'accepted'}>
                    <td class="number"><button type="button" class="link" @click=${() => actions.revealRow(split, line)}>${line}</button></td>
                    <th scope="row" class="value"><bdi>${first}</bdi>${second === undefined ? nothing : html`<br /><bdi>${second}</bdi>`}</th>
                    <td><bdi>${given}</bdi></td>
                    <td><bdi>${label ?? suggested}</bdi> <span class="quiet number">${percentText(probability)}</span></td>
                    <td>
                      ${
                        label === undefined
                          ? html`<button type="button" class="button secondary" aria-label=${t('Accept line {0}', line)} @click=${() => actions.correct([{ row, label: suggested }])}>${t('Accept')}</button>`
                          : html`<button type="button" class="link" aria-label=${t('Take back line {0}', line)} @click=${() => actions.correct([{ row, label: null }])}>${t('Take back')}</button>`
                      }
                    </td>
                  </tr>`;
                })}
              </tbody>
            </table>
          </div>`
    }
  `; // prettier-ignore
}
