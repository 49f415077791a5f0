import type { MappingOperation } from '../../src/protocol/labelMappingEditor';
import type { LabelMappingEvent } from './state';

/** What asks the host for something without saying more. */
export type PlainRequest = 'recount' | 'openText' | 'openLabelsFile' | 'addData' | 'chooseModel' | 'cancelSuspects' | 'openCorrections' | 'useCorrections'; // prettier-ignore

/** What the view asks for; nothing here knows the channel. */
export interface LabelMappingActions {
  dispatch(event: LabelMappingEvent): void;
  /** One after the other, until one is refused. */
  change(...operations: MappingOperation[]): Promise<void>;
  ask(request: PlainRequest): void;
  renameElsewhere(isWanted: boolean): void;
  reveal(split: string, value: string): void;
  revealRow(split: string, line: number): void;
  findSuspects(split: string): void;
  correct(rows: readonly { row: number; label: string | null }[]): void;
}
