import type { BackgroundTask, FieldMapping, RowSearch, ViewQuery } from '../../src/protocol/datasetPreview';
import type { DatasetPreviewEvent } from './state';

/** What a person can do in the preview. `main.ts` does it; the view has no channel to the extension host. */
export interface DatasetPreviewActions {
  dispatch(event: DatasetPreviewEvent): void;
  show(query: ViewQuery): void;
  /** Takes the search as typed. The rows follow when the person stops typing. */
  search(search: RowSearch): void;
  showSplit(name: string): void;
  /** Shows another sheet of the same workbook. */
  showSheet(name: string): void;
  addSplit(): void;
  setMapping(mapping: FieldMapping): void;
  writeMapping(): void;
  skipBadRows(): void;
  setMaxLength(maxLength: number): void;
  chooseModel(): void;
  start(task: 'insights' | 'findings' | 'predictions'): void;
  cancel(task: BackgroundTask): void;
  /** Shows a row in the text editor. @param row its number in the file */
  jump(row: number): void;
  /** Copies the selection, or the whole active row. */
  copy(format: 'json' | 'tsv', part: 'selection' | 'row'): void;
  wholeCell(row: number, column: string): void;
  planClean(): void;
  writeClean(target: 'file' | 'recipe'): void;
  planSplit(): void;
  writeSplit(target: 'files' | 'recipe'): void;
  writeExport(): void;
  cancelExport(): void;
  /** Takes the element that shows the rows after its rendering, and undefined after its removal. */
  body(element: Element | undefined): void;
  scrollbar(element: Element | undefined): void;
  /** Moves the focus to the table. */
  focusGrid(): void;
}
