import { html, nothing, type TemplateResult } from 'lit';
import { live } from 'lit/directives/live.js';
import { sizeText } from '../../src/base/sizeText';
import type { Translate } from '../../src/base/translate';
import type { ModelDetail, ModelFacts, ShownToken } from '../../src/protocol/library';
import type { ModelDetailSnapshot } from '../../src/protocol/modelDetailPanel';
import { percentText } from '../shared/numberText';
import { elementCount, maskedText, shownTensors, type ModelDetailEvent, type ModelDetailState } from './state';
import { errorNotice } from '../shared/errorNotice';

/** What a person can do in the panel. `main.ts` does it; this file has no channel to the extension host. */
export interface ModelDetailActions {
  dispatch(event: ModelDetailEvent): void;
  texts(first: string, second: string): void;
  fillMask(): void;
  verify(): void;
  reveal(): void;
  activate(): void;
}

export function modelDetailView(state: ModelDetailState, actions: ModelDetailActions, t: Translate): TemplateResult {
  const { snapshot, trouble } = state;
  if (!snapshot) return html`<p class="quiet">${t('Loading…')}</p>`;
  if (snapshot.name === '') return html`<p class="quiet">${t('The model is not in the list any more.')}</p>`;
  const { detail, problem } = snapshot;
  return html`
    ${head(snapshot, actions, t)} ${errorNotice(trouble, t)} ${errorNotice(problem, t)}
    ${
      detail
        ? html`${factList(detail.facts, snapshot.folder, t)} ${tokenizerTry(state, detail, actions, t)}
          ${detail.facts.hasMaskedLm ? maskTry(state, detail, actions, t) : nothing} ${tensorTable(state, actions, t)}
          ${configuration(detail, t)}`
        : nothing
    }
  `;
}

function head({ name, isActive, hasHead }: ModelDetailSnapshot, actions: ModelDetailActions, t: Translate) {
  return html`<header>
    <h1><bdi>${name}</bdi>${isActive ? html` <span class="badge">${t('active')}</span>` : nothing}</h1>
    <span class="buttons">
      ${hasHead && !isActive ? html`<vscode-button @click=${actions.activate}>${t('Use This Model')}</vscode-button>` : nothing}
      <vscode-button secondary @click=${actions.verify}>${t('Verify')}</vscode-button>
      <vscode-button secondary @click=${actions.reveal}>${t('Reveal Folder')}</vscode-button>
    </span>
  </header>`;
}

function factList(facts: ModelFacts, folder: string, t: Translate): TemplateResult {
  const { modelType, layers, hiddenSize, vocabSize, parameterCount, sizeBytes, license, labels } = facts;
  const from = [facts.source, facts.revision, facts.commit?.slice(0, 12)].filter(Boolean).join(' · ');
  const rows: readonly [string, string][] = [
    [t('Architecture'), t('{0}, {1} layers, hidden size {2}', modelType, layers, hiddenSize)],
    [t('Parameters'), parameterCount.toLocaleString()],
    [t('Vocabulary'), t('{0} tokens', vocabSize.toLocaleString())],
    [t('Size'), sizeText(sizeBytes)],
    [t('Labels'), labels.join(', ')],
    [t('Licence'), license ?? t('not stated')],
    [t('Source'), from],
    [t('Imported'), facts.importedAt ? new Date(facts.importedAt).toLocaleString() : ''],
    [t('Content'), facts.contentHash],
    [t('Folder'), folder],
  ];
  return html`<dl class="facts">
    ${rows
      .filter(([, value]) => value !== '')
      .map(
        ([label, value]) =>
          html`<dt>${label}</dt>
            <dd><bdi>${value}</bdi></dd>`,
      )}
  </dl>`;
}

function tokenizerTry(
  { first, second, tokens }: ModelDetailState,
  { tokenizer, tokenizerProblem }: ModelDetail,
  actions: ModelDetailActions,
  t: Translate,
): TemplateResult {
  if (!tokenizer) {
    return html`<section>
      <h2>${t('Tokenizer')}</h2>
      <p class="notice">${tokenizerProblem}</p>
    </section>`;
  }
  const field = (label: string, value: string, change: (text: string) => void): TemplateResult =>
    html`<label class="field">
      <span>${label}</span>
      <input
        type="text"
        .value=${live(value)}
        @input=${(event: Event) => change((event.target as HTMLInputElement).value)}
      />
    </label>`;
  return html`<section aria-labelledby="tokenizer-title">
    <h2 id="tokenizer-title">${t('Tokenizer')}</h2>
    <div class="fields">
      ${field(t('Text'), first, (text) => actions.texts(text, second))}
      ${field(t('Second text'), second, (text) => actions.texts(first, text))}
    </div>
    ${
      tokens
        ? html`<ol class="tokens" aria-label=${t('Tokens')}>
              ${tokens.tokens.map(tokenChip)}
            </ol>
            <p class="quiet" role="status">
              ${t('{0} tokens', tokens.tokens.length)}${tokens.truncated ? html` · ${t('the rest is cut off')}` : nothing}
            </p>`
        : nothing
    }
  </section>`;
}

/** A token as a chip. A chip that continues a word has no left edge. */
function tokenChip({ id, text, textIndex }: ShownToken): TemplateResult {
  const goesOn = textIndex !== null && text.startsWith('##');
  const kind = textIndex === null ? 'special' : textIndex === 0 ? 'first' : 'second';
  return html`<li class="token ${kind} ${goesOn ? 'goes-on' : ''}" title=${`${text} · ${id}`}><bdi>${text}</bdi></li>`;
}

function maskTry(state: ModelDetailState, detail: ModelDetail, actions: ModelDetailActions, t: Translate) {
  if (!detail.tokenizer) return nothing;
  const { maskToken } = detail.tokenizer;
  const submit = (event: Event): void => {
    event.preventDefault();
    actions.fillMask();
  };
  return html`<section aria-labelledby="mask-title">
    <h2 id="mask-title">${t('Fill in masked words')}</h2>
    <div class="mask-form">
      <label class="field">
        <span>${t('Text with {0} for each word to fill in', maskToken)}</span>
        <input
          type="text"
          .value=${live(maskedText(state))}
          @input=${(event: Event) => actions.dispatch({ type: 'masked', text: (event.target as HTMLInputElement).value })}
          @keydown=${(event: KeyboardEvent) => event.key === 'Enter' && !event.isComposing && submit(event)}
        />
      </label>
      <vscode-button ?disabled=${state.filling} @click=${submit}
        >${state.filling ? t('Filling in…') : t('Fill In')}</vscode-button
      >
    </div>
    <div class="fills" role="status">
      ${(state.fills ?? []).map(
        ({ tokens }, index) =>
          html`<table>
            <caption>
              ${t('Mask {0}', index + 1)}
            </caption>
            <tbody>
              ${tokens.map(
                ({ text, probability }) =>
                  html`<tr>
                    <th scope="row"><bdi>${text}</bdi></th>
                    <td class="bar">
                      <svg aria-hidden="true">
                        <rect width=${percentText(probability).replace(' ', '')} height="100%"></rect>
                      </svg>
                    </td>
                    <td class="number">${percentText(probability)}</td>
                  </tr>`,
              )}
            </tbody>
          </table>`,
      )}
    </div>
  </section>`;
}

function tensorTable(state: ModelDetailState, actions: ModelDetailActions, t: Translate): TemplateResult {
  const { rows, total } = shownTensors(state);
  return html`<section aria-labelledby="tensor-title">
    <div class="title">
      <h2 id="tensor-title">${t('Tensors')} <span class="quiet">${total}</span></h2>
      <input
        type="search"
        placeholder=${t('Part of a name')}
        aria-label=${t('Show tensors with this in their name')}
        .value=${live(state.filter)}
        @input=${(event: Event) => actions.dispatch({ type: 'filter', text: (event.target as HTMLInputElement).value })}
      />
    </div>
    <div class="scroll" tabindex="0" role="group" aria-labelledby="tensor-title">
      <table class="tensors">
        <thead>
          <tr>
            <th scope="col">${t('Name')}</th>
            <th scope="col">${t('Type')}</th>
            <th scope="col">${t('Shape')}</th>
            <th scope="col" class="number">${t('Values')}</th>
          </tr>
        </thead>
        <tbody>
          ${rows.map(
            (row) =>
              html`<tr>
                <td class="code"><bdi>${row.name}</bdi></td>
                <td>${row.dataType}</td>
                <td class="number">${row.shape.join(' × ')}</td>
                <td class="number">${elementCount(row).toLocaleString()}</td>
              </tr>`,
          )}
        </tbody>
      </table>
    </div>
    ${
      rows.length < total
        ? html`<vscode-button secondary @click=${() => actions.dispatch({ type: 'all' })}
            >${t('Show all {0} tensors', total)}</vscode-button
          >`
        : nothing
    }
  </section>`;
}

function configuration({ config }: ModelDetail, t: Translate): TemplateResult {
  return html`<details>
    <summary>${t('Configuration')} <span class="quiet">config.json</span></summary>
    <pre tabindex="0">${JSON.stringify(config, undefined, 2)}</pre>
  </details>`;
}
