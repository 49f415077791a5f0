import { asMedTextError, MedTextError, plainError, words } from '../base/errors';
import { wordsFrom } from '../base/words';
import type { PreviewModel, PreviewOpening, PreviewOverview, PreviewSource, PredictionCounts, RowInputs } from '../protocol/dataProcess'; // prettier-ignore
import {
  maxRowsPerRequest,
  wholeFile,
  type FieldMapping,
  type Findings,
  type Insights,
  type Prediction,
  type PreviewState,
  type ShownView,
  type CleanOptions,
  type CleanPlan,
  type SplitOptions,
  type SplitPlan,
  type ViewQuery,
} from '../protocol/datasetPreview';
import type { ToldError } from '../protocol/errorWords';
import { textOf, valueIn } from '../data/dataRow';
import { beginningOf } from './cells';
import { atOnce } from './pacer';
import { inputsOfRows, keepPredictions } from './predictedRows';
import { PredictionTable } from './predictionTable';
import { checkQuery, type QueryContext } from './rowFilter';
import { isUnreadable } from './rowStore';
import { RowView } from './rowView';
import { SessionStatistics } from './sessionStatistics';
import { ShownFile } from './shownFile';
import { ViewOnShow } from './shownView';
import { planClean, writeClean, type WrittenClean } from './cleanPreview';
import { planSplit, writeSplit } from './splitPreview';
import type { StatisticsInput } from './statisticsInput';
import type { TokenCounter } from './tokenCounts';
import { copyRows, exportView, rowsAt, shownRow, storedRow, type CopyOptions, type ExportOptions } from './viewRows';

/** The whole of a cell goes over the channel up to here. */
const MAX_WHOLE_CELL = 1 << 20;
const REPORT_MS = 100;

export interface PreviewListeners {
  onState(state: PreviewState): void;
  onInsights(insights: Insights): void;
  onFindings(findings: Findings): void;
}

/** One preview: a split on show, a view of it, and the statistics that grow beside. Every state it tells is complete. */
export class PreviewSession {
  private splits: readonly PreviewSource[];
  private readonly problems = new Map<string, ToldError>();
  private shown: string;
  private current: ShownFile | undefined;
  private error: PreviewState['error'] = null;
  /** The sheets of a workbook of which the wanted one cannot be shown. */
  private unopened: { readonly sheet?: string; readonly sheets?: readonly string[] } = {};
  private mapping: FieldMapping = { first_sequence: null, second_sequence: null, label: null };
  private mappingSource: PreviewState['mappingSource'];
  private labelNames: Readonly<Record<string, string>> | undefined;
  private maxLength: number | null;
  private recipe: PreviewState['recipe'];
  private model: PreviewModel | null;
  private counter: TokenCounter | undefined;
  private nextView: number;
  private view: ViewOnShow | undefined;
  private readonly statistics: SessionStatistics;
  private toldAt = -Infinity;
  private opening: Promise<void> = Promise.resolve();
  private closed = false;

  private constructor(
    opening: PreviewOpening,
    private readonly listeners: PreviewListeners,
    private readonly loadCounter: (folder: string) => Promise<TokenCounter>,
  ) {
    this.splits = opening.splits;
    this.shown = opening.shown;
    this.mappingSource = opening.mapping ? opening.mappingSource : 'guess';
    if (opening.mapping) this.mapping = opening.mapping;
    this.labelNames = opening.labelNames;
    this.maxLength = opening.maxLength;
    this.recipe = opening.recipe;
    this.model = opening.model;
    this.nextView = opening.firstView ?? 1;
    this.statistics = new SessionStatistics({
      input: () => this.statisticsInput(),
      maxLength: () => this.maxLength,
      onInsights: (insights) => {
        // A key that only later rows have is a column too.
        if (insights.columns.length > 0 && !insights.work.working) this.tell(true);
        if (!this.closed) listeners.onInsights(insights);
      },
      onFindings: (findings) => this.closed || listeners.onFindings(findings),
    });
  }

  /** Answers when the first rows can be read. */
  static async open(
    opening: PreviewOpening,
    listeners: PreviewListeners,
    loadCounter: (folder: string) => Promise<TokenCounter>,
  ): Promise<PreviewSession> {
    const session = new PreviewSession(opening, listeners, loadCounter);
    await session.showSplit(opening.shown, opening.query);
    return session;
  }

  overview(): PreviewOverview {
    return { state: this.state(), insights: this.statistics.insights, findings: this.statistics.findings };
  }

  // ── What is shown ──────────────────────────────────────────────────────────────────────────────────────────────

  /** Shows a split; the one on show is read anew. */
  showSplit(name: string, query: ViewQuery = wholeFile): Promise<void> {
    this.opening = this.opening.catch(() => undefined).then(() => this.replaceFile(name, query));
    return this.opening;
  }

  private async replaceFile(name: string, query: ViewQuery): Promise<void> {
    if (this.closed) return;
    const source = this.sourceOf(name);
    await this.endFile();
    this.shown = name;
    this.error = null;
    this.unopened = {};
    this.problems.delete(name);
    try {
      const file = await ShownFile.open(source, (isLast) => this.tell(isLast));
      this.current = file;
      if (this.mappingSource === 'guess') this.mapping = file.guess();
      await file.begun;
    } catch (error) {
      const failure = asMedTextError(error);
      const { line, sheet, sheets } = failure.detail;
      if (Array.isArray(sheets)) this.unopened = { sheet: String(sheet), sheets: sheets.map(String) };
      this.error = { ...plainError(failure), line: typeof line === 'number' ? line : null };
      this.problems.set(name, plainError(failure));
    }
    this.beginView(this.current && this.isUsable(query) ? query : wholeFile);
    this.tell(true);
    if (this.current) this.statistics.restart('insights', 'findings');
  }

  async setSplits(splits: readonly PreviewSource[]): Promise<void> {
    this.splits = splits;
    const isShownStill = splits.some(({ name }) => name === this.shown);
    if (!isShownStill && splits.length > 0) return this.showSplit(splits[0].name);
    this.tell(true);
    this.statistics.restart('insights', 'findings');
  }

  setMapping(
    mapping: FieldMapping | null,
    source: PreviewState['mappingSource'],
    labelNames?: Readonly<Record<string, string>>,
  ): void {
    // prettier-ignore
    this.mapping = mapping ?? this.current?.guess() ?? this.mapping;
    this.mappingSource = mapping ? source : 'guess';
    this.labelNames = labelNames;
    this.forgetPredictions();
    this.tell(true);
    this.statistics.restart('insights', 'findings');
  }

  setMaxLength(maxLength: number | null): void {
    this.maxLength = maxLength;
    this.tell(true);
    this.statistics.limitChanged();
  }

  setModel(model: PreviewModel | null): void {
    this.model = model;
    this.counter = undefined;
    this.forgetPredictions();
    this.tell(true);
    this.statistics.restart('insights');
  }

  setRecipe(recipe: PreviewState['recipe']): void {
    this.recipe = recipe;
    this.tell(true);
  }

  async close(): Promise<void> {
    this.closed = true;
    await this.opening.catch(() => undefined);
    await this.endFile();
  }

  private async endFile(): Promise<void> {
    this.view?.cancel();
    const ended = this.current;
    this.current = undefined;
    const statistics = this.statistics.end();
    await ended?.close();
    await statistics;
  }

  // ── Rows ───────────────────────────────────────────────────────────────────────────────────────────────────────

  async rows(view: number, start: number, count: number, signal?: AbortSignal) {
    const { rows: list } = this.viewOf(view);
    const end = Math.min(list.length, start + Math.min(count, maxRowsPerRequest));
    const stored = await atOnce(rowsAt(this.file.store, list, start, end, signal));
    return { rows: stored.map((row, i) => shownRow(this.file, row, list.groupAt(start + i))), total: list.length };
  }

  /** Errors: `NOT_FOUND`. */
  async cell(view: number, row: number, column: string, signal?: AbortSignal) {
    this.viewOf(view);
    const stored = await atOnce(storedRow(this.file.store, row, signal));
    const text = isUnreadable(stored) ? stored.excerpt : textOf(valueIn(stored.values, column));
    return { text: beginningOf(text, MAX_WHOLE_CELL), isWhole: text.length <= MAX_WHOLE_CELL };
  }

  position(view: number, row: number): number | null {
    const index = this.viewOf(view).rows.indexOf(row);
    return index < 0 ? null : index;
  }

  async line(view: number, row: number, signal?: AbortSignal): Promise<number | null> {
    this.viewOf(view);
    return this.file.lineOf(await atOnce(storedRow(this.file.store, row, signal)));
  }

  /** Errors: `USAGE` for a query that makes no sense. */
  async setView(query: ViewQuery): Promise<number> {
    await this.opening;
    if (needsTokens(query)) await this.tokenCounter();
    const view = this.beginView(query, this.context());
    this.tell(true);
    return view;
  }

  private beginView(query: ViewQuery, context?: QueryContext): number {
    if (!this.current) {
      this.view = undefined;
      return this.nextView++;
    }
    const { store, indexed } = this.current;
    const checked = context ?? this.context();
    checkQuery(query, checked);
    const rows = new RowView(store, query, checked);
    this.view?.cancel();
    const view = new ViewOnShow(this.nextView++, query, rows);
    this.view = view;
    const tell = (isLast: boolean): void => {
      if (this.view === view) this.tell(isLast);
    };
    if (view.working) void view.build(indexed, tell);
    return view.id;
  }

  private isUsable(query: ViewQuery): boolean {
    try {
      checkQuery(query, this.context());
      return true;
    } catch {
      return false;
    }
  }

  private context(): QueryContext {
    const { columns, predictions } = this.file;
    return {
      columns,
      predictions,
      mapping: this.mapping,
      several: this.current?.severalIn(this.mapping.label),
      counter: this.counter,
      found: (id) => this.statistics.rowsOf(id),
    };
  }

  private get file(): ShownFile {
    if (this.current) return this.current;
    const { error } = this;
    if (error) throw new MedTextError('NOT_FOUND', wordsFrom(error.words) ?? error.message);
    throw new MedTextError('NOT_FOUND', words`No file is open.`);
  }

  private viewOf(id: number): ViewOnShow {
    if (this.view?.id === id) return this.view;
    throw new MedTextError('NOT_FOUND', words`The page shows another view now.`, { view: id });
  }

  private sourceOf(name: string): PreviewSource {
    const source = this.splits.find((split) => split.name === name);
    if (source) return source;
    throw new MedTextError('NOT_FOUND', words`There is no split ${JSON.stringify(name)}.`, { name });
  }

  // ── Predictions ────────────────────────────────────────────────────────────────────────────────────────────────

  inputs(rows: readonly number[], signal?: AbortSignal): Promise<(RowInputs | null)[]> {
    return atOnce(inputsOfRows(this.file, this.mapping, this.labelNames, rows, signal));
  }

  predicted(rows: readonly number[], said: readonly (Prediction | null)[]): Promise<PredictionCounts> {
    return keepPredictions(this.file, this.mapping, this.labelNames, rows, said);
  }

  forgetPredictions(): void {
    if (this.current) this.current.predictions = new PredictionTable();
  }

  // ── Taking rows away ───────────────────────────────────────────────────────────────────────────────────────────

  copy(view: number, options: CopyOptions): Promise<{ text: string; rows: number }> {
    return atOnce(copyRows(this.file.store, this.viewOf(view).rows, options));
  }

  /** Errors: `CANCELLED`, `IO`, `DISK_FULL`; `BUSY` while the view is still being found. */
  async export(
    view: number,
    options: ExportOptions,
    onProgress: (done: number, total: number) => void,
    signal: AbortSignal,
  ): Promise<number> {
    const { rows, working } = this.viewOf(view);
    if (working)
      throw new MedTextError('BUSY', words`The search for the rows is still running. Export them when it has ended.`);
    const { file } = this;
    await file.indexed;
    return exportView(file, rows, this.mapping, options, onProgress, signal);
  }

  // ── Splitting and statistics ───────────────────────────────────────────────────────────────────────────────────

  start(task: 'insights' | 'findings'): void {
    this.statistics.restart(task);
  }

  cancel(task: 'view' | 'insights' | 'findings'): void {
    if (task === 'view') this.view?.cancel();
    else this.statistics.cancel(task);
  }

  async planClean({ operations }: CleanOptions, signal: AbortSignal): Promise<CleanPlan> {
    const { file } = this;
    await file.indexed;
    return planClean(file.store.scan(signal), this.mapping, operations, signal);
  }

  async writeClean(options: CleanOptions, output: string, signal: AbortSignal): Promise<WrittenClean> {
    const { file, mapping } = this;
    await file.indexed;
    const { isNamed, store } = file;
    return writeClean(file.file, store.scan(signal), output, { ...options, mapping, isNamed }, signal);
  }

  async planSplit(options: SplitOptions, signal: AbortSignal): Promise<SplitPlan> {
    await this.file.indexed;
    return (await planSplit(this.file, options, this.mapping, signal)).plan;
  }

  async writeSplit(
    options: SplitOptions,
    files: Readonly<Record<string, string>>,
    signal: AbortSignal,
  ): Promise<SplitPlan> {
    // prettier-ignore
    const { file } = this;
    await file.indexed;
    const planned = await planSplit(file, options, this.mapping, signal);
    await writeSplit(file, planned, files, signal);
    return planned.plan;
  }

  private async statisticsInput(): Promise<StatisticsInput | undefined> {
    const file = this.current;
    if (!file) return undefined;
    await file.indexed;
    const { shown, mapping, splits } = this;
    let counterProblem: StatisticsInput['counterProblem'] = null;
    const counter = await this.tokenCounter().catch((error: unknown) => {
      counterProblem = plainError(asMedTextError(error));
      return undefined;
    });
    return {
      file,
      shown,
      mapping,
      others: splits.filter(({ name }) => name !== shown),
      counter,
      counterProblem,
      onProblem: (split, error) => {
        this.problems.set(split, plainError(error));
        this.tell();
      },
    };
  }

  // ── What is told ───────────────────────────────────────────────────────────────────────────────────────────────

  private async tokenCounter(): Promise<TokenCounter | undefined> {
    const { model } = this;
    if (!model || this.counter) return this.counter;
    const counter = await this.loadCounter(model.folder);
    if (this.model === model) this.counter = counter;
    return this.counter;
  }

  /** Ten times a second at most, the last one always. */
  private tell(now = false): void {
    if (this.closed || (!now && performance.now() - this.toldAt < REPORT_MS)) return;
    this.toldAt = performance.now();
    this.listeners.onState(this.state());
  }

  private state(): PreviewState {
    const { current, view } = this;
    const { sheet, sheets = [] } = current?.file.workbook ?? this.unopened;
    const model = this.model && { name: this.model.name, description: this.model.description };
    return {
      splits: this.splits.map(({ name, file }) => ({ name, fileName: baseName(file), problem: this.problems.get(name) ?? null })), // prettier-ignore
      shown: this.shown,
      file: current?.description() ?? null,
      sheet: sheet ?? null,
      sheets: [...sheets],
      columns: current?.columns ?? [],
      index: current?.index() ?? { rows: 0, bad: 0, badRows: [], working: false, fraction: 1, error: null },
      error: this.error,
      mapping: this.mapping,
      mappingSource: this.mappingSource,
      recipe: this.recipe,
      maxLength: this.maxLength,
      model,
      view: view?.state() ?? { ...noView, id: this.nextView - 1 },
    };
  }
}

const noView: ShownView = { id: 0, query: wholeFile, rows: 0, working: false, fraction: 1, partial: false, error: null }; // prettier-ignore

function needsTokens({ filters, sort }: ViewQuery): boolean {
  const isTokens = (filter: ViewQuery['filters'][number]) => filter.kind === 'range' && (filter.column === null || filter.measure === 'tokens'); // prettier-ignore
  return filters.some(isTokens) || (sort?.kind === 'column' && sort.measure === 'tokens');
}

function baseName(path: string): string {
  return path.split(/[\\/]/).at(-1)!;
}
