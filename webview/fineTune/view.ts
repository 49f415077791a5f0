import { html, nothing, type TemplateResult } from 'lit';
import { live } from 'lit/directives/live.js';
import type { Translate } from '../../src/base/translate';
import { contentText } from '../../src/protocol/columnWords';
import { deviceText } from '../../src/protocol/deviceWords';
import { HOLD_OUT, type Choice, type DraftColumn, type DraftField, type FineTuneSnapshot } from '../../src/protocol/fineTunePage'; // prettier-ignore

/** What the page asks for; nothing here knows the channel. */
export interface FineTuneActions {
  choose(field: DraftField, value: string): void;
  score(label: string, score: number | null): void;
  browse(field: 'train' | 'validation' | 'test'): void;
  importModel(): void;
  preview(): void;
  write(start: boolean): void;
}

export function fineTunePage(
  snapshot: FineTuneSnapshot | undefined,
  trouble: string,
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
    </header>
    ${trouble ? html`<p class="notice error" role="alert">${trouble}</p>` : nothing}
    ${problem ? html`<p class=${state === 'reading' ? 'quiet' : 'notice'} role="status">${problem}</p>` : nothing}
    ${warnings.map((warning) => html`<p class="notice">${warning}</p>`)}
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
            : html`<p class="quiet">${t('It stands here once the data are known.')}</p>`
        }
      </section>
    </div>
  `;
}

/** The platform's own drop-down: every screen reader knows it. */
function select(
  field: DraftField,
  label: string,
  choices: readonly Choice[],
  { chosen }: FineTuneSnapshot,
  actions: FineTuneActions,
): TemplateResult {
  const value = chosen[field];
  const isKnown = choices.some(({ id }) => id === value);
  return html`<label class="field">
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
  const { models, files, chosen, rows, badRows } = snapshot;
  const none = { id: '', name: t('none') };
  const holdOut = { id: HOLD_OUT, name: t('hold out 10 %, stratified, grouped by the first text') };
  const others = files.filter(({ id }) => id !== chosen.train);
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
      ${
        rows + badRows > 0
          ? html`<p class="quiet number">${t('{0} rows', rows)} ${link(t('Preview data'), () => actions.preview())}</p>`
          : nothing
      }
      <div class="line">
        ${select('validation', t('Validation data'), [holdOut, ...others, none], snapshot, actions)}
        ${link(t('Browse…'), () => actions.browse('validation'))}
      </div>
      <div class="line">
        ${select('test', t('Test data'), [none, ...others], snapshot, actions)}
        ${link(t('Browse…'), () => actions.browse('test'))}
      </div>
      ${
        badRows > 0
          ? select('badRows', t('Rows that cannot be read'), [{ id: 'stop', name: t('stop the training') }, { id: 'skip', name: t('leave them out') }], snapshot, actions) // prettier-ignore
          : nothing
      }
    </section>
  `;
}

/** Every column with two of its values, and what it is used for. */
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
          ? select('spanEnd', t('What the end of an entity is'), [{ id: 'exclusive', name: t('The character behind it'), hint: t('text[start:end] in Python, as doccano writes') }, { id: 'inclusive', name: t('Its last character'), hint: t('text[start:end+1] in Python, as CMeEE has it') }], snapshot, actions) // prettier-ignore
          : nothing
      }
      ${
        lengths
          ? html`<p class="quiet number">
              ${t('Tokens an example: half have at most {0}, 99 % at most {1}, the longest of the first {2} has {3}.', lengths.median, lengths.p99, lengths.rows, lengths.longest)}
              ${beyond ? t('The model reads {0}: longer ones are cut.', lengths.positions!) : nothing}
            </p>`
          : nothing
      }
      <p class="quiet">${t('The memory that it takes is said before the first step, the time left after a few.')}</p>
    </section>
  `;
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
              ${t('The names do not say which class means that two texts are alike. Give each class a score, 0 for different and 1 for the same; without scores there are class probabilities and no similarity.')}
            </p>`
          : nothing
      }
      <div class="scroll" tabindex="0" role="region" aria-label=${`${t('Labels')}, ${t('Values as a table')}`}>
        <table>
          <thead>
            <tr>
              <th scope="col">${t('Label')}</th>
              <th scope="col" class="number">${t('Rows')}</th>
              ${hasScores ? html`<th scope="col">${t('Counts for')}</th>` : nothing}
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
