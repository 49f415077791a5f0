import { words } from '../base/words';
import { problemsFound, type FoundProblem } from './recipe';
import type { LabelScheme } from './labelScheme';

/** A `*.labels.json`: the labels of a data set, shared by the recipes that name it as `labels_file`. */
export interface LabelsFile extends LabelScheme {
  readonly $schema?: string;
  /** Data files whose values the editor counts if no recipe names this file. */
  readonly dataset?: Readonly<Record<string, unknown>>;
}

/** The fields of a split that a labels file holds. */
export const labelFields = ['labels', 'label_mapping', 'label_details'] as const;

const knownFields: readonly string[] = ['$schema', ...labelFields, 'dataset'];

/** Every problem of the value as a labels file. The rules are those of a recipe's split. */
export function labelsFileProblems(json: unknown): FoundProblem[] {
  if (typeof json !== 'object' || json === null || Array.isArray(json)) {
    return [{ pointer: '', message: words`expected an object with "labels", "label_mapping", "label_details"` }];
  }
  const unknown = Object.keys(json).filter((field) => !knownFields.includes(field));
  const split: Record<string, unknown> = { file: '-' };
  for (const field of labelFields) if (field in json) split[field] = (json as Record<string, unknown>)[field];
  const prefix = '/dataset/train';
  return [
    ...unknown.map((field) => ({
      pointer: `/${field}`,
      message: words`unknown field "${field}"; known here: ${knownFields.slice(1).join(', ')}`,
    })),
    ...problemsFound({ task: 'text-classification', model: '-', dataset: { train: split } }).map((problem) => ({
      ...problem,
      pointer: problem.pointer.replace(prefix, ''),
    })),
  ];
}
