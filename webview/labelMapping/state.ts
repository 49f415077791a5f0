import type { MappingSnapshot, RawValue } from '../../src/protocol/labelMappingEditor';
import type { ShownError } from '../shared/errorNotice';

/** The media type of dragged values. Text fields do not accept it. */
export const draggedValues = 'application/x-medtext-values';

export type ValueFilter = 'all' | 'unmapped' | 'dropped';
export type ClassField = 'name' | 'description' | 'score';

export interface LabelMappingState {
  /** Undefined until the host has answered. */
  readonly snapshot: MappingSnapshot | undefined;
  /** Raw values that the person has picked to map them together. */
  readonly picked: readonly string[];
  readonly search: string;
  readonly filter: ValueFilter;
  /** Text that the person is typing into fields of classes. The document does not have it yet. */
  readonly drafts: Readonly<Record<string, string>>;
  readonly newName: string;
  /** For the name of a class, the class that it would be merged into. The merge itself waits for the button. */
  readonly mergeInto: Readonly<Record<string, string>>;
  /** The target chosen for the picked values. The change itself waits for the button. */
  readonly pickedTarget: string;
  /** The split in which the model looks for wrong labels. */
  readonly split: string;
  /** The error of the last change. */
  readonly trouble: ShownError | undefined;
}

export const initialState: LabelMappingState = {
  snapshot: undefined,
  picked: [],
  search: '',
  filter: 'all',
  drafts: {},
  newName: '',
  mergeInto: {},
  pickedTarget: '',
  split: 'train',
  trouble: undefined,
};

export type LabelMappingEvent =
  | { readonly type: 'snapshot'; readonly snapshot: MappingSnapshot }
  | { readonly type: 'pick'; readonly value: string; readonly on: boolean }
  | { readonly type: 'pickAll'; readonly on: boolean }
  | { readonly type: 'search'; readonly text: string }
  | { readonly type: 'filter'; readonly filter: ValueFilter }
  | { readonly type: 'typed'; readonly label: string; readonly field: ClassField; readonly text: string }
  | { readonly type: 'left'; readonly label: string; readonly field: ClassField }
  | { readonly type: 'newName'; readonly text: string }
  | { readonly type: 'added'; readonly name: string }
  | { readonly type: 'mergeInto'; readonly label: string; readonly into: string }
  | { readonly type: 'pickedTarget'; readonly target: string }
  | { readonly type: 'split'; readonly split: string }
  | { readonly type: 'trouble'; readonly error: ShownError | undefined };

export const draftKey = (label: string, field: ClassField): string => JSON.stringify([label, field]);

export function reduce(state: LabelMappingState, event: LabelMappingEvent): LabelMappingState {
  switch (event.type) {
    case 'snapshot': {
      const { snapshot } = event;
      const values = new Set(snapshot.values.map(({ value }) => value));
      const labels = new Set(snapshot.classes.map(({ name }) => name));
      const drafts = Object.entries(state.drafts).filter(([key]) => labels.has((JSON.parse(key) as string[])[0]));
      const split = snapshot.splits.some(({ name }) => name === state.split) ? state.split : (snapshot.splits[0]?.name ?? 'train'); // prettier-ignore
      return {
        ...state,
        snapshot,
        split,
        picked: state.picked.filter((value) => values.has(value)),
        drafts: Object.fromEntries(drafts),
        mergeInto: Object.fromEntries(Object.entries(state.mergeInto).filter(([label, into]) => labels.has(label) && labels.has(into))), // prettier-ignore
      };
    }
    case 'pick': {
      const others = state.picked.filter((value) => value !== event.value);
      return { ...state, picked: event.on ? [...others, event.value] : others };
    }
    case 'pickAll': {
      const shown = shownValues(state).map(({ value }) => value);
      const others = state.picked.filter((value) => !shown.includes(value));
      return { ...state, picked: event.on ? [...others, ...shown] : others };
    }
    case 'search':
      return { ...state, search: event.text };
    case 'filter':
      return { ...state, filter: event.filter };
    case 'typed':
      return { ...state, drafts: { ...state.drafts, [draftKey(event.label, event.field)]: event.text } };
    case 'left': {
      const { [draftKey(event.label, event.field)]: _left, ...drafts } = state.drafts;
      return { ...state, drafts };
    }
    case 'newName':
      return { ...state, newName: event.text };
    case 'added':
      // The person may be typing the next name by now.
      return state.newName.trim() === event.name ? { ...state, newName: '' } : state;
    case 'mergeInto':
      return { ...state, mergeInto: { ...state.mergeInto, [event.label]: event.into } };
    case 'pickedTarget':
      return { ...state, pickedTarget: event.target };
    case 'split':
      return { ...state, split: event.split };
    case 'trouble':
      return { ...state, trouble: event.error };
  }
}

/** The values that match the search and the filter. */
export function shownValues({ snapshot, search, filter }: LabelMappingState): readonly RawValue[] {
  const wanted = search.trim().toLowerCase();
  return (snapshot?.values ?? []).filter(
    ({ value, state }) => (filter === 'all' || filter === state) && value.toLowerCase().includes(wanted),
  );
}

/** The values that a change applies to: all picked values if `value` is one of them, otherwise `value` alone. */
export function touched({ picked }: LabelMappingState, value: string): readonly string[] {
  return picked.includes(value) ? picked : [value];
}

/** Values without a mapping, by the class that they resemble. A person can accept all of these suggestions at once. */
export function suggestions(snapshot: MappingSnapshot): ReadonlyMap<string, readonly string[]> {
  const byClass = new Map<string, string[]>();
  for (const { value, state, suggestion } of snapshot.values) {
    if (state !== 'unmapped' || suggestion === null) continue;
    byClass.set(suggestion, [...(byClass.get(suggestion) ?? []), value]);
  }
  return byClass;
}

/**
 * Whether a class can be given a score of similarity: where the model compares two texts by classes, and where one stands already.
 * A labels file that no recipe names may be one for pairs.
 */
export function takesScore(
  { comparesTexts, countsEntities, kind }: Pick<MappingSnapshot, 'comparesTexts' | 'countsEntities' | 'kind'>,
  { score }: Pick<MappingSnapshot['classes'][number], 'score'>,
): boolean {
  return comparesTexts || score !== null || (kind === 'labels' && !countsEntities);
}
