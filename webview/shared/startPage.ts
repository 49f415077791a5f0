import { untranslated, type Translate } from '../../src/base/translate';
import type { ClientChannel } from '../../src/protocol/channel';
import type { Contract, Params, Result } from '../../src/protocol/contract';
import { connectToHost } from './host';
import { troubleTold, type Trouble } from './trouble';
import { translateWith } from './wordings';

interface PageStart<Snapshot> {
  /** Draws the whole page; the first time before the host has answered. */
  paint(): void;
  /** What there is to show, in the host's first answer. */
  show(snapshot: Snapshot): void;
  /** Says what went wrong; an empty message takes it away. */
  tell(message: string): void;
}

interface Page<C extends Contract> extends Trouble {
  readonly host: ClientChannel<C>;
  /** The page's words, in the window's language once the host has said it. */
  readonly t: Translate;
  readonly root: HTMLElement;
}

type SnapshotOf<C extends Contract> = Result<C, 'initialize'> extends { readonly snapshot: infer S } ? S : never;

/**
 * What every page begins with: its channel to the extension host, a first empty picture, the request for language and
 * snapshot. The page's own module runs to its end before anything is drawn.
 */
export function startPage<C extends Contract>(contract: C, page: PageStart<SnapshotOf<C>>): Page<C> {
  const host = connectToHost(contract);
  const root = document.getElementById('root')!;
  const trouble = troubleTold((message) => page.tell(message));
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
