import { MedTextError, words } from '../base/errors';
import { joined, type Words } from '../base/words';
import type { ColumnKind, FieldRole, GuessReason, UsedField } from '../protocol/fieldGuess';
import type { DataValue } from './dataRow';

/** Which column holds what; by name, or by index from 0 (`0` or `"0"`). */
export interface DataFields {
  readonly firstSequence: string | number;
  readonly secondSequence?: string | number;
  readonly label?: string | number;
}

/** One field that was guessed. */
export type GuessedField = UsedField & { readonly reason: GuessReason };

export interface FieldGuess {
  readonly firstSequence?: string;
  readonly secondSequence?: string;
  readonly label?: string;
  /** One for each field, in the order in which they were found. */
  readonly found: readonly GuessedField[];
}

/** What a column can be; `columnFacts` is the one place where that is decided. */
export interface ColumnFacts {
  readonly name: string;
  readonly kind: ColumnKind;
  /** Values in the sample that are not missing, and how many of them differ. */
  readonly values: number;
  readonly distinct: number;
  /** Whether its contents are those of a text, of a label; a person may know better. */
  readonly canBeText: boolean;
  readonly canBeLabel: boolean;
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
    ...[
      'hypothesis',
      'title',
      'answer',
      'document',
      'passage',
      'response',
      'candidate',
      'reply',
      'target',
      'positive',
      'doc',
      'text',
    ],
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
      'grade',
      'intent',
      'y',
    ],
    ...['标签', '类别', '分类', '得分', '分数', '相似度', '相关性', '相关度', '意图', '标注'],
  ],
};

/** Columns that number or name the rows, by their normal name. */
const IDENTIFIER =
  /^(id|ids|idx|index|guid|uuid|qid|pid|rowid|no|序号|编号|unnamed0|)$|(编号|序号|单号|流水号|病案号|住院号|门诊号|就诊号)$/;
/** `doc_id`, `docId`, `docID`; normal names no longer show the parts. */
const ENDS_WITH_ID = /(^|[_\-.:\s])[iI][dD]s?$|[a-z]I[dD]s?$/;
/** Names, in normal form, of columns that say who labelled a row, when and for how long, in Label Studio and hand-made tables. */
const BOOKKEEPING =
  /^(annotators?|completedby|createdby|updatedby|reviewer|leadtime|agreement|标注人|标注员|标注者|审核人|审核员|操作员)$/;
const TIME_NAME = /^(createdat|updatedat|timestamp|datetime|date|createtime|updatetime|日期|时间)$|(时间|日期)$/;
/** 2024-01-31, 2024/1/31 08:15, 2024年1月31日, 2024-01-31T08:15:00.123+08:00. */
const TIME =
  /^\d{4}([-/.]|年)\d{1,2}([-/.]|月)\d{1,2}日?([T ]+\d{1,2}:\d{2}(:\d{2}([.,]\d+)?)?\s*(Z|UTC|[+-]\d{2}:?\d{2})?)?$/i;
/** s17, CASE-0012, a UUID: what names a row and says nothing. */
const CODE = /^[a-z]{0,8}[-_:]?(\d+|[\da-f]{8}(-?[\da-f]{4}){3}-?[\da-f]{12})$/i;
/** Fewer rows say nothing about how often values repeat. */
const TELLING_ROWS = 8;

export function isKnownColumnName(name: string): boolean {
  const normal = normalName(name);
  return normal === 'id' || normal === '序号' || Object.values(KNOWN_NAMES).some((names) => names.includes(normal));
}

/** What resolving a column needs of a data file. */
interface NamedColumns {
  readonly path: string;
  readonly columns: readonly string[];
  readonly workbook?: { readonly sheet: string; readonly sheets: readonly string[] };
  readonly repeated?: ReadonlyMap<string, readonly number[]>;
}

/**
 * The name of the column meant by a name or an index: an exact name first, else an index from 0.
 *
 * Errors: `NOT_FOUND`, listing the columns there are; `DATA_FORMAT` for a name that several columns have.
 */
export function resolveColumn(file: NamedColumns, column: string | number, use = 'column'): string {
  if (typeof column === 'string') refuseRepeated(file, column);
  const found = findColumn(file, column);
  if (found !== undefined) return found;
  throw new MedTextError(
    'NOT_FOUND',
    words`${file.path} has no column ${JSON.stringify(column)} for the ${use}. Its columns are: ${columnList(file)}.`,
    { file: file.path, column, use, columns: file.columns },
  );
}

/** The columns for a message about one that is not there: it may be in another sheet. */
export function columnList({ columns, workbook }: NamedColumns): string | Words {
  const list = (names: readonly string[]) => names.map((name) => JSON.stringify(name)).join(', ');
  const others = workbook?.sheets.filter((name) => name !== workbook.sheet) ?? [];
  if (!workbook || others.length === 0) return list(columns);
  return words`${list(columns)} (in the sheet ${JSON.stringify(workbook.sheet)}; the other sheets are: ${list(others)})`;
}

/** Errors: `DATA_FORMAT` for a name that several columns have, which names them. */
function refuseRepeated(file: NamedColumns, name: string): void {
  const places = file.repeated?.get(name);
  if (!places) return;
  const { path, columns } = file;
  throw new MedTextError('DATA_FORMAT', repeatedWords(path, name, places), { file: path, column: name, places, columns }); // prettier-ignore
}

function repeatedWords(path: string, name: string, places: readonly number[]): Words {
  const numbers = joined(places.map((place) => String(place + 1)), words` and `); // prettier-ignore
  return words`${path}: the columns ${numbers} are all named ${JSON.stringify(name)}. Rename them in the file, or choose one by its position from 0 (${places.join(', ')}).`;
}

/** The names that several columns have and of which a guess took one. */
function repeatedIn(file: NamedColumns, { found }: FieldGuess): [name: string, places: readonly number[]][] {
  return [...(file.repeated ?? [])].filter(([, places]) =>
    found.some(({ column }) => places.includes(file.columns.indexOf(column))),
  );
}

/**
 * Refuses a guess that took one of several columns of one name: which one is meant is for a person to say.
 * Errors: `DATA_FORMAT`.
 */
export function refuseRepeatedGuess(file: NamedColumns, guess: FieldGuess): void {
  for (const [name] of repeatedIn(file, guess)) refuseRepeated(file, name);
}

/** The guess without what it took of several columns of one name, and what to say of these. */
export function withoutRepeated(file: NamedColumns, guess: FieldGuess): { guess: FieldGuess; warnings: Words[] } {
  const repeated = repeatedIn(file, guess);
  const unclear = repeated.flatMap(([, places]) => places.map((place) => file.columns[place]));
  return {
    guess: fieldsOf(guess.found.filter(({ column }) => !unclear.includes(column))),
    warnings: repeated.map(([name, places]) => repeatedWords(file.path, name, places)),
  };
}

/** The guess without what it made of columns whose role a person has named. */
export function withoutColumns(guess: FieldGuess, columns: readonly string[]): FieldGuess {
  return fieldsOf(guess.found.filter(({ column }) => !columns.includes(column)));
}

/** The column of that name or index; undefined where the file has none. */
export function findColumn(file: { readonly columns: readonly string[] }, column: string | number): string | undefined {
  if (typeof column === 'string' && file.columns.includes(column)) return column;
  return /^\d+$/.test(String(column)) ? file.columns[Number(column)] : undefined;
}

type Sample = readonly Readonly<Record<string, DataValue>>[];

/**
 * Guesses the fields from the columns' names, and where names say nothing, from what the sample rows hold: texts are long
 * and mostly distinct, labels short and repeated; what numbers, names or dates the rows is neither. A guess is for a person
 * to confirm.
 */
export function guessFields(columns: readonly string[], sample: Sample): FieldGuess {
  const found: GuessedField[] = [];
  const free = new Set(columns);
  const has = (role: FieldRole) => found.some((field) => field.role === role);
  const choose = (role: FieldRole, column: string | undefined, reason: GuessReason) => {
    if (column === undefined || has(role)) return;
    free.delete(column);
    found.push({ role, column, reason });
  };
  const named = (role: FieldRole) => {
    for (const name of KNOWN_NAMES[role]) {
      for (const column of free) if (normalName(column) === name) return column;
    }
    return undefined;
  };
  choose('firstSequence', named('firstSequence'), 'name');
  choose('label', named('label'), 'name');
  choose('secondSequence', named('secondSequence'), 'name');

  const facts = columnFacts(columns, sample);
  const next = (wanted: (facts: ColumnFacts) => boolean) =>
    facts.find((column) => free.has(column.name) && wanted(column))?.name;
  choose('firstSequence', next(({ canBeText }) => canBeText), 'firstText'); // prettier-ignore
  if (isLabelStudio(columns)) {
    // Besides its own columns the export has the fields of the task and the choices.
    choose(
      'label',
      next(({ canBeLabel }) => canBeLabel) ?? next(({ kind }) => kind === 'class' || kind === 'text'),
      'labelStudio',
    );
    return fieldsOf(found);
  }
  // A file that names its text and its label says with that what it is; other texts beside them are remarks.
  const isNamed = found.length > 0 && found.every(({ reason }) => reason === 'name');
  if (!isNamed || (!has('label') && next(({ canBeLabel }) => canBeLabel) !== undefined)) {
    choose('secondSequence', next(({ canBeText }) => canBeText), 'nextText'); // prettier-ignore
  }
  choose('label', next(({ canBeLabel }) => canBeLabel), 'repeatedValues'); // prettier-ignore
  return fieldsOf(found);
}

function fieldsOf(found: readonly GuessedField[]): FieldGuess {
  return { ...Object.fromEntries(found.map(({ role, column }) => [role, column])), found };
}

/** The columns that Label Studio's CSV and JSON_MIN add to each row. */
function isLabelStudio(columns: readonly string[]): boolean {
  return ['annotation_id', 'lead_time', 'annotator'].every((name) => columns.includes(name));
}

function normalName(name: string): string {
  return name
    .normalize('NFKC')
    .toLowerCase()
    .replace(/[\s_\-.:]/g, '');
}

/** What each column can be, by its name and the sample rows. */
export function columnFacts(columns: readonly string[], sample: Sample): ColumnFacts[] {
  return columns.map((column) => factsOf(column, sample));
}

function factsOf(name: string, sample: Sample): ColumnFacts {
  const values: string[] = [];
  let nested = 0;
  for (const row of sample) {
    const value = Object.hasOwn(row, name) ? row[name] : undefined;
    if (value === undefined || value === null || value === '') continue;
    if (typeof value === 'object') nested++;
    else values.push(String(value).trim());
  }
  const distinct = new Set(values).size;
  const facts = (kind: ColumnKind, { canBeText = false, canBeLabel = false } = {}): ColumnFacts => ({
    name,
    kind,
    values: values.length,
    distinct,
    canBeText,
    canBeLabel,
  });
  if (nested > values.length) return facts('nested');
  if (values.length === 0) return facts('empty');
  const normal = normalName(name);
  if (BOOKKEEPING.test(normal)) return facts('bookkeeping');
  if (values.every((value) => TIME.test(value))) return facts('time');
  if (values.every((value) => /^(https?|ftp|file|s3|gs):/i.test(value))) return facts('link');

  const isTelling = values.length >= TELLING_ROWS;
  const isDistinct = distinct === values.length;
  const isNumeric = values.every((value) => Number.isFinite(Number(value)));
  if (TIME_NAME.test(normal) && isNumeric) return facts('time');
  const namesClasses = /(label|class|categor|intent|标签|类别)/i.test(name);
  if (IDENTIFIER.test(normal) || (ENDS_WITH_ID.test(name) && !namesClasses)) return facts('identifier');
  if (isCounting(values)) return facts('identifier');
  if (isTelling && isDistinct && values.every((value) => CODE.test(value))) return facts('identifier');

  const length = values.reduce((sum, value) => sum + value.length, 0) / values.length;
  // One value for every row tells nothing apart; a different one for every row is an amount, or another text.
  const teaches = !isTelling || (distinct > 1 && !isDistinct);
  if (isNumeric) return teaches ? facts('class', { canBeLabel: true }) : facts('number');
  const isShort = length <= 30 && (length <= 3 || distinct <= Math.max(2, values.length / 2));
  const canBeLabel = isShort && teaches;
  const repeats = isShort && distinct <= values.length / 4;
  const canBeText = !repeats && (length >= 4 || !canBeLabel);
  return facts(canBeText ? 'text' : 'class', { canBeText, canBeLabel });
}

/** 0, 1, 2, 3, … or from 1: a row's number, as pandas writes it. */
function isCounting(values: readonly string[]): boolean {
  const first = Number(values[0]);
  return values.length >= 4 && (first === 0 || first === 1) && values.every((value, i) => Number(value) === first + i);
}
