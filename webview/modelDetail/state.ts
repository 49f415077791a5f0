import type { MaskFill, ShownToken, TensorRow } from '../../src/protocol/library';
import type { ModelDetailSnapshot } from '../../src/protocol/modelDetailPanel';
import type { ShownError } from '../shared/errorNotice';

export interface Tokens {
  readonly tokens: readonly ShownToken[];
  readonly truncated: boolean;
}

export interface ModelDetailState {
  /** Undefined until the host has answered. */
  readonly snapshot: ModelDetailSnapshot | undefined;
  readonly first: string;
  readonly second: string;
  readonly tokens: Tokens | undefined;
  /** The text that the person typed. Undefined shows an example. */
  readonly masked: string | undefined;
  readonly filling: boolean;
  readonly fills: readonly MaskFill[] | undefined;
  /** The page lists tensors whose names contain this text. */
  readonly filter: string;
  readonly showsAll: boolean;
  readonly trouble: ShownError | undefined;
}

export type ModelDetailEvent =
  | { readonly type: 'snapshot'; readonly snapshot: ModelDetailSnapshot }
  | { readonly type: 'texts'; readonly first: string; readonly second: string }
  | { readonly type: 'tokens'; readonly tokens: Tokens | undefined }
  | { readonly type: 'masked'; readonly text: string }
  | { readonly type: 'filling' }
  | { readonly type: 'filled'; readonly fills: readonly MaskFill[] | undefined }
  | { readonly type: 'filter'; readonly text: string }
  | { readonly type: 'all' }
  | { readonly type: 'trouble'; readonly error: ShownError | undefined };

/** The state after a reload. The memory may come from another version, so every value in it is checked. */
export function restored(memory: unknown): ModelDetailState {
  const { first, second, masked } = (memory ?? {}) as { first?: unknown; second?: unknown; masked?: unknown };
  return {
    snapshot: undefined,
    first: typeof first === 'string' ? first : '高血压患者能吃阿司匹林吗？',
    second: typeof second === 'string' ? second : '',
    tokens: undefined,
    masked: typeof masked === 'string' ? masked : undefined,
    filling: false,
    fills: undefined,
    filter: '',
    showsAll: false,
    trouble: undefined,
  };
}

/** The part of the state that the editor keeps over a reload. The host needs `folder` to open the panel again. */
export function remembered({ snapshot, first, second, masked }: ModelDetailState): unknown {
  return { folder: snapshot?.folder ?? '', first, second, masked };
}

export function reduce(state: ModelDetailState, event: ModelDetailEvent): ModelDetailState {
  switch (event.type) {
    case 'snapshot': {
      // Tokens, fills and the error of another model are dropped.
      const isSame = state.snapshot === undefined || state.snapshot.folder === event.snapshot.folder;
      const rest = isSame
        ? {}
        : { tokens: undefined, fills: undefined, filling: false, filter: '', showsAll: false, trouble: undefined };
      return { ...state, ...rest, snapshot: event.snapshot };
    }
    case 'texts':
      return { ...state, first: event.first, second: event.second };
    case 'tokens':
      return { ...state, tokens: event.tokens };
    case 'masked':
      return { ...state, masked: event.text };
    case 'filling':
      return { ...state, filling: true, trouble: undefined };
    case 'filled':
      return { ...state, filling: false, fills: event.fills };
    case 'filter':
      return { ...state, filter: event.text, showsAll: false };
    case 'all':
      return { ...state, showsAll: true };
    case 'trouble':
      return { ...state, trouble: event.error };
  }
}

/** The text with a mask to fill: the person's, or an example with the model's mask token. */
export function maskedText({ masked, snapshot }: ModelDetailState): string {
  return masked ?? `糖尿病患者要控制血${snapshot?.detail?.tokenizer?.maskToken ?? '[MASK]'}。`;
}

/** How many tensors the page lists before a person asks for all. */
const firstTensors = 40;

export function shownTensors({ snapshot, filter, showsAll }: ModelDetailState): {
  readonly rows: readonly TensorRow[];
  /** The number of tensors that match the filter. */
  readonly total: number;
} {
  const wanted = filter.trim().toLowerCase();
  const rows = (snapshot?.detail?.tensors ?? []).filter(({ name }) => name.toLowerCase().includes(wanted));
  return { rows: showsAll ? rows : rows.slice(0, firstTensors), total: rows.length };
}

export function elementCount({ shape }: TensorRow): number {
  return shape.reduce((product, size) => product * size, 1);
}
