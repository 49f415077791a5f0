/** What the tasks share that give a text, or a pair, one answer. */
import type { Example } from '../data/examples';
import { isLabelled } from '../data/labelCounts';
import { readRecipeSplit } from '../data/recipeSplit';
import { sequenceHead } from '../models/heads/sequence';
import type { Tokenizer } from '../tokenization/tokenizer';
import type { EncodedWindow, EncodeOptions, Reading, TaskDefinition } from './task';

export const ofTexts = {
  head: () => sequenceHead,
  read: readRecipeSplit,
  isLabelled: (split, signal) => isLabelled({ ...split, label: split.label! }, signal),
  columnsOf: (labels) => labels,
  labelsOfColumns: (columns) => columns,
  encode: encodeTexts,
} satisfies Partial<TaskDefinition<number, number, Float32Array>>;

/** A window an example; its target is its label. */
export async function encodeTexts<Label>(
  tokenizer: Tokenizer,
  examples: readonly Example<Label>[],
  { maxLength, signal }: EncodeOptions,
): Promise<EncodedWindow<Label>[]> {
  const pairs = examples.map(({ first, second }) => ({ a: first, b: second }));
  const encoded = await tokenizer.encodeAll(pairs, maxLength, undefined, signal);
  return encoded.map((one, example) => ({ encoded: one, target: examples[example].label!, example }));
}

/** The logits of each example are its answer, [columns]. */
export function readLogits(columns: number, examples: number): Reading<Float32Array> {
  const logits = new Float32Array(examples * columns);
  return {
    take: ({ example }, output) => logits.set(output, example * columns),
    answers: () => Array.from({ length: examples }, (_, at) => logits.subarray(at * columns, (at + 1) * columns)),
  };
}

/** [examples, columns] row after row. */
export function flat(answers: readonly Float32Array[], columns: number): Float32Array {
  const result = new Float32Array(answers.length * columns);
  answers.forEach((answer, row) => result.set(answer, row * columns));
  return result;
}
