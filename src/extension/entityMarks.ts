import {
  DecorationRangeBehavior,
  MarkdownString,
  OverviewRulerLane,
  Range,
  StatusBarAlignment,
  ThemeColor,
  window,
  workspace,
  type DecorationOptions,
  type StatusBarItem,
  type TextDocument,
  type TextEditor,
  type TextEditorDecorationType,
} from 'vscode';
import { DisposableStore, type Disposable } from '../base/disposables';
import type { Translate } from '../base/translate';
import type { MarkedEntity } from '../protocol/scorer';
import { escapeMarkdown } from './hover/hoverText';
import type { CommandId } from './ids';

/** The preview's colours, in its order, so that a type has the same colour everywhere. */
const COLORS = ['charts.blue', 'charts.orange', 'charts.green', 'charts.purple', 'charts.red', 'charts.yellow'];

/** An entity in its document. */
export interface DocumentEntity extends MarkedEntity {
  /** In the document. */
  readonly offset: number;
}

/** Entities marked in one document: lines below them, a legend behind the first line, and what to press in the status bar. */
class Marks implements Disposable {
  private readonly store = new DisposableStore();
  private readonly status: StatusBarItem;
  private readonly decorations: { readonly type: TextEditorDecorationType; readonly options: DecorationOptions[] }[] =
    [];

  constructor(
    readonly document: TextDocument,
    entities: readonly DocumentEntity[],
    modelName: string,
    t: Translate,
  ) {
    const types = [...new Set(entities.map(({ type }) => type))].sort((a, b) => a.localeCompare(b, 'en', { numeric: true })); // prettier-ignore
    const end = document.lineAt(0).range.end;
    types.forEach((name, index) => {
      const color = new ThemeColor(COLORS[index % COLORS.length]);
      const own = entities.filter(({ type }) => type === name);
      const options = own.map(({ offset, start, end: last, probability }): DecorationOptions => {
        const range = new Range(document.positionAt(offset + start), document.positionAt(offset + last));
        const hoverMessage = new MarkdownString(`**${escapeMarkdown(name)}** ${probability.toFixed(3)}`);
        return { range, hoverMessage };
      });
      const underline = { borderColor: color, borderStyle: 'solid', borderWidth: '0 0 2px 0' };
      const ruler = { overviewRulerColor: color, overviewRulerLane: OverviewRulerLane.Center };
      const rangeBehavior = DecorationRangeBehavior.ClosedClosed;
      this.add(window.createTextEditorDecorationType({ ...underline, ...ruler, rangeBehavior }), options);
      const contentText = ` ${name} ${own.length} `;
      const after = { contentText, color, border: '1px solid', borderColor: color, margin: '0 0 0 8px' };
      this.add(window.createTextEditorDecorationType({ after }), [{ range: new Range(end, end) }]);
    });
    this.status = this.store.add(window.createStatusBarItem('medtext.entities', StatusBarAlignment.Right, 90));
    this.status.name = t('Marked entities');
    this.status.text = `$(symbol-color) ${t('{0} entities', entities.length)}`;
    const counts = types.map((type) => `${type} ${entities.filter((one) => one.type === type).length}`);
    this.status.tooltip = [t('Marked by {0}. Click to remove the marks.', modelName), ...counts].join('\n');
    this.status.command = 'medtext.markEntities' satisfies CommandId;
  }

  private add(type: TextEditorDecorationType, options: DecorationOptions[]): void {
    this.decorations.push({ type: this.store.add(type), options });
  }

  show(editors: readonly TextEditor[]): void {
    for (const editor of editors) {
      if (editor.document !== this.document) continue;
      for (const { type, options } of this.decorations) editor.setDecorations(type, options);
    }
    if (window.activeTextEditor?.document === this.document) this.status.show();
    else this.status.hide();
  }

  dispose(): void {
    this.store.dispose();
  }
}

/** The marked documents of the window. A document that is edited or closed loses its marks: they would lie. */
export class EntityMarks implements Disposable {
  private readonly store = new DisposableStore();
  private readonly marked = new Map<TextDocument, Marks>();

  constructor(private readonly t: Translate) {
    this.store.add(workspace.onDidCloseTextDocument((document) => this.clear(document)));
    this.store.add(workspace.onDidChangeTextDocument(({ document, contentChanges }) => contentChanges.length > 0 && this.clear(document))); // prettier-ignore
    this.store.add(window.onDidChangeVisibleTextEditors((editors) => this.showAll(editors)));
    this.store.add(window.onDidChangeActiveTextEditor(() => this.showAll(window.visibleTextEditors)));
  }

  /** Whether there were marks to take away. */
  clear(document: TextDocument): boolean {
    this.marked.get(document)?.dispose();
    return this.marked.delete(document);
  }

  mark(document: TextDocument, entities: readonly DocumentEntity[], modelName: string): void {
    this.clear(document);
    this.marked.set(document, new Marks(document, entities, modelName, this.t));
    this.showAll(window.visibleTextEditors);
  }

  private showAll(editors: readonly TextEditor[]): void {
    for (const marks of this.marked.values()) marks.show(editors);
  }

  dispose(): void {
    for (const document of [...this.marked.keys()]) this.clear(document);
    this.store.dispose();
  }
}
