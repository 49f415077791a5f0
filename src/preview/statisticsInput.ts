import type { MedTextError } from '../base/errors';
import type { ToldError } from '../protocol/errorWords';
import type { PreviewSource } from '../protocol/dataProcess';
import type { FieldMapping } from '../protocol/datasetPreview';
import type { ShownFile } from './shownFile';
import type { TokenCounter } from './tokenCounts';

/** What statistics are made of: the file on show, fully indexed, and the splits beside it. */
export interface StatisticsInput {
  readonly file: ShownFile;
  readonly shown: string;
  readonly others: readonly PreviewSource[];
  readonly mapping: FieldMapping;
  /** Undefined without a model, or with one whose tokenizer cannot be loaded. */
  readonly counter: TokenCounter | undefined;
  readonly counterProblem: ToldError | null;
  /** A split beside could not be read. */
  onProblem(split: string, error: MedTextError): void;
}

/** How a pass over the rows goes on. */
export interface Pass {
  readonly signal: AbortSignal;
  /** Now and then; `fraction` of the pass, 0 to 1. */
  onProgress(fraction: number): void;
}
