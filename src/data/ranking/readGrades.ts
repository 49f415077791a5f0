/** Candidates of queries with their grades of relevance. */
import { words, type Words } from '../../base/words';
import type { RecipeSplit } from '../../protocol/recipe';
import type { TaskName } from '../../protocol/tasks';
import {
  OneValueReader,
  readLabelled,
  type Example,
  type Examples,
  type LabelColumn,
  type LabelReader,
} from '../examples';
import { LabelMap } from '../labelMapping';
import { readSplitWith, type ReadSplitOptions, type ResolvedFields } from '../recipeSplit';
import { duplicatesOf } from '../statistics';

/** Candidates of one query. */
export interface Query {
  readonly text: string;
  /** Places of its examples. */
  readonly examples: readonly number[];
}

/** Queries in the order of their first candidates. */
export function queriesOf(examples: readonly Pick<Example<unknown>, 'first'>[]): Query[] {
  const queries = new Map<string, number[]>();
  examples.forEach(({ first }, at) => {
    const known = queries.get(first);
    if (known) known.push(at);
    else queries.set(first, [at]);
  });
  return [...queries].map(([text, places]) => ({ text, examples: places }));
}

/** What names a candidate: its query and its text. No text of a file holds a zero character. */
export const candidateKey = (query: string, text: string): string => `${query}\0${text}`;

/**
 * Reads the candidates of queries, a row each. Rows of equal queries are one query, wherever they stand; of equal texts for one
 * query the first is kept. `remarks` counts both.
 *
 * Errors: those of `readLabelled`; `LABELS` listing the values that are no grade, with count and first line.
 */
export async function readGrades(
  split: RecipeSplit,
  task: TaskName,
  options: ReadSplitOptions,
): Promise<Examples & ResolvedFields & { readonly remarks: readonly string[] }> {
  const read = await readSplitWith(split, task, options, (file, fields, reading) =>
    readLabelled(file, fields, task, reading, (column) => new Grades(column)),
  );
  const kept = new Map<string, Example>();
  let [doubled, contradictory] = [0, 0];
  for (const example of read.examples) {
    const key = candidateKey(example.first, example.second!);
    const known = kept.get(key);
    if (!known) kept.set(key, example);
    else {
      doubled++;
      if (known.label !== example.label) contradictory++;
    }
  }
  const examples = [...kept.values()];
  return {
    ...read,
    examples,
    duplicates: duplicatesOf(examples),
    remarks: remarksOf(examples, { doubled, contradictory, lists: listCount(read) }),
  };
}

/** Records that hold a list each; of rows undefined. */
function listCount({ file, examples }: Examples): number | undefined {
  return file.lists && new Set(examples.map(({ line }) => line)).size;
}

function remarksOf(
  examples: readonly Example[],
  { doubled, contradictory, lists }: { readonly doubled: number; readonly contradictory: number; readonly lists: number | undefined }, // prettier-ignore
): string[] {
  const queries = queriesOf(examples);
  const sizes = queries.map(({ examples: { length } }) => length);
  const most = sizes.reduce((a, b) => Math.max(a, b), 0);
  const joined = lists !== undefined && lists > queries.length ? ` (${lists} records; those with equal queries are joined)` : ''; // prettier-ignore
  const mean = (examples.length / queries.length).toFixed(1);
  const line = `${counted(queries.length, 'query', 'queries')}${joined} with ${counted(examples.length, 'text')}; texts in a query: ${mean} on average, at most ${most}`;
  if (doubled === 0) return [line];
  const other = contradictory > 0 ? `, ${contradictory} of them with another grade` : '';
  return [line, `left out: ${counted(doubled, 'repeated text')} of a query${other}`];
}

function counted(count: number, one: string, several = `${one}s`): string {
  return `${count} ${count === 1 ? one : several}`;
}

/** Reads grades of relevance: numbers from 0 on. */
class Grades extends OneValueReader implements LabelReader<number, string> {
  constructor(of: LabelColumn) {
    super(of, new LabelMap(undefined, of.options.labelMapping), isGrade);
  }

  protected problem(): Words {
    return words`a ranking needs grades of relevance (numbers of at least 0), but these values are not (map them in label_mapping, to null to leave them out)`;
  }

  finish(kept: readonly string[]) {
    return { labels: [], counts: [], given: kept.map(Number) };
  }
}

function isGrade(value: string): boolean {
  return value !== '' && Number.isFinite(Number(value)) && Number(value) >= 0;
}
