/** The forms of data files, as the engine tells them apart and pages name them. */
export const DATA_FORMATS = ['json', 'jsonl', 'csv', 'tsv', 'text', 'conll', 'xlsx', 'parquet', 'brat'] as const;

export type DataFormat = (typeof DATA_FORMATS)[number];

/** Forms that are no text of rows, one after another. */
const BINARY: ReadonlySet<DataFormat> = new Set(['xlsx', 'parquet', 'brat']);

/** Whether a file's rows lie in it as text, one after another. */
export const isTextFormat = (format: DataFormat): boolean => !BINARY.has(format);

/** What names of data files end with, for dialogs that choose one. */
export const DATA_EXTENSIONS = [
  'json',
  'jsonl',
  'ndjson',
  'csv',
  'tsv',
  'txt',
  'conll',
  'bio',
  'ann',
  'xlsx',
  'parquet',
];
