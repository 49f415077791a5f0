import { open } from 'node:fs/promises';
import { join } from 'node:path';
import { METRICS_FILE, parseMetricsLine, type MetricsRecord } from '../protocol/metricsLine';
import { seriesNames, type SeriesName, type ShownSeries } from '../protocol/runPage';
import type { EvaluationReport, TrainingReport } from '../protocol/trainer';
import type { EvaluationPoint, NamedScores } from '../protocol/trainingView';
import { emptyHistory, evaluationPoint, finite, maxEvaluations, namedScoresOf, thinned, type RunHistory } from './views/runHistory'; // prettier-ignore

/** Points kept of a curve; a log may be of any length. */
const maxKept = 20_000;
const chunkBytes = 1 << 20;
/** A longer line is none of a log, and is passed over. */
const maxLineBytes = 16 << 20;
/** Kept of what was read last: a log that has other bytes there was cut and has grown again. */
const markBytes = 256;

interface Curve {
  steps: number[];
  losses: (number | null)[];
}

/** What a run has logged so far. */
export interface RunLogContent {
  readonly history: RunHistory;
  /** The curves besides the loss; a value that was never logged has none. */
  readonly series: readonly ShownSeries[];
}

/**
 * A run's metrics log, read as it grows: each look reads what is new. A run that is resumed cuts its log, which is then
 * read anew. Lines that are torn or of another kind are passed over.
 */
export class RunLog {
  private readonly file: string;
  /** Bytes read. */
  private offset = 0;
  /** The last of them. */
  private mark = Buffer.alloc(0);
  /** The bytes of a line that has not ended yet. */
  private rest = Buffer.alloc(0);
  private isInLongLine = false;
  private losses: Curve = { steps: [], losses: [] };
  private readonly series = new Map<SeriesName, Curve>();
  private evaluations: EvaluationPoint[] = [];
  private scores: NamedScores[] = [];
  private newest: Partial<TrainingReport> | undefined;
  private reading: Promise<void> = Promise.resolve();

  constructor(runFolder: string) {
    this.file = join(runFolder, METRICS_FILE);
  }

  /** The newest report that was read. */
  get last(): Partial<TrainingReport> | undefined {
    return this.newest;
  }

  /** Bytes read so far. */
  get bytesRead(): number {
    return this.offset;
  }

  /** Reads what is new. Looks at the same time are one after the other. */
  async read(): Promise<RunLogContent> {
    this.reading = this.reading.catch(() => undefined).then(() => this.readNew());
    await this.reading;
    return this.content();
  }

  private async readNew(): Promise<void> {
    const handle = await open(this.file, 'r').catch(() => undefined);
    if (!handle) return this.forget();
    try {
      const { size } = await handle.stat();
      if (size < this.offset || !(await this.isContinued(handle))) this.forget();
      const buffer = Buffer.alloc(Math.min(chunkBytes, Math.max(0, size - this.offset)));
      // What is appended meanwhile is for the next look: a look ends.
      while (this.offset < size) {
        const { bytesRead } = await handle.read(buffer, 0, Math.min(buffer.length, size - this.offset), this.offset);
        if (bytesRead === 0) return;
        this.take(buffer.subarray(0, bytesRead));
      }
    } finally {
      await handle.close();
    }
  }

  private async isContinued(handle: Awaited<ReturnType<typeof open>>): Promise<boolean> {
    const { mark } = this;
    if (mark.length === 0) return true;
    const { buffer, bytesRead } = await handle.read(Buffer.alloc(mark.length), 0, mark.length, this.offset - mark.length); // prettier-ignore
    return bytesRead === mark.length && buffer.equals(mark);
  }

  private forget(): void {
    this.offset = 0;
    this.mark = Buffer.alloc(0);
    this.rest = Buffer.alloc(0);
    this.isInLongLine = false;
    this.losses = { steps: [], losses: [] };
    this.series.clear();
    this.evaluations = [];
    this.scores = [];
    this.newest = undefined;
  }

  private take(chunk: Buffer): void {
    this.offset += chunk.length;
    this.mark = Buffer.concat([this.mark, chunk.subarray(-markBytes)]).subarray(-markBytes);
    let start = 0;
    for (let feed = chunk.indexOf(10); feed >= 0; feed = chunk.indexOf(10, start)) {
      const line = Buffer.concat([this.rest, chunk.subarray(start, feed)]);
      if (!this.isInLongLine) this.takeLine(line.toString('utf8'));
      this.rest = Buffer.alloc(0);
      this.isInLongLine = false;
      start = feed + 1;
    }
    this.rest = Buffer.concat([this.rest, chunk.subarray(start)]);
    if (this.rest.length <= maxLineBytes) return;
    this.rest = Buffer.alloc(0);
    this.isInLongLine = true;
  }

  private takeLine(line: string): void {
    const record = parseMetricsLine(line);
    if (!record) return;
    if (typeof record.evaluation === 'object' && record.evaluation !== null) {
      const report = record as unknown as EvaluationReport;
      this.evaluations.push(evaluationPoint(report));
      const scores = namedScoresOf(report);
      if (scores) this.scores.push(scores);
      if (this.evaluations.length > 2 * maxEvaluations) this.evaluations = this.evaluations.slice(-maxEvaluations);
      if (this.scores.length > 2 * maxEvaluations) this.scores = this.scores.slice(-maxEvaluations);
    } else if ('loss' in record) {
      this.losses = withPoint(this.losses, record, 'loss');
      for (const name of seriesNames) {
        if (name in record) this.series.set(name, withPoint(this.series.get(name) ?? { steps: [], losses: [] }, record, name)); // prettier-ignore
      }
      this.newest = record as Partial<TrainingReport>;
    }
  }

  private content(): RunLogContent {
    if (this.offset === 0) return { history: emptyHistory, series: [] };
    return {
      history: {
        ...thinned(this.losses.steps, this.losses.losses),
        evaluations: this.evaluations.slice(-maxEvaluations),
        scores: this.scores.slice(-maxEvaluations),
        last: this.newest,
      },
      series: seriesNames.flatMap((name) => {
        const curve = this.series.get(name);
        if (!curve) return [];
        const { steps, losses: values } = thinned(curve.steps, curve.losses);
        return [{ name, steps, values }];
      }),
    };
  }
}

function withPoint(curve: Curve, record: MetricsRecord, name: string): Curve {
  curve.steps.push(record.step);
  curve.losses.push(finite(record[name]));
  return curve.steps.length >= maxKept ? thinned(curve.steps, curve.losses, maxKept / 2) : curve;
}

const maxLogs = 12;

/** The logs of the runs that are looked at, shared by the views; those not asked for longest go. */
export class RunLogs {
  private readonly logs = new Map<string, RunLog>();

  read(runFolder: string): Promise<RunLogContent> {
    const log = this.logs.get(runFolder) ?? new RunLog(runFolder);
    this.logs.delete(runFolder);
    this.logs.set(runFolder, log);
    for (const folder of this.logs.keys()) if (this.logs.size > maxLogs) this.logs.delete(folder);
    return log.read();
  }

  /** The newest report that was read of the run. */
  last(runFolder: string): Partial<TrainingReport> | undefined {
    return this.logs.get(runFolder)?.last;
  }
}
