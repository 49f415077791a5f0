/** The entities of a text. */
import { MedTextError, words } from '../base/errors';
import { byPlace, type Entity } from '../data/entities/entity';
import { readEntities } from '../data/entities/readEntities';
import { entitiesWriter } from '../data/entities/writeEntities';
import { openRecipeSplit } from '../data/recipeSplit';
import { duplicatesOf } from '../data/statistics';
import type { Head } from '../models/heads/head';
import { spansHead } from '../models/heads/spans';
import { tokenHead } from '../models/heads/token';
import type { RecipeSplit } from '../protocol/recipe';
import type { Tokenizer } from '../tokenization/tokenizer';
import { entityCard } from './cards/entityCard';
import { hasEntities } from './entities/hasEntities';
import type { EntityCoding, TextReading } from './entities/coding';
import { entityRemarks } from './entities/remarks';
import { spanCoding } from './entities/spanCoding';
import { spanReport } from './entities/spanReport';
import { tagCoding } from './entities/tagCoding';
import type { FoundEntity } from './entities/tagging';
import { windowsOf, type TextWindow, type WindowedText } from './entities/windows';
import { labelUsage } from './labelUsage';
import type { EncodedWindow, EncodeOptions, ReadOptions, TaskData, TaskDefinition, TaskNetwork } from './task';

/** What the model says of a text. */
export interface EntityAnswer {
  readonly entities: readonly FoundEntity[];
  readonly loss: TextReading['loss'];
}

interface EntityWindow extends EncodedWindow {
  readonly text: WindowedText;
  readonly window: TextWindow;
}

const CODINGS = new Map<Head, EntityCoding>([
  [tokenHead, tagCoding],
  [spansHead, spanCoding],
]);

const codingOf = (head: Head): EntityCoding => CODINGS.get(head)!;

/** Whether what a head answers are entities. */
export const marksEntities = (head: Head): boolean => CODINGS.has(head);

export const tokenClassification: TaskDefinition<readonly Entity[], unknown, EntityAnswer> = {
  head: ({ model_head: { type } }) => (type === 'spans' ? spansHead : tokenHead),
  read,
  async isLabelled(split, signal) {
    return hasEntities(await openRecipeSplit(split), split.label, signal);
  },
  labelsOf({ labels, file }) {
    if (labels.length > 0) return labels;
    throw new MedTextError('LABELS', words`${file.path} has no entities; there is nothing to learn.`, {
      file: file.path,
    });
  },
  columnsOf: (labels, head) => codingOf(head).columnsOf(labels),
  labelsOfColumns: (columns, head, where) => codingOf(head).typesOf(columns, where),
  encode,
  objective({ recipe, head, columns, data }) {
    return codingOf(head).objective({ recipe, columns, entities: data.examples.map(({ label }) => label!) });
  },
  reading({ head, columns, examples }) {
    const readings: (TextReading | undefined)[] = examples.map(() => undefined);
    const coding = codingOf(head);
    return {
      take({ example, text, window, target }: EntityWindow, output) {
        const reading = (readings[example] ??= coding.reading(text, columns));
        reading.take(window, target, output);
      },
      answers: () => readings.map((reading) => ({ entities: reading!.entities(), loss: reading!.loss })),
    };
  },
  report({ labels, examples, answers }) {
    const weight = answers.reduce((sum, { loss }) => sum + loss.weight, 0);
    const loss = answers.reduce((sum, answer) => sum + answer.loss.sum, 0) / weight;
    const truth = examples.map(({ label }) => label!);
    return { ...spanReport({ labels, truth, found: answers.map(({ entities }) => entities) }), loss };
  },
  saysSame: (a, b) => named(a) === named(b),
  counted: 'entities',
  counts(answers, labels) {
    const counts = Object.fromEntries(labels.map((label) => [label, 0]));
    for (const { entities } of answers) for (const { type } of entities) counts[type]++;
    return counts;
  },
  writer({ file, examples, columns }, output, { label, onBadRow, spanEnd, model, signal }) {
    const write = entitiesWriter(file, output, {
      column: label,
      textColumn: columns.first,
      onBadRow,
      spanEnd,
      model,
      signal,
    });
    const placeOf = new Map(examples.map(({ row }, at) => [row, at]));
    return {
      write: (answers) =>
        write((row) => {
          const at = placeOf.get(row);
          return at === undefined ? null : { text: examples[at].first, entities: answers[at].entities };
        }),
    };
  },
  usage: ({ split, labels }) => labelUsage(split, labels),
  metric: 'microF1',
  card: entityCard,
};

const named = ({ entities }: EntityAnswer): string =>
  entities.map(({ start, end, type }) => `${start} ${end} ${type}`).join('\n');

/** @throws UNSUPPORTED for corrections, which hold a label a row; what `readEntities` throws. */
async function read(split: RecipeSplit, _task: unknown, options: ReadOptions): Promise<TaskData<readonly Entity[]>> {
  if (split.corrections !== undefined) {
    throw new MedTextError('UNSUPPORTED', words`${split.corrections}: corrections hold one label a row, and a text has several entities. Leave "corrections" out.`, { file: split.corrections }); // prettier-ignore
  }
  const file = await openRecipeSplit(split);
  const found = await readEntities(file, {
    fields: { text: split.first_sequence, entities: split.label },
    spanEnd: split.span_end,
    labels: options.labels ?? split.labels,
    labelMapping: split.label_mapping,
    nested: codingOf(options.head).nested,
    mode: options.mode,
    groupColumn: options.groupColumn,
    onBadRow: split.on_bad_row,
    signal: options.signal,
  });
  const idOf = new Map(found.labels.map((label, id) => [label, id]));
  // Tasks and lines of tags have one place for entities, whatever the column is called elsewhere.
  const columnToFill = file.tasks || file.tagged ? undefined : split.label;
  const named = [
    ...(split.first_sequence === undefined ? [] : (['firstSequence'] as const)),
    ...(split.label === undefined ? [] : (['label'] as const)),
  ];
  return {
    ...found,
    duplicates: duplicatesOf(found.examples.map(({ first, line, row }) => ({ first, line, row }))),
    idsOf: (entities) => entities.map(({ type }) => idOf.get(type)!),
    fields: { firstSequence: found.columns.first, label: found.columns.label ?? columnToFill },
    guess: undefined,
    named,
    remarks: entityRemarks(found),
  };
}

async function encode(
  tokenizer: Tokenizer,
  examples: TaskData<readonly Entity[]>['examples'],
  { maxLength, head, columns, signal }: EncodeOptions & TaskNetwork,
): Promise<EntityWindow[]> {
  const coding = codingOf(head);
  const encoded: EntityWindow[] = [];
  let restedAt = performance.now();
  for (const [example, { first, label }] of examples.entries()) {
    if (signal?.aborted) throw new MedTextError('CANCELLED', 'Tokenization was cancelled.', { done: example });
    const text = windowsOf(tokenizer, first, maxLength);
    const targets = coding.targets(text, label && [...label].sort(byPlace), columns);
    text.windows.forEach((window, at) => encoded.push({ encoded: window.encoded, target: targets[at], example, text, window })); // prettier-ignore
    if (performance.now() - restedAt > 30) {
      await new Promise((resolve) => setImmediate(resolve));
      restedAt = performance.now();
    }
  }
  return encoded;
}
