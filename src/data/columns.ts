import { MedTextError, words } from '../base/errors';
import type { DataValue } from './dataRow';

/** What a column is used for. */
export type FieldRole = 'firstSequence' | 'secondSequence' | 'label';

/** Which column holds what; by name, or by index from 0 (`0` or `"0"`). */
export interface DataFields {
  readonly firstSequence: string | number;
  readonly secondSequence?: string | number;
  readonly label?: string | number;
}

export interface FieldGuess {
  readonly firstSequence?: string;
  readonly secondSequence?: string;
  readonly label?: string;
  /** One sentence for each field: which column and why. */
  readonly reasons: readonly string[];
}

/** Names in use for each role, most specific first; compared without case, spaces, `_`, `-` and `.`. */
const KNOWN_NAMES: Readonly<Record<FieldRole, readonly string[]>> = {
  firstSequence: [
    ...[
      'query1',
      'text1',
      'sentence1',
      'question1',
      'sent1',
      'sequence1',
      'firstsequence',
      'texta',
      'sentencea',
      'q1',
      's1',
    ],
    ...['问题1', '句子1', '文本1', '句子a', '文本a', '问句1'],
    ...['premise', 'anchor', 'query', 'question', 'text', 'sentence', 'content', 'input', 'utterance'],
    ...['文本', '问题', '句子', '问句', '内容', '查询', '原始词', '主诉'],
    'title',
  ],
  secondSequence: [
    ...[
      'query2',
      'text2',
      'sentence2',
      'question2',
      'sent2',
      'sequence2',
      'secondsequence',
      'textb',
      'sentenceb',
      'q2',
      's2',
    ],
    ...['问题2', '句子2', '文本2', '句子b', '文本b', '问句2'],
    ...['hypothesis', 'title', 'answer', 'document', 'passage', 'response', 'candidate', 'reply', 'target', 'positive'],
    ...['标题', '回答', '答案', '文档', '标准词'],
  ],
  label: [
    ...[
      'label',
      'labels',
      'class',
      'category',
      'target',
      'score',
      'similarity',
      'gold',
      'goldlabel',
      'relevance',
      'intent',
      'y',
    ],
    ...['标签', '类别', '分类', '得分', '分数', '相似度', '相关性', '意图', '标注'],
  ],
};

/** Columns that number the rows. */
const IDENTIFIER = /^(id|idx|index|guid|uuid|qid|pid|rowid|no|序号|编号|unnamed0|)$/;

export function isKnownColumnName(name: string): boolean {
  const normal = normalName(name);
  return normal === 'id' || normal === '序号' || Object.values(KNOWN_NAMES).some((names) => names.includes(normal));
}

/**
 * The name of the column meant by a name or an index: an exact name first, else an index from 0.
 *
 * Errors: `NOT_FOUND`, listing the columns there are.
 */
export function resolveColumn(
  file: { readonly path: string; readonly columns: readonly string[] },
  column: string | number,
  use = 'column',
): string {
  const found = findColumn(file, column);
  if (found !== undefined) return found;
  throw new MedTextError(
    'NOT_FOUND',
    words`${file.path} has no column ${JSON.stringify(column)} for the ${use}. Its columns are: ${file.columns.map((name) => JSON.stringify(name)).join(', ')}.`,
    { file: file.path, column, use, columns: file.columns },
  );
}

/** The column of that name or index; undefined where the file has none. */
export function findColumn(file: { readonly columns: readonly string[] }, column: string | number): string | undefined {
  if (typeof column === 'string' && file.columns.includes(column)) return column;
  return /^\d+$/.test(String(column)) ? file.columns[Number(column)] : undefined;
}

/**
 * Guesses the fields from the columns' names, and where names say nothing, from what the sample rows hold: texts are long
 * and mostly distinct, labels short and repeated. A guess is for a person to confirm.
 */
export function guessFields(
  columns: readonly string[],
  sample: readonly Readonly<Record<string, DataValue>>[],
): FieldGuess {
  const guess: Partial<Record<FieldRole, string>> = {};
  const reasons: string[] = [];
  const free = new Set(columns);
  const choose = (role: FieldRole, column: string | undefined, reason: string) => {
    if (column === undefined || guess[role] !== undefined) return;
    guess[role] = column;
    free.delete(column);
    reasons.push(`${ROLE_NAMES[role]}: column ${JSON.stringify(column)}, ${reason}`);
  };
  const named = (role: FieldRole) => {
    for (const name of KNOWN_NAMES[role]) {
      for (const column of free) if (normalName(column) === name) return column;
    }
    return undefined;
  };
  choose('firstSequence', named('firstSequence'), 'by its name');
  choose('label', named('label'), 'by its name');
  choose('secondSequence', named('secondSequence'), 'by its name');

  const contents = new Map([...free].map((column) => [column, contentOf(column, sample)]));
  const texts = columns.filter((column) => contents.get(column)?.isText);
  const labels = columns.filter((column) => contents.get(column)?.isLabel);
  choose(
    'firstSequence',
    texts.find((column) => free.has(column)),
    'the first one that holds texts',
  );
  // A file that names its text and its label says with that what it is; other texts beside them are remarks.
  const isNamed = reasons.length > 0 && reasons.every((reason) => reason.endsWith('by its name'));
  if (!isNamed || (guess.label === undefined && labels.length > 0)) {
    choose(
      'secondSequence',
      texts.find((column) => free.has(column)),
      'the next one that holds texts',
    );
  }
  choose(
    'label',
    labels.find((column) => free.has(column)),
    'few short values, often repeated',
  );
  return { ...guess, reasons };
}

/** How the fields are called in recipes and messages. */
export const ROLE_NAMES: Readonly<Record<FieldRole, string>> = {
  firstSequence: 'first_sequence',
  secondSequence: 'second_sequence',
  label: 'label',
};

function normalName(name: string): string {
  return name
    .normalize('NFKC')
    .toLowerCase()
    .replace(/[\s_\-.:]/g, '');
}

function contentOf(column: string, sample: readonly Readonly<Record<string, DataValue>>[]) {
  const values: string[] = [];
  let others = 0;
  for (const row of sample) {
    const value = Object.hasOwn(row, column) ? row[column] : undefined;
    if (value === undefined || value === null || value === '') continue;
    if (typeof value === 'object') others++;
    else values.push(String(value));
  }
  if (values.length === 0 || others > 0) return { isText: false, isLabel: false };
  const distinct = new Set(values).size;
  const length = values.reduce((sum, value) => sum + value.length, 0) / values.length;
  const numeric = values.every((value) => Number.isFinite(Number(value)));
  const isIdentifier = IDENTIFIER.test(normalName(column)) && distinct === values.length && values.length > 1;
  const isLabel =
    !isIdentifier && length <= 30 && (numeric || length <= 3 || distinct <= Math.max(2, values.length / 2));
  const isText = !isIdentifier && !numeric && !/^https?:/.test(values[0]) && (length >= 4 || !isLabel);
  return { isText: isText && !(isLabel && distinct <= values.length / 4), isLabel };
}
