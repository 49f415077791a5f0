import { createContext, Script } from 'node:vm';
import { MedTextError, words } from '../base/errors';
import type { RowSearch } from '../protocol/datasetPreview';
import { textOf, valueIn, type DataValue } from '../data/dataRow';

type Values = Readonly<Record<string, DataValue>>;

/** For a few hundred rows an expression that is not hopeless takes milliseconds. */
const EXPRESSION_TIMEOUT_MS = 2000;

/** Says of each row whether a cell holds what is searched for. Errors: `USAGE` for an expression that takes too long. */
export type RowSearcher = (rows: readonly Values[]) => readonly boolean[];

/** Errors: `USAGE` for an expression that is none. */
export function rowSearcher(search: RowSearch): RowSearcher {
  const { columns } = search;
  const textsOf = (values: Values): string[] =>
    (columns.length > 0 ? columns.map((column) => valueIn(values, column)) : Object.values(values)).map(textOf);
  if (search.regex) return expressionSearcher(search, textsOf);
  const fold = search.caseSensitive ? (text: string) => text : (text: string) => text.toLowerCase();
  const wanted = fold(search.text);
  return (rows) => rows.map((values) => textsOf(values).some((text) => fold(text).includes(wanted)));
}

function expressionSearcher({ text, caseSensitive }: RowSearch, textsOf: (values: Values) => string[]): RowSearcher {
  let expression: RegExp;
  try {
    expression = new RegExp(text, caseSensitive ? 'u' : 'iu');
  } catch (error) {
    throw new MedTextError('USAGE', words`The regular expression is not valid: ${(error as Error).message}`, { text });
  }
  // Backtracking can take for ever and nothing else could interrupt it.
  const context = createContext({ expression, rows: [] });
  const script = new Script('rows.map((texts) => texts.some((text) => expression.test(text)))');
  return (rows) => {
    context.rows = rows.map(textsOf);
    try {
      return Array.from(script.runInContext(context, { timeout: EXPRESSION_TIMEOUT_MS }) as boolean[]);
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'ERR_SCRIPT_EXECUTION_TIMEOUT') throw error;
      throw new MedTextError('USAGE', words`The regular expression takes too long on these texts; write it without nested repetitions.`, { text }); // prettier-ignore
    } finally {
      context.rows = [];
    }
  };
}
