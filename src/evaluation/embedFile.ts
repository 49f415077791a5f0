/** Writing the vectors of a file's texts to another file, in blocks, so that neither file is in memory as a whole. */
import { resolve } from 'node:path';
import { isSamePlace, modeOfFile, writeFileAtomically } from '../base/atomicFile';
import { MedTextError, words } from '../base/errors';
import { guessFields, refuseRepeatedGuess, resolveColumn } from '../data/columns';
import { BadRows, openDataFile, type BadRowPolicy, type DataFile } from '../data/dataFile';
import { excerptOf, isBadRow } from '../data/dataRow';
import { vectorFile, vectorFormatOf, type VectorBlock } from '../data/vectorFile';
import type { RunOptions } from '../inference/classifierRunner';
import { openEmbedder, type Embedder } from '../inference/embedder';
import type { ModelOptions } from '../inference/openedModel';

/** The texts of one block: enough for batches of similar length, with some megabytes of vectors. */
const BLOCK_TEXTS = 2048;

export interface EmbedFileOptions extends ModelOptions, BadRowPolicy, RunOptions {
  /** The column's name or 0-based place; absent: recognised. Without it, each line of a .txt file is a text. */
  readonly column?: string;
  /** The sheet of a workbook; absent: the first visible one. */
  readonly sheet?: string;
  readonly log?: (line: string) => void;
}

export interface EmbeddedFile {
  /** The absolute path of the output. */
  readonly output: string;
  readonly rows: number;
  readonly badRows: number;
  readonly dimensions: number;
  readonly column: string;
}

/**
 * Writes the vectors of a file's texts in the file's order, in a format of `vectorFile`. The file is read twice: the first
 * pass counts the texts and finds bad rows before anything is computed.
 * @throws MedTextError the errors of `openEmbedder` and `openDataFile`; USAGE for an output of another format; NOT_FOUND for a
 * missing column; DATA_FORMAT for rows without a text, unless they are skipped, and for a file without texts; CANCELLED.
 */
export async function embedFile(
  folder: string,
  path: string,
  output: string,
  options: EmbedFileOptions = {},
): Promise<EmbeddedFile> {
  const format = vectorFormatOf(output);
  if (await isSamePlace(path, output)) {
    throw new MedTextError('USAGE', words`The output would replace the input ${path}; choose another name.`, { file: path }); // prettier-ignore
  }
  const isPlain = /\.txt$/i.test(path) && options.column === undefined;
  const file = await openDataFile(path, isPlain ? { format: 'text', header: false } : { sheet: options.sheet }); // prettier-ignore
  for (const warning of file.warnings) options.log?.(String(warning));
  const column = textColumn(file, options.column);
  options.log?.(`The texts are those of column ${JSON.stringify(column)}.`);
  const badRows = new BadRows(file.path, options);
  let rows = 0;
  for await (const _ of textsOf(file, column, badRows, options.signal)) rows++;
  badRows.stopIfAny();
  if (rows === 0) {
    throw new MedTextError('DATA_FORMAT', words`${path} has no texts in its column ${JSON.stringify(column)}.`, { file: path, column }); // prettier-ignore
  }
  const embedder = await openEmbedder(folder, options);
  try {
    const { dimensions } = embedder;
    const blocks = embeddedBlocks(embedder, textsOf(file, column, undefined, options.signal), rows, options);
    const content = vectorFile(format, { rows, dimensions }, blocks);
    // Two of the formats hold the texts, too.
    await writeFileAtomically(output, content, { noWiderThan: await modeOfFile(path) });
    return { output: resolve(output), rows, badRows: badRows.count, dimensions, column };
  } finally {
    await embedder.close();
  }
}

/** The named column, the only one, or the column recognised as the (first) text. */
function textColumn(file: DataFile, named: string | undefined): string {
  if (named !== undefined) return resolveColumn(file, named, 'text');
  if (file.columns.length === 1) return file.columns[0];
  const guess = guessFields(
    file.columns,
    file.sample.map(({ values }) => values),
  );
  refuseRepeatedGuess(file, { ...guess, found: guess.found.filter(({ role }) => role === 'firstSequence') });
  if (guess.firstSequence !== undefined) return guess.firstSequence;
  throw new MedTextError(
    'NOT_FOUND',
    words`${file.path}: no column was recognised as the text. Name it; the columns are: ${file.columns.map((name) => JSON.stringify(name)).join(', ')}.`,
    { file: file.path, columns: file.columns },
  );
}

interface FoundText {
  readonly line: number;
  readonly text: string;
}

async function* textsOf(
  file: DataFile,
  column: string,
  badRows: BadRows | undefined,
  signal: AbortSignal | undefined,
): AsyncGenerator<FoundText> {
  for await (const row of file.rows(signal)) {
    if (isBadRow(row)) {
      badRows?.add(row);
      continue;
    }
    const value = Object.hasOwn(row.values, column) ? row.values[column] : undefined;
    const text = typeof value === 'string' ? value : typeof value === 'number' ? String(value) : '';
    if (text.trim() !== '') yield { line: row.line, text };
    else {
      const reason = words`column ${JSON.stringify(column)} has no text`;
      badRows?.add({ line: row.line, reason, excerpt: excerptOf(JSON.stringify(row.values)) });
    }
  }
}

async function* embeddedBlocks(
  embedder: Embedder,
  texts: AsyncIterable<FoundText>,
  total: number,
  { onProgress, signal }: RunOptions,
): AsyncGenerator<VectorBlock> {
  let done = 0;
  let block: FoundText[] = [];
  const embedded = async (): Promise<VectorBlock> => {
    const before = done;
    const found = block.map(({ text }) => text);
    const vectors = await embedder.embed(found, { signal, onProgress: (now) => onProgress?.(before + now, total) });
    const lines = block.map(({ line }) => line);
    done += block.length;
    block = [];
    return { texts: found, lines, vectors };
  };
  for await (const text of texts) {
    if (block.push(text) === BLOCK_TEXTS) yield await embedded();
  }
  if (block.length > 0) yield await embedded();
  if (done === total) return;
  // The output begins with the number of texts, so it cannot be completed.
  throw new MedTextError('IO', words`The file changed while it was read: it had ${total} texts and has ${done} now.`);
}
