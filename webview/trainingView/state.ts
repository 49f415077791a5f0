import { knobFields, type KnobField, type TrainingSnapshot } from '../../src/protocol/trainingView';

/** What a person has typed into a field and the recipe does not have yet. */
export interface Draft {
  readonly value: string;
  /** Why the recipe refused it. */
  readonly error?: string;
  /** In the recipe; the next snapshot will show it. */
  readonly written?: boolean;
}

export interface TrainingViewState {
  /** Undefined until the host has answered. */
  readonly snapshot: TrainingSnapshot | undefined;
  readonly recipe: string;
  readonly drafts: Readonly<Partial<Record<KnobField, Draft>>>;
  /** Weight of the past in the smoothed curve, from 0 (none) to 0.98. */
  readonly smoothing: number;
  /** The field that has the keyboard: its help is shown. */
  readonly focused: KnobField | undefined;
  readonly showsMore: boolean;
  readonly showsTable: boolean;
  /** The metric whose curve is drawn; undefined: the one that chooses the best checkpoint. */
  readonly metric: string | undefined;
  /** What an action of the person met; until the next action. */
  readonly trouble: string;
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
  trouble: '',
};

export const maxSmoothing = 0.98;

export type TrainingViewEvent =
  | { readonly type: 'snapshot'; readonly snapshot: TrainingSnapshot }
  | { readonly type: 'typed'; readonly field: KnobField; readonly value: string }
  | { readonly type: 'written'; readonly field: KnobField; readonly value: string }
  | { readonly type: 'refused'; readonly field: KnobField; readonly value: string; readonly error: string }
  | { readonly type: 'reverted'; readonly field: KnobField }
  | { readonly type: 'focused'; readonly field: KnobField | undefined }
  | { readonly type: 'smoothed'; readonly smoothing: number }
  | { readonly type: 'more'; readonly open: boolean }
  | { readonly type: 'table'; readonly open: boolean }
  | { readonly type: 'metric'; readonly metric: string }
  | { readonly type: 'trouble'; readonly message: string };

export function reduce(state: TrainingViewState, event: TrainingViewEvent): TrainingViewState {
  switch (event.type) {
    case 'snapshot': {
      const recipe = event.snapshot.recipe?.id ?? '';
      // A draft belongs to its recipe; one that has been written is in the snapshot now.
      const kept = Object.entries(state.drafts).filter(([, draft]) => recipe === state.recipe && !draft.written);
      return { ...state, snapshot: event.snapshot, recipe, drafts: Object.fromEntries(kept) };
    }
    case 'typed':
      return withDraft(state, event.field, { value: event.value });
    case 'written':
      // Typed on meanwhile: the newer text stays.
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
      return { ...state, trouble: event.message };
  }
}

function withDraft(state: TrainingViewState, field: KnobField, draft: Draft): TrainingViewState {
  return { ...state, drafts: { ...state.drafts, [field]: draft } };
}

/** What of the state outlives the page: what the person did, never what the host knows better. */
export function remembered({ recipe, drafts, smoothing, showsMore, showsTable, metric }: TrainingViewState): unknown {
  return { recipe, drafts, smoothing, showsMore, showsTable, metric };
}

/** The initial state with what was remembered, whatever that is by now. */
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
