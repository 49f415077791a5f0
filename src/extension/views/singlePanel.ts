import { window, type ViewColumn, type WebviewPanel, type WebviewPanelSerializer } from 'vscode';
import { DisposableStore, Slot, type Disposable } from '../../base/disposables';
import type { Handlers } from '../../protocol/channel';
import type { Contract, EventName, Payload } from '../../protocol/contract';
import type { BaseServices } from '../baseServices';
import type { PanelType } from '../ids';
import { loadPage } from './webviewHtml';
import { WebviewServer } from './webviewServer';

export interface SinglePanelOptions<C extends Contract> {
  readonly type: PanelType;
  /** The page's bundle in dist/webview. */
  readonly page: string;
  readonly title: string;
  readonly contract: C;
  readonly handlers: Handlers<C>;
  /** After a reload of the window, with what the page remembered. */
  readonly onRestore: (state: unknown) => void;
  /** Opened, or seen again: what happened meanwhile was not sent. */
  readonly onVisible: () => void;
  readonly onClose?: () => void;
}

/** A panel of which a window has at most one. It is opened when first shown and comes back with the window. */
export class SinglePanel<C extends Contract> implements WebviewPanelSerializer, Disposable {
  private readonly store = new DisposableStore();
  private readonly server = this.store.add(new Slot<WebviewServer<C>>());
  private panel: WebviewPanel | undefined;

  constructor(
    private readonly services: Pick<BaseServices, 'context' | 't'>,
    private readonly options: SinglePanelOptions<C>,
  ) {}

  async deserializeWebviewPanel(panel: WebviewPanel, state: unknown): Promise<void> {
    this.adopt(panel);
    this.options.onRestore(state);
  }

  get isOpen(): boolean {
    return this.panel !== undefined;
  }

  get isVisible(): boolean {
    return this.panel?.visible === true;
  }

  /** Names its tab. */
  set title(title: string) {
    if (this.panel && this.panel.title !== title) this.panel.title = title;
  }

  /** Opens it there, or brings it forward where it is. */
  show(viewColumn: ViewColumn, preserveFocus = false): void {
    if (this.panel) this.panel.reveal(undefined, preserveFocus);
    else this.adopt(window.createWebviewPanel(this.options.type, this.options.title, { viewColumn, preserveFocus }));
  }

  emit<K extends EventName<C>>(name: K, payload: Payload<C, K>): void {
    this.server.value?.emit(name, payload);
  }

  dispose(): void {
    this.panel?.dispose();
    this.store.dispose();
  }

  private adopt(panel: WebviewPanel): void {
    const { page, title, contract, handlers, onVisible, onClose } = this.options;
    this.panel?.dispose();
    this.panel = panel;
    loadPage(panel.webview, this.services.context, page, title);
    this.server.value = new WebviewServer(panel.webview, contract, handlers, this.services.t);
    panel.onDidChangeViewState(() => panel.visible && onVisible());
    panel.onDidDispose(() => {
      if (this.panel !== panel) return;
      this.panel = undefined;
      this.server.value = undefined;
      onClose?.();
    });
  }
}
