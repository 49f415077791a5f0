import type { BackgroundTask, FieldMapping, RowSearch, ViewQuery } from '../../src/protocol/datasetPreview';
import type { DatasetPreviewEvent } from './state';

/** What the view asks for; nothing in it knows the channel. */
export interface DatasetPreviewActions {
  dispatch(event: DatasetPreviewEvent): void;
  show(query: ViewQuery): void;
  /** The search as typed; it becomes the view's when typing pauses. */
  search(search: RowSearch): void;
  showSplit(name: string): void;
  addSplit(): void;
  setMapping(mapping: FieldMapping): void;
  writeMapping(): void;
  skipBadRows(): void;
  setMaxLength(maxLength: number): void;
  chooseModel(): void;
  start(task: 'insights' | 'findings' | 'predictions'): void;
  cancel(task: BackgroundTask): void;
  /** Shows the row, by its number in the file, in the text editor. */
  jump(row: number): void;
  /** What is selected; `row`: the whole row that the keyboard is on. */
  copy(format: 'json' | 'tsv', part: 'selection' | 'row'): void;
  wholeCell(row: number, column: string): void;
  planSplit(): void;
  writeSplit(target: 'files' | 'recipe'): void;
  writeExport(): void;
  cancelExport(): void;
  /** The table's part that shows rows was made or removed. */
  body(element: Element | undefined): void;
  scrollbar(element: Element | undefined): void;
  /** Gives the keyboard back to the table. */
  focusGrid(): void;
}
