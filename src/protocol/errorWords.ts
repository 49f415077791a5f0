/** Errors of other processes in the editor's language: their own words, else what their code means. */
import { translated, wordsFrom } from '../base/words';
import type { Translate } from '../base/translate';

/** An error as it was thrown, told by a process, or kept in a file. */
export interface ToldError {
  readonly code: string;
  /** English. */
  readonly message: string;
  readonly words?: unknown;
}

/** The message for people: translated where it says how, else led by what its code means. */
export function errorText(error: ToldError, t: Translate): string {
  const words = wordsFrom(error.words);
  if (words) return translated(words, t);
  const gist = gistOf(error.code, t);
  // An English window shows the English message as it is.
  return gist === undefined || gist === gistOf(error.code, english)
    ? error.message
    : t('{0}: {1}', gist, error.message);
}

/** The same value with every error and sentence in it worded: what carries `words` beside its `message`. */
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
  switch (code) {
    case 'NOT_FOUND':
      return t('Something is not there');
    case 'IO':
      return t('The system refused');
    case 'DISK_FULL':
      return t('The disk is full');
    case 'INTERNAL':
      return t('A mistake of MedText Lab');
    case 'CLOSED':
    case 'PROTOCOL':
      return t('A process of MedText Lab does not answer');
    case 'UNSUPPORTED':
      return t('This version cannot do that');
    case 'CHECKPOINT_FORMAT':
      return t('The weights file is broken');
    case 'CHECKPOINT_UNSAFE':
      return t('The weights file is not safe');
    case 'CHECKPOINT_MISMATCH':
    case 'MODEL_CONFIG':
      return t('Weights and configuration of the model do not fit');
    case 'TOKENIZER':
      return t('The tokenizer cannot be used');
    case 'ONNX_FORMAT':
      return t('The ONNX file is broken');
    case 'GRAPH':
    case 'NO_GRADIENT':
      return t('The graph cannot be used');
    case 'DATA_FORMAT':
      return t('The data cannot be read');
    case 'LABELS':
      return t('The labels do not fit');
    case 'RECIPE':
      return t('The recipe is not valid');
    case 'RUNTIME':
      return t('ONNX Runtime failed');
    case 'BUDGET':
      return t('A file takes more than it may');
    case 'OUT_OF_MEMORY':
      return t('The memory ran out');
    case 'DIVERGED':
      return t('The loss or an answer is no number');
    case 'RESUME':
      return t('The run cannot be resumed');
    case 'OFFLINE':
    case 'NETWORK':
      return t('The network failed');
    case 'ACCESS':
      return t('The hub does not give access');
    case 'INTEGRITY':
      return t('The download is not what was published');
    case 'UNSAFE_NAME':
      return t('A file name is not safe');
    case 'BUSY':
      return t('Another process is at work on it');
    default:
      return undefined;
  }
}
