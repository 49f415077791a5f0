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
 */
export function rowOfTask(values: Readonly<Record<string, DataValue>>): Record<string, DataValue> | Words {
  if (!isTask(values)) return words`a Label Studio task has data and annotations, this record has not`;
  const annotations = (values.annotations ?? values.completions) as readonly unknown[];
  const answers = new Map<string, DataValue>();
  for (const annotation of annotations) {
    if (!isObject(annotation) || annotation.was_cancelled === true) continue;
    for (const [name, answer] of answersOf(annotation.result)) {
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

function answersOf(result: unknown): Map<string, DataValue> {
  const answers = new Map<string, DataValue>();
  for (const region of Array.isArray(result) ? (result as unknown[]) : []) {
    if (!isObject(region) || typeof region.from_name !== 'string' || !isObject(region.value)) continue;
    const { choices, rating, number, text } = region.value;
    const name = region.from_name;
    const isSpan = 'start' in region.value;
    if (isSpan) answers.set(name, [...((answers.get(name) as unknown[] | undefined) ?? []), region.value]);
    else if (Array.isArray(choices)) answers.set(name, choices.length === 1 ? (choices[0] as DataValue) : choices);
    else if (typeof rating === 'number' || typeof number === 'number') answers.set(name, (rating ?? number) as number);
    else if (Array.isArray(text)) answers.set(name, text.map(String).join('\n'));
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
