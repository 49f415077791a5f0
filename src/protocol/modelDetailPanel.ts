import { count, flag, listOf, nothing, nullable, object, text, type Checked } from './check';
import { defineContract } from './contract';
import { maskFill, modelDetail, shownToken } from './library';
import { webviewStart } from './webviewStart';

/** What the panel shows of a model; always complete. */
export const modelDetailSnapshot = object({
  /** Empty: the model is not in the list any more. */
  name: text,
  folder: text,
  isActive: flag,
  /** It has a trained head. */
  hasHead: flag,
  /** Null where the folder cannot be read as a model. */
  detail: nullable(modelDetail),
  /** Why. */
  problem: text,
});
export type ModelDetailSnapshot = Checked<typeof modelDetailSnapshot>;

export const modelDetailContract = defineContract({
  name: 'model detail',
  version: 1,
  requests: {
    initialize: { params: nothing, result: webviewStart(modelDetailSnapshot) },
    /** Tokens of a text, or of a pair, by the model of the snapshot. @throws NOT_FOUND when another one is shown by now */
    tokenize: {
      params: object({ folder: text, first: text }, { second: text }),
      result: object({ tokens: listOf(shownToken), truncated: flag }),
    },
    /** The likeliest tokens for each mask of the text. @throws NOT_FOUND as `tokenize` */
    fillMask: { params: object({ folder: text, text, top: count }), result: listOf(maskFill) },
    verify: { params: nothing, result: nothing },
    reveal: { params: nothing, result: nothing },
    activate: { params: nothing, result: nothing },
  },
  events: { snapshot: modelDetailSnapshot },
});
export type ModelDetailContract = typeof modelDetailContract;
