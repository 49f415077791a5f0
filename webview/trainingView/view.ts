import { html, nothing, type TemplateResult } from 'lit';
import { live } from 'lit/directives/live.js';
import { ref } from 'lit/directives/ref.js';
import { repeat } from 'lit/directives/repeat.js';
import type { Translate } from '../../src/base/translate';
import { trainingSilenceText } from '../../src/protocol/silence';
import {
  mainKnobCount,
  type Knob,
  type KnobField,
  type OtherRun,
  type ShownRecipe,
  type ShownRun,
  type TrainingAction,
  type TrainingSnapshot,
} from '../../src/protocol/trainingView';
import { metricText, phaseText, placeText } from '../../src/protocol/runWords';
import { valueText } from '../shared/numberText';
import { metricsOf, tableRows } from './curves';
import { shownMetric } from './runCharts';
import { factList, progressBar, smoothingSlider, foldedLines } from './runParts';
import { scoresTable } from './scores';
import type { TrainingViewEvent, TrainingViewState } from './state';
import {
  actionButtons,
  deviceNotice,
  deviceReasons,
  isActive,
  isPreparing,
  knobWords,
  memoryNotice,
  progressText,
  startNotice,
  taskText,
  timeText,
  understoodText,
  type KnobWords,
} from './summary';
import { errorNotice, errorWords } from '../shared/errorNotice';

/** What a person can do in the view. `main.ts` does it; this file has no channel to the extension host. */
export interface TrainingViewActions {
  act(action: TrainingAction): void;
  showRun(id: string): void;
  /** Takes over the field's value. The view calls it when the field loses the focus and after Enter. */
  commit(field: KnobField, value: string): void;
  dispatch(event: TrainingViewEvent): void;
  chart(name: 'loss' | 'metric', element: Element | undefined): void;
}

export function trainingView(state: TrainingViewState, actions: TrainingViewActions, t: Translate): TemplateResult {
  const { snapshot } = state;
  if (!snapshot) return html`<p class="quiet">${t('Loading…')}</p>`;
  const recipe = snapshot.recipe ? recipeSection(snapshot.recipe, state, actions, t) : welcome(snapshot, actions, t);
  const run = snapshot.run ? runSection(snapshot.run, state, actions, t) : nothing;
  // A run that is under way stands above the recipe, any other run below it.
  const sections = [['recipe', recipe], ['run', run]] as const; // prettier-ignore
  const shown = snapshot.run && isActive(snapshot.run) ? [...sections].reverse() : sections;
  return html`
    <div class="content">
      ${notices(snapshot, actions, t)}
      ${repeat(
        shown,
        ([name]) => name,
        ([, section]) => section,
      )}
    </div>
    ${state.trouble ? html`<div class="trouble">${errorNotice(state.trouble, t)}</div>` : nothing}
    ${actionRow(snapshot, actions, t)}
  `;
}

function notices(snapshot: TrainingSnapshot, actions: TrainingViewActions, t: Translate): TemplateResult {
  return html`
    ${
      snapshot.trusted
        ? nothing
        : html`<p class="notice">
            ${t('This folder is not trusted: recipes can be read, but not run.')}
            ${link(t('Manage Trust'), 'manageTrust', actions)}
          </p>`
    }
    ${snapshot.others.map((other) => otherRun(other, actions, t))}
  `;
}

/** A line about a run that another window or the command line has started, and that the view does not show. */
function otherRun(run: OtherRun, actions: TrainingViewActions, t: Translate): TemplateResult {
  const { id, name, place, step, totalSteps } = run;
  return html`<p class="notice">
    <bdi>${t('{0} is training already.', name)}</bdi> ${placeText(place, t)}
    ${totalSteps > 0 ? t('Step {0} of {1}', step, totalSteps) : nothing}
    <button type="button" class="link" @click=${() => actions.showRun(id)}>${t('Show Run')}</button>
  </p>`;
}

function link(label: string, action: TrainingAction, actions: TrainingViewActions): TemplateResult {
  return html`<button type="button" class="link" @click=${() => actions.act(action)}>${label}</button>`;
}

function welcome({ hasModels }: TrainingSnapshot, actions: TrainingViewActions, t: Translate): TemplateResult {
  return html`
    <section class="welcome">
      <h2>${t('Fine-tune an encoder')}</h2>
      <p>${t('You need labelled texts and a BERT-family checkpoint. The training runs on this machine.')}</p>
      <ol>
        <li class=${hasModels ? 'done' : ''}>
          ${t('A model: the starter encoder comes with MedText Lab; others from ModelScope, from Hugging Face, or a folder with config.json, weights and vocabulary.')}
          ${hasModels ? '✓' : nothing}
        </li>
        <li>
          ${t('Data, with texts and labels: JSON, JSON Lines, CSV, TSV, text, Excel, Parquet, or tags as CoNLL, BIO and brat write them.')}
        </li>
        <li>${t('Check the recipe and start.')}</li>
      </ol>
      <vscode-button block @click=${() => actions.act('trySample')}>${t('Try the Sample…')}</vscode-button>
      <vscode-button block secondary @click=${() => actions.act('createRecipe')}
        >${t('Fine-Tune Encoder…')}</vscode-button
      >
      <p class="quiet">
        ${t('An open recipe (*.medtext.json) appears here.')} ${link(t('Choose recipe…'), 'chooseRecipe', actions)}
      </p>
    </section>
  `;
}

function recipeSection(
  recipe: ShownRecipe,
  state: TrainingViewState,
  actions: TrainingViewActions,
  t: Translate,
): TemplateResult {
  const rows = [
    { name: t('Task'), value: taskText(recipe.task, t) },
    { name: t('Model'), value: recipe.model, isMain: true },
    { name: t('Training data'), value: recipe.train, isMain: true },
    { name: t('Validation data'), value: recipe.validation ?? t('none') },
    ...(recipe.test === null ? [] : [{ name: t('Test data'), value: recipe.test }]),
  ];
  const [main, more] = [recipe.knobs.slice(0, mainKnobCount), recipe.knobs.slice(mainKnobCount)];
  const isRunning = state.snapshot?.run ? isActive(state.snapshot.run) : false;
  const leave = (): void => actions.dispatch({ type: 'focused', field: undefined });
  return html`
    <section aria-label=${t('Recipe {0}', recipe.name)}>
      <header>
        <h2 title=${recipe.path}><bdi>${recipe.name}</bdi></h2>
        <span class="links"
          >${link(t('Open'), 'openRecipe', actions)} ${link(t('Other…'), 'chooseRecipe', actions)}
          ${link(t('New…'), 'createRecipe', actions)}</span
        >
      </header>
      <dl class="facts of-recipe">
        ${rows.map(
          ({ name, value, isMain = false }) =>
            html`<div class=${isMain ? 'names' : ''}>
              <dt>${name}</dt>
              <dd title=${value}><bdi>${shortPath(value)}</bdi></dd>
            </div>`,
        )}
      </dl>
      ${
        recipe.problem
          ? errorNotice({ code: 'RECIPE', message: recipe.problem }, t, link(t('Open'), 'openRecipe', actions))
          : nothing
      }
      ${recipe.isRecord ? html`<p class="quiet">${t('This recipe is the record of a run and cannot be changed.')}</p>` : nothing}
      <div class="knobs" @focusout=${leave}>
        ${repeat(
          main,
          ({ field }) => field,
          (knob) => knobField(knob, state, actions, t),
        )}
      </div>
      ${focusedHelp(main, state)}
      ${
        more.length === 0
          ? nothing
          : html`<details
              ?open=${state.showsMore}
              @toggle=${(event: Event) => actions.dispatch({ type: 'more', open: (event.target as HTMLDetailsElement).open })}
            >
              <summary>${t('More settings')}</summary>
              <div class="knobs" @focusout=${leave}>
                ${repeat(
                  more,
                  ({ field }) => field,
                  (knob) => knobField(knob, state, actions, t),
                )}
              </div>
              ${focusedHelp(more, state)}
            </details>`
      }
      ${isRunning ? html`<p class="quiet">${t('Changes apply to the next run.')}</p>` : nothing}
    </section>
  `;
}

/** The help of the field that has the focus. People without a mouse cannot read it as a hover. */
function focusedHelp(knobs: readonly Knob[], { focused }: TrainingViewState): TemplateResult {
  const help = knobs.find(({ field }) => field === focused)?.help ?? '';
  return html`<p class="help quiet" role="status">${help}</p>`;
}

function knobField(knob: Knob, state: TrainingViewState, actions: TrainingViewActions, t: Translate): TemplateResult {
  const { field } = knob;
  const draft = state.drafts[field];
  const { label, hint, choices } = knobWords(field, t);
  const value = draft?.value ?? knob.value;
  const name = hint ? `${label} (${hint})` : label;
  const typed = (event: Event): string => (event.target as HTMLElement & { value: string }).value;
  const offered = choices?.some((choice) => choice.value === value)
    ? choices
    : [...(choices ?? []), { value, label: value }];
  const onKey = (event: KeyboardEvent): void => {
    if (event.key === 'Escape' && draft) actions.dispatch({ type: 'reverted', field });
  };
  const control = choices
    ? dropDown(name, value, offered, (chosen) => actions.commit(field, chosen))
    : html`<vscode-textfield
        .label=${name}
        placeholder=${hint ?? ''}
        ?invalid=${draft?.error !== undefined}
        .value=${live(value)}
        @input=${(event: Event) => actions.dispatch({ type: 'typed', field, value: typed(event) })}
        @change=${(event: Event) => actions.commit(field, typed(event))}
        @keydown=${onKey}
      ></vscode-textfield>`;
  return html`
    <div
      class="knob ${knob.isDefault && !draft ? 'default' : ''}"
      title=${`${knob.isDefault ? t('{0}, the default', name) : name}\n${knob.help}`}
      @focusin=${() => actions.dispatch({ type: 'focused', field })}
    >
      <span class="label" aria-hidden="true">${label}</span>
      ${control} ${draft?.error ? html`<p>${errorWords(draft.error, t)}</p>` : nothing}
    </div>
  `;
}

/** A drop-down. It is the browser's `select`, because every screen reader knows it. */
function dropDown(
  name: string,
  value: string,
  choices: NonNullable<KnobWords['choices']>,
  choose: (value: string) => void,
): TemplateResult {
  return html`<select aria-label=${name} @change=${(event: Event) => choose((event.target as HTMLSelectElement).value)}>
    ${choices.map(
      (choice) =>
        html`<option value=${choice.value} .selected=${live(choice.value === value)}>${choice.label}</option>`,
    )}
  </select>`;
}

function actionRow(snapshot: TrainingSnapshot, actions: TrainingViewActions, t: Translate): TemplateResult {
  const buttons = actionButtons(snapshot, t);
  if (buttons.length === 0) return html``;
  return html`
    <div class="actions" role="group" tabindex="-1" aria-label=${t('Training')}>
      ${repeat(
        buttons,
        ({ action }) => action,
        ({ action, label, primary, enabled }) =>
          html`<vscode-button
            ?secondary=${!primary}
            ?disabled=${!enabled}
            @click=${() => enabled && actions.act(action)}
            >${label}</vscode-button
          >`,
      )}
    </div>
  `;
}

function runSection(
  run: ShownRun,
  state: TrainingViewState,
  actions: TrainingViewActions,
  t: Translate,
): TemplateResult {
  const done = progressText(run, t);
  const time = timeText(run, t);
  const notice = memoryNotice(run, t);
  const lost = deviceNotice(run, t);
  const start = startNotice(run, t);
  return html`
    <section class="run" aria-label=${t('Run {0}', run.name)}>
      <header>
        <h2><bdi>${run.name}</bdi></h2>
        <span class="phase ${run.phase}" role="status">${phaseText(run.phase, t)}</span>
      </header>
      ${run.phase === 'finished' ? nothing : progressBar(run, t)}
      ${done ? html`<p class="number">${done}</p>` : nothing}
      ${time ? html`<p class="number quiet">${time}</p>` : nothing}
      ${run.silence ? html`<p class="notice" role="alert">${trainingSilenceText(run.name, run.silence, t)}</p>` : nothing}
      ${start ? html`<p class="notice" role="alert">${start}</p>` : nothing}
      ${lost ? html`<p class="notice" role="alert">${lost}</p>` : nothing}
      ${notice ? html`<p class=${notice.grave ? 'notice' : 'quiet'} role=${notice.grave ? 'alert' : nothing}>${notice.text}</p>` : nothing}
      ${run.place ? html`<p class="quiet">${placeText(run.place, t)}</p>` : nothing}
      ${errorNotice(run.error, t, link(t('Open Log'), 'openLog', actions))}
      ${foldedLines(t('What the model learns from'), understoodText(run, t), isPreparing(run))}
      ${run.steps.length > 0 || run.evaluations.length > 0 ? charts(run, state, actions, t) : nothing}
      ${run.scores ? scoresTable(run.scores, run, t) : nothing} ${factList(run, t)}
      ${foldedLines(t('Why this device'), deviceReasons(run, t), false)}
      ${!isActive(run) && run.id ? html`<p>${link(t('Show Folder'), 'revealRun', actions)}</p>` : nothing}
    </section>
  `;
}

function charts(run: ShownRun, state: TrainingViewState, actions: TrainingViewActions, t: Translate): TemplateResult {
  const metrics = metricsOf(run);
  const metric = shownMetric(run, state);
  return html`
    <figure>
      <figcaption>
        <span class="key train">${t('training loss')}</span>
        ${run.evaluations.length > 0 ? html`<span class="key check">${t('validation loss')}</span>` : nothing}
      </figcaption>
      <div
        class="chart"
        tabindex="0"
        role="application"
        aria-label=${t('Loss by step. Arrow keys move along the steps; the table below has the values.')}
        ${ref((element) => actions.chart('loss', element))}
      ></div>
      ${smoothingSlider(state.smoothing, (smoothing) => actions.dispatch({ type: 'smoothed', smoothing }), t)}
    </figure>
    ${
      metric === undefined
        ? nothing
        : html`<figure>
            <figcaption>
              ${
                metrics.length > 1
                  ? dropDown(
                      t('Metric'),
                      metric,
                      metrics.map((name) => ({ value: name, label: metricText(name, t) })),
                      (chosen) => actions.dispatch({ type: 'metric', metric: chosen }),
                    )
                  : html`<span class="key check">${metricText(metric, t)}</span>`
              }
              ${run.best ? html`<span class="key best">${t('best, step {0}', run.best.step)}</span>` : nothing}
            </figcaption>
            <div
              class="chart"
              tabindex="0"
              role="application"
              aria-label=${t('{0} by step. Arrow keys move along the steps; the table below has the values.', metricText(metric, t))}
              ${ref((element) => actions.chart('metric', element))}
            ></div>
          </figure>`
    }
    ${table(run, metric, state, actions, t)}
  `;
}

function table(
  run: ShownRun,
  metric: string | undefined,
  state: TrainingViewState,
  actions: TrainingViewActions,
  t: Translate,
): TemplateResult {
  const hasChecks = run.evaluations.length > 0;
  const rows = state.showsTable ? tableRows(run, metric ?? run.metric, state.smoothing) : [];
  return html`
    <details
      ?open=${state.showsTable}
      @toggle=${(event: Event) => actions.dispatch({ type: 'table', open: (event.target as HTMLDetailsElement).open })}
    >
      <summary>${t('Values as a table')}</summary>
      <div class="scroll" tabindex="0" role="region" aria-label=${t('Values as a table')}>
        <table class="number">
          <thead>
            <tr>
              <th scope="col">${t('Step')}</th>
              <th scope="col">${t('training loss')}</th>
              ${hasChecks ? html`<th scope="col">${t('validation loss')}</th>` : nothing}
              ${metric ? html`<th scope="col">${metricText(metric, t)}</th>` : nothing}
            </tr>
          </thead>
          <tbody>
            ${rows.map(
              (row) =>
                html`<tr class=${row.isBest ? 'best' : ''}>
                  <th scope="row">
                    ${row.step}${row.isBest ? html` <span title=${t('best')}>★</span><span class="for-readers">${t('best')}</span>` : nothing}
                  </th>
                  <td>${valueText(row.trainingLoss)}</td>
                  ${hasChecks ? html`<td>${valueText(row.validationLoss)}</td>` : nothing}
                  ${metric ? html`<td>${valueText(row.metric)}</td>` : nothing}
                </tr>`,
            )}
          </tbody>
        </table>
      </div>
    </details>
  `;
}

/** The last two parts of a long path. The element's title has the whole path. */
function shortPath(path: string): string {
  const parts = path.split(/[/\\]/);
  return path.length > 34 && parts.length > 2 ? `…/${parts.slice(-2).join('/')}` : path;
}
