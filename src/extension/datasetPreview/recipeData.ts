import { basename } from 'node:path';
import { findNodeAtLocation, getNodeValue } from 'jsonc-parser';
import { isCleanOperation, type CleanOperation } from '../../base/cleanText';
import { ANSWERS } from '../../protocol/answers';
import { DATA_FORMATS } from '../../protocol/dataFormat';
import type { PreviewSource } from '../../protocol/dataProcess';
import type { FieldMapping, SplitOptions } from '../../protocol/datasetPreview';
import type { LocatedData } from '../dataAddresses';
import { readMapping } from '../labelMapping/mappingText';
import { dataSplits } from '../labelMapping/splitCounts';
import { treeOf } from '../labelMapping/jsonText';

/** A column by its name, or by its place from 0; null: there is none. */
type Column = string | number | null;

/** What a recipe says of its data, as a preview needs it. */
export interface RecipeData {
  readonly name: string;
  readonly splits: readonly PreviewSource[];
  /** Only what the recipe says; the rest is guessed. */
  readonly columns: Readonly<Partial<Record<keyof FieldMapping, Column>>>;
  /** The class of each raw label that the recipe maps; empty for one that it leaves out. */
  readonly labelNames: Readonly<Record<string, string>>;
  /** What becomes of rows of the training data that cannot be read. */
  readonly onBadRow: 'stop' | 'skip';
  /** Operations on texts that are known, and whether training rows that are equal are dropped. */
  readonly clean: readonly CleanOperation[];
  readonly dropDuplicates: boolean;
  /** In tokens; null where the recipe leaves it to the data. */
  readonly maxLength: number | null;
}

const fields = ['first_sequence', 'second_sequence', 'label'] as const;

/** @throws RECIPE when the text is no JSON object */
export function recipeData(text: string, recipeFile: string, located?: ReadonlyMap<string, LocatedData>): RecipeData {
  const { splits, content } = readMapping(text, 'recipe');
  const resolved = dataSplits(splits, recipeFile, located);
  const train = resolved.find(({ name }) => name === 'train') ?? resolved[0];
  const said = train?.fields ?? {};
  const valueAt = (field: string): unknown => getNodeValueAt(text, ['dataset', field]);
  const clean = valueAt('clean');
  const maxLength: unknown = findNodeAtLocation(treeOf(text), ['train', 'max_length'])?.value;
  return {
    name: basename(recipeFile).replace(/\.medtext\.json$/, ''),
    splits: resolved.map(({ name, path, fields: own, answer }) => ({
      name,
      ...sourceOf(path, ANSWERS[answer].holdsSeveral ? own : { ...own, label_separator: null }),
    })),
    columns: Object.fromEntries(fields.filter((field) => isColumn(said[field])).map((field) => [field, said[field]])),
    labelNames: Object.fromEntries([...content.mapping].map(([raw, to]) => [raw, to ?? ''])),
    onBadRow: said.on_bad_row === 'skip' ? 'skip' : 'stop',
    clean: Array.isArray(clean) ? clean.filter(isCleanOperation) : [],
    dropDuplicates: valueAt('drop_duplicates') === true,
    maxLength: Number.isSafeInteger(maxLength) && Number(maxLength) > 0 ? Number(maxLength) : null,
  };
}

function getNodeValueAt(text: string, path: string[]): unknown {
  const node = findNodeAtLocation(treeOf(text), path);
  return node && getNodeValue(node);
}

/** The recipe's columns where it names some that the file has, and what was recognised for the rest. */
export function mappingOf(
  { columns: said }: RecipeData,
  guess: FieldMapping,
  columns: readonly string[],
): FieldMapping {
  const found = { ...guess };
  for (const field of fields) {
    const column = said[field];
    if (column === null) found[field] = null;
    const name = typeof column === 'number' ? columns[column] : column;
    if (name != null && columns.includes(name)) found[field] = name;
  }
  return found;
}

/** A split as `dataset.split` can say it; undefined when it takes files: a test part, or shares of another column. */
export function splitSetting(options: SplitOptions, mapping: FieldMapping) {
  const { validation, test, seed, stratify, group } = options;
  const texts = ['first_sequence', 'second_sequence'] as const;
  const text = texts.find((field) => group !== null && mapping[field] === group);
  // Another column is said by its name, unless that means a text.
  const isNameTaken = text === undefined && texts.some((field) => field === group);
  const isSayable = test === 0 && validation > 0 && !isNameTaken && (stratify === null || stratify === mapping.label);
  if (!isSayable) return undefined;
  return { validation, seed, stratify: stratify !== null, group_by: text ?? group };
}

function sourceOf(
  file: string,
  { format, encoding, header, sheet, label_separator: separator }: Readonly<Record<string, unknown>>,
) {
  const known = DATA_FORMATS.find((name) => name === format);
  return {
    file,
    ...(known && { format: known }),
    ...(typeof encoding === 'string' && encoding !== 'auto' && { encoding }),
    ...(typeof header === 'boolean' && { header }),
    ...(typeof sheet === 'string' && sheet !== '' && { sheet }),
    ...((typeof separator === 'string' || separator === null) && { label_separator: separator }),
  };
}

function isColumn(value: unknown): value is Column {
  return value === null || typeof value === 'string' || (Number.isSafeInteger(value) && Number(value) >= 0);
}
