import { writeFileAtomically } from '../../base/atomicFile';
import { asMedTextError, MedTextError } from '../../base/errors';
import type { PreviewModel, PreviewOpening, PreviewOverview, PreviewSource, PredictionCounts, RowInputs } from '../../protocol/dataProcess'; // prettier-ignore
import {
  maxRowsPerRequest,
  wholeFile,
  type FieldMapping,
  type Findings,
  type Insights,
  type Prediction,
  type PreviewState,
  type ShownRow,
  type ShownView,
  type SplitOptions,
  type SplitPlan,
  type ViewQuery,
} from '../../protocol/datasetPreview';
import { beginningOf, cellOf, isMissing, textOf, valueIn } from './cells';
import { copiedText, exportedText, type ExportFormat } from './exportRows';
import { PredictionTable } from './predictionTable';
import { checkQuery, type QueryContext } from './rowFilter';
import { isUnreadable, type StoredRow } from './rowStore';
import { RowView } from './rowView';
import { SessionStatistics } from './sessionStatistics';
import { ShownFile } from './shownFile';
import { planSplit, writeSplit } from './splitPreview';
import type { StatisticsInput } from './statisticsInput';
import { inputsOf, type TokenCounter } from './tokenCounts';

/** The whole of a cell goes over the channel up to here. */
const MAX_WHOLE_CELL = 1 << 20;
const EXPORT_ROWS = 1000;
const REPORT_MS = 100;

export interface PreviewListeners {
  onState(state: PreviewState): void;
  onInsights(insights: Insights): void;
  onFindings(findings: Findings): void;
}

interface CurrentView {
  readonly id: number;
  readonly query: ViewQuery;
  readonly rows: RowView;
  readonly abort: AbortController;
  working: boolean;
  partial: boolean;
  error: ShownView['error'];
}

/** One preview: a split on show, a view of it, and the statistics that grow beside. Every state it tells is complete. */
export class PreviewSession {
  private splits: readonly PreviewSource[];
  private readonly problems = new Map<string, string>();
  private shown: string;
  private current: ShownFile | undefined;
  private error: PreviewState['error'] = null;
  private mapping: FieldMapping = { first_sequence: null, second_sequence: null, label: null };
  private mappingSource: PreviewState['mappingSource'];
  private labelNames: Readonly<Record<string, string>> | undefined;
  private maxLength: number | null;
  private recipe: PreviewState['recipe'];
  private model: PreviewModel | null;
  private counter: TokenCounter | undefined;
  private nextView: number;
  private view: CurrentView | undefined;
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
    this.problems.delete(name);
    try {
      const file = await ShownFile.open(source, (isLast) => this.tell(isLast));
      this.current = file;
      if (this.mappingSource === 'guess') this.mapping = file.guess();
      await file.begun;
    } catch (error) {
      const { code, message, detail } = asMedTextError(error);
      this.error = { code, message, line: typeof detail.line === 'number' ? detail.line : null };
      this.problems.set(name, message);
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
    this.view?.abort.abort();
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
    const stored = await this.storedRows(list, start, end, signal);
    return { rows: stored.map((row, i) => this.shownRow(row, list.groupAt(start + i))), total: list.length };
  }

  /** Errors: `NOT_FOUND`. */
  async cell(view: number, row: number, column: string, signal?: AbortSignal) {
    this.viewOf(view);
    const stored = await this.storedRow(row, signal);
    const text = isUnreadable(stored) ? stored.excerpt : textOf(valueIn(stored.values, column));
    return { text: beginningOf(text, MAX_WHOLE_CELL), isWhole: text.length <= MAX_WHOLE_CELL };
  }

  position(view: number, row: number): number | null {
    const index = this.viewOf(view).rows.indexOf(row);
    return index < 0 ? null : index;
  }

  async line(view: number, row: number, signal?: AbortSignal): Promise<number | null> {
    this.viewOf(view);
    return this.file.lineOf(await this.storedRow(row, signal));
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
    this.view?.abort.abort();
    const view: CurrentView = {
      id: this.nextView++,
      query,
      rows,
      abort: new AbortController(),
      working: !rows.isWhole,
      partial: false,
      error: null,
    };
    this.view = view;
    if (view.working) void this.buildView(view, indexed);
    return view.id;
  }

  private async buildView(view: CurrentView, indexed: Promise<void>): Promise<void> {
    const tell = (now: boolean): void => {
      if (this.view === view) this.tell(now);
    };
    try {
      await indexed;
      if (view.abort.signal.aborted) throw new MedTextError('CANCELLED', 'Cancelled.');
      await view.rows.build(() => tell(false), view.abort.signal);
    } catch (error) {
      const { code, message } = asMedTextError(error);
      view.partial = code === 'CANCELLED';
      if (!view.partial) view.error = { code, message };
    }
    view.working = false;
    tell(true);
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
      counter: this.counter,
      found: (id) => this.statistics.rowsOf(id),
    };
  }

  private async storedRows(list: RowView, start: number, end: number, signal?: AbortSignal): Promise<StoredRow[]> {
    const { store } = this.file;
    if (list.isWhole) return store.read(start, end - start, signal);
    const stored: StoredRow[] = [];
    for (let index = start; index < end;) {
      // Neighbours of the view that are neighbours in the file are read together.
      const row = list.rowAt(index);
      let run = 1;
      while (index + run < end && list.rowAt(index + run) === row + run) run++;
      stored.push(...(await store.read(row, run, signal)));
      index += run;
    }
    return stored;
  }

  private async storedRow(row: number, signal?: AbortSignal): Promise<StoredRow> {
    const [stored] = await this.file.store.read(row, 1, signal);
    if (!stored) throw new MedTextError('NOT_FOUND', `The file has no row ${row + 1}.`, { row });
    return stored;
  }

  private shownRow(stored: StoredRow, group: number | null): ShownRow {
    const { columns, predictions } = this.file;
    const place = { row: stored.row, line: this.file.lineOf(stored), group };
    if (isUnreadable(stored)) {
      return { ...place, cells: [], bad: { reason: stored.reason, excerpt: stored.excerpt }, prediction: null };
    }
    const cells = columns.map((column) => cellOf(valueIn(stored.values, column)));
    return { ...place, cells, bad: null, prediction: predictions.get(stored.row) };
  }

  private get file(): ShownFile {
    if (this.current) return this.current;
    throw new MedTextError('NOT_FOUND', this.error?.message ?? 'No file is open.');
  }

  private viewOf(id: number): CurrentView {
    if (this.view?.id === id) return this.view;
    throw new MedTextError('NOT_FOUND', 'Another view is shown by now.', { view: id });
  }

  private sourceOf(name: string): PreviewSource {
    const source = this.splits.find((split) => split.name === name);
    if (source) return source;
    throw new MedTextError('NOT_FOUND', `There is no split ${JSON.stringify(name)}.`, { name });
  }

  // ── Predictions ────────────────────────────────────────────────────────────────────────────────────────────────

  async inputs(rows: readonly number[], signal?: AbortSignal): Promise<(RowInputs | null)[]> {
    const found: (RowInputs | null)[] = [];
    for (const row of rows) {
      const [stored] = await this.file.store.read(row, 1, signal);
      const inputs = stored && !isUnreadable(stored) ? inputsOf(stored.values, this.mapping) : undefined;
      found.push(inputs ? { ...inputs, label: this.labelOf(stored) ?? null } : null);
    }
    return found;
  }

  async predicted(rows: readonly number[], said: readonly (Prediction | null)[]): Promise<PredictionCounts> {
    const { predictions, store } = this.file;
    for (const [i, row] of rows.entries()) {
      const prediction = said[i];
      if (!prediction) continue;
      const [stored] = await store.read(row, 1);
      const given = stored && this.labelOf(stored);
      const names = this.labelNames;
      const name = given !== undefined && names && Object.hasOwn(names, given) ? names[given] : given;
      predictions.set(row, prediction, name);
    }
    return predictions.counts();
  }

  forgetPredictions(): void {
    if (this.current) this.current.predictions = new PredictionTable();
  }

  private labelOf(stored: StoredRow): string | undefined {
    if (isUnreadable(stored) || this.mapping.label === null) return undefined;
    const value = valueIn(stored.values, this.mapping.label);
    return isMissing(value) ? undefined : textOf(value);
  }

  // ── Taking rows away ───────────────────────────────────────────────────────────────────────────────────────────

  async copy(
    view: number,
    ranges: readonly { start: number; count: number }[],
    columns: readonly string[],
    format: 'json' | 'tsv',
  ) {
    // prettier-ignore
    const { rows: list } = this.viewOf(view);
    const stored: StoredRow[] = [];
    for (const { start, count } of ranges) {
      const end = Math.min(list.length, start + Math.min(count, maxRowsPerRequest - stored.length));
      stored.push(...(await this.storedRows(list, start, end)));
    }
    return { text: copiedText(stored, columns, format), rows: stored.filter((row) => !isUnreadable(row)).length };
  }

  /** Errors: `CANCELLED`, `IO`, `DISK_FULL`; `BUSY` while the view is still being found. */
  async export(
    view: number,
    { columns, format, predictions, file }: { columns: readonly string[]; format: ExportFormat; predictions: boolean; file: string }, // prettier-ignore
    onProgress: (done: number, total: number) => void,
    signal: AbortSignal,
  ): Promise<number> {
    const { rows: list, working } = this.viewOf(view);
    if (working) throw new MedTextError('BUSY', 'The rows are still being looked for; export them when all are found.');
    await this.file.indexed;
    const total = list.length;
    let written = 0;
    const batches = async function* (this: PreviewSession): AsyncGenerator<StoredRow[]> {
      for (let start = 0; start < total; start += EXPORT_ROWS) {
        if (signal.aborted) throw new MedTextError('CANCELLED', 'The export was cancelled.');
        const rows = await this.storedRows(list, start, Math.min(total, start + EXPORT_ROWS), signal);
        written += rows.filter((row) => !isUnreadable(row)).length;
        yield rows;
        onProgress(Math.min(total, start + EXPORT_ROWS), total);
      }
    }.call(this);
    const known = this.file.predictions;
    const predictionOf = predictions ? (row: number) => known.get(row) : undefined;
    await writeFileAtomically(file, exportedText(batches, columns, format, this.file.isNamed, predictionOf));
    return written;
  }

  // ── Splitting and statistics ───────────────────────────────────────────────────────────────────────────────────

  start(task: 'insights' | 'findings'): void {
    this.statistics.restart(task);
  }

  cancel(task: 'view' | 'insights' | 'findings'): void {
    if (task === 'view') this.view?.abort.abort();
    else this.statistics.cancel(task);
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
      const { code, message } = asMedTextError(error);
      counterProblem = { code, message };
      return undefined;
    });
    return {
      file,
      shown,
      mapping,
      others: splits.filter(({ name }) => name !== shown),
      counter,
      counterProblem,
      onProblem: (split, message) => {
        this.problems.set(split, message);
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
    const model = this.model && { name: this.model.name, description: this.model.description };
    return {
      splits: this.splits.map(({ name, file }) => ({ name, fileName: baseName(file), problem: this.problems.get(name) ?? null })), // prettier-ignore
      shown: this.shown,
      file: current?.description() ?? null,
      columns: current?.columns ?? [],
      index: current?.index() ?? { rows: 0, bad: 0, badRows: [], working: false, fraction: 1 },
      error: this.error,
      mapping: this.mapping,
      mappingSource: this.mappingSource,
      recipe: this.recipe,
      maxLength: this.maxLength,
      model,
      view: {
        id: view?.id ?? this.nextView - 1,
        query: view?.query ?? wholeFile,
        // A sorted view comes at once, at its end.
        rows: view?.rows.length ?? 0,
        working: view?.working ?? false,
        fraction: view && !view.working ? 1 : (view?.rows.fraction ?? 1),
        partial: view?.partial ?? false,
        error: view?.error ?? null,
      },
    };
  }
}

function needsTokens({ filters, sort }: ViewQuery): boolean {
  const isTokens = (filter: ViewQuery['filters'][number]) => filter.kind === 'range' && (filter.column === null || filter.measure === 'tokens'); // prettier-ignore
  return filters.some(isTokens) || (sort?.kind === 'column' && sort.measure === 'tokens');
}

function baseName(path: string): string {
  return path.split(/[\\/]/).at(-1)!;
}
