import { asMedTextError } from '../../src/base/errors';

export interface Trouble {
  /** Takes the last trouble away, and tells the request's own. */
  ask(request: Promise<unknown>): void;
  show(error: unknown): void;
}

/** What goes wrong with the host's answers, told to the person; a cancellation is no trouble. */
export function troubleTold(tell: (message: string) => void): Trouble {
  const show = (error: unknown): void => {
    const { code, message } = asMedTextError(error);
    if (code !== 'CANCELLED') tell(message);
  };
  return {
    show,
    ask(request) {
      tell('');
      request.catch(show);
    },
  };
}
