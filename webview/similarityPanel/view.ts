import { html, nothing, type TemplateResult } from 'lit';
import { live } from 'lit/directives/live.js';
import { repeat } from 'lit/directives/repeat.js';
import type { Translate } from '../../src/base/translate';
import type {
  BothOrders,
  ClassedTexts,
  MarkedTexts,
  Pairs,
  PlacedText,
  RankedText,
  Ranking,
  SimilaritySnapshot,
} from '../../src/protocol/similarityPanel';
import type { MarkedEntity, PairScore } from '../../src/protocol/scorer';
import { entityContent } from '../shared/entityText';
import { percentText } from '../shared/numberText';
import { styleProperties } from '../shared/styleProperties';
import { differences, plain, sharesLittle, type Differences, type Stretch } from './differences';
import {
  byPlace,
  likeliest,
  ordersOf,
  pairSummary,
  ranked,
  scoreKind,
  shareOf,
  shownCell,
  shownNumber,
  typesOf,
  type SimilarityPanelEvent,
  type SimilarityPanelState,
} from './state';

export interface SimilarityPanelActions {
  jump(id: number): void;
  setReference(id: number): void;
  clearReference(): void;
  follow(on: boolean): void;
  stop(): void;
  goOn(): void;
  chooseModel(): void;
  setScale(): void;
  dispatch(event: SimilarityPanelEvent): void;
}

const shownAtFirst = 60;
const fewPairs = 200;
const maxMarkedLength = 1000;

export function similarityPanel(
  state: SimilarityPanelState,
  actions: SimilarityPanelActions,
  t: Translate,
): TemplateResult {
  const { snapshot } = state;
  if (!snapshot) return html`<p class="quiet">${t('Loading…')}</p>`;
  const { comparison, error } = snapshot;
  return html`
    ${heading(snapshot, actions, t)}
    ${state.trouble ? html`<p class="notice error" role="alert">${state.trouble}</p>` : nothing}
    ${error ? html`<p class="notice error" role="alert">${error.message}</p>` : nothing}
    ${snapshot.model ? nothing : noModel(actions, t)}
    ${
      comparison === null
        ? html`<p class="quiet">${t('Select a text in the editor, or put the cursor into a sentence.')}</p>`
        : comparison.kind === 'pairs'
          ? heatMap(comparison, state, actions, t)
          : comparison.kind === 'texts'
            ? classedTexts(comparison, state, snapshot, actions, t)
            : comparison.kind === 'entities'
              ? markedTexts(comparison, state, snapshot, actions, t)
              : ranking(comparison, state, snapshot, actions, t)
    }
  `;
}

function heading(snapshot: SimilaritySnapshot, actions: SimilarityPanelActions, t: Translate): TemplateResult {
  const { model, done, total, follows } = snapshot;
  const kinds = {
    'label-scale': t(
      'Similarity: what the labels count for, by their probabilities, from 0 (different) to 1 (the same); mean of both orders.',
    ),
    sigmoid: t('Similarity: the sigmoid of the model’s logit; mean of both orders, ranked by the logit.'),
    regression: t(
      'Similarity: the predicted number, on a scale from 0 (least label of the training) to 1 (greatest); mean of both orders, ranked by the number.',
    ),
    cosine: t(
      'Cosine of the texts’ vectors, of an encoder without a head: no probability, and unlike texts have high ones, too. Bars reach from the least to the greatest shown. A model fine-tuned on pairs judges better: Fine-Tune Encoder… makes one.',
    ),
    classes: t(
      'The labels do not say which of them means that two texts are alike: there is no similarity, only the likeliest class.',
    ),
    labels: t(
      'Each label has a probability of its own: there is no similarity. Named are those that reach their threshold.',
    ),
    number: t('The predicted number, mean of both orders. The model does not say on which scale.'),
  };
  const isSingle = ['texts', 'entities'].includes(snapshot.comparison?.kind ?? '');
  const kind = isSingle ? undefined : scoreKind(snapshot);
  const isPartial = model && total > 0 && done < total && !snapshot.error;
  const busy = isPartial && !snapshot.stopped;
  return html`
    <header>
      ${
        model
          ? html`<p class="model">
              ${t('Model:')} <bdi><strong>${model.name}</strong></bdi> <bdi class="quiet">${model.description}</bdi>
              <button type="button" class="link" @click=${() => actions.chooseModel()}>${t('Change…')}</button>
            </p>`
          : nothing
      }
      <label class="follow">
        <input
          type="checkbox"
          .checked=${live(follows)}
          @change=${(event: Event) => actions.follow((event.target as HTMLInputElement).checked)}
        />
        ${t('Follow the selection')}
      </label>
    </header>
    <div class="progress" aria-hidden=${busy ? 'false' : 'true'}>
      ${
        busy
          ? html`<vscode-progress-bar aria-label=${t('Scoring')} .value=${done} .max=${total}></vscode-progress-bar>`
          : nothing
      }
    </div>
    ${isPartial ? progressLine(snapshot, actions, t) : nothing}
    ${
      kind && model
        ? html`<p class="quiet kind">
            ${kinds[kind]}
            ${kind === 'classes' ? html`<button type="button" class="link" @click=${() => actions.setScale()}>${t('Say What Labels Count For…')}</button>` : nothing}
          </p>`
        : nothing
    }
  `;
}

/** How far the scoring is, with its end; of a few pairs, which are there at once, nothing. */
function progressLine(
  { done, total, stopped, comparison }: SimilaritySnapshot,
  actions: SimilarityPanelActions,
  t: Translate,
): TemplateResult | typeof nothing {
  if (total < fewPairs && !stopped) return nothing;
  // Both orders of each pair are scored: a person counts pairs.
  const each = comparison?.kind === 'ranking' || comparison?.kind === 'pairs' ? 2 : 1;
  const counts = [Math.floor(done / each), Math.floor(total / each)] as const;
  const said =
    each === 2
      ? { stopped: t('Stopped: {0} of {1} pairs are scored.', ...counts), underWay: t('{0} of {1} pairs are scored.', ...counts) } // prettier-ignore
      : { stopped: t('Stopped: {0} of {1} texts are read.', ...counts), underWay: t('{0} of {1} texts are read.', ...counts) }; // prettier-ignore
  return html`<p class="quiet partial">
    <span role="status">${stopped ? said.stopped : said.underWay}</span>
    ${
      stopped
        ? html`<button type="button" class="link" @click=${() => actions.goOn()}>${t('Go On')}</button>`
        : html`<button type="button" class="link" @click=${() => actions.stop()}>${t('Stop')}</button>`
    }
  </p>`;
}

function noModel(actions: SimilarityPanelActions, t: Translate): TemplateResult {
  return html`
    <section class="empty">
      <p>${t('No model is active. A fine-tuned model gives the scores.')}</p>
      <vscode-button @click=${() => actions.chooseModel()}>${t('Choose Active Model')}</vscode-button>
    </section>
  `;
}

function ranking(
  { selected, reference, ...rest }: Ranking,
  state: SimilarityPanelState,
  snapshot: SimilaritySnapshot,
  actions: SimilarityPanelActions,
  t: Translate,
): TemplateResult {
  const rows = ranked({ selected, reference, ...rest });
  const shown = state.showsAll ? rows : rows.slice(0, shownAtFirst);
  const share = shareOf({ selected, reference, ...rest });
  return html`
    <section aria-labelledby="selected-title">
      <div class="title">
        <h2 id="selected-title">${t('Selected text')}</h2>
        <span class="links">
          <button type="button" class="link" @click=${() => actions.jump(selected.id)}>
            ${t('line {0}', selected.line)}
          </button>
          <button type="button" class="link" @click=${() => actions.setReference(selected.id)}>
            ${t('Set as reference')}
          </button>
        </span>
      </div>
      <p class="text"><bdi dir="auto">${selected.text}</bdi></p>
    </section>
    <section aria-labelledby="reference-title">
      <div class="title">
        <h2 id="reference-title">${t('Against the reference')}</h2>
        ${
          reference
            ? html`<button type="button" class="link" @click=${() => actions.clearReference()}>
                ${t('Clear reference')}
              </button>`
            : nothing
        }
      </div>
      ${
        !reference
          ? html`<p class="quiet">
              ${t('None is pinned. Set a text as reference, then everything you select is compared with it.')}
            </p>`
          : reference.text === selected.text
            ? html`<p class="quiet">${t('The selected text is the reference itself.')}</p>`
            : reference.score
              ? pairDetails(reference.text, selected.text, reference.score, [t('reference'), t('selected')], share, t)
              : html`<p class="text"><bdi dir="auto">${reference.text}</bdi></p>`
      }
    </section>
    <section aria-labelledby="sentences-title">
      <div class="title">
        <h2 id="sentences-title">
          ${['classes', 'labels'].includes(scoreKind(snapshot) ?? '') ? t('Sentences of the document') : t('Sentences of the document, most similar first')}
        </h2>
        <bdi class="quiet">${snapshot.documentName}</bdi>
      </div>
      ${rest.leftOut > 0 ? html`<p class="quiet">${t('Of the first {0} sentences: {1} more are not compared.', rows.length, rest.leftOut)}</p>` : nothing}
      ${rows.length === 0 ? html`<p class="quiet">${t('The document has no other sentence.')}</p>` : nothing}
      <ol class="ranking ${scoreKind(snapshot) === 'labels' ? 'several' : ''}" @keydown=${moveFocus}>
        ${repeat(
          shown,
          ({ id }) => id,
          (row, index) => rankedRow(row, index + 1, selected, share, state, actions, t),
        )}
      </ol>
      ${
        rows.length > shown.length
          ? html`<vscode-button secondary @click=${() => actions.dispatch({ type: 'all' })}
              >${t('Show all {0}', rows.length)}</vscode-button
            >`
          : nothing
      }
    </section>
  `;
}

function rankedRow(
  row: RankedText,
  rank: number,
  selected: PlacedText,
  share: (value: number) => number,
  state: SimilarityPanelState,
  actions: SimilarityPanelActions,
  t: Translate,
): TemplateResult {
  const { id, text, line, score } = row;
  const summary = score && pairSummary(score);
  const open = state.openRow === id && score;
  return html`
    <li>
      <span class="rank number quiet">${score ? rank : '·'}</span>
      ${bar(summary ? share(summary.value) : 0)}
      <span class="similarity number">${summary ? classOr(score.forward, summary.value.toFixed(3)) : '…'}</span>
      <button type="button" class="jump" title=${t('Go to line {0}', line)} @click=${() => actions.jump(id)}>
        ${marked(score ? listMarks(selected.text, text) : plain(text))}
      </button>
      <span class="side">
        ${
          summary?.isAsymmetric
            ? html`<span class="badge number" title=${t('The two orders differ by {0}', summary.asymmetry.toFixed(3))}
                >⇄ ${summary.asymmetry.toFixed(2)}</span
              >`
            : nothing
        }
        <span class="quiet number">${line}</span>
        <button
          type="button"
          class="link toggle"
          aria-expanded=${open ? 'true' : 'false'}
          aria-label=${t('Details of rank {0}', rank)}
          ?disabled=${!score}
          @click=${() => actions.dispatch({ type: 'row', id })}
        >
          ${open ? '▾' : '▸'}
        </button>
      </span>
      ${open ? html`<div class="details">${pairDetails(selected.text, text, score, [t('selected'), t('line {0}', line)], share, t)}</div>` : nothing}
    </li>
  `;
}

/** A selected text under its heading, with what the model says of it. */
function selectedText(
  id: Parameters<SimilarityPanelActions['jump']>[0],
  line: number,
  content: TemplateResult,
  actions: SimilarityPanelActions,
  t: Translate,
): TemplateResult {
  return html`
    <section aria-label=${`${t('Selected text')}, ${t('line {0}', line)}`}>
      <div class="title">
        <h2>${t('Selected text')}</h2>
        <button type="button" class="link" @click=${() => actions.jump(id)}>${t('line {0}', line)}</button>
      </div>
      ${content}
    </section>
  `;
}

/** Of a model that reads one text: the class of each, with all classes of those selected as bars. */
function classedTexts(
  { texts, selected, leftOut }: ClassedTexts,
  state: SimilarityPanelState,
  snapshot: SimilaritySnapshot,
  actions: SimilarityPanelActions,
  t: Translate,
): TemplateResult {
  const others = texts.slice(selected);
  const shown = state.showsAll ? others : others.slice(0, shownAtFirst);
  const answer = (score: PairScore): string => (score.logits.length === 1 ? score.logits[0].toFixed(3) : likeliest(score)); // prettier-ignore
  return html`
    ${texts.slice(0, selected).map(({ id, text, line, score }) =>
      selectedText(
        id,
        line,
        html`
          <p class="text"><bdi dir="auto">${text}</bdi></p>
          ${score && score.logits.length === 1 ? html`<p><strong class="number">${answer(score)}</strong></p>` : nothing}
          ${score?.chosen?.length === 0 ? html`<p class="quiet">${t('No label reaches its threshold')}</p>` : nothing}
          ${score && score.logits.length > 1 ? classBars(score, t) : nothing}
          ${score ? nothing : html`<p class="quiet">…</p>`}
        `,
        actions,
        t,
      ),
    )}
    <section aria-labelledby="sentences-title">
      <div class="title">
        <h2 id="sentences-title">${t('Sentences of the document')}</h2>
        <bdi class="quiet">${snapshot.documentName}</bdi>
      </div>
      ${leftOut > 0 ? html`<p class="quiet">${t('Of the first {0} sentences: {1} more are not compared.', others.length, leftOut)}</p>` : nothing}
      <ol class="ranking ${scoreKind(snapshot) === 'labels' ? 'several' : ''}" @keydown=${moveFocus}>
        ${repeat(
          shown,
          ({ id }) => id,
          ({ id, text, line, score }) => html`
            <li>
              <span class="rank number quiet"></span>
              ${bar(score && score.logits.length > 1 ? shownNumber({ ...score, measure: 'classes' }) : 0)}
              <span class="similarity">${score ? html`<bdi>${answer(score)}</bdi>` : '…'}</span>
              <button type="button" class="jump" title=${t('Go to line {0}', line)} @click=${() => actions.jump(id)}>
                ${marked(plain(text))}
              </button>
              <span class="side"><span class="quiet number">${line}</span></span>
            </li>
          `,
        )}
      </ol>
      ${
        others.length > shown.length
          ? html`<vscode-button secondary @click=${() => actions.dispatch({ type: 'all' })}
              >${t('Show all {0}', others.length)}</vscode-button
            >`
          : nothing
      }
    </section>
  `;
}

/** Of a model that finds entities: those of each text, with type and probability of those selected. */
function markedTexts(
  { texts, selected, leftOut, ...rest }: MarkedTexts,
  state: SimilarityPanelState,
  snapshot: SimilaritySnapshot,
  actions: SimilarityPanelActions,
  t: Translate,
): TemplateResult {
  const types = typesOf({ texts, selected, leftOut, ...rest });
  const others = texts.slice(selected);
  const shown = state.showsAll ? others : others.slice(0, shownAtFirst);
  const content = (text: string, entities: readonly MarkedEntity[] | null): TemplateResult =>
    entityContent(text, [...(entities ?? [])].sort(byPlace).map((entity) => ({ ...entity, index: types.indexOf(entity.type) }))); // prettier-ignore
  return html`
    ${texts.slice(0, selected).map(({ id, text, line, entities }) =>
      selectedText(
        id,
        line,
        html`
          <p class="text">${content(text, entities)}</p>
          ${
            entities === null
              ? html`<p class="quiet">…</p>`
              : entities.length === 0
                ? html`<p class="quiet">${t('The model finds no entities in it.')}</p>`
                : entityTable(text, entities, t)
          }
        `,
        actions,
        t,
      ),
    )}
    <section aria-labelledby="sentences-title">
      <div class="title">
        <h2 id="sentences-title">${t('Sentences of the document')}</h2>
        <bdi class="quiet">${snapshot.documentName}</bdi>
      </div>
      ${leftOut > 0 ? html`<p class="quiet">${t('Of the first {0} sentences: {1} more are not compared.', others.length, leftOut)}</p>` : nothing}
      <ol class="ranking found" @keydown=${moveFocus}>
        ${repeat(
          shown,
          ({ id }) => id,
          ({ id, text, line, entities }) => html`
            <li>
              <span class="similarity number" title=${t('{0} entities', entities?.length ?? '…')}
                >${entities?.length ?? '…'}</span
              >
              <button type="button" class="jump" title=${t('Go to line {0}', line)} @click=${() => actions.jump(id)}>
                ${content(text, entities)}
              </button>
              <span class="side"><span class="quiet number">${line}</span></span>
            </li>
          `,
        )}
      </ol>
      ${
        others.length > shown.length
          ? html`<vscode-button secondary @click=${() => actions.dispatch({ type: 'all' })}
              >${t('Show all {0}', others.length)}</vscode-button
            >`
          : nothing
      }
    </section>
  `;
}

/** Each entity with its type and probability, in the order of the text. */
function entityTable(text: string, entities: readonly MarkedEntity[], t: Translate): TemplateResult {
  return html`<div class="scroll" tabindex="0" role="region" aria-label=${t('Entities')}>
    <table class="orders number">
      <thead>
        <tr>
          <th scope="col">${t('Entity')}</th>
          <th scope="col">${t('Type')}</th>
          <th scope="col" colspan="2">${t('Probability')}</th>
        </tr>
      </thead>
      <tbody>
        ${[...entities].sort(byPlace).map(
          ({ start, end, type, probability }) =>
            html`<tr>
              <th scope="row"><bdi dir="auto">${text.slice(start, end)}</bdi></th>
              <td><bdi>${type}</bdi></td>
              <td>${bar(probability)}</td>
              <td>${percentText(probability)}</td>
            </tr>`,
        )}
      </tbody>
    </table>
  </div>`;
}

/** The probability of each class, the likeliest first; of several labels, with a mark at those that reach their threshold. */
function classBars({ probabilities, chosen }: PairScore, t: Translate): TemplateResult {
  const entries = Object.entries(probabilities).sort((a, b) => b[1] - a[1]);
  return html`<div class="scroll">
    <table class="orders number">
      <tbody>
        ${entries.map(
          ([label, probability]) =>
            html`<tr>
              <th scope="row"><bdi>${label}</bdi></th>
              <td>${bar(probability)}</td>
              <td>${percentText(probability)}</td>
              ${chosen ? html`<td>${chosen.includes(label) ? t('predicted') : nothing}</td>` : nothing}
            </tr>`,
        )}
      </tbody>
    </table>
  </div>`;
}

function heatMap(
  pairs: Pairs,
  state: SimilarityPanelState,
  actions: SimilarityPanelActions,
  t: Translate,
): TemplateResult {
  const { texts, scores } = pairs;
  const cell = shownCell(pairs, state);
  const orders = cell && ordersOf(pairs, ...cell);
  const share = shareOf(pairs);
  return html`
    <section aria-labelledby="pairs-title">
      <h2 id="pairs-title">${t('Every pair of the {0} selected texts', texts.length)}</h2>
      <p class="quiet">${t('Row read first, column second.')}</p>
      <div class="scroll">
        <table class="heat number" @keydown=${moveInTable}>
          <thead>
            <tr>
              <td></td>
              ${texts.map(({ text }, index) => html`<th scope="col" title=${text}>${index + 1}</th>`)}
              <td></td>
            </tr>
          </thead>
          <tbody>
            ${scores.map(
              (row, i) => html`
                <tr>
                  <th scope="row">${i + 1}</th>
                  ${row.map((score, j) => {
                    if (i === j) return html`<td class="same" aria-label=${t('the same text')}></td>`;
                    const isShown = cell?.[0] === i && cell[1] === j;
                    const strength = `${Math.round((score ? share(shownNumber(score)) : 0) * 48)}%`;
                    return html`<td>
                      <button
                        type="button"
                        class="cell"
                        ${styleProperties({ '--strength': strength })}
                        aria-pressed=${isShown ? 'true' : 'false'}
                        aria-label=${t('{0} before {1}: {2}', i + 1, j + 1, score ? classOr(score, shownNumber(score).toFixed(2)) : '…')}
                        data-at="${i},${j}"
                        @click=${() => actions.dispatch({ type: 'cell', row: i, column: j })}
                      >
                        ${score ? classOr(score, shownNumber(score).toFixed(2)) : '…'}
                      </button>
                    </td>`;
                  })}
                  <td class="legend">
                    <button
                      type="button"
                      class="jump"
                      title=${t('Go to line {0}', texts[i].line)}
                      @click=${() => actions.jump(texts[i].id)}
                    >
                      <bdi dir="auto">${texts[i].text}</bdi>
                    </button>
                  </td>
                </tr>
              `,
            )}
          </tbody>
        </table>
      </div>
      ${pairs.leftOut > 0 ? html`<p class="quiet">${t('{0} more selections are not compared.', pairs.leftOut)}</p>` : nothing}
    </section>
    ${
      cell && orders
        ? html`<section aria-labelledby="pair-title">
            <h2 id="pair-title">${t('{0} and {1}', cell[0] + 1, cell[1] + 1)}</h2>
            ${pairDetails(texts[cell[0]].text, texts[cell[1]].text, orders, [String(cell[0] + 1), String(cell[1] + 1)], share, t)}
          </section>`
        : nothing
    }
  `;
}

/** Both texts with their differences marked, the similarity in both orders, and the classes. */
function pairDetails(
  first: string,
  second: string,
  score: BothOrders,
  names: readonly [string, string],
  share: (value: number) => number,
  t: Translate,
): TemplateResult {
  const { value, asymmetry, isAsymmetric } = pairSummary(score);
  const marks = marksOf(first, second);
  const labels = Object.keys(score.forward.probabilities);
  const hasScale = score.forward.similarity !== null;
  const isNumber = ['sigmoid', 'regression'].includes(score.forward.measure);
  const { place } = score.forward;
  const orders = [
    [`${names[0]} → ${names[1]}`, score.forward],
    [`${names[1]} → ${names[0]}`, score.backward],
  ] as const;
  return html`
    <div class="pair">
      <p class="overall number">
        ${bar(share(value))}<strong>${classOr(score.forward, value.toFixed(3))}</strong>
        ${isAsymmetric ? html`<span class="badge">⇄ ${t('orders differ by {0}', asymmetry.toFixed(3))}</span>` : nothing}
      </p>
      ${place ? html`<p class="quiet">${t('Above {0} of random pairs and {1} of pairs that mean the same.', percentText(place.random), percentText(place.same))}</p>` : nothing}
      <dl class="texts">
        <dt class="quiet">${names[0]}</dt>
        <dd>${marked(marks.first)}</dd>
        <dt class="quiet">${names[1]}</dt>
        <dd>${marked(marks.second)}</dd>
      </dl>
      <div class="scroll">
        <table class="orders number">
          <thead>
            <tr>
              <th scope="col">${t('Order')}</th>
              ${hasScale ? html`<th scope="col">${score.forward.measure === 'cosine' ? t('Cosine') : t('Similarity')}</th>` : nothing}
              ${isNumber ? html`<th scope="col">${score.forward.measure === 'sigmoid' ? t('Logit') : t('Prediction')}</th>` : nothing}
              ${labels.map((label) => html`<th scope="col" title=${t('Probability of label {0}', label)}><bdi>${label}</bdi></th>`)}
            </tr>
          </thead>
          <tbody>
            ${orders.map(
              ([name, { similarity, probabilities, logits }]) => html`
                <tr>
                  <th scope="row">${name}</th>
                  ${similarity === null ? nothing : html`<td>${similarity.toFixed(3)}</td>`}
                  ${isNumber ? html`<td>${logits[0].toFixed(3)}</td>` : nothing}
                  ${labels.map((label) => html`<td class="probability" ${styleProperties({ '--share': percentText(probabilities[label] ?? 0).replace(' ', '') })}>${percentText(probabilities[label] ?? 0)}</td>`)}
                </tr>
              `,
            )}
          </tbody>
        </table>
      </div>
    </div>
  `;
}

/** Where there is no similarity, the class. */
const classOr = (score: PairScore, number: string): string =>
  ['classes', 'labels'].includes(score.measure) ? likeliest(score) : number;

function bar(share: number): TemplateResult {
  const width = `${(100 * Math.min(1, Math.max(0, share))).toFixed(1)}%`;
  return html`<span class="bar" aria-hidden="true"><span ${styleProperties({ width })}></span></span>`;
}

/** A document's text: text nodes in an isolated element, whatever it contains. */
function marked(stretches: readonly Stretch[]): TemplateResult {
  return html`<bdi dir="auto"
    >${stretches.map(({ text, differs }) => (differs ? html`<mark>${text}</mark>` : text))}</bdi
  >`;
}

/** In a list a text that has little in common with the selected one stays plain: all of it would be marked. */
function listMarks(selected: string, text: string): readonly Stretch[] {
  const marks = marksOf(selected, text);
  return sharesLittle(marks) ? plain(text) : marks.second;
}

function marksOf(first: string, second: string): Differences {
  // Of long texts a person reads the scores; marking them would cost more than it tells.
  if (first.length > maxMarkedLength || second.length > maxMarkedLength) {
    return { first: plain(first), second: plain(second) };
  }
  return differences(first, second);
}

/** Up and down along the ranked texts. */
function moveFocus(event: KeyboardEvent): void {
  const by = { ArrowUp: -1, ArrowDown: 1 }[event.key];
  if (by === undefined || !(event.target instanceof HTMLElement) || !event.target.classList.contains('jump')) return;
  const buttons = [...(event.currentTarget as HTMLElement).querySelectorAll<HTMLElement>('.jump')];
  const target = buttons[buttons.indexOf(event.target) + by];
  if (!target) return;
  event.preventDefault();
  target.focus();
}

/** Arrow keys among the cells of the heat map; the empty diagonal is stepped over. */
function moveInTable(event: KeyboardEvent): void {
  const by = { ArrowUp: [-1, 0], ArrowDown: [1, 0], ArrowLeft: [0, -1], ArrowRight: [0, 1] }[event.key];
  const at = event.target instanceof HTMLElement ? event.target.dataset.at?.split(',').map(Number) : undefined;
  if (!by || !at) return;
  event.preventDefault();
  const table = event.currentTarget as HTMLElement;
  for (let steps = 1; steps <= 2; steps++) {
    const place = `${at[0] + by[0] * steps},${at[1] + by[1] * steps}`;
    const target = table.querySelector<HTMLElement>(`[data-at="${place}"]`);
    if (target) return target.focus();
  }
}
