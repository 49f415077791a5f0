import { DisposableStore, Slot, type Disposable } from '../../base/disposables';
import { Emitter } from '../../base/events';
import type { Translate } from '../../base/translate';
import { ServerChannel, type Handlers, type Port } from '../../protocol/channel';
import type { Contract, EventName, Payload } from '../../protocol/contract';
import { errorText } from '../../protocol/errorWords';
import { pageMessage } from '../../protocol/pageMessage';

/** The part of `vscode.Webview` that messages need. */
export interface MessageWebview {
  postMessage(message: unknown): PromiseLike<boolean>;
  readonly onDidReceiveMessage: (listener: (message: unknown) => unknown) => Disposable;
}

/**
 * The host's end of a webview's channel. A webview that was hidden or reloaded comes back with a new page: each page
 * gets a channel of its own, and what an earlier page asked is aborted.
 */
export class WebviewServer<C extends Contract> implements Disposable {
  private readonly store = new DisposableStore();
  private readonly page = this.store.add(new Slot<PageEnd<C>>());

  constructor(
    private readonly webview: MessageWebview,
    private readonly contract: C,
    private readonly handlers: Handlers<C>,
    private readonly t: Translate,
  ) {
    this.store.add(webview.onDidReceiveMessage((message) => this.receive(message)));
  }

  /** Sends an event to the page that is open; none is kept for a later one, which asks for a snapshot itself. */
  emit<K extends EventName<C>>(name: K, payload: Payload<C, K>): void {
    this.page.value?.channel.emit(name, payload);
  }

  dispose(): void {
    this.store.dispose();
  }

  private receive(received: unknown): void {
    let page: string;
    let message: unknown;
    try {
      ({ page, message } = pageMessage(received));
    } catch {
      return;
    }
    if (this.page.value?.id !== page)
      this.page.value = new PageEnd(page, this.webview, this.contract, this.handlers, this.t);
    this.page.value!.deliver(message);
  }
}

class PageEnd<C extends Contract> implements Disposable {
  readonly channel: ServerChannel<C>;
  private readonly message = new Emitter<unknown>();
  private readonly close = new Emitter<void>();

  constructor(
    readonly id: string,
    webview: MessageWebview,
    contract: C,
    handlers: Handlers<C>,
    t: Translate,
  ) {
    const port: Port = {
      // False or a rejection: the page is gone, and so is whoever waited.
      post: (message) => void webview.postMessage({ page: id, message }).then(undefined, () => undefined),
      onMessage: this.message.event,
      onClose: this.close.event,
    };
    this.channel = new ServerChannel(contract, port, handlers, (error) => errorText(error, t));
  }

  deliver(message: unknown): void {
    this.message.fire(message);
  }

  dispose(): void {
    this.close.fire();
    this.channel.dispose();
  }
}
