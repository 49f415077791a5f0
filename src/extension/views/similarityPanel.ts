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
import {
  similarityPanelContract,
  type SimilarityPanelContract,
  type SimilaritySnapshot,
} from '../../protocol/similarityPanel';
import type { BaseServices } from '../baseServices';
import { questionTo, type Question } from '../datasetPreview/modelUse';
import { readsSingleTexts, singleTextHint } from '../scoringService';
import type { TextRange } from '../hover/sentenceAt';
import { comparisonPlan, type ComparisonPlan } from './comparisonPlan';
import { ScoredComparison } from './scoredComparison';
import { SinglePanel } from './singlePanel';
import { windowLanguage } from './webviewHtml';

const debounceMs = 250;
const maxDocumentLength = 5_000_000;
/** Between two pictures of a comparison under way, for each of its pairs: a snapshot holds all of them. */
const pauseMsPerPair = 0.1;

export interface SimilarityPanel extends Disposable {
  /** Takes the panel that comes back with the window. */
  readonly panel: WebviewPanelSerializer;
  /** Opens the panel beside the editor, or brings it forward, and compares the editor's selection. */
  compare(editor: TextEditor): void;
}

/** A comparison on the screen: a click refers to its revision. */
interface Shown {
  readonly document: TextDocument;
  readonly scored: ScoredComparison;
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
  /** The person ended the scoring of what is shown. */
  private isStopped = false;
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
        const { plan } = this.comparisonOf(revision, id).scored;
        this.services.setReference(plan.texts[id]);
      },
      clearReference: () => this.services.setReference(undefined),
      follow: ({ on }) => {
        this.follows = on;
        if (on) this.schedule(window.activeTextEditor);
        this.send();
      },
      stop: ({ revision }) => {
        this.comparisonOf(revision, 0);
        this.isStopped = true;
        this.scoring.value = undefined;
        this.send();
      },
      goOn: ({ revision }) => void this.score(this.comparisonOf(revision, 0).scored),
      setScale: () => void commands.executeCommand('medtext.setScale'),
      chooseModel: () => void commands.executeCommand('medtext.chooseActiveModel'),
    };
  }

  private comparisonOf(revision: number, id: number): Shown {
    if (revision === this.revision && this.shown && id < this.shown.scored.plan.ranges.length) return this.shown;
    throw new MedTextError('NOT_FOUND', words`The page shows another comparison now.`);
  }

  private async jump(revision: number, id: number): Promise<void> {
    const { document, scored } = this.comparisonOf(revision, id);
    const { plan } = scored;
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
    if (!this.panel.isOpen) return;
    const wanted = this.wanted();
    if (wanted === 'too large') {
      this.error = {
        code: 'UNSUPPORTED',
        message: this.services.t('The document is too large to compare its sentences.'),
      };
      return this.send();
    }
    if (!wanted) return this.send();
    const { document, plan } = wanted;
    const isShown = this.shown?.document === document && isSamePlan(this.shown.scored.plan, plan);
    const { modelId } = this.services.scoring;
    const isStopped = this.isStopped && (this.shown?.scored.doneFor(modelId) ?? 0) > 0;
    if (isShown && (isStopped || this.shown!.scored.isWhole(modelId))) return this.send();
    if (!isShown) {
      this.revision++;
      this.shown = { document, scored: new ScoredComparison(plan) };
    }
    this.error = null;
    await this.score(this.shown!.scored);
  }

  /**
   * What stands to be compared: the editor's selection; where there is none, or it is not followed, what was compared
   * before, against the reference of now. Undefined when nothing was.
   */
  private wanted(): { document: TextDocument; plan: ComparisonPlan } | 'too large' | undefined {
    const { editor, shown } = this;
    // A new model, or a panel seen again, is no reason to take what is selected by now.
    const stays = this.jumped !== undefined || !(this.follows || this.isAsked);
    this.isAsked = false;
    if (editor && !(stays && shown?.document === editor.document)) {
      const { document } = editor;
      const text = document.getText();
      if (text.length > maxDocumentLength) return 'too large';
      const offsets = ({ start, end }: Range) => ({ start: document.offsetAt(start), end: document.offsetAt(end) });
      const plan = comparisonPlan(
        text,
        editor.selections.map(offsets),
        this.services.scoring.reference,
        this.question(),
      );
      if (plan) return { document, plan };
    }
    // The cursor between sentences: what was compared stays.
    if (!shown) return undefined;
    const { document } = shown;
    const plan = comparisonPlan(
      document.getText(),
      this.rangesOfShown(shown),
      this.services.scoring.reference,
      this.question(),
    );
    return plan && { document, plan };
  }

  private question(): Question {
    const model = this.services.models.active();
    return model ? questionTo(model) : 'pairs';
  }

  /** After a jump the editor's selection is the jump's: what is compared stays what was selected before. */
  private rangesOfShown({ scored: { plan } }: Shown): readonly TextRange[] {
    const comparison = plan.comparison([]);
    if (comparison.kind === 'pairs') return plan.ranges;
    return plan.ranges.slice(0, comparison.kind === 'ranking' ? 1 : comparison.selected);
  }

  /** A few pairs at a time, shown as they come; a newer comparison ends it. */
  private async score(scored: ScoredComparison): Promise<void> {
    const abort = new AbortController();
    this.scoring.value = disposable(() => abort.abort());
    this.isStopped = false;
    const { scoring, models, t } = this.services;
    this.send();
    let sentMs = Date.now();
    const sendAtTimes = (): void => {
      if (Date.now() - sentMs < pauseMsPerPair * scored.plan.pairs.length) return;
      this.send();
      sentMs = Date.now();
    };
    try {
      const ask: Parameters<ScoredComparison['score']>[1] = async (pairs, signal) => {
        if (scored.plan.question !== 'entities') return scoring.score(pairs, signal);
        const { modelId, entities } = await scoring.mark(pairs.map(({ first }) => first), signal); // prettier-ignore
        return { modelId, scores: entities };
      };
      await scored.score(scoring.modelId, ask, abort.signal, sendAtTimes);
      if (!abort.signal.aborted) this.send();
    } catch (caught) {
      const failure = asMedTextError(caught);
      const { code } = failure;
      // After another model's answer the change of models asks anew.
      if (abort.signal.aborted || code === 'CANCELLED') return;
      const model = models.active();
      const isSingle = model !== undefined && readsSingleTexts(caught);
      this.error = { code, message: isSingle ? singleTextHint(model.name, t) : errorText(failure, t) };
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
      done: shown?.scored.doneFor(scoring.modelId) ?? 0,
      total: shown?.scored.plan.pairs.length ?? 0,
      model: model ? { name: model.name, description: model.description } : null,
      documentName: shown ? basename(shown.document.fileName) : null,
      stopped: this.isStopped,
      comparison: shown?.scored.plan.comparison(shown.scored.scoresFor(scoring.modelId)) ?? null,
      error: model ? this.error : null,
    };
  }
}

/** Whether both compare the same texts in the same places; the document may have been edited between. */
function isSamePlan(one: ComparisonPlan, other: ComparisonPlan): boolean {
  return (
    JSON.stringify([one.question, one.ranges, one.pairs]) ===
    JSON.stringify([other.question, other.ranges, other.pairs])
  );
}
