import { join } from 'node:path';
import { readTextFileSync } from '../../base/textFile';
import { findTask } from '../../protocol/tasks';

/** What a fine-tuned model's config.json says of its use; a training of ours wrote it there. */
export interface ModelUse {
  readonly task: string | undefined;
  /** In tokens, special ones included. */
  readonly maxLength: number | null;
  /** The class of raw labels of its training data. */
  readonly labelNames: Readonly<Record<string, string>>;
}

export function modelUse(folder: string): ModelUse {
  let written: Record<string, unknown> = {};
  try {
    const config = JSON.parse(readTextFileSync(join(folder, 'config.json'))) as { medtext?: unknown } | null;
    if (typeof config?.medtext === 'object' && config.medtext) written = config.medtext as Record<string, unknown>;
  } catch {
    // Of a broken model the scorer tells.
  }
  const { task, max_length: maxLength, label_mapping: mapping } = written;
  const entries = typeof mapping === 'object' && mapping ? Object.entries(mapping as object) : [];
  return {
    task: typeof task === 'string' ? task : undefined,
    maxLength: Number.isSafeInteger(maxLength) && Number(maxLength) > 0 ? Number(maxLength) : null,
    labelNames: Object.fromEntries(entries.filter((entry): entry is [string, string] => typeof entry[1] === 'string')),
  };
}

/** Whether the model gives a text of its own a class or a number. */
export function answersSingleTexts(folder: string): boolean {
  const { second, answer } = findTask(modelUse(folder).task) ?? {};
  return second === 'none' && (answer === 'class' || answer === 'number');
}
