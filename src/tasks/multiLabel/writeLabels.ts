/** How several labels are written into a file: as its own labels stand there, else as those of the training data did. */
import type { DataFile } from '../../data/dataFile';
import { labelCellOf, likelySeparators } from '../../data/labelLists';
import { labelParts } from '../../protocol/severalLabels';
import type { FilledAnswer } from '../../data/writeFilled';
import type { JsonObject } from '../../models/configJson';

/** Where neither the file nor the model says one; the first that no label holds. */
const USUAL_SEPARATORS = [';', '|', '；', '、'] as const;

/** The function from names to a cell of the file's column. */
export function labelWriter(
  file: DataFile,
  column: string,
  labels: readonly string[],
  usage: JsonObject,
): (names: readonly string[]) => FilledAnswer {
  const isJson = file.format === 'json' || file.format === 'jsonl';
  const asList = (names: readonly string[]): FilledAnswer => (isJson ? names : JSON.stringify(names));
  const cells = file.sample.map(({ values }) => (Object.hasOwn(values, column) ? values[column] : undefined));
  const found = cells.map(labelCellOf);
  const texts = found.flatMap((cell) => (cell && 'text' in cell && cell.text !== '' ? [cell.text] : []));
  const stored = separatorIn(usage);
  if (file.tasks) return (names) => names;
  if (cells.some(isList) || (texts.length === 0 && isJson && stored === undefined)) return asList;
  const own = likelySeparators(texts, (part) => labels.includes(part))[0];
  const separator = [own, stored, ...USUAL_SEPARATORS].find((one) => one !== undefined && labels.every((label) => labelParts(label, one).length === 1)); // prettier-ignore
  return separator === undefined ? asList : (names) => names.join(separator);
}

/** The separator of the data that a model learned from; undefined where those had none. */
export function separatorIn(usage: JsonObject | undefined): string | undefined {
  return typeof usage?.label_separator === 'string' ? usage.label_separator : undefined;
}

function isList(cell: unknown): boolean {
  return Array.isArray(cell) || (typeof cell === 'string' && /^\s*\[.*\]\s*$/s.test(cell));
}
