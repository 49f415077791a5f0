import { html, nothing, type TemplateResult } from 'lit';
import { live } from 'lit/directives/live.js';
import { repeat } from 'lit/directives/repeat.js';
import type { Translate } from '../../src/base/translate';
import { translated } from '../../src/base/words';
import type {
  BothOrders,
  ClassedTexts,
  Comparison,
  MarkedTexts,
  Pairs,
  PlacedText,
  RankedText,
  Ranking,
  SimilaritySnapshot,
} from '../../src/protocol/similarityPanel';
import type { MarkedEntity } from '../../src/protocol/scorer';
import { explanationOf, largestProbability, MEASURES, ranksPairs, saidLabels, shownNumber, type PairScore, type ScoreMeasure } from '../../src/protocol/scores'; // prettier-ignore
import { entityContent } from '../shared/entityText';
import { percentText } from '../shared/numberText';
import { styleProperties } from '../shared/styleProperties';
import { differences, plain, sharesLittle, type Differences, type Stretch } from './differences';
import {
  anyScore,
  byPlace,
  labelsText,
  ordersOf,
  pairSummary,
  ranked,
  shareOf,
  shownCell,
  typesOf,
  type SimilarityPanelEvent,
  type SimilarityPanelState,
} from './state';
import { errorNotice } from '../shared/errorNotice';

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
    ${heading(snapshot, actions, t)} ${errorNotice(state.trouble, t)} ${errorNotice(error, t)}
    ${snapshot.model ? nothing : noModel(actions, t)}
    ${
      comparison === null
        ? html`<p class="quiet">${t('Select a text in the editor, or put the cursor into a sentence.')}</p>`
        : comparisonOf(comparison, state, snapshot, actions, t)
    }
  `;
}

type Shown<C extends Comparison = Comparison> = (
  comparison: C,
  state: SimilarityPanelState,
  snapshot: SimilaritySnapshot,
  actions: SimilarityPanelActions,
  t: Translate,
) => TemplateResult;

/** The function that draws each kind of comparison. */
const KINDS: { readonly [K in Comparison['kind']]: Shown<Extract<Comparison, { kind: K }>> } = {
  pairs: (comparison, state, _, actions, t) => heatMap(comparison, state, actions, t),
  ranking,
  texts: classedTexts,
  entities: markedTexts,
};

const comparisonOf: Shown = (comparison, ...rest) => (KINDS[comparison.kind] as Shown)(comparison, ...rest);

function heading(snapshot: SimilaritySnapshot, actions: SimilarityPanelActions, t: Translate): TemplateResult {
  const { model, done, total, follows } = snapshot;
  const isSingle = ['texts', 'entities'].includes(snapshot.comparison?.kind ?? '');
  const score = isSingle ? undefined : anyScore(snapshot);
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
      score && model
        ? html`<p class="quiet kind">
            ${translated(explanationOf(score), t)}
            ${MEASURES[score.measure].lacksScale ? html`<button type="button" class="link" @click=${() => actions.setScale()}>${t('Set Similarity Scores of Labels…')}</button>` : nothing}
          </p>`
        : nothing
    }
  `;
}

/** How far the scoring is, with a button that stops it. Nothing for a few pairs, whose scores come at once. */
function progressLine(
  { done, total, stopped, comparison }: SimilaritySnapshot,
  actions: SimilarityPanelActions,
  t: Translate,
): TemplateResult | typeof nothing {
  if (total < fewPairs && !stopped) return nothing;
  // `done` and `total` count both orders of a pair, but a person counts pairs.
  const each = comparison?.kind === 'ranking' || comparison?.kind === 'pairs' ? 2 : 1;
  const counts = [Math.floor(done / each), Math.floor(total / each)] as const;
  const said =
    each === 2
      ? { stopped: t('Stopped: {0} of {1} pairs are scored.', ...counts), underWay: t('{0} of {1} pairs are scored.', ...counts) } // prettier-ignore
      : { stopped: t('Stopped: {0} of {1} texts were read.', ...counts), underWay: t('{0} of {1} texts are read.', ...counts) }; // prettier-ignore
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
  const share = shareOf({ selected, reference, ...rest });
  const score = anyScore(snapshot);
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
              ${t('There is no reference. Set a text as reference to compare everything that you select with it.')}
            </p>`
          : reference.text === selected.text
            ? html`<p class="quiet">${t('The selected text is the reference itself.')}</p>`
            : reference.score
              ? pairDetails(reference.text, selected.text, reference.score, [t('reference'), t('selected')], share, t)
              : html`<p class="text"><bdi dir="auto">${reference.text}</bdi></p>`
      }
    </section>
    ${sentenceList(
      {
        title: rankingTitle(score, t),
        rows,
        leftOut: rest.leftOut,
        look: score && MEASURES[score.measure].saysSeveral && 'several',
        item: (row, index) => rankedRow(row, index + 1, selected, share, state, actions, t),
      },
      state,
      snapshot,
      actions,
      t,
    )}
  `;
}

/** The heading of the sentences. Without a score it is that of a similarity, which most models give. */
function rankingTitle(score: PairScore | undefined, t: Translate): string {
  if (score && !ranksPairs(score)) return t('Sentences of the document');
  const { isDirected, number }: Partial<ScoreMeasure> = score ? MEASURES[score.measure] : {};
  if (isDirected) return t('Sentences of the document, best matches for the selected text first');
  // A prediction without a scale: nothing says that its greatest means alike.
  if (score?.similarity === null && number?.isPrediction) return t('Sentences of the document, greatest prediction first'); // prettier-ignore
  return t('Sentences of the document, most similar first');
}

interface SentenceList<Row extends PlacedText> {
  readonly title: string;
  readonly rows: readonly Row[];
  /** How many sentences are not compared, because the document is too long. */
  readonly leftOut: number;
  /** A CSS class of the list. */
  readonly look: string | undefined;
  readonly item: (row: Row, index: number) => TemplateResult;
}

/** The other sentences of the document below a heading. The list is short until a person asks for all of them. */
function sentenceList<Row extends PlacedText>(
  { title, rows, leftOut, look = '', item }: SentenceList<Row>,
  state: SimilarityPanelState,
  { documentName }: SimilaritySnapshot,
  actions: SimilarityPanelActions,
  t: Translate,
): TemplateResult {
  const shown = state.showsAll ? rows : rows.slice(0, shownAtFirst);
  return html`
    <section aria-labelledby="sentences-title">
      <div class="title">
        <h2 id="sentences-title">${title}</h2>
        <bdi class="quiet">${documentName}</bdi>
      </div>
      ${leftOut > 0 ? html`<p class="quiet">${t('Only the first {0} sentences are compared; {1} more are not.', rows.length, leftOut)}</p>` : nothing}
      ${rows.length === 0 ? html`<p class="quiet">${t('The document has no other sentence.')}</p>` : nothing}
      <ol class="ranking ${look}" @keydown=${moveFocus}>
        ${repeat(shown, ({ id }) => id, item)}
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

interface TextList<Row extends PlacedText> {
  /** The selected texts, then the other sentences of the document. */
  readonly texts: readonly Row[];
  /** How many of the texts are selected. */
  readonly selected: number;
  /** How many sentences are not read, because the document is too long. */
  readonly leftOut: number;
  /** A CSS class of the list. */
  readonly look?: string;
  /** A selected text and everything that the model predicts for it. */
  readonly details: (row: Row) => TemplateResult;
  /** The text of another sentence. */
  readonly content: (row: Row) => TemplateResult;
  /** The prediction for another sentence, which stands before its text. */
  readonly prediction: (row: Row) => TemplateResult;
}

/** Predictions for single texts: a section for each selected text, then the list of the other sentences. */
function textList<Row extends PlacedText>(
  { texts, selected, leftOut, look, details, content, prediction }: TextList<Row>,
  state: SimilarityPanelState,
  snapshot: SimilaritySnapshot,
  actions: SimilarityPanelActions,
  t: Translate,
): TemplateResult {
  return html`
    ${texts.slice(0, selected).map(
      (row) => html`
        <section aria-label=${`${t('Selected text')}, ${t('line {0}', row.line)}`}>
          <div class="title">
            <h2>${t('Selected text')}</h2>
            <button type="button" class="link" @click=${() => actions.jump(row.id)}>${t('line {0}', row.line)}</button>
          </div>
          ${details(row)}
        </section>
      `,
    )}
    ${sentenceList(
      {
        title: t('Sentences of the document'),
        rows: texts.slice(selected),
        leftOut,
        look,
        item: (row) => html`
          <li>
            ${prediction(row)}
            <button
              type="button"
              class="jump"
              title=${t('Go to line {0}', row.line)}
              @click=${() => actions.jump(row.id)}
            >
              ${content(row)}
            </button>
            <span class="side"><span class="quiet number">${row.line}</span></span>
          </li>
        `,
      },
      state,
      snapshot,
      actions,
      t,
    )}
  `;
}

/** Texts of a model that classifies single texts. Bars show the probabilities of all classes of a selected text. */
function classedTexts(
  { texts, selected, leftOut }: ClassedTexts,
  state: SimilarityPanelState,
  snapshot: SimilaritySnapshot,
  actions: SimilarityPanelActions,
  t: Translate,
): TemplateResult {
  const valueOf = (score: PairScore): string => (saidLabels(score) ? labelsText(score) : score.logits[0].toFixed(3));
  const some = anyScore(snapshot);
  return textList(
    {
      texts,
      selected,
      leftOut,
      look: some && MEASURES[some.measure].saysSeveral && 'several',
      details: ({ text, score }) => html`
        <p class="text"><bdi dir="auto">${text}</bdi></p>
        ${score && !saidLabels(score) ? html`<p><strong class="number">${valueOf(score)}</strong></p>` : nothing}
        ${score?.chosen?.length === 0 ? html`<p class="quiet">${t('No label reaches its threshold')}</p>` : nothing}
        ${score && saidLabels(score) ? classBars(score, t) : nothing} ${score ? nothing : html`<p class="quiet">…</p>`}
      `,
      content: ({ text }) => marked(plain(text)),
      prediction: ({ score }) => html`
        <span class="rank number quiet"></span>
        ${bar(score && saidLabels(score) ? largestProbability(score) : 0)}
        <span class="similarity">${score ? html`<bdi>${valueOf(score)}</bdi>` : '…'}</span>
      `,
    },
    state,
    snapshot,
    actions,
    t,
  );
}

/** Texts of a model that finds entities. A table shows type and probability of the entities of a selected text. */
function markedTexts(
  comparison: MarkedTexts,
  state: SimilarityPanelState,
  snapshot: SimilaritySnapshot,
  actions: SimilarityPanelActions,
  t: Translate,
): TemplateResult {
  const { texts, selected, leftOut } = comparison;
  const types = typesOf(comparison);
  const content = ({ text, entities }: MarkedTexts['texts'][number]): TemplateResult =>
    entityContent(text, [...(entities ?? [])].sort(byPlace).map((entity) => ({ ...entity, index: types.indexOf(entity.type) }))); // prettier-ignore
  return textList(
    {
      texts,
      selected,
      leftOut,
      look: 'found',
      details: (row) => html`
        <p class="text">${content(row)}</p>
        ${
          row.entities === null
            ? html`<p class="quiet">…</p>`
            : row.entities.length === 0
              ? html`<p class="quiet">${t('The model finds no entities in this text.')}</p>`
              : entityTable(row.text, row.entities, t)
        }
      `,
      content,
      prediction: ({ entities }) =>
        html`<span class="similarity number" title=${t('{0} entities', entities?.length ?? '…')}
          >${entities?.length ?? '…'}</span
        >`,
    },
    state,
    snapshot,
    actions,
    t,
  );
}

/** A table of the entities in the order of the text. */
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

/**
 * The probability of each class, the likeliest first. If a text may have several labels, the predicted ones are marked.
 */
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
      <p class="quiet">${t('The model reads the text of the row first and the text of the column second.')}</p>
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

/** Both texts with their differences marked, and the scores in both orders of the texts. */
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
  const { similarity: named, number } = MEASURES[score.forward.measure];
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
      ${place ? html`<p class="quiet">${t('Higher than {0} of random pairs and {1} of pairs with the same meaning.', percentText(place.random), percentText(place.same))}</p>` : nothing}
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
              ${hasScale ? html`<th scope="col">${translated(named!.heading, t)}</th>` : nothing}
              ${number ? html`<th scope="col">${translated(number.heading, t)}</th>` : nothing}
              ${labels.map((label) => html`<th scope="col" title=${t('Probability of label {0}', label)}><bdi>${label}</bdi></th>`)}
            </tr>
          </thead>
          <tbody>
            ${orders.map(
              ([name, { similarity, probabilities, logits }]) => html`
                <tr>
                  <th scope="row">${name}</th>
                  ${similarity === null ? nothing : html`<td>${similarity.toFixed(3)}</td>`}
                  ${number ? html`<td>${logits[0].toFixed(3)}</td>` : nothing}
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

/** The number, or the predicted class if the model's classes have no scale for a similarity. */
const classOr = (score: PairScore, number: string): string => (ranksPairs(score) ? number : labelsText(score));

function bar(share: number): TemplateResult {
  const width = `${(100 * Math.min(1, Math.max(0, share))).toFixed(1)}%`;
  return html`<span class="bar" aria-hidden="true"><span ${styleProperties({ width })}></span></span>`;
}

/** A text of the document with marks. It consists of text nodes, so that HTML in it stays text. */
function marked(stretches: readonly Stretch[]): TemplateResult {
  return html`<bdi dir="auto"
    >${stretches.map(({ text, differs }) => (differs ? html`<mark>${text}</mark>` : text))}</bdi
  >`;
}

/**
 * Marks for a list. A text that has little in common with the selected one gets none, because all of it would be
 * marked.
 */
function listMarks(selected: string, text: string): readonly Stretch[] {
  const marks = marksOf(selected, text);
  return sharesLittle(marks) ? plain(text) : marks.second;
}

function marksOf(first: string, second: string): Differences {
  // Long texts get no marks: finding them is slow, and few people would read them.
  if (first.length > maxMarkedLength || second.length > maxMarkedLength) {
    return { first: plain(first), second: plain(second) };
  }
  return differences(first, second);
}

/** Moves the focus by the arrow keys up and down between the texts of the list. */
function moveFocus(event: KeyboardEvent): void {
  const by = { ArrowUp: -1, ArrowDown: 1 }[event.key];
  if (by === undefined || !(event.target instanceof HTMLElement) || !event.target.classList.contains('jump')) return;
  const buttons = [...(event.currentTarget as HTMLElement).querySelectorAll<HTMLElement>('.jump')];
  const target = buttons[buttons.indexOf(event.target) + by];
  if (!target) return;
  event.preventDefault();
  target.focus();
}

/** Moves the focus by the arrow keys between cells of the heat map. It skips the empty diagonal. */
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
