import { asMedTextError } from '../../src/base/errors';
import type { ShownError } from './errorNotice';

export interface Trouble {
  /** Removes the error that is shown. If the request fails, shows its error. */
  ask(request: Promise<unknown>): void;
  show(error: unknown): void;
}

/** Shows errors of requests by `setTrouble`. It ignores cancellations, which a person wanted. */
export function troubleReporter(setTrouble: (error: ShownError | undefined) => void): Trouble {
  const show = (error: unknown): void => {
    const { code, message } = asMedTextError(error);
    if (code !== 'CANCELLED') setTrouble({ code, message });
  };
  return {
    show,
    ask(request) {
      setTrouble(undefined);
      request.catch(show);
    },
  };
}
