import { html, nothing, type TemplateResult } from 'lit';
import { live } from 'lit/directives/live.js';
import { repeat } from 'lit/directives/repeat.js';
import { sum } from '../../src/base/sum';
import type { Translate } from '../../src/base/translate';
import type { MappedClass, MappingSnapshot } from '../../src/protocol/labelMappingEditor';
import { styleProperties } from '../shared/styleProperties';
import type { LabelMappingActions } from './actions';
import { draftKey, draggedValues, takesScore, type ClassField, type LabelMappingState } from './state';
import { changeText, scoreText, valueShown } from './words';

/** The classes in the order of their ids. A person can drop values onto a class. */
export function classesSection(state: LabelMappingState, actions: LabelMappingActions, t: Translate): TemplateResult {
  const { classes, dropped, isReadOnly, labelsAreInferred, comparesTexts } = state.snapshot!;
  const needsScale =
    comparesTexts && classes.some(({ score, impliedScore }) => score === null && impliedScore === null);
  const largest = Math.max(1, ...classes.flatMap(({ before, after }) => [sum(before), sum(after)]));
  const add = (event: Event): void => {
    event.preventDefault();
    const name = state.newName.trim();
    if (name === '') return;
    void actions.change({ kind: 'add', name }).then((isDone) => isDone && actions.dispatch({ type: 'added', name }));
  };
  return html`
    <section class="classes" aria-labelledby="classes-title">
      <header>
        <h2 id="classes-title">${t('Classes')}</h2>
        <span class="quiet">${t('Their order gives the ids.')}</span>
      </header>
      ${
        labelsAreInferred && classes.length > 0
          ? html`<p class="notice">
              ${t('The classes were taken from the data.')}
              <button type="button" class="link" ?disabled=${isReadOnly} @click=${() => actions.change({ kind: 'listLabels' })}>${t('Write the classes into the file')}</button>
            </p>`
          : nothing
      }
      ${
        needsScale
          ? html`<p class="notice">
              ${t('The names do not show which class means that two texts are similar. Give each class a score from 0 (different) to 1 (the same). Without scores, the model gives class probabilities and no similarity.')}
            </p>`
          : nothing
      }
      <ol class="cards" start="0">
        ${repeat(
          classes,
          (_class, id) => id,
          (mapped, id) => classCard(mapped, id, largest, state, actions, t),
        )}
      </ol>
      <div class="out" @dragover=${allow} @dragleave=${leave} @drop=${drop(null, state, actions)}>
        <strong>${t('Left out')}</strong>
        <span class="number">${changeText(sum(dropped.before), sum(dropped.after))}</span>
        <span class="quiet">${t('Values dropped here are left out of training.')}</span>
      </div>
      <form class="add" @submit=${add}>
        <input
          type="text"
          aria-label=${t('Name of a new class')}
          placeholder=${t('Name of a new class')}
          ?disabled=${isReadOnly}
          .value=${live(state.newName)}
          @input=${(event: Event) => actions.dispatch({ type: 'newName', text: (event.target as HTMLInputElement).value })}
          @keydown=${(event: KeyboardEvent) => event.key === 'Enter' && !event.isComposing && add(event)}
        />
        <button type="button" class="button secondary" ?disabled=${isReadOnly} @click=${add}>${t('Add class')}</button>
      </form>
    </section>
  `; // prettier-ignore
}

/** What the removal of a class does to its rows: a row of several labels stays without it. */
function removalWords(
  name: string,
  { countsEntities, findsSuspects }: MappingSnapshot,
  t: Translate,
): { readonly named: string; readonly short: string } {
  if (countsEntities) return { named: t('Remove {0}; its entities are left out', name), short: t('Remove; its entities are left out') }; // prettier-ignore
  if (findsSuspects) return { named: t('Remove {0}; its rows are left out', name), short: t('Remove; its rows are left out') }; // prettier-ignore
  return { named: t('Remove {0}; its rows stay, without it', name), short: t('Remove; its rows stay, without it') };
}

function classCard(
  mapped: MappedClass,
  id: number,
  largest: number,
  state: LabelMappingState,
  actions: LabelMappingActions,
  t: Translate,
): TemplateResult {
  const { name, color, before, after, earlierName, impliedScore, score } = mapped;
  const { classes, values, isReadOnly, countsEntities } = state.snapshot!;
  const removal = removalWords(name, state.snapshot!, t);
  const into = state.mergeInto[name] ?? '';
  const members = values.filter(({ to, state: place }) => place === 'mapped' && to === name);
  const move = (to: number): void => {
    void actions.change({ kind: 'move', label: name, to }).then(() => {
      const wanted = to < id ? '.up' : '.down';
      const card = document.querySelectorAll('.card')[to];
      const button = card?.querySelector<HTMLButtonElement>(wanted);
      (button?.disabled ? card.querySelector<HTMLButtonElement>(to < id ? '.down' : '.up') : button)?.focus();
    });
  };
  const number = (text: string): number | null | undefined => {
    const typed = Number(text.trim().replace(',', '.'));
    return text.trim() === '' ? null : Number.isFinite(typed) ? typed : undefined;
  };
  const setScore = (text: string): void => {
    const typed = number(text);
    if (typed !== undefined) void actions.change({ kind: 'score', label: name, score: typed });
    else actions.dispatch({ type: 'trouble', error: { message: t('A score lies between 0 and 1.') } });
  };
  return html`
    <li class="card" @dragover=${allow} @dragleave=${leave} @drop=${drop(name, state, actions)}>
      <div class="line">
        <span class="id number" title=${t('Id')}>${id}</span>
        <input
          type="color"
          class=${color ? '' : 'unset'}
          aria-label=${t('Colour of {0}', name)}
          title=${t('Colour')}
          ?disabled=${isReadOnly}
          .value=${live(color ?? defaultColors[id % defaultColors.length])}
          @change=${(event: Event) => actions.change({ kind: 'color', label: name, color: (event.target as HTMLInputElement).value })}
        />
        ${field('name', name, name, t('Name of class {0}', id), '', state, actions, (text) => actions.change({ kind: 'rename', label: name, name: text }))}
        ${takesScore(state.snapshot!, mapped) ? html`<label class="score"><span aria-hidden="true">${t('Score')}</span> ${field('score', name, score === null ? '' : scoreText(score), t('Similarity score of {0}', name), impliedScore === null ? '?' : scoreText(impliedScore), state, actions, setScore)}</label>` : nothing}
        <button type="button" class="tool up" aria-label=${t('Move {0} up', name)} title=${t('Up')} ?disabled=${isReadOnly || id === 0} @click=${() => move(id - 1)}>↑</button>
        <button type="button" class="tool down" aria-label=${t('Move {0} down', name)} title=${t('Down')} ?disabled=${isReadOnly || id === classes.length - 1} @click=${() => move(id + 1)}>↓</button>
        <button type="button" class="tool" aria-label=${removal.named} title=${removal.short} ?disabled=${isReadOnly} @click=${() => actions.change({ kind: 'remove', label: name })}>×</button>
      </div>
      <div class="line">
        <span class="id"></span>
        ${field('description', name, mapped.description, t('Description of {0}', name), t('Description'), state, actions, (text) => actions.change({ kind: 'describe', label: name, description: text }))}
        <select
          aria-label=${t('Merge {0} into', name)}
          ?disabled=${isReadOnly || classes.length < 2}
          @change=${(event: Event) => actions.dispatch({ type: 'mergeInto', label: name, into: (event.target as HTMLSelectElement).value.slice(1) })}
        >
          <option value="" .selected=${live(into === '')}>${t('Merge into…')}</option>
          ${classes.map((other) => (other.name === name ? nothing : html`<option value=${`=${other.name}`} .selected=${live(into === other.name)}>${other.name}</option>`))}
        </select>
        ${into === '' ? nothing : html`<button type="button" class="button" aria-label=${t('Merge {0} into {1}', name, into)} @click=${() => actions.change({ kind: 'merge', label: name, into })}>${t('Merge')}</button>`}
      </div>
      <div class="line effect">
        <span class="id"></span>
        <span class="bars" aria-hidden="true">
          <span class="bar before" ${styleProperties({ width: `${(100 * sum(before)) / largest}%` })}></span>
          <span class="bar" ${styleProperties({ width: `${(100 * sum(after)) / largest}%`, '--class-color': color ?? defaultColors[id % defaultColors.length] })}></span>
        </span>
        <span class="number count">${countsEntities ? t('{0} entities', changeText(sum(before), sum(after))) : t('{0} rows', changeText(sum(before), sum(after)))}</span>
      </div>
      <p class="members">
        ${earlierName === null ? nothing : html`<span class="badge">${t('was {0}', earlierName)}</span>`}
        ${members.slice(0, shownMembers).map(({ value }) => html`<bdi class="member">${valueShown(value)}</bdi>`)}
        ${members.length > shownMembers ? html`<span class="quiet">+${members.length - shownMembers}</span>` : nothing}
        ${members.length === 0 ? html`<span class="quiet">${t('No value is mapped to this class.')}</span>` : nothing}
      </p>
    </li>
  `; // prettier-ignore
}

const shownMembers = 12;

/** Colours of classes without a chosen one. They are the charts' colours, because a colour field cannot be empty. */
const defaultColors = ['#3794ff', '#d18616', '#89d185', '#b180d7', '#f14c4c', '#cca700'];

function field(
  name: ClassField,
  label: string,
  value: string,
  title: string,
  placeholder: string,
  state: LabelMappingState,
  actions: LabelMappingActions,
  commit: (text: string) => unknown,
): TemplateResult {
  const draft = state.drafts[draftKey(label, name)];
  const input = (event: Event): HTMLInputElement => event.target as HTMLInputElement;
  const leaveField = (): void => actions.dispatch({ type: 'left', label, field: name });
  return html`<input
    type="text"
    class=${`field-${name}`}
    aria-label=${title}
    title=${title}
    placeholder=${placeholder}
    ?disabled=${state.snapshot!.isReadOnly}
    .value=${live(draft ?? value)}
    @input=${(event: Event) => actions.dispatch({ type: 'typed', label, field: name, text: input(event).value })}
    @change=${(event: Event) => {
      const text = input(event).value;
      leaveField();
      if (text.trim() !== value) commit(text);
    }}
    @keydown=${(event: KeyboardEvent) => event.key === 'Escape' && leaveField()}
  />`;
}

function allow(event: DragEvent): void {
  if (!event.dataTransfer?.types.includes(draggedValues)) return;
  event.preventDefault();
  event.dataTransfer.dropEffect = 'move';
  (event.currentTarget as Element).classList.add('over');
}

function leave(event: DragEvent): void {
  (event.currentTarget as Element).classList.remove('over');
}

/**
 * Maps dropped values to a class, or leaves their rows out if `to` is null. It ignores drops that come from elsewhere.
 */
function drop(to: string | null, state: LabelMappingState, actions: LabelMappingActions): (event: DragEvent) => void {
  return (event) => {
    event.preventDefault();
    leave(event);
    try {
      const { values } = JSON.parse(event.dataTransfer!.getData(draggedValues)) as { values: string[] };
      const known = values.filter((value) => state.snapshot!.values.some((raw) => raw.value === value));
      if (known.length > 0) void actions.change({ kind: 'assign', values: known, to });
    } catch {
      // The drop comes from elsewhere.
    }
  };
}
