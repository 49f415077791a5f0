import type { EncodedWindow, TaskData } from '../tasks/task';

/** What a network reads at once, made when it is asked for: a corpus is larger than memory. */
export interface Windows {
  /** In tokens, of each. */
  readonly lengths: readonly number[];
  /** Which of them are learned in one batch: those of equal number. Absent: each is by itself. */
  readonly groups?: readonly number[];
  /** The example as the epoch, counted from 0, presents it. */
  at(place: number, epoch: number): EncodedWindow;
}

export interface EncodedSplit {
  /** Absent: of a corpus, which has no rows. */
  readonly data?: TaskData;
  /** The windows of all examples, one or more each. */
  readonly windows: Windows;
}
