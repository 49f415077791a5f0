/** Label Studio's full JSON: tasks with the annotations that people made. Its CSV and JSON_MIN are tables already. */
import { words, type Words } from '../base/words';
import { recordOf, type DataRow, type DataValue } from './dataRow';

/** https://labelstud.io/guide/export: one task. `completions` are the annotations of versions before 1.0. */
interface Task {
  readonly data: Record<string, DataValue>;
  readonly annotations?: unknown;
  readonly completions?: unknown;
}

/** Whether rows are Label Studio's tasks, each with what it shows (`data`) and what was annotated. */
export function areTasks(sample: readonly DataRow[]): boolean {
  return sample.length > 0 && sample.every(({ values }) => isTask(values));
}

function isTask(values: unknown): values is Task {
  if (!isObject(values) || !isObject(values.data)) return false;
  return Array.isArray(values.annotations ?? values.completions);
}

/**
 * A task as a row: the fields it shows, and a column for each thing that was asked, named as in its labelling interface
 * (`from_name`). A choice is its text, a rating its number, several choices a list, marked spans a list of objects.
 * Annotations that were cancelled do not count. Words: why the task has no row.
 *
 * @param spans the columns of marked spans: empty in a task that somebody annotated and marked nothing in, missing in one that
 * nobody annotated
 */
export function rowOfTask(
  values: Readonly<Record<string, DataValue>>,
  spans: readonly string[] = [],
): Record<string, DataValue> | Words {
  if (!isTask(values)) return words`a Label Studio task has data and annotations, this record has not`;
  const annotations = (values.annotations ?? values.completions) as readonly unknown[];
  const answers = new Map<string, DataValue>();
  for (const annotation of annotations) {
    if (!isObject(annotation) || annotation.was_cancelled === true) continue;
    for (const [name, answer] of answersOf(annotation.result, spans)) {
      const known = answers.get(name);
      if (known !== undefined && JSON.stringify(known) !== JSON.stringify(answer)) {
        return words`its annotators disagree on ${name}: ${JSON.stringify(known)} and ${JSON.stringify(answer)}`;
      }
      answers.set(name, answer);
    }
  }
  const names = [...Object.keys(values.data), ...answers.keys()];
  return recordOf(names, [...Object.values(values.data), ...answers.values()]);
}

/** The names of the things asked for whose answers are marked spans. */
export function spanNames(tasks: readonly DataRow[]): string[] {
  const names = new Set<string>();
  for (const { values } of tasks) {
    const annotations = isTask(values) ? ((values.annotations ?? values.completions) as readonly unknown[]) : [];
    for (const annotation of annotations) {
      const result = isObject(annotation) ? annotation.result : undefined;
      for (const region of Array.isArray(result) ? (result as unknown[]) : []) {
        if (isObject(region) && typeof region.from_name === 'string' && isSpan(region.value)) names.add(region.from_name); // prettier-ignore
      }
    }
  }
  return [...names];
}

const isSpan = (value: unknown): value is Record<string, DataValue> => isObject(value) && 'start' in value;

const startOf = (span: unknown): number => Number((span as Record<string, unknown>).start);

function answersOf(result: unknown, spans: readonly string[]): Map<string, DataValue> {
  const answers = new Map<string, DataValue>(spans.map((name) => [name, []]));
  for (const region of Array.isArray(result) ? (result as unknown[]) : []) {
    if (!isObject(region) || typeof region.from_name !== 'string' || !isObject(region.value)) continue;
    const { choices, rating, number, text } = region.value;
    const name = region.from_name;
    if (isSpan(region.value)) {
      const before = answers.get(name);
      if (Array.isArray(before)) (before as unknown[]).push(region.value);
      else answers.set(name, [region.value]);
    } else if (Array.isArray(choices)) answers.set(name, choices.length === 1 ? (choices[0] as DataValue) : choices);
    else if (typeof rating === 'number' || typeof number === 'number') answers.set(name, (rating ?? number) as number);
    else if (Array.isArray(text)) answers.set(name, text.map(String).join('\n'));
  }
  // Two annotators who mark the same spans need not mark them in the same order.
  for (const answer of answers.values()) {
    if (Array.isArray(answer) && answer.every(isSpan)) answer.sort((a, b) => startOf(a) - startOf(b));
  }
  return answers;
}

/**
 * What was chosen in a cell of Label Studio's CSV or JSON_MIN, where several choices come as `{"choices": […]}`: the text of
 * the one there is, a list of several; undefined for any other value.
 */
export function choicesOf(value: DataValue): DataValue {
  const json = typeof value === 'string' && /^\s*\{\s*"choices"/.test(value) ? parsed(value) : value;
  if (!isObject(json) || !Array.isArray(json.choices) || Object.keys(json).length > 1) return undefined;
  return json.choices.length === 1 ? (json.choices[0] as DataValue) : json.choices;
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

function isObject(value: unknown): value is Record<string, DataValue> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
