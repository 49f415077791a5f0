import { html, nothing, type TemplateResult } from 'lit';
import { live } from 'lit/directives/live.js';
import { ref } from 'lit/directives/ref.js';
import { CLEAN_OPERATIONS, type CleanOperation } from '../../src/base/cleanText';
import type { Translate } from '../../src/base/translate';
import { exportFormats } from '../../src/protocol/datasetPreview';
import { styleProperties } from '../shared/styleProperties';
import type { DatasetPreviewActions } from './actions';
import { labelDot } from './cells';
import { labelOrder, splitOptions, type CleanDraft, type DatasetPreviewState, type PreviewDialog, type SplitDraft } from './state'; // prettier-ignore
import { isWholeFile } from './viewQueries';
import { countText, shareText } from './words';
import { errorNotice } from '../shared/errorNotice';

/** The open dialog. It is modal: the browser keeps the focus in it, and Escape closes it. */
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
    ${DIALOGS[state.dialog](state, actions, t)}
  </dialog>`;
}

const DIALOGS: Readonly<Record<PreviewDialog, (state: DatasetPreviewState, actions: DatasetPreviewActions, t: Translate) => TemplateResult>> = { split: splitDialog, clean: cleanDialog, export: exportDialog }; // prettier-ignore

function openModally(element: Element | undefined): void {
  if (!(element instanceof HTMLDialogElement) || element.open) return;
  // `showModal` needs an element in the document, and lit adds this one after the call.
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
    <p class="quiet">${t('{0} rows are distributed at random. The same seed gives the same parts.', countText(index.rows))}</p>
    <div class="fields">
      ${share('train', t('Training'))} ${share('validation', t('Validation'))} ${share('test', t('Test'))}
      <label class="field">
        <span>${t('Seed')}</span>
        <input class="short" type="number" min="0" step="1" .value=${live(split.seed)} @input=${(event: Event) => change({ seed: (event.target as HTMLInputElement).value })} />
      </label>
      ${column('stratify', t('Same shares of'), t('Each part gets its share of every value, of a label for example.'))}
      ${column('group', t('Keep together'), t('Rows with the same value stay in one part, so that no query is in two parts.'))}
    </div>
    ${mapping.label !== null && split.stratify === null ? html`<p class="quiet">${t('Without the same shares of the label, a part may lack rare labels.')}</p>` : nothing}
    ${
      options === undefined && Math.abs(sum - 100) > 1e-6
        ? html`<p class="notice" role="alert">${t('The parts add up to {0} %, not 100 %.', Math.round(sum * 100) / 100)}</p>`
        : nothing
    }
    ${errorNotice(split.problem, t)}
    <div class="plan" aria-live="polite">${planTable(state, t)}</div>
    ${errorNotice(state.trouble, t)}
    <div class="buttons">
      <button type="button" class="button" ?disabled=${!isReady} @click=${() => actions.writeSplit('files')}>${t('Write Files…')}</button>
      <button type="button" class="button secondary" ?disabled=${!isReady} @click=${() => actions.writeSplit('recipe')}>${t('Write into Recipe…')}</button>
      <button type="button" class="button secondary" @click=${close}>${t('Cancel')}</button>
    </div>
  `; // prettier-ignore
}

/** The operations that clean texts, each with examples of its changes. */
function cleanDialog(state: DatasetPreviewState, actions: DatasetPreviewActions, t: Translate): TemplateResult {
  const { clean } = state;
  const { file } = state.snapshot!.state;
  const { operations, plan } = clean;
  const change = (draft: Partial<CleanDraft>): void => {
    actions.dispatch({ type: 'clean', draft });
    actions.planClean();
  };
  const choose = (operation: CleanOperation, isChosen: boolean): void =>
    change({
      operations: CLEAN_OPERATIONS.filter((other) => (other === operation ? isChosen : operations.includes(other))),
    });
  const isReady = plan !== undefined && !clean.problem && !clean.working && (operations.length > 0 || clean.dropDuplicates); // prettier-ignore
  const effectOf = (operation: CleanOperation) => plan?.operations.find((effect) => effect.operation === operation);
  return html`
    <h2 id="dialog-title">${t('Clean {0}', file?.name ?? '')}</h2>
    <p class="quiet">${t('The file does not change. Operations in a recipe are saved with the model, which then cleans every text that it reads. Entities keep their places.')}</p>
    <div class="operations" aria-busy=${plan === undefined && !clean.problem}>
      ${CLEAN_OPERATIONS.map((operation) => {
        const effect = effectOf(operation);
        return html`<div class="operation">
          <label>
            <input type="checkbox" .checked=${live(operations.includes(operation))} @change=${(event: Event) => choose(operation, (event.target as HTMLInputElement).checked)} />
            <span>${operationText(operation, t)}</span>
            <span class="quiet number">${effect ? (effect.rows === 0 ? t('changes nothing') : t('{0} rows', countText(effect.rows))) : '…'}</span>
          </label>
          ${effect?.examples.slice(0, 2).map(({ before, after }) => html`<div class="example"><bdi dir="auto">${visible(before)}</bdi><span class="quiet"> → </span><bdi dir="auto">${visible(after)}</bdi></div>`)}
        </div>`;
      })}
      <div class="operation">
        <label>
          <input type="checkbox" .checked=${live(clean.dropDuplicates)} @change=${(event: Event) => change({ dropDuplicates: (event.target as HTMLInputElement).checked })} />
          <span>${t('Drop duplicates: rows with the texts and the label of an earlier one')}</span>
          <span class="quiet number">${plan ? t('{0} rows', countText(plan.duplicates.after)) : '…'}</span>
        </label>
        <div class="quiet">${t('In a recipe this leaves out training rows only, never rows to evaluate or to predict.')}</div>
      </div>
    </div>
    <p aria-live="polite">${plan && operations.length > 0 ? t('{0} of {1} rows change. Then {2} rows are duplicates ({3} now).', countText(plan.changed), countText(plan.rows), countText(plan.duplicates.after), countText(plan.duplicates.before)) : nothing}</p>
    ${clean.problem ? html`<p class="notice error" role="alert">${clean.problem}</p>` : nothing}
    ${errorNotice(state.trouble, t)}
    <div class="buttons">
      <button type="button" class="button" ?disabled=${!isReady} @click=${() => actions.writeClean('recipe')}>${t('Write into Recipe…')}</button>
      <button type="button" class="button secondary" ?disabled=${!isReady} @click=${() => actions.writeClean('file')}>${t('Write a New File…')}</button>
      <button type="button" class="button secondary" @click=${close}>${t('Cancel')}</button>
    </div>
  `; // prettier-ignore
}

function operationText(operation: CleanOperation, t: Translate): string {
  const words: Readonly<Record<CleanOperation, string>> = {
    html_entities: t('HTML references become characters (&lt; becomes <)'),
    zero_width: t('Invisible characters are removed'),
    half_width: t('Full-width letters, digits and signs become half-width'),
    whitespace: t('Runs of white space become one space'),
    trim: t('White space at both ends is removed'),
  };
  return words[operation];
}

/** The text with visible signs in place of white space and invisible characters. */
function visible(text: string): string {
  return text
    .replace(/[\u00ad\u180e\u200b-\u200f\u202a-\u202e\u2060-\u2069\ufeff]/g, (found) => `⟨${found.charCodeAt(0).toString(16).toUpperCase().padStart(4, '0')}⟩`)
    .replace(/\r\n|[\n\r]/g, '⏎')
    .replace(/\t/g, '⇥')
    .replace(/[ \u00a0\u3000]/g, (found) => (found === '\u3000' ? '□' : found === '\u00a0' ? '⍽' : '·'));
} // prettier-ignore

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
  const names = { jsonl: 'JSON Lines', json: 'JSON', csv: 'CSV', tsv: 'TSV', xlsx: 'XLSX' };
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
      ${view.partial ? html`<span class="problem">${t('The search was cancelled, so rows may be missing.')}</span>` : nothing}
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
    ${errorNotice(state.trouble, t)}
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
