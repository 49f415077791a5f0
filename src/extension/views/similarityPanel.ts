import { basename } from 'node:path';
import {
  Range,
  Selection,
  TextEditorRevealType,
  ViewColumn,
  commands,
  window,
  workspace,
  type TextDocument,
  type TextEditor,
  type WebviewPanelSerializer,
} from 'vscode';
import { disposable, DisposableStore, Slot, type Disposable } from '../../base/disposables';
import { asMedTextError, MedTextError, words } from '../../base/errors';
import type { Handlers } from '../../protocol/channel';
import { errorText } from '../../protocol/errorWords';
import type { PairScore } from '../../protocol/scorer';
import {
  similarityPanelContract,
  type SimilarityPanelContract,
  type SimilaritySnapshot,
} from '../../protocol/similarityPanel';
import type { BaseServices } from '../baseServices';
import { readsSingleTexts, singleTextHint } from '../scoringService';
import { comparisonPlan, type ComparisonPlan } from './comparisonPlan';
import { SinglePanel } from './singlePanel';
import { windowLanguage } from './webviewHtml';

const debounceMs = 250;
const pairsAtATime = 32;
const maxDocumentLength = 5_000_000;

export interface SimilarityPanel extends Disposable {
  /** Takes the panel that comes back with the window. */
  readonly panel: WebviewPanelSerializer;
  /** Opens the panel beside the editor, or brings it forward, and compares the editor's selection. */
  compare(editor: TextEditor): void;
}

/** A comparison on the screen: a click refers to its revision. */
interface Shown {
  readonly document: TextDocument;
  readonly plan: ComparisonPlan;
  readonly scores: readonly PairScore[];
}

export function createSimilarityPanel(services: BaseServices): SimilarityPanel {
  return new SimilarityPanelHost(services);
}

class SimilarityPanelHost implements SimilarityPanel {
  private readonly store = new DisposableStore();
  readonly panel: SinglePanel<SimilarityPanelContract>;
  private readonly scoring = this.store.add(new Slot<Disposable>());
  private editor: TextEditor | undefined;
  private shown: Shown | undefined;
  private error: SimilaritySnapshot['error'] = null;
  private revision = 0;
  private follows = true;
  /** The person has asked for the editor's selection, whether or not it is followed. */
  private isAsked = false;
  private timer: NodeJS.Timeout | undefined;
  /** What a jump selected: following that would replace the list that was clicked. */
  private jumped: Selection | undefined;

  constructor(private readonly services: BaseServices) {
    const { models, scoring, t } = services;
    this.panel = this.store.add(
      new SinglePanel(services, {
        type: 'medtext.similarity',
        page: 'similarityPanel',
        title: t('Similarity'),
        contract: similarityPanelContract,
        handlers: this.handlers(),
        onRestore: () => this.schedule(window.activeTextEditor ?? window.visibleTextEditors[0]),
        onVisible: () => this.schedule(),
        onClose: () => {
          this.scoring.value = undefined;
          this.shown = undefined;
        },
      }),
    );
    const again = (): void => this.schedule();
    this.store.add(
      window.onDidChangeTextEditorSelection(({ textEditor, selections }) => {
        if (this.jumped && selections.length === 1 && selections[0].isEqual(this.jumped)) return;
        this.jumped = undefined;
        if (this.follows) this.schedule(textEditor);
      }),
    );
    this.store.add(window.onDidChangeActiveTextEditor((editor) => editor && this.follows && this.schedule(editor)));
    this.store.add(
      workspace.onDidChangeTextDocument(({ document }) => {
        if (document !== this.editor?.document || !this.follows) return;
        this.jumped = undefined;
        this.schedule();
      }),
    );
    this.store.add(models.onDidChange(again));
    this.store.add(scoring.onDidChangeReference(again));
  }

  compare(editor: TextEditor): void {
    this.panel.show(ViewColumn.Beside, true);
    this.jumped = undefined;
    this.isAsked = true;
    this.schedule(editor);
  }

  dispose(): void {
    clearTimeout(this.timer);
    this.store.dispose();
  }

  private handlers(): Handlers<SimilarityPanelContract> {
    return {
      initialize: () => ({ ...windowLanguage(), snapshot: this.snapshot() }),
      jump: ({ revision, id }) => this.jump(revision, id),
      setReference: ({ revision, id }) => {
        const { plan } = this.comparisonOf(revision, id);
        this.services.setReference(plan.texts[id]);
      },
      clearReference: () => this.services.setReference(undefined),
      follow: ({ on }) => {
        this.follows = on;
        if (on) this.schedule(window.activeTextEditor);
        this.send();
      },
      chooseModel: () => void commands.executeCommand('medtext.chooseActiveModel'),
    };
  }

  private comparisonOf(revision: number, id: number): Shown {
    if (revision === this.revision && this.shown && id < this.shown.plan.ranges.length) return this.shown;
    throw new MedTextError('NOT_FOUND', words`Another comparison is shown by now.`);
  }

  private async jump(revision: number, id: number): Promise<void> {
    const { document, plan } = this.comparisonOf(revision, id);
    const { start, end } = plan.ranges[id];
    const range = new Range(document.positionAt(start), document.positionAt(end));
    if (!document.getText(range).startsWith(plan.texts[id])) {
      throw new MedTextError('NOT_FOUND', words`The text has changed.`);
    }
    this.jumped = new Selection(range.start, range.end);
    const column = window.visibleTextEditors.find((editor) => editor.document === document)?.viewColumn;
    const editor = await window.showTextDocument(document, { viewColumn: column ?? ViewColumn.One });
    editor.selection = this.jumped;
    editor.revealRange(range, TextEditorRevealType.InCenterIfOutsideViewport);
  }

  /** Debounced: a selection that is being drawn is not scored at every step. */
  private schedule(editor?: TextEditor): void {
    if (editor && ['file', 'untitled'].includes(editor.document.uri.scheme)) this.editor = editor;
    if (!this.panel.isVisible) return;
    clearTimeout(this.timer);
    this.timer = setTimeout(() => {
      this.update().catch((error: Error) => this.services.log.warn(`similarity panel: ${error.message}`));
    }, debounceMs);
  }

  private async update(): Promise<void> {
    const { editor } = this;
    if (!editor || !this.panel.isOpen) return this.send();
    const { document } = editor;
    const text = document.getText();
    if (text.length > maxDocumentLength) {
      this.error = {
        code: 'UNSUPPORTED',
        message: this.services.t('The document is too large to compare its sentences.'),
      };
      return this.send();
    }
    const offsets = ({ start, end }: Range) => ({ start: document.offsetAt(start), end: document.offsetAt(end) });
    // A new model, or a panel seen again, is no reason to take what is selected by now.
    const stays = this.jumped !== undefined || !(this.follows || this.isAsked);
    const isShown = this.shown?.document === document;
    const chosen = stays && isShown ? this.rangesOfShown() : editor.selections.map(offsets);
    this.isAsked = false;
    const plan = comparisonPlan(text, chosen, this.services.scoring.reference);
    // The cursor between sentences: what was compared stays.
    if (!plan) return this.send();
    this.revision++;
    this.error = null;
    this.shown = { document, plan, scores: [] };
    await this.score(plan);
  }

  /** After a jump the editor's selection is the jump's: what is compared stays what was selected before. */
  private rangesOfShown() {
    const { plan } = this.shown!;
    return plan.comparison([]).kind === 'pairs' ? plan.ranges : plan.ranges.slice(0, 1);
  }

  /** A few pairs at a time, shown as they come; a newer comparison ends it. */
  private async score(plan: ComparisonPlan): Promise<void> {
    const abort = new AbortController();
    this.scoring.value = disposable(() => abort.abort());
    this.send();
    try {
      for (let done = 0; done < plan.pairs.length; done += pairsAtATime) {
        const pairs = plan.pairs.slice(done, done + pairsAtATime);
        const scores = await this.services.scoring.score(pairs, abort.signal);
        if (abort.signal.aborted || !this.shown) return;
        this.shown = { ...this.shown, scores: [...this.shown.scores, ...scores] };
        this.send();
      }
    } catch (caught) {
      const failure = asMedTextError(caught);
      const { code } = failure;
      const message = errorText(failure, this.services.t);
      if (abort.signal.aborted || code === 'CANCELLED') return;
      const model = this.services.models.active();
      const isSingle = model !== undefined && readsSingleTexts(caught);
      this.error = { code, message: isSingle ? singleTextHint(model.name, this.services.t) : message };
      this.send();
    }
  }

  private send(): void {
    if (this.panel.isVisible) this.panel.emit('snapshot', this.snapshot());
  }

  private snapshot(): SimilaritySnapshot {
    const { models, scoring } = this.services;
    const model = models.active();
    const { shown } = this;
    return {
      revision: this.revision,
      follows: this.follows,
      hasReference: scoring.reference !== undefined,
      done: shown?.scores.length ?? 0,
      total: shown?.plan.pairs.length ?? 0,
      model: model ? { name: model.name, description: model.description } : null,
      documentName: shown ? basename(shown.document.fileName) : null,
      comparison: shown?.plan.comparison(shown.scores) ?? null,
      error: model ? this.error : null,
    };
  }
}
