import { html, nothing, type TemplateResult } from 'lit';
import type { Translate } from '../../src/base/translate';

/** An error as a page shows it. The message is in the editor's language. */
export interface ShownError {
  /** The code of `MedTextError`, which the documentation explains. Without a code there is no link. */
  readonly code?: string;
  readonly message: string;
}

/**
 * A paragraph with the error and a link to its page in the documentation.
 * @param more a remedy of the page, such as a button
 */
export function errorNotice(
  error: ShownError | null | undefined,
  t: Translate,
  more: unknown = nothing,
): TemplateResult | typeof nothing {
  if (!error) return nothing;
  return html`<p class="notice error" role="alert">${error.message} ${whatToDo(error.code, t)} ${more}</p>`;
}

/** The error and its link as a part of a line. */
export function errorWords(error: ShownError, t: Translate): TemplateResult {
  return html`<span class="problem" role="alert">${error.message} ${whatToDo(error.code, t)}</span>`;
}

/**
 * A link that opens the error's page of the documentation in the editor. `webviewHtml.ts` lets pages link to this
 * command only.
 */
export function whatToDo(code: string | undefined, t: Translate): TemplateResult | typeof nothing {
  if (!code) return nothing;
  const parameters = encodeURIComponent(JSON.stringify([code]));
  return html`<a href=${`command:medtext.documentation?${parameters}`}>${t('What to Do')}</a>`;
}
