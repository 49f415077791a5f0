import { MedTextError, words } from '../base/errors';
import { count, listOf, number, object, text, type Checked } from './check';

/** A row whose label a person has corrected. The texts identify the row if the file changes. */
const labelCorrection = object(
  {
    /** The row's 0-based place among the file's readable rows. */
    row: count,
    line: count,
    first: text,
    /** The label before the correction, for people only; no program reads it. */
    given: text,
    /** The corrected label, or a raw value that the mapping turns into it. */
    label: text,
  },
  { second: text, probability: number, model: text },
);
export type LabelCorrection = Checked<typeof labelCorrection>;

const correctionFile = object({ format: count, file: text, corrections: listOf(labelCorrection) });
/** The content of a `*.corrections.json`. It lies beside the data file that `file` names. */
export type LabelCorrectionFile = Checked<typeof correctionFile>;

/** @throws DATA_FORMAT with the path of the wrong value */
export function checkedCorrections(json: unknown, where: string): LabelCorrectionFile {
  try {
    const file = correctionFile(json, 'the file');
    if (file.format === 1) return file;
  } catch (error) {
    const reason = error instanceof Error ? error.message : '';
    throw new MedTextError('DATA_FORMAT', words`${where} holds no corrections: ${reason}.`, { file: where });
  }
  throw new MedTextError('DATA_FORMAT', words`${where} was written by a newer version of MedText Lab.`, {
    file: where,
  });
}

/** The file's text with these corrections added, sorted by row. `undefined` removes a row's correction. */
export function correctionText(
  earlier: LabelCorrectionFile | undefined,
  dataName: string,
  changes: ReadonlyMap<number, LabelCorrection | undefined>,
): string {
  const byRow = new Map((earlier?.corrections ?? []).map((correction) => [correction.row, correction]));
  for (const [row, correction] of changes) {
    if (correction) byRow.set(row, correction);
    else byRow.delete(row);
  }
  const corrections = [...byRow.values()].sort((a, b) => a.row - b.row);
  return `${JSON.stringify({ format: 1, file: dataName, corrections }, undefined, 2)}\n`;
}
