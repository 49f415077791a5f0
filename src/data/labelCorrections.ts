import { stat } from 'node:fs/promises';
import { basename } from 'node:path';
import { readTextFile } from '../base/textFile';
import { asMedTextError, MedTextError, words } from '../base/errors';
import { checkedCorrections, type LabelCorrection } from '../protocol/labelCorrections';

const MAX_BYTES = 64 * 2 ** 20;

/**
 * Reads a `*.corrections.json` made for a data file.
 * @returns by the row's place among the file's readable rows, from 0
 * @throws NOT_FOUND, IO · DATA_FORMAT when it is no such file, or one for another data file
 */
export async function readCorrections(path: string, dataFile: string): Promise<ReadonlyMap<number, LabelCorrection>> {
  let json: unknown;
  try {
    const { size } = await stat(path);
    if (size > MAX_BYTES) throw new MedTextError('DATA_FORMAT', words`${path} is too large for corrections.`, { path });
    json = JSON.parse(await readTextFile(path));
  } catch (error) {
    if (!(error instanceof SyntaxError)) throw asMedTextError(error);
    throw new MedTextError('DATA_FORMAT', words`${path} is not valid JSON: ${error.message}`, { file: path });
  }
  const { file, corrections } = checkedCorrections(json, path);
  if (file !== basename(dataFile)) {
    throw new MedTextError('DATA_FORMAT', words`${path} corrects ${file}, not ${basename(dataFile)}.`, { file: path });
  }
  return new Map(corrections.map((correction) => [correction.row, correction]));
}

/**
 * The correction's label, which stands in for the row's own.
 * @throws DATA_FORMAT when the row holds other texts than the one that was corrected: the file has changed since
 */
export function correctedLabel(
  { first, second, label }: LabelCorrection,
  row: { readonly first: string; readonly second: string | undefined; readonly line: number },
  file: string,
): string {
  if (first === row.first && second === row.second) return label;
  throw new MedTextError(
    'DATA_FORMAT',
    words`${file}, line ${row.line}: the label of this row was corrected when it held other texts. The file has changed since; look at its suspect labels again.`,
    { file, line: row.line },
  );
}
