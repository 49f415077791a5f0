import { count, flag, listOf, nothing, nullable, object, text, type Checked } from './check';
import { defineContract } from './contract';
import { maskFill, modelDetail, shownToken } from './library';
import { webviewStart } from './webviewStart';

/** Everything the panel shows of a model. Each snapshot is complete. */
export const modelDetailSnapshot = object({
  /** The model's name; empty if the list no longer has the model. */
  name: text,
  folder: text,
  isActive: flag,
  /** The model has a trained head. */
  hasHead: flag,
  /** The model's details; null if the folder cannot be read as a model. */
  detail: nullable(modelDetail),
  /** Why the folder cannot be read as a model. */
  problem: nullable(object({ code: text, message: text })),
});
export type ModelDetailSnapshot = Checked<typeof modelDetailSnapshot>;

export const modelDetailContract = defineContract({
  name: 'model detail',
  version: 1,
  requests: {
    initialize: { params: nothing, result: webviewStart(modelDetailSnapshot) },
    /** Returns the tokens of a text or a pair by the snapshot's model. @throws NOT_FOUND when the panel now shows another model */
    tokenize: {
      params: object({ folder: text, first: text }, { second: text }),
      result: object({ tokens: listOf(shownToken), truncated: flag }),
    },
    /** Returns the likeliest tokens for each mask of the text. @throws NOT_FOUND as `tokenize` */
    fillMask: { params: object({ folder: text, text, top: count }), result: listOf(maskFill) },
    verify: { params: nothing, result: nothing },
    reveal: { params: nothing, result: nothing },
    activate: { params: nothing, result: nothing },
  },
  events: { snapshot: modelDetailSnapshot },
});
export type ModelDetailContract = typeof modelDetailContract;
