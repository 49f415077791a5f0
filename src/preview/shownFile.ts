import { basename } from 'node:path';
import { asMedTextError, plainError } from '../base/errors';
import { messageAndWords } from '../base/words';
import type { PreviewSource } from '../protocol/dataProcess';
import type { FieldMapping, PreviewState } from '../protocol/datasetPreview';
import { guessFields } from '../data/columns';
import { openDataFile, type DataFile } from '../data/dataFile';
import { FileEntities } from './fileEntities';
import { valueIn } from '../data/dataRow';
import { PredictionTable } from './predictionTable';
import type { RowStore } from './rowStore';
import { SeveralLabels } from './severalLabels';
import { SpooledRowStore } from './spooledRowStore';
import { TextRowStore } from './textRowStore';

/** The file of the split on show: its index, and what is known of its rows. It ends when another split is shown. */
export class ShownFile {
  readonly columns: string[];
  predictions = new PredictionTable();
  /** Settles, never rejects, when the whole file is indexed or as much of it as can be read. */
  readonly indexed: Promise<void>;
  /** When the first rows can be read. */
  readonly begun: Promise<void>;
  private readonly ending = new AbortController();
  private working = true;
  /** The rest could not be read. */
  private trouble: PreviewState['index']['error'] = null;

  private constructor(
    readonly source: PreviewSource,
    readonly file: DataFile,
    readonly store: RowStore,
    readonly entities: FileEntities | undefined,
    onProgress: (isLast: boolean) => void,
  ) {
    this.columns = [...file.columns];
    let begin = (): void => undefined;
    this.begun = new Promise((resolve) => (begin = resolve));
    const tell = (isLast: boolean): void => {
      begin();
      if (!this.ended.aborted) onProgress(isLast);
    };
    this.indexed = this.store
      .build(() => tell(false), this.ending.signal)
      .catch((error: unknown) => void (this.trouble = plainError(asMedTextError(error))))
      .then(() => {
        this.working = false;
        tell(true);
      });
  }

  /** Errors: those of `openDataFile`. */
  static async open(source: PreviewSource, onProgress: (isLast: boolean) => void): Promise<ShownFile> {
    const { format, encoding, header, sheet } = source;
    const file = await openDataFile(source.file, { format, encoding, header, sheet });
    const entities = await FileEntities.of(file);
    return new ShownFile(source, file, file.text ? new TextRowStore(file) : new SpooledRowStore(file), entities, onProgress); // prettier-ignore
  }

  /** Aborts when the file is shown no longer. */
  get ended(): AbortSignal {
    return this.ending.signal;
  }

  get hasLines(): boolean {
    return this.file.text !== undefined;
  }

  /** Whether its columns have names, rather than numbers for want of a header. */
  get isNamed(): boolean {
    return this.file.header || ['json', 'jsonl', 'conll'].includes(this.file.format);
  }

  /** A workbook's row is its line; a Parquet file has none. */
  lineOf(row: { readonly line: number }): number | null {
    return this.file.format === 'parquet' || this.file.format === 'brat' ? null : row.line;
  }

  /** How the column's rows have several labels; undefined where they have one, or entities. */
  severalIn(column: string | null): SeveralLabels | undefined {
    if (column === null) return undefined;
    const cells = this.file.sample.map(({ values }) => valueIn(values, column));
    return SeveralLabels.in(cells, this.source.label_separator);
  }

  guess(): FieldMapping {
    const { firstSequence, secondSequence, label } = guessFields(
      this.file.columns,
      this.file.sample.map(({ values }) => values),
    );
    if (this.entities) {
      const { text, entities } = this.entities.columns;
      return { first_sequence: text, second_sequence: null, label: entities };
    }
    return { first_sequence: firstSequence ?? null, second_sequence: secondSequence ?? null, label: label ?? null };
  }

  description(): NonNullable<PreviewState['file']> {
    const { path, format, encoding, sizeBytes, warnings } = this.file;
    return {
      name: basename(path),
      format,
      encoding,
      sizeBytes,
      warnings: [...warnings, ...(this.entities?.problem ? [this.entities.problem] : [])].map(messageAndWords),
      hasLines: this.hasLines,
    };
  }

  index(): PreviewState['index'] {
    const { rows, badRows, firstBadRows, fraction } = this.store;
    return {
      rows,
      bad: badRows,
      badRows: firstBadRows
        .slice(0, 100)
        .map((bad) => ({ row: bad.row, line: this.lineOf(bad), ...messageAndWords(bad.reason) })),
      working: this.working,
      fraction: this.working ? fraction : 1,
      error: this.trouble,
    };
  }

  async close(): Promise<void> {
    this.ending.abort();
    await this.indexed;
    await this.store.close();
  }
}
