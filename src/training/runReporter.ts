import type { EvaluationMetrics } from '../protocol/evaluation';
import { evaluationReport, type EvaluationProgress, type EvaluationReport, type TrainingReport } from '../protocol/trainer'; // prettier-ignore
import { MetricsLog, readMetricsLog } from '../runs/metricsLog';
import type { RunFolder } from '../runs/runFolder';
import { TensorBoardWriter } from '../runs/tensorboard';

/** Listeners to a run. */
export interface RunListeners {
  readonly onReport: (report: TrainingReport) => void;
  readonly onEvaluation: (evaluation: EvaluationReport) => void;
  /** While the training waits for an evaluation. */
  readonly onEvaluationProgress?: (progress: EvaluationProgress) => void;
}

/** Reports on a run while it trains: to its metrics log, to TensorBoard and to listeners. */
export class RunReporter {
  private constructor(
    private readonly metrics: MetricsLog,
    private readonly tensorBoard: TensorBoardWriter,
    private readonly listeners: RunListeners,
    /** The evaluations of the whole run, also those before it was resumed. */
    private readonly reported: EvaluationReport[],
  ) {}

  /**
   * @param step of the checkpoint that the run continues from; later reports are dropped. 0 for a new run.
   * @throws MedTextError IO, DISK_FULL; RESUME when the metrics log is damaged.
   */
  static async open(folder: RunFolder, step: number, listeners: RunListeners): Promise<RunReporter> {
    const metrics = await MetricsLog.open(folder.metricsFile, step);
    const reported = await evaluationsIn(folder.metricsFile);
    return new RunReporter(metrics, TensorBoardWriter.open(folder.path, { step }), listeners, reported);
  }

  get evaluations(): readonly EvaluationReport[] {
    return this.reported;
  }

  step(report: TrainingReport): void {
    this.metrics.append({ ...report, time: new Date().toISOString() });
    this.tensorBoard.scalars(report.step, {
      'train/loss': report.loss,
      'train/learning_rate': report.learningRate,
      ...Object.fromEntries(
        Object.entries(report.lossParts ?? {}).map(([name, value]) => [`train/loss/${name}`, value]),
      ),
      'train/gradient_norm': report.gradientNorm ?? NaN,
    });
    this.listeners.onReport(report);
  }

  /** Writes the evaluation down. {@link evaluated} tells listeners, once the model that it chose is kept. */
  evaluation(report: EvaluationReport): void {
    this.reported.push(report);
    this.metrics.append({ ...report, time: new Date().toISOString() });
    this.tensorBoard.scalars(report.step, scalarsOf(report.evaluation));
  }

  evaluated(report: EvaluationReport): void {
    this.listeners.onEvaluation(report);
  }

  progressOf(split: EvaluationProgress['split']): (done: number, total: number) => void {
    const began = performance.now();
    return (done, total) => {
      const secondsLeft = (((performance.now() - began) / done) * (total - done)) / 1000;
      this.listeners.onEvaluationProgress?.({ split, done, total, secondsLeft });
    };
  }

  /** Before a checkpoint, which the log must not fall behind. */
  flush(): void {
    this.metrics.flush();
  }

  close(): void {
    this.metrics.close();
    this.tensorBoard.close();
  }
}

async function evaluationsIn(metricsFile: string): Promise<EvaluationReport[]> {
  const reports: EvaluationReport[] = [];
  for await (const { time: _, ...line } of readMetricsLog(metricsFile)) {
    if ('evaluation' in line) reports.push(evaluationReport(line));
  }
  return reports;
}

function scalarsOf(metrics: EvaluationMetrics): Record<string, number> {
  const named = Object.entries(metrics).filter((entry): entry is [string, number] => typeof entry[1] === 'number');
  return Object.fromEntries(
    named.filter(([name]) => name !== 'rows').map(([name, value]) => [`validation/${name}`, value]),
  );
}
