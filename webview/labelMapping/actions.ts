import type { MappingOperation } from '../../src/protocol/labelMappingEditor';
import type { LabelMappingEvent } from './state';

/** Requests without parameters. */
export type PlainRequest = 'recount' | 'openText' | 'openLabelsFile' | 'addData' | 'chooseModel' | 'cancelSuspects' | 'openCorrections' | 'useCorrections'; // prettier-ignore

/** What a person can do in the editor. `main.ts` does it; this file has no channel to the extension host. */
export interface LabelMappingActions {
  dispatch(event: LabelMappingEvent): void;
  /** Sends the operations in this order, until the host refuses one; whether it refused none. */
  change(...operations: MappingOperation[]): Promise<boolean>;
  ask(request: PlainRequest): void;
  renameElsewhere(isWanted: boolean): void;
  reveal(split: string, value: string): void;
  revealRow(split: string, line: number): void;
  findSuspects(split: string): void;
  correct(rows: readonly { row: number; label: string | null }[]): void;
}
