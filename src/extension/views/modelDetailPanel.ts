import { ViewColumn, commands, type WebviewPanelSerializer } from 'vscode';
import { DisposableStore, type Disposable } from '../../base/disposables';
import { asMedTextError, MedTextError, words } from '../../base/errors';
import type { Handlers } from '../../protocol/channel';
import { errorText } from '../../protocol/errorWords';
import {
  modelDetailContract,
  type ModelDetailContract,
  type ModelDetailSnapshot,
} from '../../protocol/modelDetailPanel';
import type { BaseServices } from '../baseServices';
import type { ListedModel } from '../modelStore';
import { setting } from '../settings';
import { SinglePanel } from './singlePanel';
import { windowLanguage } from './webviewHtml';

/** A bound on the characters of a try-out. */
const maxCharacters = 5000;
const maxTop = 20;

export interface ModelDetailPanel extends Disposable {
  /** Takes the panel that comes back with the window. */
  readonly panel: WebviewPanelSerializer;
  /** Opens the panel, or brings it forward, with this model. */
  show(model: ListedModel): void;
}

export function createModelDetail(services: BaseServices): ModelDetailPanel {
  return new ModelDetailHost(services);
}

class ModelDetailHost implements ModelDetailPanel {
  private readonly store = new DisposableStore();
  readonly panel: SinglePanel<ModelDetailContract>;
  private folder = '';
  /** The detail of the shown folder, kept so that a change of the list does not read it again. */
  private read: { readonly folder: string; readonly detail: ReturnType<ModelDetailHost['readDetail']> } | undefined;

  constructor(private readonly services: BaseServices) {
    this.panel = this.store.add(
      new SinglePanel(services, {
        type: 'medtext.modelDetail',
        page: 'modelDetail',
        title: services.t('Model Details'),
        contract: modelDetailContract,
        handlers: this.handlers(),
        onRestore: (state) => {
          const folder = (state as { folder?: unknown } | null | undefined)?.folder;
          this.folder = typeof folder === 'string' ? folder : '';
          this.send();
        },
        onVisible: () => this.send(),
      }),
    );
    this.store.add(services.models.onDidChange(() => this.panel.isVisible && this.send()));
  }

  show({ folder }: ListedModel): void {
    this.folder = folder;
    this.read = undefined;
    const wasOpen = this.panel.isOpen;
    this.panel.show(ViewColumn.Active);
    if (wasOpen) this.send();
  }

  dispose(): void {
    this.store.dispose();
  }

  private handlers(): Handlers<ModelDetailContract> {
    const { library } = this.services;
    const cut = (text: string): string => text.slice(0, maxCharacters);
    return {
      initialize: async () => ({ ...windowLanguage(), snapshot: await this.snapshot() }),
      tokenize: ({ folder, first, second }, signal) => {
        this.known(folder);
        const params = { folder, first: cut(first), ...(second !== undefined && { second: cut(second) }) };
        return library.request('tokenize', params, signal);
      },
      fillMask: ({ folder, text, top }, signal) => {
        const threads = setting('medtext.runtime.threads');
        const params = { folder: this.known(folder).folder, text: cut(text), top: Math.min(top, maxTop) };
        return library.request('fillMask', { ...params, ...(threads > 0 && { threads }) }, signal);
      },
      verify: async () => void (await commands.executeCommand('medtext.verifyModel', this.known())),
      reveal: async () => void (await commands.executeCommand('medtext.revealModel', this.known())),
      activate: async () => void (await commands.executeCommand('medtext.useModel', this.known())),
    };
  }

  /** Only what is in the list: a page's memory could name any folder. @throws NOT_FOUND */
  private known(asked = this.folder): ListedModel {
    const model = this.services.models.list().find(({ folder }) => folder === this.folder && folder === asked);
    if (model) return model;
    throw new MedTextError('NOT_FOUND', words`The model is not in the list any more.`);
  }

  private async snapshot(): Promise<ModelDetailSnapshot> {
    const { folder } = this;
    const model = this.services.models.list().find((one) => one.folder === folder);
    if (!model) return { name: '', folder, isActive: false, hasHead: false, detail: null, problem: null };
    if (this.read?.folder !== folder) this.read = { folder, detail: this.readDetail(folder) };
    const { name, active, hasHead } = model;
    return { name, folder, isActive: active, hasHead, ...(await this.read.detail) };
  }

  private async readDetail(folder: string): Promise<Pick<ModelDetailSnapshot, 'detail' | 'problem'>> {
    const { library, t } = this.services;
    try {
      const { tokenizerError, ...detail } = await library.request('detail', { folder });
      const tokenizerProblem = tokenizerError ? errorText(tokenizerError, t) : detail.tokenizerProblem;
      return { detail: { ...detail, tokenizerProblem }, problem: null };
    } catch (error) {
      const known = asMedTextError(error);
      return { detail: null, problem: { code: known.code, message: errorText(known, t) } };
    }
  }

  private send(): void {
    const { folder } = this;
    void this.snapshot().then((snapshot) => {
      if (folder === this.folder) this.panel.emit('snapshot', snapshot);
    });
  }
}
