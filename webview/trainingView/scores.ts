import { html, nothing, type TemplateResult } from 'lit';
import type { Translate } from '../../src/base/translate';
import { translated } from '../../src/base/words';
import { countedWords } from '../../src/protocol/answers';
import type { NamedScores, ShownRun } from '../../src/protocol/trainingView';
import { valueText } from '../shared/numberText';

/** A table of F1 scores with bars, highest first. Of a long list it shows the first and the last rows. */
export function scoresTable(scores: NamedScores, { best }: ShownRun, t: Translate): TemplateResult {
  const { scores: title, name, support } = countedWords(scores.answer);
  const { step, highest, leftOut, lowest } = scores;
  const row = (one: NamedScores['highest'][number]): TemplateResult =>
    html`<tr>
      <th scope="row" title=${one.name}><bdi>${one.name}</bdi></th>
      <td aria-hidden="true">
        <svg class="bar" viewBox="0 0 100 1" preserveAspectRatio="none"><rect width=${100 * one.f1} height="1" /></svg>
      </td>
      <td>${valueText(one.f1)}</td>
      <td class="quiet">${one.support}</td>
    </tr>`;
  return html`
    <table class="scores number">
      <caption>
        <strong>${translated(title, t)}</strong>
        <span class="quiet">${best?.step === step ? t('best, step {0}', step) : t('Step {0}', step)}</span>
      </caption>
      <colgroup>
        <col class="name" />
        <col />
        <col class="value" />
        <col class="count" />
      </colgroup>
      <thead>
        <tr>
          <th scope="col" colspan="2">${translated(name, t)}</th>
          <th scope="col">F1</th>
          <th scope="col">${translated(support, t)}</th>
        </tr>
      </thead>
      <tbody>
        ${highest.map(row)}
        ${
          leftOut > 0
            ? html`<tr>
                <td class="quiet gap" colspan="4">${t('{0} more in between, see the run’s page', leftOut)}</td>
              </tr>`
            : nothing
        }
        ${lowest.map(row)}
      </tbody>
    </table>
  `;
}
