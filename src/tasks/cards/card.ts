import type { EvaluationMetrics } from '../../protocol/evaluation';
import type { MetricName } from '../../protocol/tasks';

/** What a model card tells of a task. `Report` is that of the task's evaluations. */
export interface TaskCard<Report extends EvaluationMetrics = EvaluationMetrics> {
  /** The hubs' name of what the model does. */
  readonly pipelineTag: string;
  /** The hubs' names of the metrics. */
  readonly metrics: readonly string[];
  /** The columns of the table of evaluations, beside the metric that chose the best one. */
  readonly history: readonly MetricName[];
  /** Whether the table of data counts labels, and the labels have a section of their own. */
  readonly hasLabels: boolean;
  /** Whether what is counted of a label is entities: a text has any number of them, and is read in windows. */
  readonly isOfEntities?: true;
  /** What label_mapping drops, where it is not a row: the begin of a sentence that ends with the names. */
  readonly dropped?: string;
  /** What the model does to `texts` ("a pair of Chinese medical sentences"), a sentence. */
  does(texts: string, labels: readonly string[]): string;
  /** Figures of an evaluation under the hubs' names; null where a metric is undefined. */
  headlines(
    report: Report,
  ): readonly { readonly type: string; readonly title: string; readonly value: number | null }[];
  /** An evaluation as sections of Markdown. */
  tables(report: Report, split: string): string[];
  /** What the example in Python prints, in words, and the example; undefined where no class of transformers has the head. */
  python(of: PythonExample): { readonly prints: string; readonly code: string | undefined };
  /** A command line that answers one example. */
  readonly command?: string;
  /** The example of a text, in place of the usual one. */
  readonly example?: string;
}

export interface PythonExample {
  readonly labels: readonly string[];
  /** The arguments of a tokenizer: a text, or two. */
  readonly text: string;
  readonly maxLength: number;
  readonly isKnownToTransformers: boolean;
}
