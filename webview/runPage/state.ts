import type { RunPageSnapshot, ShownSetting } from '../../src/protocol/runPage';
import { maxSmoothing } from '../trainingView/state';

export interface RunPageState {
  /** Undefined until the host has answered. */
  readonly snapshot: RunPageSnapshot | undefined;
  /** The metric whose curve is drawn; undefined: the one that chooses the best checkpoint. */
  readonly metric: string | undefined;
  /** Weight of the past in the smoothed curve. */
  readonly smoothing: number;
  readonly showsAllSettings: boolean;
  /** As typed, until the host has it. */
  readonly note: string | undefined;
  readonly tags: string | undefined;
  readonly trouble: string;
}

export type RunPageEvent =
  | { readonly type: 'snapshot'; readonly snapshot: RunPageSnapshot }
  | { readonly type: 'metric'; readonly metric: string }
  | { readonly type: 'smoothed'; readonly smoothing: number }
  | { readonly type: 'allSettings'; readonly on: boolean }
  | { readonly type: 'note'; readonly text: string }
  | { readonly type: 'tags'; readonly text: string }
  | { readonly type: 'annotated' }
  | { readonly type: 'trouble'; readonly message: string };

export function reduce(state: RunPageState, event: RunPageEvent): RunPageState {
  switch (event.type) {
    case 'snapshot': {
      const isSame = state.snapshot?.id === event.snapshot.id;
      // What was typed of another run is not this one's.
      return { ...state, snapshot: event.snapshot, ...(!isSame && { note: undefined, tags: undefined, trouble: '', metric: undefined }) }; // prettier-ignore
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
    case 'annotated':
      return { ...state, note: undefined, tags: undefined };
    case 'trouble':
      return { ...state, trouble: event.message };
  }
}

/** With the folder, from which the host opens the page again; an evaluation has to be made again. */
export function remembered({ snapshot, smoothing, showsAllSettings }: RunPageState): unknown {
  return { folder: snapshot?.kind === 'run' ? snapshot.id : '', smoothing, showsAllSettings };
}

/** The state after a reload, from what the page remembered; anything else is a new page. */
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
    trouble: '',
  };
}

/** A setting that a person, or the data, made another than it would be. */
export const differs = ({ value, standard }: ShownSetting): boolean => standard !== null && value !== standard;

/** As tags are typed: apart by commas of either width. */
export const tagsOf = (text: string): string[] => text.split(/[,，;；]/).map((tag) => tag.trim()).filter(Boolean); // prettier-ignore
