/** The formats of data files. */
export const DATA_FORMATS = ['json', 'jsonl', 'csv', 'tsv', 'text', 'conll', 'xlsx', 'parquet', 'brat'] as const;

export type DataFormat = (typeof DATA_FORMATS)[number];

/** Formats whose rows are not lines of text in one file. */
const BINARY: ReadonlySet<DataFormat> = new Set(['xlsx', 'parquet', 'brat']);

/** Whether the format stores rows as text, one after another. */
export const isTextFormat = (format: DataFormat): boolean => !BINARY.has(format);

/** The extensions of data files, for file dialogs. */
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
