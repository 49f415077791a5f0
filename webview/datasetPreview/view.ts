import { html, nothing, type TemplateResult } from 'lit';
import type { Translate } from '../../src/base/translate';
import type { DatasetPreviewActions } from './actions';
import { chipsBar, mappingBar, progressLine, statusLine, topBar } from './bars';
import { contextMenu } from './contextMenu';
import { dialogs } from './dialogs';
import { sidePanel } from './sidePanel';
import type { DatasetPreviewState } from './state';
import { table } from './table';
import { errorNotice } from '../shared/errorNotice';

export function datasetPreview(
  state: DatasetPreviewState,
  actions: DatasetPreviewActions,
  t: Translate,
): TemplateResult {
  const { snapshot } = state;
  if (!snapshot) {
    return html`<section class="empty" role="status">
      ${state.trouble ? errorNotice(state.trouble, t) : html`<p>${t('Loading…')}</p>`}
    </section>`;
  }
  const { error } = snapshot.state;
  if (error) return brokenFile(state, actions, t);
  return html`
    ${topBar(state, actions, t)} ${mappingBar(state, actions, t)} ${chipsBar(state, actions, t)}
    ${progressLine(state, t)} ${state.dialog ? nothing : errorNotice(state.trouble, t)}
    <section class="middle" aria-label=${t('Rows')}>
      ${table(state, actions, t)} ${state.panel ? sidePanel(state, actions, t) : nothing}
    </section>
    ${statusLine(state, actions, t)} ${dialogs(state, actions, t)} ${contextMenu(state, actions, t)}
  `;
}

/** The page for a file that cannot be read. */
function brokenFile(state: DatasetPreviewState, actions: DatasetPreviewActions, t: Translate): TemplateResult {
  const { error, file, splits, shown, sheet, sheets } = state.snapshot!.state;
  const others = splits.filter(({ name, problem }) => name !== shown && problem === null);
  return html`
    <section class="empty">
      <h1><bdi>${file?.name ?? splits.find(({ name }) => name === shown)?.fileName ?? shown}</bdi></h1>
      <p><strong>${t('This file cannot be shown.')}</strong></p>
      ${errorNotice(error, t, error!.line === null ? nothing : html`<span>(${t('line {0}', error!.line)})</span>`)}
      ${sheets
        .filter((name) => name !== sheet)
        .map(
          (name) =>
            html`<button type="button" class="button secondary" @click=${() => actions.showSheet(name)}>
              ${t('Show the sheet {0}', name)}
            </button>`,
        )}
      ${others.map(
        ({ name }) =>
          html`<button type="button" class="button secondary" @click=${() => actions.showSplit(name)}>
            ${t('Show {0}', name)}
          </button>`,
      )}
    </section>
  `;
}
