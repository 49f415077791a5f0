import { html, nothing, type TemplateResult } from 'lit';
import { sum } from '../../src/base/sum';
import type { Translate } from '../../src/base/translate';
import type { MappingConflict, MappingOperation, MappingSnapshot } from '../../src/protocol/labelMappingEditor';
import type { LabelMappingActions } from './actions';
import { classesSection } from './classes';
import { suggestions, type LabelMappingState } from './state';
import { suspectsSection } from './suspects';
import { valuesSection } from './values';
import { changeText, countText, valueShown } from './words';
import { errorNotice, errorWords, whatToDo } from '../shared/errorNotice';

export function labelMapping(state: LabelMappingState, actions: LabelMappingActions, t: Translate): TemplateResult {
  const { snapshot } = state;
  const trouble = errorNotice(state.trouble, t);
  if (!snapshot) return html`${state.trouble ? trouble : html`<p class="quiet" role="status">${t('Loading…')}</p>`}`;
  return html`${topBar(snapshot, actions, t)} ${trouble} ${body(snapshot, state, actions, t)}`;
}

function body(
  snapshot: MappingSnapshot,
  state: LabelMappingState,
  actions: LabelMappingActions,
  t: Translate,
): TemplateResult {
  if (snapshot.problem) {
    return html`<p class="notice error" role="alert">
      ${t('The labels cannot be shown: {0}', snapshot.problem.message)} ${whatToDo(snapshot.problem.code, t)}
      ${link(t('Open as text'), () => actions.ask('openText'))}
    </p>`;
  }
  if (snapshot.isRegression) return html`<p class="notice">${t('This recipe predicts a number: it has no classes.')}</p>`; // prettier-ignore
  if (snapshot.labelsFile !== null) {
    return html`<p class="notice">
      ${t('The labels of this recipe are in {0}.', snapshot.labelsFile)}
      ${link(t('Open'), () => actions.ask('openLabelsFile'))}
    </p>`;
  }
  return html`
    ${elsewhere(snapshot, actions, t)} ${fixes(snapshot, actions, t)}
    <div class="columns">${valuesSection(state, actions, t)} ${classesSection(state, actions, t)}</div>
    ${effect(snapshot, t)} ${combinationsSection(snapshot, t)}
    ${snapshot.findsSuspects ? suspectsSection(state, actions, t) : nothing}
  `;
}

const link = (label: string, act: () => void): TemplateResult =>
  html`<button type="button" class="link" @click=${act}>${label}</button>`;

function topBar(snapshot: MappingSnapshot, actions: LabelMappingActions, t: Translate): TemplateResult {
  const { fileName, isReadOnly, kind, splits, users } = snapshot;
  const shown = !snapshot.problem && !snapshot.isRegression && snapshot.labelsFile === null;
  return html`
    <header class="top">
      <h1>${t('Label mapping')} <bdi class="quiet">${fileName}</bdi></h1>
      ${isReadOnly ? html`<span class="badge">${t('read-only')}</span>` : nothing}
      <span class="gap"></span>
      ${shown ? link(t('Count again'), () => actions.ask('recount')) : nothing} ${link(t('Open as text'), () => actions.ask('openText'))}
    </header>
    ${
      shown
        ? html`<ul class="splits">
            ${splits.map(
              ({ name, file, state, rows, badRows, column, error, otherRows }) =>
                html`<li>
                  <strong>${name}</strong> <bdi class="quiet" title=${file}>${file}</bdi>
                  ${
                    state === 'counting'
                      ? html`<span role="status">${t('Counting…')}</span>`
                      : state === 'unlabelled'
                        ? html`<span class="quiet">${t('without labels')}</span>`
                      : state === 'failed'
                        ? errorWords(error ?? { message: '' }, t)
                        : html`<span class="number">${t('{0} rows, column {1}', countText(rows), column ?? '')}</span>
                            ${badRows > 0 ? html`<span class="problem">${t('{0} rows cannot be read', countText(badRows))}</span>` : nothing}
                            ${otherRows > 0 ? html`<span class="problem">${t('{0} rows with too many different values', countText(otherRows))}</span>` : nothing}`
                  }
                </li>`,
            )}
            ${splits.length === 0 ? html`<li>${t('No data is counted yet.')} ${kind === 'labels' ? link(t('Choose data…'), () => actions.ask('addData')) : nothing}</li>` : nothing}
            ${users.length > 0 ? html`<li class="quiet">${t('Used by {0}', users.join(', '))}</li>` : nothing}
          </ul>`
        : nothing
    }
  `; // prettier-ignore
}

/** For data with several labels a row: the most frequent combinations in each split. */
function combinationsSection({ splits }: MappingSnapshot, t: Translate): TemplateResult | typeof nothing {
  const shown = splits.flatMap(({ name, combinations }) => (combinations ? [{ name, ...combinations }] : []));
  if (shown.length === 0) return nothing;
  return html`
    <section class="combinations" aria-labelledby="combinations-title">
      <h2 id="combinations-title">${t('Combinations of labels')}</h2>
      ${shown.map(
        ({ name, most, total, withoutLabel }) => html`
          <h3>${name}</h3>
          <p class="quiet">${t('{0} combinations; {1} rows without a label', countText(total), countText(withoutLabel))}</p>
          <table class="number">
            <thead><tr><th scope="col">${t('Labels')}</th><th scope="col">${t('Rows')}</th></tr></thead>
            <tbody>
              ${most.map(
                ({ labels, count }) =>
                  html`<tr><th scope="row">${labels.length === 0 ? t('none') : labels.map((label) => html`<bdi class="member">${label}</bdi> `)}</th><td>${countText(count)}</td></tr>`,
              )}
            </tbody>
          </table>
          ${total > most.length ? html`<p class="quiet">${t('and {0} more', countText(total - most.length))}</p>` : nothing}
        `,
      )}
    </section>
  `; // prettier-ignore
}

/** Other files that still use the earlier name of a renamed class. */
function elsewhere(
  { elsewhere: found }: MappingSnapshot,
  actions: LabelMappingActions,
  t: Translate,
): TemplateResult | typeof nothing {
  if (!found) return nothing;
  const { renamed, recipes, models } = found;
  const list = (title: string, names: readonly string[]): TemplateResult | typeof nothing =>
    names.length === 0 ? nothing : html`<li>${title} ${names.map((name) => html`<bdi class="member">${name}</bdi> `)}</li>`; // prettier-ignore
  return html`
    <section class="fixes" aria-labelledby="elsewhere-title" role="status">
      <h2 id="elsewhere-title">
        ${t('Other files still use the old name: {0}', renamed.map(({ from, to }) => `${from} → ${to}`).join(', '))}
      </h2>
      <ul>
        ${list(t('Recipes:'), recipes)} ${list(t('Fine-tuned models, which still accept the old name:'), models)}
        <li>
          <button type="button" class="button" @click=${() => actions.renameElsewhere(true)}>
            ${t('Rename There Too')}
          </button>
          <button type="button" class="button secondary" @click=${() => actions.renameElsewhere(false)}>
            ${t('Leave Unchanged')}
          </button>
        </li>
      </ul>
    </section>
  `;
}

/** Problems that need a decision, each with buttons that solve it. */
function fixes(snapshot: MappingSnapshot, actions: LabelMappingActions, t: Translate): TemplateResult | typeof nothing {
  const { values, conflicts, isReadOnly } = snapshot;
  const unmapped = values.filter(({ state, counts }) => state === 'unmapped' && sum(counts) > 0);
  const rows = sum(unmapped.map(({ counts }) => sum(counts)));
  const resembling = [...suggestions(snapshot)];
  const fix = (label: string, ...operations: MappingOperation[]): TemplateResult =>
    html`<button type="button" class="button secondary" ?disabled=${isReadOnly} @click=${() => actions.change(...operations)}>${label}</button>`; // prettier-ignore
  if (unmapped.length === 0 && conflicts.length === 0) return nothing;
  const names = unmapped.map(({ value }) => value);
  return html`
    <section class="fixes" aria-labelledby="fixes-title">
      <h2 id="fixes-title">${t('Decisions to make')}</h2>
      <ul>
        ${
          unmapped.length === 0
            ? nothing
            : html`<li>
                <span>
                  ${snapshot.countsEntities ? t('Values that are not mapped: {0}, of {1} entities. Training refuses them:', unmapped.length, countText(rows)) : t('Values that are not mapped: {0}, in {1} rows. Training refuses them:', unmapped.length, countText(rows))}
                  ${names.slice(0, 8).map((value) => html`<bdi class="member">${valueShown(value)}</bdi> `)}${names.length > 8 ? '…' : nothing}
                </span>
                ${resembling.map(([to, list]) => fix(t('Map {0} to {1}', list.map(valueShown).join(', '), to), { kind: 'assign', values: [...list], to }))}
                ${fix(t('Leave out'), { kind: 'assign', values: names, to: null })}
              </li>`
        }
        ${conflicts.map((conflict) => {
          const { text, label, operation } = conflictWords(conflict, t);
          return html`<li><span>${text}</span> ${fix(label, operation)}</li>`;
        })}
      </ul>
    </section>
  `; // prettier-ignore
}

function conflictWords(
  conflict: MappingConflict,
  t: Translate,
): { readonly text: string; readonly label: string; readonly operation: MappingOperation } {
  const named = (target: string | null): string => target ?? t('left out');
  const { value, rows } = conflict;
  switch (conflict.kind) {
    case 'twice': {
      const last = named(conflict.targets.at(-1) ?? null);
      const text = t('{0} ({1} rows) is mapped several times: {2}.', valueShown(value), countText(rows), conflict.targets.map(named).join(', ')); // prettier-ignore
      return { text, label: t('Keep {0}', last), operation: { kind: 'once', value } };
    }
    case 'absent': {
      const text = t(
        '{0} ({1} rows) is mapped to {2}, but there is no such class.',
        valueShown(value),
        countText(rows),
        conflict.to,
      );
      return { text, label: t('Add the class'), operation: { kind: 'add', name: conflict.to } };
    }
    case 'differs': {
      const text = t('{0}: {1} ({2} rows) is {3}, in training {4}.', conflict.split, valueShown(value), countText(rows), named(conflict.here), named(conflict.there)); // prettier-ignore
      return { text, label: t('As in training'), operation: { kind: 'adopt', split: conflict.split } };
    }
  }
}

function changeWords(changed: number, ofEntities: boolean, t: Translate): string {
  if (ofEntities) return changed === 0 ? t('no entity changes its type') : t('{0} entities change their type', countText(changed)); // prettier-ignore
  return changed === 0 ? t('no row changes its class') : t('{0} rows change their class', countText(changed));
}

/** How saving would change the number of rows of each class in each split. */
function effect(snapshot: MappingSnapshot, t: Translate): TemplateResult {
  const { splits, classes, gone, dropped, unmapped, changedRows, countsEntities } = snapshot;
  const changed = sum(changedRows);
  const row = (name: string, before: readonly number[], after: readonly number[], className = ''): TemplateResult =>
    html`<tr class=${className}>
      <th scope="row" class="value"><bdi>${name}</bdi></th>
      ${splits.map((_split, at) => html`<td class=${before[at] === after[at] ? 'number' : 'number changed'}>${changeText(before[at] ?? 0, after[at] ?? 0)}</td>`)}
    </tr>`; // prettier-ignore
  const zero = splits.map(() => 0);
  return html`
    <details class="distribution" ?open=${changed > 0}>
      <summary>
        ${t('Effect of saving')}:
        <span role="status">${changeWords(changed, countsEntities, t)}</span>
      </summary>
      <div class="scroll" tabindex="0" role="region" aria-label=${t('Effect of saving')}>
        <table>
          <thead>
            <tr><th scope="col" class="value">${t('Class')}</th>${splits.map(({ name }) => html`<th scope="col" class="number">${name}</th>`)}</tr>
          </thead>
          <tbody>
            ${classes.map(({ name, before, after }) => row(name, before, after))}
            ${gone.map(({ name, before }) => row(name, before, zero, 'gone'))}
            ${row(t('Left out'), dropped.before, dropped.after, 'aside')} ${row(t('Not mapped'), unmapped.before, unmapped.after, 'aside')}
          </tbody>
        </table>
      </div>
    </details>
  `; // prettier-ignore
}
