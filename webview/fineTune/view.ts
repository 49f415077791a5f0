import { html, nothing, type TemplateResult } from 'lit';
import { live } from 'lit/directives/live.js';
import { durationText } from '../../src/base/durationText';
import { sizeText } from '../../src/base/sizeText';
import type { Translate } from '../../src/base/translate';
import { contentText } from '../../src/protocol/columnWords';
import { deviceText } from '../../src/protocol/deviceWords';
import { rowPlaces } from '../../src/protocol/rowPlaces';
import type { Contradiction, TrainingForecast } from '../../src/protocol/trainingForecast';
import { errorNotice, type ShownError } from '../shared/errorNotice';
import { HOLD_OUT, type Choice, type DraftColumn, type DraftField, type FineTuneSnapshot } from '../../src/protocol/fineTunePage'; // prettier-ignore

/** What a person can do on the page. `main.ts` does it; this file has no channel to the extension host. */
export interface FineTuneActions {
  choose(field: DraftField, value: string): void;
  score(label: string, score: number | null): void;
  browse(field: 'train' | 'validation' | 'test'): void;
  importModel(): void;
  preview(): void;
  showContradictions(): void;
  measureTime(): void;
  write(start: boolean): void;
}

export function fineTunePage(
  snapshot: FineTuneSnapshot | undefined,
  trouble: ShownError | undefined,
  actions: FineTuneActions,
  t: Translate,
): TemplateResult {
  if (!snapshot) return html`<p class="quiet">${t('Loading…')}</p>`;
  const { state, problem, warnings, chosen } = snapshot;
  return html`
    <header>
      <h1>${t('Fine-Tune Encoder')}</h1>
      <span class="buttons">
        <vscode-button ?disabled=${state !== 'ready'} @click=${() => state === 'ready' && actions.write(true)}
          >${t('Start Fine-Tuning')}</vscode-button
        >
        <vscode-button
          secondary
          ?disabled=${state !== 'ready'}
          @click=${() => state === 'ready' && actions.write(false)}
          >${t('Write the Recipe Only')}</vscode-button
        >
      </span>
      <div class="why">
        ${errorNotice(trouble, t)}
        ${problem ? html`<p class=${state === 'reading' ? 'quiet' : 'notice'} role="status">${problem}</p>` : nothing}
      </div>
    </header>
    ${warnings.map((warning) => html`<p class="notice">${warning}</p>`)} ${contradictions(snapshot, actions, t)}
    <div class="columns">
      <div class="answers">
        ${sources(snapshot, actions, t)} ${columns(snapshot, actions, t)}
        ${chosen.train === '' ? nothing : answers(snapshot, actions, t)} ${labels(snapshot, actions, t)}
      </div>
      <section class="recipe" aria-labelledby="recipe-title">
        <h2 id="recipe-title">${snapshot.recipeName || t('Recipe')}</h2>
        ${
          snapshot.recipe
            ? html`<pre tabindex="0" role="region" aria-label=${t('Text of the recipe')}>${snapshot.recipe}</pre>`
            : html`<p class="quiet">${t('The recipe appears here once the data are known.')}</p>`
        }
      </section>
    </div>
  `;
}

/** A drop-down. It is the browser's `select`, because every screen reader knows it. */
function select(
  field: DraftField,
  label: string,
  choices: readonly Choice[],
  { chosen }: FineTuneSnapshot,
  actions: FineTuneActions,
): TemplateResult {
  const value = chosen[field];
  const isKnown = choices.some(({ id }) => id === value);
  return html`<label class="field ${field}">
    <span>${label}</span>
    <select @change=${(event: Event) => actions.choose(field, (event.target as HTMLSelectElement).value)}>
      ${isKnown ? nothing : html`<option value=${value} disabled .selected=${live(true)}></option>`}
      ${choices.map(({ id, name, hint }) => html`<option value=${id} .selected=${live(id === value)}>${hint ? `${name} · ${hint}` : name}</option>`)}
    </select>
  </label>`;
}

const link = (label: string, act: () => void): TemplateResult =>
  html`<button type="button" class="link" @click=${act}>${label}</button>`;

function sources(snapshot: FineTuneSnapshot, actions: FineTuneActions, t: Translate): TemplateResult {
  const { models, files, sheets, chosen, rows, badRows } = snapshot;
  const none = { id: '', name: t('none') };
  const holdOut = { id: HOLD_OUT, name: t('hold out 10 %, stratified, grouped by the first text') };
  // A workbook can hold another split in another of its sheets.
  const others = files.filter(({ id }) => id !== chosen.train || sheets.train.length > 1);
  const sheet = (field: 'sheet' | 'validationSheet' | 'testSheet', names: readonly string[], label: string) =>
    names.length > 1 ? html`<div class="line sheet">${select(field, label, names.map((name) => ({ id: name, name })), snapshot, actions)}</div>` : nothing; // prettier-ignore
  return html`
    <section aria-labelledby="sources-title">
      <h2 id="sources-title">${t('Model and data')}</h2>
      <div class="line">
        ${select('model', t('Model'), models, snapshot, actions)}
        ${link(t('Import Model…'), () => actions.importModel())}
      </div>
      <div class="line">
        ${select('train', t('Training data'), files, snapshot, actions)}
        ${link(t('Browse…'), () => actions.browse('train'))}
      </div>
      ${sheet('sheet', sheets.train, t('Sheet of the training data'))}
      ${
        rows + badRows > 0
          ? html`<p class="quiet number">${t('{0} rows', rows)} ${link(t('Preview data'), () => actions.preview())}</p>`
          : nothing
      }
      <div class="line">
        ${select('validation', t('Validation data'), [holdOut, ...others, none], snapshot, actions)}
        ${link(t('Browse…'), () => actions.browse('validation'))}
      </div>
      ${sheet('validationSheet', sheets.validation, t('Sheet of the validation data'))}
      <div class="line">
        ${select('test', t('Test data'), [none, ...others], snapshot, actions)}
        ${link(t('Browse…'), () => actions.browse('test'))}
      </div>
      ${sheet('testSheet', sheets.test, t('Sheet of the test data'))}
      ${
        badRows > 0
          ? select('badRows', t('Rows that cannot be read'), [{ id: 'stop', name: t('stop the training') }, { id: 'skip', name: t('leave them out') }], snapshot, actions) // prettier-ignore
          : nothing
      }
    </section>
  `;
}

/** A table of the columns: two values of each, and a choice of its role. */
function columns(snapshot: FineTuneSnapshot, actions: FineTuneActions, t: Translate): TemplateResult | typeof nothing {
  const { columns: all, chosen } = snapshot;
  if (all.length === 0) return nothing;
  const roles: readonly (readonly ['first' | 'second' | 'label', string])[] = [
    ['first', t('First text')],
    ['second', t('Second text')],
    ['label', t('Label')],
  ];
  const isUnlikely = (role: string, column: DraftColumn): boolean =>
    role === 'label' ? !column.canBeLabel : !column.canBeText;
  return html`
    <section aria-labelledby="columns-title">
      <h2 id="columns-title">${t('Columns')}</h2>
      <div class="scroll" tabindex="0" role="region" aria-label=${`${t('Columns')}, ${t('Values as a table')}`}>
        <table>
          <thead>
            <tr>
              <th scope="col">${t('Column')}</th>
              ${roles.map(([, name]) => html`<th scope="col">${name}</th>`)}
              <th scope="col">${t('Examples')}</th>
            </tr>
          </thead>
          <tbody>
            ${all.map(
              (column) =>
                html`<tr>
                  <th scope="row">
                    <bdi>${column.name}</bdi><span class="quiet kind">${contentText(column, t)}</span>
                  </th>
                  ${roles.map(
                    ([role, name]) =>
                      html`<td class=${isUnlikely(role, column) ? 'unlikely' : ''}>
                        <input
                          type="radio"
                          name=${role}
                          aria-label=${`${name}: ${column.name}`}
                          .checked=${live(chosen[role] === column.name)}
                          @change=${() => actions.choose(role, column.name)}
                        />
                      </td>`,
                  )}
                  <td>${column.examples.map((example) => html`<bdi class="example" dir="auto">${example}</bdi>`)}</td>
                </tr>`,
            )}
            <tr>
              <th scope="row" class="quiet">${t('none')}</th>
              <td></td>
              <td>
                <input
                  type="radio"
                  name="second"
                  aria-label=${t('None: the task reads one text')}
                  .checked=${live(chosen.second === '')}
                  @change=${() => actions.choose('second', '')}
                />
              </td>
              <td></td>
              <td class="quiet">${t('None: the task reads one text')}</td>
            </tr>
          </tbody>
        </table>
      </div>
    </section>
  `;
}

function answers(snapshot: FineTuneSnapshot, actions: FineTuneActions, t: Translate): TemplateResult {
  const { tasks, devices, lengths } = snapshot;
  const beyond = lengths?.positions !== undefined && lengths.longest > lengths.positions;
  return html`
    <section aria-labelledby="task-title">
      <h2 id="task-title">${t('Task and device')}</h2>
      <div class="line">
        ${select('task', t('Task'), tasks, snapshot, actions)}
        ${select(
          'device',
          t('Device'),
          devices.map((id) => ({ id, name: deviceText(id, t) })),
          snapshot,
          actions,
        )}
      </div>
      ${
        snapshot.asksSpanEnd
          ? select('spanEnd', t('Meaning of an entity’s end'), [{ id: 'exclusive', name: t('The character after it'), hint: t('text[start:end] in Python, as doccano writes') }, { id: 'inclusive', name: t('Its last character'), hint: t('text[start:end+1] in Python, as CMeEE has it') }], snapshot, actions) // prettier-ignore
          : nothing
      }
      ${
        lengths
          ? html`<p class="quiet number">
              ${t('Tokens per example: half have at most {0}, 99 % have at most {1}; the longest of the first {2} has {3}.', lengths.median, lengths.p99, lengths.rows, lengths.longest)}
              ${beyond ? t('The model reads at most {0} tokens. Longer examples are cut.', lengths.positions!) : nothing}
            </p>`
          : nothing
      }
    </section>
    ${forecast(snapshot, actions, t)}
  `;
}

/** The time and memory that the training will take, with the source of each figure. */
function forecast(
  { forecast: found, forecastNote, chosen }: FineTuneSnapshot,
  actions: FineTuneActions,
  t: Translate,
): TemplateResult {
  const rows: (readonly [string, string | TemplateResult])[] = [];
  if (found) {
    const { examples, validation, steps, device, memory, time, maxLength } = found;
    const data = t(
      '{0} training examples, {1} validation examples, at most {2} tokens',
      examples,
      validation,
      maxLength,
    );
    rows.push([t('Data'), `${data} · ${t('{0} steps', steps)}`]);
    if (chosen.device === 'auto') rows.push([t('Device'), deviceText(device, t)]);
    const free = memory.availableBytes === undefined ? '' : ` · ${t('{0} are free', sizeText(memory.availableBytes))}`;
    const parts = memory.microBatchSize < memory.batchSize ? ` · ${t('batches of {0} are computed in parts of {1}', memory.batchSize, memory.microBatchSize)}` : ''; // prettier-ignore
    rows.push([
      t('Memory'),
      `${t('about {0} for the longest batches', sizeText(memory.estimatedBytes))}${free}${parts}`,
    ]);
    const measure = found.exceedsMemory
      ? nothing
      : html` ${link(t('Measure a Few Steps'), () => actions.measureTime())}`;
    rows.push([t('Time'), time ? timeText(time, t) : html`${t('Not known: no run here has trained a model of this size on this device in the same way. The training shows the time after its first steps.')}${measure}`]); // prettier-ignore
  }
  return html`
    <section aria-labelledby="forecast-title" aria-busy=${forecastNote !== '' && !found}>
      <h2 id="forecast-title">${t('Time and memory')}</h2>
      ${forecastNote ? html`<p class="quiet" role="status">${forecastNote}</p>` : nothing}
      ${
        found
          ? html`<dl class="forecast number">
              ${rows.map(
                ([name, value]) =>
                  html`<dt>${name}</dt>
                    <dd>${value}</dd>`,
              )}
            </dl>`
          : nothing
      }
    </section>
  `;
}

function timeText({ seconds, run, endedAt, steps }: NonNullable<TrainingForecast['time']>, t: Translate): string {
  if (run === null) {
    const basis = t('at the speed of {0} steps of median length, measured just now; other programs and other lengths change it', steps); // prettier-ignore
    return `${t('roughly {0} for all steps', durationText(seconds, t))} · ${basis}`;
  }
  const basis = t('at the speed of the run “{0}” of {1}, measured over {2} steps on this machine', run, endedAt!.slice(0, 10), steps); // prettier-ignore
  return `${t('about {0} for all steps', durationText(seconds, t))} · ${basis}`;
}

/** The number of rows whose labels contradict each other, and the first of these rows. */
function contradictions(
  { forecast: found }: FineTuneSnapshot,
  actions: FineTuneActions,
  t: Translate,
): TemplateResult | typeof nothing {
  const { texts = 0, rowCount = 0, examples = [] } = found?.contradictions ?? {};
  if (texts === 0) return nothing;
  return html`
    <div class="notice">
      <p>
        ${t('{0} rows have the same texts as other rows but another label ({1} different texts). No model can learn both.', rowCount, texts)}
        ${link(t('Show in the preview'), () => actions.showContradictions())}
      </p>
      <ul>
        ${examples.map(({ first, second, labels, ...places }) => html`<li><bdi>${first}</bdi>${second === undefined ? nothing : html` · <bdi>${second}</bdi>`} — <bdi>${labels.join(' / ')}</bdi> <span class="quiet">${placesText(places, t)}</span></li>`)}
      </ul>
    </div>
  `;
}

function placesText({ lines, rows }: Pick<Contradiction, 'lines' | 'rows'>, t: Translate): string {
  const { unit, numbers } = rowPlaces(lines, rows);
  return unit === 'line' ? t('lines {0}', numbers.join(', ')) : t('rows {0}', numbers.join(', '));
}

function labels(snapshot: FineTuneSnapshot, actions: FineTuneActions, t: Translate): TemplateResult | typeof nothing {
  const { labels: shown, labelCount, asksScale } = snapshot;
  if (shown.length === 0) return nothing;
  const hasScores = asksScale || shown.some(({ score }) => score !== null);
  const set = (label: string) => (event: Event) => {
    const typed = (event.target as HTMLInputElement).value.trim().replace(',', '.');
    const score = typed === '' ? null : Number(typed);
    if (score === null || Number.isFinite(score)) actions.score(label, score);
  };
  return html`
    <section aria-labelledby="labels-title">
      <h2 id="labels-title">${t('Labels')} <span class="quiet number">${labelCount}</span></h2>
      ${
        asksScale
          ? html`<p class="notice">
              ${t('The names do not show which class means that two texts are similar. Give each class a score from 0 (different) to 1 (the same). Without scores, the model gives class probabilities and no similarity.')}
            </p>`
          : nothing
      }
      <div class="scroll" tabindex="0" role="region" aria-label=${`${t('Labels')}, ${t('Values as a table')}`}>
        <table>
          <thead>
            <tr>
              <th scope="col">${t('Label')}</th>
              <th scope="col" class="number">${t('Rows')}</th>
              ${hasScores ? html`<th scope="col">${t('Similarity score')}</th>` : nothing}
            </tr>
          </thead>
          <tbody>
            ${shown.map(
              ({ name, count, score }) =>
                html`<tr>
                  <th scope="row"><bdi>${name}</bdi></th>
                  <td class="number">${count}</td>
                  ${
                    hasScores
                      ? html`<td>
                          <input
                            type="text"
                            inputmode="decimal"
                            size="5"
                            placeholder="?"
                            aria-label=${t('Similarity score of {0}', name)}
                            .value=${live(score === null ? '' : String(Number(score.toFixed(3))))}
                            @change=${set(name)}
                          />
                        </td>`
                      : nothing
                  }
                </tr>`,
            )}
          </tbody>
        </table>
      </div>
      ${labelCount > shown.length ? html`<p class="quiet">${t('{0} more labels', labelCount - shown.length)}</p>` : nothing}
    </section>
  `;
}
