import { object, recordOf, text, type Check } from './check';

/** The response to a page's first request: the language, its translations (none for English) and the first snapshot. */
export function webviewStart<T>(snapshot: Check<T>) {
  return object({ language: text, wordings: recordOf(text), snapshot });
}
