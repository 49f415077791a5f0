import { object, recordOf, text, type Check } from './check';

/** The answer to a page's first request: its language, the wordings in it (none for English), and what there is to show. */
export function webviewStart<T>(snapshot: Check<T>) {
  return object({ language: text, wordings: recordOf(text), snapshot });
}
