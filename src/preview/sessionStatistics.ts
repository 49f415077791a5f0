import { asMedTextError, plainError } from '../base/errors';
import type { Findings, Insights, WorkState } from '../protocol/datasetPreview';
import { FindingsPass, single, type FoundFinding } from './findingsPass';
import { InsightsPass } from './insightsPass';
import { throwIfAborted } from './pacer';
import type { FoundRows } from './rowFilter';
import { RowNumbers } from './rowNumbers';
import type { StatisticsInput } from './statisticsInput';

type Task = 'insights' | 'findings';

const idle: WorkState = { working: false, fraction: 0, cancelled: false, error: null };
const noInsights: Insights = { work: idle, rows: 0, columns: [], labels: [], examples: null };
const noFindings: Findings = { work: idle, findings: [], coveredRows: 0, isComplete: false };
const REPORT_MS = 300;
/** The pause after a report, in multiples of the report's own time, since sorting a million numbers takes long. */
const REPORT_COST = 10;

/** What the session tells of itself to those who count. */
export interface StatisticsHost {
  /** When the file is indexed, with the tokenizer loaded; undefined without a file. */
  input(): Promise<StatisticsInput | undefined>;
  maxLength(): number | null;
  onInsights(insights: Insights): void;
  onFindings(findings: Findings): void;
}

/** Insights and findings of a session, one after the other, each of which can be cancelled and started again. */
export class SessionStatistics {
  insights = noInsights;
  findings = noFindings;
  private readonly running: Record<Task, AbortController | undefined> = { insights: undefined, findings: undefined };
  private queue: Promise<void> = Promise.resolve();
  private pass: InsightsPass | undefined;
  private found: FoundFinding[] = [];

  constructor(private readonly host: StatisticsHost) {}

  /** Begins anew; what was found before is gone. */
  restart(...tasks: Task[]): void {
    for (const task of tasks) {
      this.running[task]?.abort();
      const abort = new AbortController();
      this.running[task] = abort;
      if (task === 'insights') this.pass = undefined;
      else this.found = [];
      this.tell(task, { ...idle, working: true });
      this.queue = this.queue.then(() => this.run(task, abort.signal));
    }
  }

  cancel(task: Task): void {
    this.running[task]?.abort();
  }

  /** Waits for what is under way to notice. */
  async end(): Promise<void> {
    this.cancel('insights');
    this.cancel('findings');
    await this.queue;
    this.pass = undefined;
    this.found = [];
    this.insights = noInsights;
    this.findings = noFindings;
  }

  /** Another limit: what is counted already is compared with it. */
  limitChanged(): void {
    if (!this.pass) return;
    this.tell('insights', this.insights.work);
    this.tell('findings', this.findings.work);
  }

  rowsOf(id: string): FoundRows | undefined {
    return [...this.found, ...this.overlong()].find(({ finding }) => finding.id === id)?.found;
  }

  private async run(task: Task, signal: AbortSignal): Promise<void> {
    if (this.running[task]?.signal !== signal) return;
    let fraction = 0;
    let reportedAt = performance.now();
    let pauseMs = REPORT_MS;
    const onProgress = (done: number): void => {
      fraction = done;
      const now = performance.now();
      if (now - reportedAt < pauseMs) return;
      this.tell(task, { ...idle, working: true, fraction });
      reportedAt = performance.now();
      pauseMs = Math.max(REPORT_MS, REPORT_COST * (reportedAt - now));
    };
    const settle = (work: Partial<WorkState>): void => {
      // A newer run of the same task has its own say.
      if (this.running[task]?.signal === signal) this.tell(task, { ...idle, fraction, ...work });
    };
    try {
      throwIfAborted(signal);
      const input = await this.host.input();
      throwIfAborted(signal);
      if (!input) return settle({});
      if (task === 'insights') await this.runInsights(input, { signal, onProgress });
      else await this.runFindings(input, { signal, onProgress });
      settle({ fraction: 1, error: task === 'insights' ? input.counterProblem : null });
    } catch (error) {
      const failure = asMedTextError(error);
      settle(failure.code === 'CANCELLED' || signal.aborted ? { cancelled: true } : { error: plainError(failure) });
    }
  }

  private async runInsights(input: StatisticsInput, pass: Parameters<InsightsPass['run']>[0]): Promise<void> {
    this.pass = new InsightsPass(input);
    await this.pass.run(pass);
  }

  private async runFindings(input: StatisticsInput, pass: Parameters<FindingsPass['run']>[0]): Promise<void> {
    const search = new FindingsPass(input);
    this.found = [];
    for await (const batch of search.run(pass)) {
      for (const each of batch) {
        this.found.push({ ...each, finding: { ...each.finding, examples: await search.examplesOf(each) } });
      }
      this.findings = { ...this.findings, coveredRows: search.coveredRows, isComplete: search.coveredRows >= input.file.store.rows }; // prettier-ignore
    }
  }

  private overlong(): FoundFinding[] {
    const maxLength = this.host.maxLength();
    if (!this.pass || maxLength === null) return [];
    const rows = RowNumbers.of(this.pass.overlong(maxLength));
    return rows.length > 0 ? [single('overlong', rows)] : [];
  }

  private tell(task: Task, work: WorkState): void {
    if (task === 'insights') {
      const counted = this.pass?.insights(this.host.maxLength() ?? 0) ?? noInsights;
      this.insights = { ...counted, work };
      this.host.onInsights(this.insights);
      return;
    }
    const findings = [...this.found, ...(work.working ? [] : this.overlong())].map(({ finding }) => finding);
    this.findings = { ...this.findings, work, findings };
    this.host.onFindings(this.findings);
  }
}
