import { PreviewSession } from '../../src/preview/previewSession';
import type { TokenCounter } from '../../src/preview/tokenCounts';
import type { PreviewOpening } from '../../src/protocol/dataProcess';
import { wholeFile, type Findings, type Insights, type PreviewState, type ViewQuery } from '../../src/protocol/datasetPreview'; // prettier-ignore

/** A token is a character. */
const characterCounter: TokenCounter = {
  countTokens: (text) => [...text].length,
  specialTokenCount: (pair) => (pair ? 3 : 2),
};

/** A session with what it tells, and ways to wait for it. */
export class TestPreview {
  readonly states: PreviewState[] = [];
  readonly insights: Insights[] = [];
  readonly findings: Findings[] = [];
  session!: PreviewSession;
  private readonly waiting = new Set<() => void>();

  static async open(files: Record<string, string>, more: Partial<PreviewOpening> = {}): Promise<TestPreview> {
    const preview = new TestPreview();
    const heard =
      <T>(list: T[]) =>
      (told: T) => {
        list.push(told);
        for (const look of preview.waiting) look();
      };
    const splits = Object.entries(files).map(([name, file]) => ({ name, file }));
    const opening: PreviewOpening = { splits, shown: splits[0].name, maxLength: null, mapping: null, mappingSource: 'guess', recipe: null, model: null, ...more }; // prettier-ignore
    const listeners = {
      onState: heard(preview.states),
      onInsights: heard(preview.insights),
      onFindings: heard(preview.findings),
    };
    preview.session = await PreviewSession.open(opening, listeners, async () => characterCounter);
    return preview;
  }

  get state(): PreviewState {
    return this.session.overview().state;
  }

  /** Resolves as soon as something told makes it true; the suite's own limit ends a vain wait. */
  async until(condition: () => boolean): Promise<void> {
    if (condition()) return;
    await new Promise<void>((resolve) => {
      const look = (): void => {
        if (!condition()) return;
        this.waiting.delete(look);
        resolve();
      };
      this.waiting.add(look);
    });
  }

  async settledStatistics(): Promise<{ insights: Insights; findings: Findings }> {
    const isDone = (work: Insights['work'] | undefined): boolean => work !== undefined && !work.working;
    await this.until(() => isDone(this.insights.at(-1)?.work) && isDone(this.findings.at(-1)?.work));
    return { insights: this.insights.at(-1)!, findings: this.findings.at(-1)! };
  }

  async indexed(): Promise<void> {
    await this.until(() => !this.state.index.working);
  }

  async view(query: Partial<ViewQuery>): Promise<{ id: number; rows: number[]; groups: (number | null)[] }> {
    const id = await this.session.setView({ ...wholeFile, ...query });
    await this.until(() => this.states.some(({ view }) => view.id === id && !view.working));
    const { error } = this.state.view;
    if (error) throw Object.assign(new Error(error.message), error);
    const rows: number[] = [];
    const groups: (number | null)[] = [];
    for (let start = 0; start < this.state.view.rows; start += 500) {
      const page = await this.session.rows(id, start, 500);
      rows.push(...page.rows.map(({ row }) => row));
      groups.push(...page.rows.map(({ group }) => group));
    }
    return { id, rows, groups };
  }
}
