import type { Words } from '../base/words';

/** What is wrong with a file, found where its name is not at hand; who opened it makes the error. */
export class Fault extends Error {
  constructor(readonly words: Words) {
    super(String(words));
  }
}

/** What a reader found wrong: in our words, or the library's own. */
export function faultOf(error: unknown): string | Words {
  if (error instanceof Fault) return error.words;
  return error instanceof Error ? error.message : String(error);
}
