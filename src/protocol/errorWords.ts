/** Errors of other processes in the editor's language: by their words if they have any, otherwise by their code. */
import { translated, wordsFrom } from '../base/words';
import type { Translate } from '../base/translate';
import { errorHelp } from './errorHelp';

/** An error that was thrown, sent by a process, or kept in a file. */
export interface ToldError {
  readonly code: string;
  /** The English message. */
  readonly message: string;
  readonly words?: unknown;
}

/** The message for people. An error with `words` is translated; any other begins with the translated gist of its code. */
export function errorText(error: ToldError, t: Translate): string {
  const words = wordsFrom(error.words);
  if (words) return translated(words, t);
  const gist = gistOf(error.code, t);
  // An English window shows the English message unchanged.
  return gist === undefined || gist === gistOf(error.code, english)
    ? error.message
    : t('{0}: {1}', gist, error.message);
}

/** The same value with every `message` translated that has `words` beside it. */
export function wordedState<T>(value: T, t: Translate): T {
  if (Array.isArray(value)) return value.map((item: unknown) => wordedState(item, t)) as T;
  if (typeof value !== 'object' || value === null || Object.getPrototypeOf(value) !== Object.prototype) return value;
  const { words, ...rest } = value as Record<string, unknown>;
  const { code = '', message } = rest;
  const isTold = typeof code === 'string' && typeof message === 'string' && (code !== '' || words !== undefined);
  const entries = Object.entries(isTold ? rest : (value as Record<string, unknown>));
  const inside = Object.fromEntries(entries.map(([key, item]) => [key, wordedState(item, t)]));
  return (isTold ? { ...inside, message: errorText({ code, message, words }, t) } : inside) as T;
}

const english: Translate = (message) => message;

function gistOf(code: string, t: Translate): string | undefined {
  const gist = errorHelp(code)?.gist;
  return gist && translated(gist, t);
}
