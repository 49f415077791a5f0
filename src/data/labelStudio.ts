/** Label Studio's full JSON: tasks with the annotations that people made. Its CSV and JSON_MIN are tables already. */
import { words, type Words } from '../base/words';
import { recordOf, type DataRow, type DataValue, type Piece } from './dataRow';

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
  if (!isTask(values)) return words`a Label Studio task has data and annotations; this record does not`;
  const annotations = (values.annotations ?? values.completions) as readonly unknown[];
  const answers = new Map<string, DataValue>();
  for (const annotation of annotations) {
    if (!isObject(annotation) || annotation.was_cancelled === true) continue;
    for (const [name, answer] of answersOf(annotation.result, spans)) {
      const known = answers.get(name);
      if (known !== undefined && unordered(known) !== unordered(answer)) {
        return words`its annotators disagree on ${name}: ${JSON.stringify(known)} and ${JSON.stringify(answer)}`;
      }
      answers.set(name, answer);
    }
  }
  const names = [...Object.keys(values.data), ...answers.keys()];
  return recordOf(names, [...Object.values(values.data), ...answers.values()]);
}

/** Equal for answers that are equal in whatever order: nobody marks or chooses several things in the same one. */
function unordered(answer: DataValue): string {
  return JSON.stringify(Array.isArray(answer) ? answer.map((one) => JSON.stringify(one)).sort() : answer);
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

/** A file's tasks as they stand in its text, one after another: predictions are written into them. */
export interface TaskText {
  /** The whole text; a row has the values that {@link rowOfTask} gives. Errors: `IO`, `CANCELLED`. */
  pieces(signal?: AbortSignal): AsyncGenerator<Piece[]>;
  /** How the file writes what was asked for by this name. */
  regionForm(name: string): RegionForm;
}

/** The fields of a region besides its value; a file without annotations says no type. */
export interface RegionForm {
  readonly from_name: string;
  readonly to_name: string;
  readonly type?: string;
}

/** As the annotations have it; else what is asked of the text that other annotations are of, or of one called `text`. */
export function regionForm(tasks: readonly DataRow[], name: string): RegionForm {
  let to = 'text';
  for (const { values } of tasks) {
    const annotations = isTask(values) ? ((values.annotations ?? values.completions) as readonly unknown[]) : [];
    for (const annotation of annotations) {
      const result = isObject(annotation) ? annotation.result : undefined;
      for (const region of Array.isArray(result) ? (result as unknown[]) : []) {
        if (!isObject(region) || typeof region.to_name !== 'string') continue;
        to = region.to_name;
        if (region.from_name !== name) continue;
        return { from_name: name, to_name: to, ...(typeof region.type === 'string' && { type: region.type }) };
      }
    }
  }
  return { from_name: name, to_name: to };
}

/** A marked span as a prediction: what its region's value is, and how sure the model is of it. */
export interface PredictedSpan {
  readonly value: object;
  readonly score?: number;
}

/** A choice or a written text, a number, several choices, or marked spans. */
export type PredictedAnswer = string | number | readonly string[] | readonly PredictedSpan[];

/**
 * A task's predictions with those of a model: in the place of its earlier ones, beside those of other models
 * (https://labelstud.io/guide/predictions).
 */
export function withPrediction(
  before: unknown,
  answer: PredictedAnswer,
  { type, ...names }: RegionForm,
  model: string,
): object[] {
  const result = regionsOf(answer, type).map((region) => ({ ...names, ...region }));
  const others = (Array.isArray(before) ? (before as unknown[]) : []).filter(
    // An export may name predictions by their numbers, which no import takes.
    (one): one is object => isObject(one) && one.model_version !== model,
  );
  return [...others, { model_version: model, result }];
}

function regionsOf(predicted: PredictedAnswer, type: string | undefined): object[] {
  if (typeof predicted === 'number') return [{ type: type ?? 'number', value: { [type ?? 'number']: predicted } }];
  if (typeof predicted === 'string') {
    if (type === 'rating' || type === 'number') return [{ type, value: { [type]: Number(predicted) } }];
    return [type === 'textarea' ? { type, value: { text: [predicted] } } : { type: 'choices', value: { choices: [predicted] } }]; // prettier-ignore
  }
  if (predicted.length === 0) return [];
  if (predicted.every((one) => typeof one === 'string')) return [{ type: 'choices', value: { choices: predicted } }];
  return (predicted as readonly PredictedSpan[]).map((span) => ({ type: type ?? 'labels', ...span }));
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
  // In the order of the text, not in that of marking.
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
