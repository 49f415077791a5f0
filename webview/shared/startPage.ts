import { untranslated, type Translate } from '../../src/base/translate';
import type { ClientChannel } from '../../src/protocol/channel';
import type { Contract, Params, Result } from '../../src/protocol/contract';
import type { ShownError } from './errorNotice';
import { connectToHost } from './host';
import { troubleReporter, type Trouble } from './trouble';
import { translateWith } from './wordings';

interface PageStart<Snapshot> {
  /** Draws the whole page. The first call comes before the host's answer. */
  paint(): void;
  /** Takes the snapshot from the host's first answer. */
  show(snapshot: Snapshot): void;
  /** Shows the error on the page; undefined removes the error that is shown. */
  setTrouble(error: ShownError | undefined): void;
}

interface Page<C extends Contract> extends Trouble {
  readonly host: ClientChannel<C>;
  /** Translates a message into the editor's language. Before the host's answer messages are English. */
  readonly t: Translate;
  readonly root: HTMLElement;
}

type SnapshotOf<C extends Contract> = Result<C, 'initialize'> extends { readonly snapshot: infer S } ? S : never;

/**
 * Starts a page: opens the channel to the extension host, draws the page without data, and asks the host for the
 * language and the snapshot. The first drawing waits until the page's module has run to its end.
 */
export function startPage<C extends Contract>(contract: C, page: PageStart<SnapshotOf<C>>): Page<C> {
  const host = connectToHost(contract);
  const root = document.getElementById('root')!;
  const trouble = troubleReporter((error) => page.setTrouble(error));
  let translate: Translate = untranslated;
  queueMicrotask(() => {
    page.paint();
    host.request('initialize', undefined as Params<C, 'initialize'>).then((answer) => {
      document.documentElement.lang = answer.language;
      translate = translateWith(answer.wordings);
      page.show(answer.snapshot);
    }, trouble.show);
  });
  return { host, root, t: (message, ...values) => translate(message, ...values), ...trouble };
}
