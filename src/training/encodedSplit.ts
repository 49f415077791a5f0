import type { EncodedWindow, TaskData } from '../tasks/task';

/** What a network reads at once, made when it is asked for: a corpus is larger than memory. */
export interface Windows {
  /** In tokens, of each. */
  readonly lengths: readonly number[];
  /** As an epoch, from 0, has it. */
  at(place: number, epoch: number): EncodedWindow;
}

export interface EncodedSplit {
  /** Absent: of a corpus, which has no rows. */
  readonly data?: TaskData;
  /** Of every example one or more. */
  readonly windows: Windows;
}
