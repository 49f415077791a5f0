import type { RunPageSnapshot, ShownSetting } from '../../src/protocol/runPage';
import { maxSmoothing } from '../trainingView/state';
import type { ShownError } from '../shared/errorNotice';

export interface RunPageState {
  /** Undefined until the host has answered. */
  readonly snapshot: RunPageSnapshot | undefined;
  /** The metric that the person chose. Undefined means the metric that chooses the best checkpoint. */
  readonly metric: string | undefined;
  /** The weight of the past in the smoothed curve, from 0 (not smoothed) to `maxSmoothing`. */
  readonly smoothing: number;
  readonly showsAllSettings: boolean;
  /** The note and the tags that the person is typing. Undefined once the host has saved them. */
  readonly note: string | undefined;
  readonly tags: string | undefined;
  readonly trouble: ShownError | undefined;
}

export type RunPageEvent =
  | { readonly type: 'snapshot'; readonly snapshot: RunPageSnapshot }
  | { readonly type: 'metric'; readonly metric: string }
  | { readonly type: 'smoothed'; readonly smoothing: number }
  | { readonly type: 'allSettings'; readonly on: boolean }
  | { readonly type: 'note'; readonly text: string }
  | { readonly type: 'tags'; readonly text: string }
  | {
      readonly type: 'annotated';
      readonly id: string;
      /** What stood in the fields when it was sent. */
      readonly typed: Pick<RunPageState, 'note' | 'tags'>;
      readonly written: Pick<RunPageSnapshot, 'note' | 'tags'>;
    }
  | { readonly type: 'trouble'; readonly error: ShownError | undefined };

export function reduce(state: RunPageState, event: RunPageEvent): RunPageState {
  switch (event.type) {
    case 'snapshot': {
      const isSame = state.snapshot?.id === event.snapshot.id;
      // Text typed for another run is dropped.
      return { ...state, snapshot: event.snapshot, ...(!isSame && { note: undefined, tags: undefined, trouble: undefined, metric: undefined }) }; // prettier-ignore
    }
    case 'metric':
      return { ...state, metric: event.metric };
    case 'smoothed':
      return { ...state, smoothing: Math.min(maxSmoothing, Math.max(0, event.smoothing)) };
    case 'allSettings':
      return { ...state, showsAllSettings: event.on };
    case 'note':
      return { ...state, note: event.text };
    case 'tags':
      return { ...state, tags: event.text };
    case 'annotated': {
      const { id, typed, written } = event;
      if (state.snapshot?.id !== id) return state;
      // What was typed meanwhile stays; until the next snapshot the page knows itself what was saved.
      const kept = <F extends 'note' | 'tags'>(field: F) => (state[field] === typed[field] ? undefined : state[field]);
      return { ...state, snapshot: { ...state.snapshot, ...written }, note: kept('note'), tags: kept('tags') };
    }
    case 'trouble':
      return { ...state, trouble: event.error };
  }
}

/**
 * The part of the state that the editor keeps over a reload. The host opens a run again from its `folder`. An
 * evaluation has none, because its results are not saved.
 */
export function remembered({ snapshot, smoothing, showsAllSettings }: RunPageState): unknown {
  return { folder: snapshot?.kind === 'run' ? snapshot.id : '', smoothing, showsAllSettings };
}

/** The state after a reload. The memory may come from another version, so every value in it is checked. */
export function restored(memory: unknown): RunPageState {
  const { smoothing, showsAllSettings } = (memory ?? {}) as { smoothing?: unknown; showsAllSettings?: unknown };
  const isWeight = typeof smoothing === 'number' && smoothing >= 0 && smoothing <= maxSmoothing;
  return {
    snapshot: undefined,
    metric: undefined,
    smoothing: isWeight ? smoothing : 0.8,
    showsAllSettings: showsAllSettings === true,
    note: undefined,
    tags: undefined,
    trouble: undefined,
  };
}

/** Whether the setting differs from its default. */
export const differs = ({ value, standard }: ShownSetting): boolean => standard !== null && value !== standard;

/** The tags in a text. Commas and semicolons, ASCII or full-width, separate them. */
export const tagsOf = (text: string): string[] => text.split(/[,，;；]/).map((tag) => tag.trim()).filter(Boolean); // prettier-ignore
