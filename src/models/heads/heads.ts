/** The heads that are known, and which of them a model folder has. */
import { isObject, type JsonObject } from '../configJson';
import type { Head } from './head';
import { sequenceHead } from './sequence';
import { spansHead } from './spans';
import { tokenHead } from './token';

const HEADS: readonly Head[] = [sequenceHead, tokenHead, spansHead];

/** ModelScope's tasks of models whose config.json names no class. */
const OF_TASK: Readonly<Record<string, Head>> = {
  'token-classification': tokenHead,
  'named-entity-recognition': tokenHead,
};

/**
 * The head that the weights of a folder have, if they have one: as this program named it, by transformers' class, by
 * ModelScope's task, else that of texts.
 */
export function headOf(config: JsonObject, configuration?: JsonObject): Head {
  const named = isObject(config.medtext) ? config.medtext.head : undefined;
  const classes = Array.isArray(config.architectures) ? config.architectures : [];
  const isOf = ({ classSuffix }: Head): boolean =>
    classSuffix !== undefined && classes.some((name) => typeof name === 'string' && name.endsWith(classSuffix));
  const task = configuration?.task;
  return (
    HEADS.find(({ id }) => id === named) ??
    HEADS.find(isOf) ??
    (typeof task === 'string' && Object.hasOwn(OF_TASK, task) ? OF_TASK[task] : sequenceHead)
  );
}
