import { untranslated, type Translate } from '../../src/base/translate';

/** Wordings of the window's language; a message without one stays English. */
export function translateWith(wordings: Readonly<Record<string, string>>): Translate {
  return (message, ...values) =>
    untranslated(Object.hasOwn(wordings, message) ? wordings[message] : message, ...values);
}
