import { untranslated, type Translate } from '../../src/base/translate';

/** A translator with the wordings of the editor's language. A message without a wording stays English. */
export function translateWith(wordings: Readonly<Record<string, string>>): Translate {
  return (message, ...values) =>
    untranslated(Object.hasOwn(wordings, message) ? wordings[message] : message, ...values);
}
