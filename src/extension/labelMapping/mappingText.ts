import { findNodeAtLocation, getNodeValue, type JSONPath, type Node } from 'jsonc-parser';
import { MedTextError, words } from '../../base/errors';
import { ANSWERS, comparesTexts } from '../../protocol/answers';
import type { MappingOperation } from '../../protocol/labelMappingEditor';
import type { LabelDetails } from '../../protocol/labelScheme';
import { findTask, type AnswerKind } from '../../protocol/tasks';
import { keyOf, treeOf, withFields, withKeyRenamed, withList, type JsonValue } from './jsonText';

/** A recipe, whose training split has the labels, or a `*.labels.json`, which is them. */
export type MappingKind = 'recipe' | 'labels';

/** What a text says of labels; keys and names without the white space around them. */
export interface MappingContent {
  /** Undefined: taken from the data. */
  readonly labels: readonly string[] | undefined;
  readonly mapping: ReadonlyMap<string, string | null>;
  readonly details: ReadonlyMap<string, LabelDetails>;
  /** Values that the mapping says several times, with all it says. */
  readonly twice: ReadonlyMap<string, readonly (string | null)[]>;
}

/** A split of the text's data, as it stands there. */
export interface MappingSplit {
  readonly name: string;
  /** `file`, `label`, `format`, … */
  readonly fields: Readonly<Record<string, unknown>>;
  /** What it says of labels itself; undefined where the training split's words count. */
  readonly own: MappingContent | undefined;
  /** What its labels are. */
  readonly answer: AnswerKind;
}

export interface MappingDocument {
  readonly content: MappingContent;
  readonly splits: readonly MappingSplit[];
  readonly isRegression: boolean;
  /** Its model compares two texts by classes. */
  readonly comparesTexts: boolean;
  /** Its classes are types of entities. */
  readonly countsEntities: boolean;
  /** Its rows have one class each, whose suspect ones a model can find. */
  readonly findsSuspects: boolean;
  /** A recipe's file of labels. */
  readonly labelsFile: string | undefined;
}

const splitNames = ['train', 'validation', 'test'] as const;
const labelFields = ['labels', 'label_mapping', 'label_details'] as const;

/** Where the labels stand. */
const placeOf = (kind: MappingKind): JSONPath => (kind === 'recipe' ? ['dataset', 'train'] : []);

const emptyContent: MappingContent = {
  labels: undefined,
  mapping: new Map(),
  details: new Map(),
  twice: new Map(),
};

/** @throws RECIPE when the text is no JSON object, or labels and mapping are not what they must be */
export function readMapping(text: string, kind: MappingKind): MappingDocument {
  const root = treeOf(text);
  const task = kind === 'recipe' ? findTask(findNodeAtLocation(root, ['task'])?.value) : undefined;
  const splits = splitNames.flatMap((name): MappingSplit[] => {
    const node = findNodeAtLocation(root, ['dataset', name]);
    if (node?.type !== 'object') return [];
    const fields = Object.fromEntries(
      (node.children ?? [])
        .filter((property) => !(labelFields as readonly string[]).includes(keyOf(property)))
        .map((property) => [keyOf(property), getNodeValue(property.children![1])]),
    );
    const isOwn = name !== 'train' && labelFields.some((field) => findNodeAtLocation(node, [field]));
    const own = isOwn ? contentOf(node) : undefined;
    return typeof fields.file === 'string' ? [{ name, fields, own, answer: task?.answer ?? 'class' }] : [];
  });
  const place = findNodeAtLocation(root, placeOf(kind));
  const file = kind === 'recipe' ? findNodeAtLocation(root, ['dataset', 'train', 'labels_file'])?.value : undefined;
  return {
    content: place ? contentOf(place) : emptyContent,
    splits,
    isRegression: task !== undefined && task.reads === undefined && !ANSWERS[task.answer].hasNames,
    comparesTexts: task !== undefined && comparesTexts(task),
    countsEntities: task !== undefined && task.reads === undefined && ANSWERS[task.answer].column === 'marks',
    findsSuspects: !task || ANSWERS[task.answer].isOneARow === true,
    labelsFile: typeof file === 'string' ? file : undefined,
  };
}

function contentOf(node: Node): MappingContent {
  const said = new Map<string, (string | null)[]>();
  for (const property of properties(node, 'label_mapping')) {
    const value: unknown = property.children?.[1]?.value;
    if (value !== null && typeof value !== 'string') {
      throw new MedTextError('RECIPE', words`label_mapping: ${JSON.stringify(keyOf(property))} leads to no label.`);
    }
    const key = keyOf(property).trim();
    said.set(key, [...(said.get(key) ?? []), value?.trim() ?? null]);
  }
  const details = properties(node, 'label_details').map((property): [string, LabelDetails] => {
    const value: unknown = getNodeValue(property.children![1]);
    const { description, color, score } = (typeof value === 'object' && value !== null ? value : {}) as LabelDetails;
    return [
      keyOf(property),
      {
        ...(typeof description === 'string' && { description }),
        ...(typeof color === 'string' && /^#[0-9a-f]{6}$/i.test(color) && { color }),
        ...(typeof score === 'number' && { score }),
      },
    ];
  });
  return {
    labels: labelsOf(node),
    mapping: new Map([...said].map(([key, targets]) => [key, targets.at(-1)!])),
    details: new Map(details),
    twice: new Map([...said].filter(([, targets]) => targets.length > 1)),
  };
}

function labelsOf(node: Node): readonly string[] | undefined {
  const list = findNodeAtLocation(node, ['labels']);
  if (!list) return undefined;
  const items = (list.children ?? []).map(({ value }) => value as unknown);
  if (list.type !== 'array' || items.some((item) => typeof item !== 'string' && typeof item !== 'number')) {
    throw new MedTextError('RECIPE', words`labels: expected a list of names.`);
  }
  return [...new Set(items.map((item) => String(item).trim()))];
}

function properties(node: Node, field: string): readonly Node[] {
  const object = findNodeAtLocation(node, [field]);
  if (!object) return [];
  if (object.type !== 'object') throw new MedTextError('RECIPE', words`${field}: expected an object.`);
  return object.children ?? [];
}

/** What an operation may need to know besides the text. */
export interface OperationFacts {
  /** The classes, where the text lists none: those taken from the data. */
  readonly inferred: readonly string[];
  /** Values that the data has, and labels that the file on disk had: their names go on being understood. */
  readonly known: ReadonlySet<string>;
}

/**
 * The text after an operation, everything else as it was. In a recipe, what other splits say of the class and the list
 * of class weights follow.
 * @throws LABELS when the operation makes no sense · NOT_FOUND when its class is not there · RECIPE
 */
export function changedMapping(
  text: string,
  kind: MappingKind,
  operation: MappingOperation,
  facts: OperationFacts,
): string {
  if (operation.kind === 'adopt') {
    const nothing = new Map(labelFields.map((field) => [field, undefined]));
    return withFields(text, ['dataset', operation.split], nothing);
  }
  const { content, splits } = readMapping(text, kind);
  const before = content.labels ?? (operation.kind === 'once' ? undefined : facts.inferred);
  const after = applied({ ...content, labels: before }, operation, facts);
  let changed = written(text, placeOf(kind), content, after, operation);
  for (const { name, own } of splits) {
    if (own) changed = written(changed, ['dataset', name], own, followed(own, operation, after), operation);
  }
  return kind === 'recipe' ? withClassWeights(changed, before ?? [], after.labels ?? [], operation) : changed;
}

function applied(content: MappingContent, operation: MappingOperation, { known }: OperationFacts): MappingContent {
  const labels = [...(content.labels ?? [])];
  const mapping = new Map(content.mapping);
  const details = new Map(content.details);
  const place = (label: string): number => {
    const found = labels.indexOf(label);
    if (found >= 0) return found;
    throw new MedTextError('NOT_FOUND', words`There is no class ${label} any more.`, { label });
  };
  const freeName = (given: string): string => {
    const name = given.trim();
    if (name === '') throw new MedTextError('LABELS', words`A class needs a name.`);
    if (labels.includes(name)) throw new MedTextError('LABELS', words`There is a class ${name} already.`, { name });
    return name;
  };
  const assign = (value: string, to: string | null): void => {
    if (value === to) mapping.delete(value);
    else mapping.set(value, to);
  };
  /** What led to the class, its own name included, leads elsewhere. */
  const redirect = (label: string, to: string | null): void => {
    for (const [value, target] of mapping) if (target === label) assign(value, to);
    if (known.has(label) && !mapping.has(label)) assign(label, to);
  };

  switch (operation.kind) {
    case 'assign':
      if (operation.to !== null) place(operation.to);
      for (const value of operation.values) assign(value, operation.to);
      break;
    case 'unassign':
      for (const value of operation.values) mapping.delete(value);
      break;
    case 'add':
      labels.push(freeName(operation.name));
      break;
    case 'splitOff': {
      const name = freeName(operation.name);
      const elsewhere = mapping.get(name);
      if (elsewhere !== undefined && !operation.values.includes(name)) refuseTaken(name, elsewhere);
      labels.push(name);
      for (const value of operation.values) assign(value, name);
      break;
    }
    case 'rename': {
      const at = place(operation.label);
      if (operation.name.trim() === operation.label) break;
      const name = freeName(operation.name);
      const elsewhere = mapping.get(name);
      if (elsewhere !== undefined && elsewhere !== operation.label) refuseTaken(name, elsewhere);
      labels[at] = name;
      redirect(operation.label, name);
      renameKey(details, operation.label, name);
      break;
    }
    case 'merge':
      place(operation.into);
      if (operation.label === operation.into) break;
      labels.splice(place(operation.label), 1);
      redirect(operation.label, operation.into);
      details.delete(operation.label);
      break;
    case 'remove':
      labels.splice(place(operation.label), 1);
      redirect(operation.label, null);
      details.delete(operation.label);
      break;
    case 'move':
      labels.splice(Math.min(operation.to, labels.length - 1), 0, ...labels.splice(place(operation.label), 1));
      break;
    case 'describe':
    case 'color':
    case 'score': {
      place(operation.label);
      const { description, color, score } = { ...details.get(operation.label), ...detailOf(operation) };
      const kept = { ...(description && { description }), ...(color && { color }), ...(score != null && { score }) };
      if (Object.keys(kept).length > 0) details.set(operation.label, kept);
      else details.delete(operation.label);
      break;
    }
    case 'once':
      if (mapping.get(operation.value) === operation.value) mapping.delete(operation.value);
      break;
    case 'listLabels':
    case 'adopt':
      break;
  }
  return { ...content, labels: content.labels && labels, mapping, details };
}

function refuseTaken(name: string, to: string | null): never {
  const message =
    to === null
      ? words`The mapping leaves the value ${name} out, but a class of that name would include it. Map the value first.`
      : words`The value ${name} belongs to the class ${to}, but a class of that name would take it over. Map the value first.`;
  throw new MedTextError('LABELS', message, { name });
}

function detailOf(operation: MappingOperation): { [K in keyof LabelDetails]?: LabelDetails[K] | null } {
  switch (operation.kind) {
    case 'describe':
      return { description: operation.description.trim() };
    case 'color':
      if (operation.color === null || /^#[0-9a-f]{6}$/i.test(operation.color)) return { color: operation.color };
      throw new MedTextError('LABELS', words`${operation.color} is not a colour. Write #rrggbb.`);
    case 'score':
      if (operation.score === null || (operation.score >= 0 && operation.score <= 1)) return { score: operation.score };
      throw new MedTextError('LABELS', words`A score lies between 0 and 1.`);
    default:
      return {};
  }
}

/** What another split says for itself, once a class of the training split has changed. */
function followed(own: MappingContent, operation: MappingOperation, train: MappingContent): MappingContent {
  const targets: Partial<Record<MappingOperation['kind'], string | null>> = {
    ...(operation.kind === 'rename' && { rename: operation.name.trim() }),
    ...(operation.kind === 'merge' && { merge: operation.into }),
    remove: null,
  };
  const labels = own.labels && train.labels;
  if (!('label' in operation) || targets[operation.kind] === undefined) return { ...own, labels };
  const to = targets[operation.kind]!;
  const mapping = new Map(own.mapping);
  for (const [value, target] of own.mapping) {
    if (target !== operation.label) continue;
    if (value === to) mapping.delete(value);
    else mapping.set(value, to);
  }
  // Its own name led to the class without a word, as the training split's mapping does not count here.
  if (own.mapping.size > 0 && !own.mapping.has(operation.label) && train.mapping.get(operation.label) === to) {
    mapping.set(operation.label, to);
  }
  const details = new Map(own.details);
  if (operation.kind === 'rename') renameKey(details, operation.label, operation.name.trim());
  else details.delete(operation.label);
  return { ...own, labels, mapping, details };
}

function renameKey<T>(map: Map<string, T>, from: string, to: string): void {
  const entries = [...map];
  map.clear();
  for (const [key, value] of entries) map.set(key === from ? to : key, value);
}

function written(
  text: string,
  path: JSONPath,
  before: MappingContent,
  after: MappingContent,
  operation: MappingOperation,
): string {
  let changed = text;
  if (after.labels && after.labels.join('\n') !== before.labels?.join('\n')) {
    changed = withList(changed, [...path, 'labels'], after.labels);
  }
  const entries = new Map<string, JsonValue | undefined>();
  for (const key of before.mapping.keys()) if (!after.mapping.has(key)) entries.set(key, undefined);
  for (const [key, target] of after.mapping) {
    const isAmbiguous = operation.kind === 'once' && operation.value === key;
    if (before.mapping.get(key) !== target || isAmbiguous) entries.set(key, target);
  }
  if (entries.size > 0) changed = withFields(changed, [...path, 'label_mapping'], entries, (key) => key.trim());

  const place = [...path, 'label_details'];
  if (operation.kind === 'rename' && before.details.has(operation.label)) {
    changed = withKeyRenamed(changed, place, operation.label, operation.name.trim());
  }
  for (const [label] of before.details) {
    const isRenamed = operation.kind === 'rename' && operation.label === label;
    if (!after.details.has(label) && !isRenamed) changed = withFields(changed, place, new Map([[label, undefined]]));
  }
  for (const [label, details] of after.details) {
    const earlier = before.details.get(operation.kind === 'rename' && operation.name.trim() === label ? operation.label : label); // prettier-ignore
    const fields = new Map<string, JsonValue | undefined>();
    for (const field of ['description', 'color', 'score'] as const) {
      if (details[field] !== earlier?.[field]) fields.set(field, details[field]);
    }
    if (fields.size > 0) changed = withFields(changed, [...place, label], fields);
  }
  return changed;
}

/** `train.class_weights` are in the order of the labels; those of new classes are 1. */
export function withClassWeights(
  text: string,
  before: readonly string[],
  after: readonly string[],
  operation: MappingOperation,
): string {
  const path = ['train', 'class_weights'];
  const list = findNodeAtLocation(treeOf(text), path);
  const weights: unknown = list && getNodeValue(list);
  if (!Array.isArray(weights) || weights.length !== before.length || before.join('\n') === after.join('\n'))
    return text;
  const places = new Map(before.map((label, at) => [label, at]));
  const place = (label: string): number =>
    places.get(operation.kind === 'rename' && operation.name.trim() === label ? operation.label : label) ?? -1;
  const moved = after.map((label) => (place(label) < 0 ? 1 : (weights[place(label)] as number)));
  return moved.join() === weights.join() ? text : withList(text, path, moved);
}
