import { findNodeAtLocation, getNodeValue } from 'jsonc-parser';
import type { MappingOperation } from '../../protocol/labelMappingEditor';
import { treeOf, withFields, withKeyRenamed, type JsonValue } from './jsonText';
import { changedMapping, readMapping, withClassWeights, type OperationFacts } from './mappingText';

/** A class that other files may name: it was renamed, merged or removed. */
export type NameChange = Extract<MappingOperation, { kind: 'rename' | 'merge' }>;

export const changesNames = (operation: MappingOperation): operation is NameChange =>
  operation.kind === 'rename' || operation.kind === 'merge';

/** What the document was before a class changed its name. */
export interface ChangedScheme {
  readonly labels: readonly string[];
  /** Absolute paths of its data. */
  readonly files: readonly string[];
}

/**
 * Another recipe's text after a class of the scheme changed its name; undefined when it does not speak of that class.
 * A recipe speaks of the same class when it names it and shares a data file or all of the labels.
 * @param filesOf absolute paths of a recipe's data files
 */
export function migratedRecipe(
  text: string,
  operation: NameChange,
  scheme: ChangedScheme,
  filesOf: (names: readonly string[]) => readonly string[],
  facts: OperationFacts,
): string | undefined {
  try {
    const { content, splits, labelsFile } = readMapping(text, 'recipe');
    if (labelsFile !== undefined) return undefined;
    const isNamed =
      content.labels?.includes(operation.label) || [...content.mapping.values()].includes(operation.label);
    const files = filesOf(splits.map(({ fields }) => String(fields.file)));
    const sharesData = files.some((file) => scheme.files.includes(file));
    const sharesLabels = content.labels !== undefined && [...content.labels].sort().join('\n') === [...scheme.labels].sort().join('\n'); // prettier-ignore
    if (!isNamed || !(sharesData || sharesLabels)) return undefined;
    return different(text, changedMapping(text, 'recipe', operation, { ...facts, inferred: scheme.labels }));
  } catch {
    // A recipe that is broken, or that says otherwise of the name: its own editor tells.
    return undefined;
  }
}

/** A recipe whose labels stand in the changed file: its class weights are in their order. */
export function withWeightsOfFile(
  text: string,
  operation: MappingOperation,
  before: readonly string[],
  after: readonly string[],
): string | undefined {
  try {
    return different(text, withClassWeights(text, before, after, operation));
  } catch {
    return undefined;
  }
}

/** The texts of a model folder's files. */
export interface ModelTexts {
  readonly config: string;
  readonly labelMapping: string | undefined;
}

/**
 * A fine-tuned model's files after a class was renamed: it answers with the new name and goes on understanding the old
 * one, which label_mapping.json keeps under the same id. Undefined when its labels are not those of the scheme.
 */
export function migratedModel(
  { config, labelMapping }: ModelTexts,
  label: string,
  name: string,
  labels: readonly string[],
): ModelTexts | undefined {
  try {
    const at = (path: string[]): unknown => {
      const node = findNodeAtLocation(treeOf(config), path);
      return node && getNodeValue(node);
    };
    const id = labels.indexOf(label);
    const names = labels.map((_, place) => at(['id2label', String(place)]));
    if (id < 0 || names.join('\n') !== labels.join('\n') || at(['id2label', String(labels.length)]) !== undefined) {
      return undefined;
    }
    let changed = withFields(config, ['id2label'], new Map([[String(id), name]]));
    changed = withKeyRenamed(changed, ['label2id'], label, name);
    for (const field of ['label_scores', 'label_details']) {
      changed = withKeyRenamed(changed, ['medtext', field], label, name);
    }
    const stored = (at(['medtext', 'label_mapping']) ?? {}) as Record<string, unknown>;
    const entries = new Map<string, JsonValue | undefined>([[label, name]]);
    for (const [raw, target] of Object.entries(stored)) if (target === label) entries.set(raw, raw === name ? undefined : name); // prettier-ignore
    changed = withFields(changed, ['medtext', 'label_mapping'], entries);
    return {
      config: changed,
      labelMapping: labelMapping && withFields(labelMapping, [], new Map([[name, id]])),
    };
  } catch {
    return undefined;
  }
}

function different(before: string, after: string): string | undefined {
  return before === after ? undefined : after;
}
