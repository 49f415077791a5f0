import { html, nothing, type TemplateResult } from 'lit';
import { live } from 'lit/directives/live.js';
import { repeat } from 'lit/directives/repeat.js';
import type { Translate } from '../../src/base/translate';
import type { RawValue } from '../../src/protocol/labelMappingEditor';
import type { LabelMappingActions } from './actions';
import { draggedValues, shownValues, touched, type LabelMappingState, type ValueFilter } from './state';
import { countText, valueShown } from './words';

/** Options of the drop-down that are not classes. The option of a class has a prefix before the class's name. */
const none = 'none';
const leftOut = 'out';
const own = 'own';

/** Every raw value, with its number of rows in each split and its class. */
export function valuesSection(state: LabelMappingState, actions: LabelMappingActions, t: Translate): TemplateResult {
  const snapshot = state.snapshot!;
  const values = shownValues(state);
  const all = values.length > 0 && values.every(({ value }) => state.picked.includes(value));
  return html`
    <section class="values" aria-labelledby="values-title">
      <header>
        <h2 id="values-title">${t('Values of the data')}</h2>
        <span class="quiet number">${countText(snapshot.values.length + snapshot.moreValues)}</span>
      </header>
      <div class="tools">
        <input
          type="search"
          aria-label=${t('Search values')}
          placeholder=${t('Search values')}
          .value=${live(state.search)}
          @input=${(event: Event) => actions.dispatch({ type: 'search', text: textOf(event) })}
        />
        <select
          aria-label=${t('Which values')}
          @change=${(event: Event) => actions.dispatch({ type: 'filter', filter: textOf(event) as ValueFilter })}
        >
          ${filters(t).map(([filter, label]) => html`<option value=${filter} .selected=${live(filter === state.filter)}>${label}</option>`)}
        </select>
        ${
          state.picked.length > 1
            ? html`<span class="picked">${t('{0} picked', state.picked.length)} ${target(state.picked, undefined, state, actions, t)}</span>`
            : nothing
        }
      </div>
      <div class="scroll" tabindex="0" role="group" aria-label=${t('Values of the data')}>
        <table>
          <thead>
            <tr>
              <th scope="col">
                <input
                  type="checkbox"
                  aria-label=${t('Pick all')}
                  .checked=${live(all)}
                  @change=${(event: Event) => actions.dispatch({ type: 'pickAll', on: isChecked(event) })}
                />
              </th>
              <th scope="col" class="value">${t('Value')}</th>
              ${snapshot.splits.map(({ name, file }) => html`<th scope="col" class="number" title=${file}>${name}</th>`)}
              <th scope="col">${t('Class')}</th>
            </tr>
          </thead>
          <tbody>
            ${repeat(
              values,
              ({ value }) => value,
              (value) => valueRow(value, state, actions, t),
            )}
          </tbody>
        </table>
        ${values.length === 0 ? html`<p class="quiet empty">${t('No values.')}</p>` : nothing}
        ${snapshot.moreValues > 0 ? html`<p class="quiet empty">${t('{0} more values are not shown.', countText(snapshot.moreValues))}</p>` : nothing}
      </div>
    </section>
  `; // prettier-ignore
}

const filters = (t: Translate): [ValueFilter, string][] => [
  ['all', t('All values')],
  ['unmapped', t('Not mapped')],
  ['dropped', t('Left out')],
];

function valueRow(raw: RawValue, state: LabelMappingState, actions: LabelMappingActions, t: Translate): TemplateResult {
  const { value, counts } = raw;
  const { splits, isReadOnly } = state.snapshot!;
  const drag = (event: DragEvent): void => {
    event.dataTransfer!.setData(draggedValues, JSON.stringify({ values: touched(state, value) }));
    event.dataTransfer!.effectAllowed = 'move';
  };
  return html`
    <tr class=${raw.state} draggable=${isReadOnly ? 'false' : 'true'} @dragstart=${drag}>
      <td>
        <input
          type="checkbox"
          aria-label=${t('Pick {0}', valueShown(value))}
          .checked=${live(state.picked.includes(value))}
          @change=${(event: Event) => actions.dispatch({ type: 'pick', value, on: isChecked(event) })}
        />
      </td>
      <th scope="row" class="value"><bdi>${valueShown(value)}</bdi></th>
      ${splits.map(({ name }, at) => html`<td class="number">
        ${counts[at] > 0 ? html`<button type="button" class="link" title=${t('Show the first row')} @click=${() => actions.reveal(name, value)}>${countText(counts[at])}</button>` : html`<span class="quiet">0</span>`}
      </td>`)}
      <td>${target(touched(state, value), raw, state, actions, t)}</td>
    </tr>
  `; // prettier-ignore
}

/** The drop-down of classes for one raw value, or for all picked values if `raw` is undefined. */
function target(
  values: readonly string[],
  raw: RawValue | undefined,
  state: LabelMappingState,
  actions: LabelMappingActions,
  t: Translate,
): TemplateResult {
  const { classes, isReadOnly } = state.snapshot!;
  const chosen = raw ? { mapped: `=${raw.to}`, dropped: leftOut, unmapped: none }[raw.state] : state.pickedTarget;
  const apply = (choice: string): void => {
    const list = [...values];
    if (choice === none) void actions.change({ kind: 'unassign', values: list });
    else if (choice === leftOut) void actions.change({ kind: 'assign', values: list, to: null });
    else if (choice === own) void actions.change({ kind: 'splitOff', values: list, name: list[0] });
    else if (choice !== '') void actions.change({ kind: 'assign', values: list, to: choice.slice(1) });
  };
  const choose = (event: Event): void => {
    const choice = textOf(event);
    if (!raw) return actions.dispatch({ type: 'pickedTarget', target: choice });
    apply(choice);
    // The drop-down goes back to the document's target, because the host may refuse the change.
    (event.target as HTMLSelectElement).value = chosen;
  };
  const canStandAlone = values.length > 0 && !classes.some(({ name }) => name === values[0].trim());
  const option = (value: string, label: string): TemplateResult =>
    html`<option value=${value} .selected=${live(value === chosen)}>${label}</option>`;
  return html`<select
      class="target"
      ?disabled=${isReadOnly}
      aria-label=${raw ? t('Class of {0}', valueShown(raw.value)) : t('Class of the picked values')}
      @change=${choose}
    >
      ${raw ? nothing : option('', t('Map to…'))} ${option(none, t('Not mapped'))}
      ${classes.map(({ name }) => option(`=${name}`, name))} ${option(leftOut, t('Left out'))}
      ${canStandAlone ? option(own, t('A class of its own')) : nothing}
    </select>
    ${raw ? nothing : html`<button type="button" class="button" ?disabled=${isReadOnly || chosen === ''} @click=${() => apply(chosen)}>${t('Map')}</button>`}`;
}

const textOf = (event: Event): string => (event.target as HTMLInputElement).value;
const isChecked = (event: Event): boolean => (event.target as HTMLInputElement).checked;
