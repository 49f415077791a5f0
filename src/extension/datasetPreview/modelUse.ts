import { join } from 'node:path';
import { readTextFileSync } from '../../base/textFile';
import { ANSWERS } from '../../protocol/answers';
import { findTask, secondTextOf, taskOfProblem, type SecondText } from '../../protocol/tasks';
import type { ListedModel } from '../modelStore';

/** What a fine-tuned model's config.json says of its use; a training of ours wrote it there, or transformers. */
export interface ModelUse {
  readonly task: string | undefined;
  /** Whether it reads a second text; undefined where its task is not known. */
  readonly second: SecondText | undefined;
  /** In tokens, special ones included. */
  readonly maxLength: number | null;
  /** The class of raw labels of its training data. */
  readonly labelNames: Readonly<Record<string, string>>;
  /** Raw labels of its training data that were no label: they count as none. */
  readonly noLabels: readonly string[];
  /** What stood between several labels of its training data; undefined where they were lists. */
  readonly separator: string | undefined;
}

export function modelUse(folder: string): ModelUse {
  const config = objectIn(() => JSON.parse(readTextFileSync(join(folder, 'config.json'))));
  const written = objectIn(() => config.medtext);
  const {
    task = taskOfProblem(config.problem_type),
    max_length: maxLength,
    label_mapping: mapping,
    label_separator: separator,
  } = written;
  const known = findTask(task);
  const entries = Object.entries(objectIn(() => mapping));
  return {
    task: typeof task === 'string' ? task : undefined,
    second: known && secondTextOf(known, written.reads_pairs),
    maxLength: Number.isSafeInteger(maxLength) && Number(maxLength) > 0 ? Number(maxLength) : null,
    labelNames: Object.fromEntries(entries.filter((entry): entry is [string, string] => typeof entry[1] === 'string')),
    noLabels: entries.filter(([, label]) => label === null).map(([raw]) => raw),
    separator: typeof separator === 'string' ? separator : undefined,
  };
}

/** An object from a file of the model; empty for a broken file, which the scorer reports. */
function objectIn(read: () => unknown): Readonly<Record<string, unknown>> {
  try {
    const found = read();
    return typeof found === 'object' && found ? (found as Record<string, unknown>) : {};
  } catch {
    return {};
  }
}

/** What a model is asked of texts: the similarity of two, the answer to each, or the entities in each. */
export type Question = 'pairs' | 'texts' | 'entities';

export function questionTo({
  folder,
  hasHead,
  marksEntities,
}: Pick<ListedModel, 'folder' | 'hasHead' | 'marksEntities'>): Question {
  // prettier-ignore
  if (marksEntities) return 'entities';
  return hasHead && answersSingleTexts(folder) ? 'texts' : 'pairs';
}

/** Whether the model gives a text of its own a label or a number. Of several labels no two texts are compared, unless they say it reads pairs. */
function answersSingleTexts(folder: string): boolean {
  const { task, second } = modelUse(folder);
  const answer = ANSWERS[findTask(task)?.answer ?? 'fill'];
  return answer.column === 'cells' && (second === 'none' || (second === 'optional' && answer.holdsSeveral === true));
}
