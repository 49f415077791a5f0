import { html, nothing, type TemplateResult } from 'lit';
import { live } from 'lit/directives/live.js';
import { ref } from 'lit/directives/ref.js';
import type { Translate } from '../../src/base/translate';
import { exportFormats } from '../../src/protocol/datasetPreview';
import { styleProperties } from '../shared/styleProperties';
import type { DatasetPreviewActions } from './actions';
import { labelDot } from './cells';
import { labelOrder, splitOptions, type DatasetPreviewState, type SplitDraft } from './state';
import { isWholeFile } from './viewQueries';
import { countText, shareText } from './words';

/** The dialog that is open, if one is. A modal one keeps the keyboard, and Escape closes it. */
export function dialogs(
  state: DatasetPreviewState,
  actions: DatasetPreviewActions,
  t: Translate,
): TemplateResult | typeof nothing {
  if (!state.dialog) return nothing;
  const onClose = (): void => {
    if (state.export.progress) actions.cancelExport();
    actions.dispatch({ type: 'dialog', dialog: undefined });
  };
  return html`<dialog aria-labelledby="dialog-title" @close=${onClose} ${ref(openModally)}>
    ${state.dialog === 'split' ? splitDialog(state, actions, t) : exportDialog(state, actions, t)}
  </dialog>`;
}

function openModally(element: Element | undefined): void {
  if (!(element instanceof HTMLDialogElement) || element.open) return;
  // After this painting: only an element of the page can be shown.
  queueMicrotask(() => element.isConnected && !element.open && element.showModal());
}

const close = (event: Event): void => (event.target as HTMLElement).closest('dialog')!.close();

function splitDialog(state: DatasetPreviewState, actions: DatasetPreviewActions, t: Translate): TemplateResult {
  const { split } = state;
  const { columns, file, index, mapping } = state.snapshot!.state;
  const change = (draft: Partial<SplitDraft>): void => {
    actions.dispatch({ type: 'split', draft });
    actions.planSplit();
  };
  const share = (name: 'train' | 'validation' | 'test', label: string): TemplateResult =>
    html`<label class="field">
      <span>${label}</span>
      <span class="unit">
        <input
          class="short"
          type="number"
          min="0"
          max="100"
          step="any"
          .value=${live(split[name])}
          @input=${(event: Event) => change({ [name]: (event.target as HTMLInputElement).value })}
        />
        %
      </span>
    </label>`;
  const column = (name: 'stratify' | 'group', label: string, hint: string): TemplateResult =>
    html`<label class="field wide">
      <span>${label}</span>
      <select
        @change=${(event: Event) => {
          const { value } = event.target as HTMLSelectElement;
          change({ [name]: value === '' ? null : columns[Number(value)] });
        }}
      >
        <option value="" .selected=${split[name] === null}>${t('none')}</option>
        ${columns.map((other, at) => html`<option value=${at} .selected=${split[name] === other}>${other}</option>`)}
      </select>
      <span class="quiet">${hint}</span>
    </label>`;
  const options = splitOptions(split);
  const sum = [split.train, split.validation, split.test].reduce((total, typed) => total + (Number(typed) || 0), 0);
  const isReady = options !== undefined && split.plan !== undefined && !split.problem && !split.working;
  return html`
    <h2 id="dialog-title">${t('Split {0}', file?.name ?? '')}</h2>
    <p class="quiet">${t('{0} rows are dealt out at random; the seed makes it repeatable.', countText(index.rows))}</p>
    <div class="fields">
      ${share('train', t('Training'))} ${share('validation', t('Validation'))} ${share('test', t('Test'))}
      <label class="field">
        <span>${t('Seed')}</span>
        <input class="short" type="number" min="0" step="1" .value=${live(split.seed)} @input=${(event: Event) => change({ seed: (event.target as HTMLInputElement).value })} />
      </label>
      ${column('stratify', t('Same shares of'), t('Each part gets its share of every value, of a label for example.'))}
      ${column('group', t('Keep together'), t('Equal values stay in one part, so that no query is in two.'))}
    </div>
    ${mapping.label !== null && split.stratify === null ? html`<p class="quiet">${t('Without it, rare labels may be missing from a part.')}</p>` : nothing}
    ${
      options === undefined && Math.abs(sum - 100) > 1e-6
        ? html`<p class="notice" role="alert">${t('The parts add up to {0} %, not 100 %.', Math.round(sum * 100) / 100)}</p>`
        : nothing
    }
    ${split.problem ? html`<p class="notice error" role="alert">${split.problem}</p>` : nothing}
    <div class="plan" aria-live="polite">${planTable(state, t)}</div>
    ${state.trouble ? html`<p class="notice error" role="alert">${state.trouble}</p>` : nothing}
    <div class="buttons">
      <button type="button" class="button" ?disabled=${!isReady} @click=${() => actions.writeSplit('files')}>${t('Write Files…')}</button>
      <button type="button" class="button secondary" ?disabled=${!isReady} @click=${() => actions.writeSplit('recipe')}>${t('Write into Recipe…')}</button>
      <button type="button" class="button secondary" @click=${close}>${t('Cancel')}</button>
    </div>
  `; // prettier-ignore
}

function planTable(state: DatasetPreviewState, t: Translate): TemplateResult | typeof nothing {
  const { plan } = state.split;
  if (!plan) return nothing;
  const order = labelOrder(state);
  const found = new Set(plan.parts.flatMap(({ labels }) => labels.map(({ text }) => text)));
  const known = order.filter((text) => found.has(text));
  const labels = [...known, ...[...found].filter((text) => !order.includes(text))].slice(0, 12);
  const hasGroups = plan.parts.some(({ groups }) => groups !== null);
  const names: Readonly<Record<string, string>> = { train: t('Training'), validation: t('Validation'), test: t('Test') }; // prettier-ignore
  const all = plan.parts.reduce((sum, { rows }) => sum + rows, 0);
  return html`
    <table class="number">
      <thead>
        <tr>
          <th scope="col">${t('Part')}</th>
          <th scope="col">${t('Rows')}</th>
          ${hasGroups ? html`<th scope="col">${t('Groups')}</th>` : nothing}
          ${labels.map((text) => html`<th scope="col">${labelDot(order.indexOf(text))}<bdi>${text === '' ? '""' : text}</bdi></th>`)}
        </tr>
      </thead>
      <tbody>
        ${plan.parts.map(
          (part) =>
            html`<tr>
              <th scope="row">${names[part.name] ?? part.name}</th>
              <td>${countText(part.rows)} <span class="quiet">${shareText(part.rows, all)}</span></td>
              ${hasGroups ? html`<td>${part.groups === null ? '' : countText(part.groups)}</td>` : nothing}
              ${labels.map((text) => html`<td>${shareText(part.labels.find((entry) => entry.text === text)?.count ?? 0, part.rows)}</td>`)}
            </tr>`,
        )}
      </tbody>
    </table>
    ${plan.leftOut > 0 ? html`<p class="quiet">${t('{0} rows that cannot be read are left out.', countText(plan.leftOut))}</p>` : nothing}
  `;
}

function exportDialog(state: DatasetPreviewState, actions: DatasetPreviewActions, t: Translate): TemplateResult {
  const draft = state.export;
  const { view, index } = state.snapshot!.state;
  const { predictions } = state.snapshot!;
  const names = { jsonl: 'JSON Lines', json: 'JSON', csv: 'CSV', tsv: 'TSV' };
  const rows = isWholeFile(state.query) ? index.rows : view.rows;
  const { progress } = draft;
  const check = (name: 'allColumns' | 'predictions', label: string, isOff = false): TemplateResult =>
    html`<label class="check">
      <input
        type="checkbox"
        ?disabled=${isOff || progress !== undefined}
        .checked=${live(draft[name] && !isOff)}
        @change=${(event: Event) => actions.dispatch({ type: 'export', draft: { [name]: (event.target as HTMLInputElement).checked } })}
      />
      ${label}
    </label>`;
  return html`
    <h2 id="dialog-title">${t('Export {0} rows', countText(rows))}</h2>
    <p class="quiet">
      ${isWholeFile(state.query) ? t('All rows, in the order of the file.') : t('The rows that are shown, in their order.')}
      ${view.partial ? html`<span class="problem">${t('The search was cancelled: these are not all.')}</span>` : nothing}
    </p>
    <div class="fields">
      <label class="field">
        <span>${t('Format')}</span>
        <select
          ?disabled=${progress !== undefined}
          @change=${(event: Event) => actions.dispatch({ type: 'export', draft: { format: (event.target as HTMLSelectElement).value as (typeof exportFormats)[number] } })}
        >
          ${exportFormats.map((format) => html`<option value=${format} .selected=${format === draft.format}>${names[format]}</option>`)}
        </select>
      </label>
    </div>
    ${state.layout.hidden.length > 0 ? check('allColumns', t('Hidden columns too')) : nothing}
    ${check('predictions', t('Predictions, as far as there are any'), predictions.done === 0)}
    ${state.trouble ? html`<p class="notice error" role="alert">${state.trouble}</p>` : nothing}
    ${
      progress
        ? html`<div
            class="progress"
            role="progressbar"
            aria-label=${t('Exporting')}
            aria-valuemin="0"
            aria-valuemax=${progress.total}
            aria-valuenow=${progress.done}
          >
            <span ${styleProperties({ width: `${progress.total === 0 ? 0 : (100 * progress.done) / progress.total}%` })}></span>
          </div>`
        : nothing
    }
    <div class="buttons">
      ${
        progress
          ? html`<button type="button" class="button secondary" @click=${() => actions.cancelExport()}>${t('Cancel export')}</button>`
          : html`<button type="button" class="button" ?disabled=${view.working} @click=${() => actions.writeExport()}>${t('Export…')}</button>
              <button type="button" class="button secondary" @click=${close}>${t('Cancel')}</button>`
      }
    </div>
  `; // prettier-ignore
}
