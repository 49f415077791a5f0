import { knobFields, type KnobField, type TrainingSnapshot } from '../../src/protocol/trainingView';
import type { ShownError } from '../shared/errorNotice';

/** Text that a person has typed into a field. The recipe may not have it yet. */
export interface Draft {
  readonly value: string;
  /** Why the host did not write the value into the recipe. */
  readonly error?: ShownError;
  /** The recipe has the value. The next snapshot will contain it. */
  readonly written?: boolean;
}

export interface TrainingViewState {
  /** Undefined until the host has answered. */
  readonly snapshot: TrainingSnapshot | undefined;
  /** The id of the recipe that the drafts belong to. */
  readonly recipe: string;
  readonly drafts: Readonly<Partial<Record<KnobField, Draft>>>;
  /** The weight of the past in the smoothed curve, from 0 (not smoothed) to 0.98. */
  readonly smoothing: number;
  /** The field that has the focus. The view shows its help. */
  readonly focused: KnobField | undefined;
  readonly showsMore: boolean;
  readonly showsTable: boolean;
  /** The metric that the person chose. Undefined means the metric that chooses the best checkpoint. */
  readonly metric: string | undefined;
  /** The error of the person's last action. The next action removes it. */
  readonly trouble: ShownError | undefined;
}

export const initialState: TrainingViewState = {
  snapshot: undefined,
  recipe: '',
  drafts: {},
  smoothing: 0.8,
  focused: undefined,
  showsMore: false,
  showsTable: false,
  metric: undefined,
  trouble: undefined,
};

export const maxSmoothing = 0.98;

export type TrainingViewEvent =
  | { readonly type: 'snapshot'; readonly snapshot: TrainingSnapshot }
  | { readonly type: 'typed'; readonly field: KnobField; readonly value: string }
  | { readonly type: 'written'; readonly field: KnobField; readonly value: string }
  | { readonly type: 'refused'; readonly field: KnobField; readonly value: string; readonly error: ShownError }
  | { readonly type: 'reverted'; readonly field: KnobField }
  | { readonly type: 'focused'; readonly field: KnobField | undefined }
  | { readonly type: 'smoothed'; readonly smoothing: number }
  | { readonly type: 'more'; readonly open: boolean }
  | { readonly type: 'table'; readonly open: boolean }
  | { readonly type: 'metric'; readonly metric: string }
  | { readonly type: 'trouble'; readonly error: ShownError | undefined };

export function reduce(state: TrainingViewState, event: TrainingViewEvent): TrainingViewState {
  switch (event.type) {
    case 'snapshot': {
      const recipe = event.snapshot.recipe?.id ?? '';
      // A draft ends with another recipe, or once the snapshot contains its value.
      const kept = Object.entries(state.drafts).filter(([, draft]) => recipe === state.recipe && !draft.written);
      return { ...state, snapshot: event.snapshot, recipe, drafts: Object.fromEntries(kept) };
    }
    case 'typed':
      return withDraft(state, event.field, { value: event.value });
    case 'written':
      // The person has gone on typing: the newer text stays.
      if (state.drafts[event.field]?.value !== event.value) return state;
      return withDraft(state, event.field, { value: event.value, written: true });
    case 'refused':
      if (state.drafts[event.field]?.value !== event.value) return state;
      return withDraft(state, event.field, { value: event.value, error: event.error });
    case 'reverted': {
      const { [event.field]: _, ...drafts } = state.drafts;
      return { ...state, drafts };
    }
    case 'focused':
      return { ...state, focused: event.field };
    case 'smoothed':
      return { ...state, smoothing: Math.min(maxSmoothing, Math.max(0, event.smoothing)) };
    case 'more':
      return { ...state, showsMore: event.open };
    case 'table':
      return { ...state, showsTable: event.open };
    case 'metric':
      return { ...state, metric: event.metric };
    case 'trouble':
      return { ...state, trouble: event.error };
  }
}

function withDraft(state: TrainingViewState, field: KnobField, draft: Draft): TrainingViewState {
  return { ...state, drafts: { ...state.drafts, [field]: draft } };
}

/** The part of the state that the editor keeps over a reload. The host sends the rest again. */
export function remembered({ recipe, drafts, smoothing, showsMore, showsTable, metric }: TrainingViewState): unknown {
  return { recipe, drafts, smoothing, showsMore, showsTable, metric };
}

/** The state after a reload. The memory may come from another version, so every value in it is checked. */
export function restored(memory: unknown): TrainingViewState {
  const { recipe, drafts, smoothing, showsMore, showsTable, metric } = (memory ?? {}) as Record<string, unknown>;
  const texts = Object.entries((typeof drafts === 'object' && drafts) || {}).filter(
    (entry): entry is [KnobField, Draft] =>
      knobFields.includes(entry[0] as KnobField) && typeof (entry[1] as Draft | null)?.value === 'string',
  );
  return {
    ...initialState,
    recipe: typeof recipe === 'string' ? recipe : '',
    drafts: Object.fromEntries(texts.map(([field, { value }]) => [field, { value }])),
    smoothing:
      typeof smoothing === 'number' && smoothing >= 0 && smoothing <= maxSmoothing ? smoothing : initialState.smoothing,
    showsMore: showsMore === true,
    showsTable: showsTable === true,
    metric: typeof metric === 'string' ? metric : undefined,
  };
}
