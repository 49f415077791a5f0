import { basename, resolve } from 'node:path';
import { findNodeAtLocation, getNodeValue, parseTree, type Node } from 'jsonc-parser';
import { ANSWERS } from '../../protocol/answers';
import { saysNoLabel } from '../../protocol/labelScheme';
import { recipeContradictions } from '../../protocol/recipe';
import type { DataInfo } from '../../protocol/scorer';
import { labelParts, namesInText } from '../../protocol/severalLabels';
import { findTask } from '../../protocol/tasks';
import type { TextRange } from '../hover/sentenceAt';
import { isRecipeAddress } from '../../protocol/recipeAddress';
import { pathInRecipe } from './recipeDraft';
import type { Translate } from '../../base/translate';

/** Something wrong in a recipe that JSON validation cannot see, where it stands, and how it may be mended. */
export interface LocatedProblem extends TextRange {
  readonly message: string;
  readonly severity: 'error' | 'warning';
  readonly fixes: readonly RecipeFix[];
}

/** Replace the problem's value by another, or what stands elsewhere. */
export interface RecipeFix {
  readonly title: string;
  readonly replacement: string;
  /** Absent: the problem's own range. */
  readonly at?: TextRange;
}

/** What a recipe needs to know of the disk and of data files; given, so that it can be tested. */
export interface RecipeSurroundings {
  exists(path: string): boolean;
  /** undefined when the file cannot be read as data. */
  dataInfo(path: string, sheet?: string): Promise<DataInfo | undefined>;
  /** Absolute paths that a missing data file may have been meant to be. */
  dataFiles?(): Promise<readonly string[]>;
  /** Tokens that a model reads at most; undefined where its folder does not say. */
  positions?(folder: string): number | undefined;
  /** Absolute paths and addresses that a missing model may have been meant to be. */
  modelFolders?(): readonly string[];
}

const maxSuggestions = 5;

/**
 * The problems of a recipe's text: contradictions between fields, missing files, unknown columns, labels that are not
 * listed. What the JSON schema already reports is left to the editor.
 */
export async function problemsOfRecipe(
  text: string,
  baseFolder: string,
  surroundings: RecipeSurroundings,
  t: Translate,
): Promise<LocatedProblem[]> {
  const root = parseTree(text);
  if (!root || root.type !== 'object') return [];
  const recipe = getNodeValue(root) as Record<string, any>;
  const problems: LocatedProblem[] = recipeContradictions(recipe, t).map(({ pointer, message }) =>
    located(nodeAt(root, pointer) ?? root, message),
  );

  const model = findNodeAtLocation(root, ['model']);
  if (
    model?.type === 'string' &&
    !isRecipeAddress(String(model.value)) &&
    !surroundings.exists(resolve(baseFolder, String(model.value)))
  ) {
    const message = t('The model {0} does not exist.', String(model.value));
    const fixes = suggested(String(model.value), surroundings.modelFolders?.() ?? [], baseFolder, t);
    problems.push({ ...located(model, message), fixes });
  }
  const length = findNodeAtLocation(root, ['train', 'max_length']);
  const positions =
    model?.type === 'string' && typeof length?.value === 'number'
      ? surroundings.positions?.(resolve(baseFolder, String(model.value)))
      : undefined;
  if (length && positions !== undefined && Number(length.value) > positions) {
    const fixes = [String(positions), '"auto"'].map((replacement) => ({ title: t('Use {0}', replacement), replacement })); // prettier-ignore
    problems.push({ ...located(length, tooLongText(positions, t)), fixes });
  }
  const train = recipe.dataset?.train as Record<string, unknown> | undefined;
  for (const name of ['train', 'validation', 'test']) {
    const split = findNodeAtLocation(root, ['dataset', name]);
    if (split?.type !== 'object') continue;
    problems.push(...(await problemsOfSplit(split, root, train ?? {}, baseFolder, surroundings, t)));
  }
  return problems;
}

export const tooLongText = (positions: number, t: Translate): string =>
  t('The model reads at most {0} tokens. Enter a number up to this limit, or auto.', positions);

async function problemsOfSplit(
  split: Node,
  root: Node,
  train: Readonly<Record<string, unknown>>,
  baseFolder: string,
  surroundings: RecipeSurroundings,
  t: Translate,
): Promise<LocatedProblem[]> {
  const file = findNodeAtLocation(split, ['file']);
  // What an address names is looked for when the recipe is run.
  if (file?.type !== 'string' || isRecipeAddress(String(file.value))) return [];
  const path = resolve(baseFolder, String(file.value));
  if (!surroundings.exists(path)) {
    const message = t('The data file {0} does not exist.', String(file.value));
    const fixes = suggested(String(file.value), (await surroundings.dataFiles?.()) ?? [], baseFolder, t);
    return [{ ...located(file, message), fixes }];
  }
  const sheet = findNodeAtLocation(split, ['sheet']);
  const first = await surroundings.dataInfo(path);
  if (first && sheet?.type === 'string' && !first.sheets?.includes(String(sheet.value))) {
    if (!first.sheets) return [located(sheet, t('{0} is not a workbook: it has no sheets.', String(file.value)))];
    const fixes = first.sheets.map((name) => ({
      title: t('Use the sheet {0}', name),
      replacement: JSON.stringify(name),
    }));
    const message = t('{0} has no sheet {1}; it has {2}.', String(file.value), String(sheet.value), first.sheets.join(', ')); // prettier-ignore
    return [{ ...located(sheet, message), fixes }];
  }
  const info = sheet?.type === 'string' && sheet.value !== first?.sheet ? await surroundings.dataInfo(path, String(sheet.value)) : first; // prettier-ignore
  if (!info) return [];

  const problems: LocatedProblem[] = [];
  for (const field of ['first_sequence', 'second_sequence', 'label']) {
    const node = findNodeAtLocation(split, [field]);
    if (!node || node.value === null || isColumn(node.value as string | number, info.columns)) continue;
    const fixes = info.columns.map((column) => ({
      title: t('Use the column {0}', column),
      replacement: JSON.stringify(column),
    }));
    const message = t(
      '{0} has no column {1}; it has {2}.',
      String(file.value),
      String(node.value),
      info.columns.join(', '),
    );
    problems.push({ ...located(node, message), fixes });
  }

  const values = getNodeValue(split) as Record<string, unknown>;
  const labels = (values.labels ?? train.labels) as unknown[] | undefined;
  const mapping = (values.label_mapping ?? train.label_mapping ?? {}) as Record<string, unknown>;
  const usesGuess = (values.label ?? train.label ?? info.label) === info.label;
  if (Array.isArray(labels) && info.labels && usesGuess) {
    const listed = new Set(labels.map(String));
    const skips = (values.on_bad_row ?? train.on_bad_row) === 'skip';
    const unlisted = labelsIn(info.labels, findNodeAtLocation(root, ['task'])?.value, { ...train, ...values }).filter(
      ({ value }) => !listed.has(value) && !Object.hasOwn(mapping, value) && !(value === '' && skips),
    );
    const node = findNodeAtLocation(split, ['labels']);
    if (unlisted.length > 0) {
      const names = unlisted.slice(0, 8).map(({ value, count }) => `${value === '' ? t('(no label)') : value} (${count})`); // prettier-ignore
      const found = unlisted.map(({ value }) => value);
      const classes = found.filter((value) => !saysNoLabel(value));
      const all = JSON.stringify([...labels.map(String), ...classes]);
      const fixes = [
        ...(node && classes.length > 0 ? [{ title: t('List them'), replacement: all }] : []),
        ...leftOut(split, root, found.filter(saysNoLabel), t),
      ];
      problems.push({ ...located(node ?? file, t('Labels in the data that are not listed: {0}', names.join(', '))), fixes }); // prettier-ignore
    }
  }
  return problems;
}

/**
 * The labels in cells: of a task with several labels a row the parts of each cell. None where the separator is left to be
 * recognised, which takes all rows.
 */
function labelsIn(
  cells: NonNullable<DataInfo['labels']>,
  task: unknown,
  { label_separator: separator }: Readonly<Record<string, unknown>>,
): NonNullable<DataInfo['labels']> {
  const answer = findTask(task)?.answer;
  if (answer === undefined || !ANSWERS[answer].holdsSeveral) return cells;
  if (typeof separator !== 'string' && separator !== null) return [];
  const counts = new Map<string, number>();
  for (const { value, count } of cells) {
    for (const part of namesInText(value) ?? labelParts(value, separator)) counts.set(part, (counts.get(part) ?? 0) + count); // prettier-ignore
  }
  return [...counts].map(([value, count]) => ({ value, count }));
}

/** What says that there is no label is no class: it is mapped to null, where the split's labels are mapped. */
function leftOut(split: Node, root: Node, values: readonly string[], t: Translate): RecipeFix[] {
  if (values.length === 0) return [];
  const entries = values.map((value) => `${JSON.stringify(value)}: null`).join(', ');
  const title = t('Leave the rows without a label out');
  const train = findNodeAtLocation(root, ['dataset', 'train']);
  for (const holder of [split, train]) {
    const mapping = holder && findNodeAtLocation(holder, ['label_mapping']);
    if (mapping?.type !== 'object') continue;
    const start = mapping.offset + 1;
    const isEmpty = mapping.children?.length === 0;
    return [{ title, replacement: isEmpty ? ` ${entries} ` : ` ${entries},`, at: { start, end: start } }];
  }
  for (const holder of [split, train]) {
    const labels = holder && findNodeAtLocation(holder, ['labels']);
    if (!labels) continue;
    const end = labels.offset + labels.length;
    return [{ title, replacement: `, "label_mapping": { ${entries} }`, at: { start: end, end } }];
  }
  return [];
}

/** The paths whose names begin most like the written one's, as a recipe would name them. */
function suggested(written: string, paths: readonly string[], baseFolder: string, t: Translate): RecipeFix[] {
  const wanted = basename(written).toLowerCase();
  const likeness = (path: string): number => {
    const name = basename(path).toLowerCase();
    if (name === wanted) return Infinity;
    let shared = 0;
    while (shared < name.length && name[shared] === wanted[shared]) shared++;
    return shared;
  };
  return [...paths]
    .sort((a, b) => likeness(b) - likeness(a) || a.localeCompare(b))
    .slice(0, maxSuggestions)
    .map((path) => {
      const near = pathInRecipe(path, baseFolder);
      return { title: t('Use {0}', near), replacement: JSON.stringify(near) };
    });
}

function isColumn(column: string | number, columns: readonly string[]): boolean {
  if (columns.includes(String(column))) return true;
  return /^\d+$/.test(String(column)) && Number(column) < columns.length;
}

function located(node: Node, message: string): LocatedProblem {
  return { start: node.offset, end: node.offset + node.length, message, severity: 'error', fixes: [] };
}

function nodeAt(root: Node, pointer: string): Node | undefined {
  const path = pointer
    .split('/')
    .slice(1)
    .map((part) => part.replaceAll('~1', '/').replaceAll('~0', '~'));
  return findNodeAtLocation(
    root,
    path.map((part) => (/^\d+$/.test(part) ? Number(part) : part)),
  );
}
