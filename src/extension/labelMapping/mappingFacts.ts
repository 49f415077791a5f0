import type {
  MappedClass,
  MappingConflict,
  MappingSnapshot,
  RawValue,
  ShownError,
  SplitState,
} from '../../protocol/labelMappingEditor';
import { impliedScores, inferLabels, targetsOf } from '../../protocol/labelScheme';
import { nearestName } from '../../protocol/recipe';
import type { LabelCounts } from '../../protocol/scorer';
import type { MappingContent, MappingDocument } from './mappingText';

/** What is known of a split's data by now. */
export interface SplitFacts {
  readonly name: string;
  readonly file: string;
  readonly counts: LabelCounts | undefined;
  readonly error: ShownError | undefined;
  /** A test split may come without labels. */
  readonly isUnlabelled?: boolean;
  /** What it says of labels itself, in the text and on disk; undefined where the training split's words count. */
  readonly own: MappingContent | undefined;
  readonly ownBefore: MappingContent | undefined;
}

export type MappingFacts = Pick<
  MappingSnapshot,
  | 'labelsAreInferred'
  | 'splits'
  | 'classes'
  | 'gone'
  | 'values'
  | 'moreValues'
  | 'conflicts'
  | 'changedRows'
  | 'dropped'
  | 'unmapped'
>;

const maxValues = 1000;
const maxConflicts = 200;

/** The classes: those listed, else those the training data gives through the mapping. */
export function classesOf(content: MappingContent, train: LabelCounts | undefined): readonly string[] {
  if (content.labels) return content.labels;
  const target = targetOf(content, undefined);
  const labels = (train?.values ?? []).map(({ value }) => target(value));
  const declared = (train?.declared ?? []).filter((label) => target(label) === label);
  return inferLabels(
    labels.filter((label): label is string => label !== null && label !== undefined),
    declared,
  );
}

/** What the page shows of labels and values, before (on disk) and after (in the text). */
export function mappingFacts(
  { content }: Pick<MappingDocument, 'content'>,
  saved: Pick<MappingDocument, 'content'>,
  splits: readonly SplitFacts[],
): MappingFacts {
  const train = splits[0]?.counts;
  const classes = classesOf(content, train);
  const classesBefore = classesOf(saved.content, train);
  const after = splits.map(({ own }) => targetOf(contentFor(own, content), classes));
  const before = splits.map(({ ownBefore }) => targetOf(contentFor(ownBefore, saved.content), classesBefore));
  const main = targetOf(content, classes);
  const renamed = renamedClasses(classes, classesBefore, main, targetOf(saved.content, classesBefore), train);

  const tables = splits.map(({ counts }, split) => {
    const table = { before: new Tally(), after: new Tally(), changed: 0 };
    for (const { value, count } of counts?.values ?? []) {
      const [then, now] = [before[split](value), after[split](value)];
      table.before.add(then, count);
      table.after.add(now, count);
      const sameByName = typeof now === 'string' && then !== undefined && renamed.get(now) === then;
      if (then !== now && !sameByName) table.changed += count;
    }
    return table;
  });
  const perSplit = (time: 'before' | 'after', target: string | null | undefined): number[] =>
    tables.map((table) => table[time].of(target));

  const implied = impliedScores(classes);
  const values = rawValues(content, classes, splits, main);
  const [isClass, renamedFrom] = [new Set(classes), new Set(renamed.values())];
  return {
    labelsAreInferred: content.labels === undefined,
    splits: splits.map(stateOf),
    classes: classes.map((name, id): MappedClass => {
      const { description = '', color = null, score = null } = content.details.get(name) ?? {};
      const earlierName = renamed.get(name) ?? null;
      return {
        name,
        description,
        color,
        score,
        impliedScore: implied?.[id] ?? null,
        before: perSplit('before', earlierName ?? name),
        after: perSplit('after', name),
        earlierName,
      };
    }),
    gone: classesBefore
      .filter((name) => !isClass.has(name) && !renamedFrom.has(name))
      .map((name) => ({ name, before: perSplit('before', name) })),
    values: values.slice(0, maxValues),
    moreValues: Math.max(0, values.length - maxValues),
    conflicts: conflictsOf(content, classes, splits, main, after).slice(0, maxConflicts),
    changedRows: tables.map(({ changed }) => changed),
    dropped: { before: perSplit('before', null), after: perSplit('after', null) },
    unmapped: { before: perSplit('before', undefined), after: perSplit('after', undefined) },
  };
}

class Tally {
  private readonly counts = new Map<string | null | undefined, number>();

  add(target: string | null | undefined, count: number): void {
    this.counts.set(target, this.of(target) + count);
  }

  of(target: string | null | undefined): number {
    return this.counts.get(target) ?? 0;
  }
}

type Target = (raw: string) => string | null | undefined;

/** Where a value goes; one that goes to no class is not mapped. */
function targetOf(content: MappingContent, classes: readonly string[] | undefined): Target {
  const target = targetsOf({ labels: content.labels ?? classes, label_mapping: Object.fromEntries(content.mapping) });
  const isClass = new Set(classes);
  return (raw) => {
    const label = target(raw);
    return typeof label === 'string' && classes && !isClass.has(label) ? undefined : label;
  };
}

/** A split's own fields stand before the training split's, each for itself. */
function contentFor(own: MappingContent | undefined, train: MappingContent): MappingContent {
  if (!own) return train;
  return { ...train, labels: own.labels ?? train.labels, mapping: own.mapping.size > 0 ? own.mapping : train.mapping };
}

/** New name to old, for classes with the same rows as one that is gone. */
function renamedClasses(
  classes: readonly string[],
  classesBefore: readonly string[],
  now: Target,
  then: Target,
  train: LabelCounts | undefined,
): ReadonlyMap<string, string> {
  const signatures = (names: readonly string[], target: Target): Map<string, string> => {
    const members = new Map<string, string[]>(names.map((name) => [name, []]));
    for (const { value } of train?.values ?? []) {
      const label = target(value);
      if (typeof label === 'string') members.get(label)?.push(value);
    }
    return new Map([...members].filter(([, list]) => list.length > 0).map(([name, list]) => [JSON.stringify(list), name])); // prettier-ignore
  };
  const [isClass, wasClass] = [new Set(classes), new Set(classesBefore)];
  const gone = signatures(classesBefore.filter((name) => !isClass.has(name)), then); // prettier-ignore
  const fresh = signatures(classes.filter((name) => !wasClass.has(name)), now); // prettier-ignore
  return new Map([...fresh].flatMap(([members, name]) => (gone.has(members) ? [[name, gone.get(members)!] as const] : []))); // prettier-ignore
}

const maxCombinations = 20;

function combinationsOf({ combinations, combinationCount, withoutLabel }: NonNullable<LabelCounts['several']>) {
  return { most: combinations.slice(0, maxCombinations), total: combinationCount, withoutLabel };
}

function stateOf({ name, file, counts, error, isUnlabelled }: SplitFacts): SplitState {
  return {
    name,
    file,
    state: counts ? 'ready' : error === undefined ? 'counting' : isUnlabelled && name === 'test' ? 'unlabelled' : 'failed', // prettier-ignore
    rows: counts?.rows ?? 0,
    badRows: counts?.badRows ?? 0,
    column: counts?.column ?? null,
    error: error ?? null,
    otherRows: counts?.otherRows ?? 0,
    combinations: counts?.several ? combinationsOf(counts.several) : null,
  };
}

/** Every value of the data, most rows first; then what only the mapping names. */
function rawValues(
  content: MappingContent,
  classes: readonly string[],
  splits: readonly SplitFacts[],
  target: Target,
): RawValue[] {
  const found = new Map<string, { counts: number[]; firstLines: number[]; sum: number }>();
  const entryOf = (value: string) => {
    const entry = found.get(value) ?? { counts: splits.map(() => 0), firstLines: splits.map(() => 0), sum: 0 };
    found.set(value, entry);
    return entry;
  };
  splits.forEach(({ counts }, split) => {
    for (const { value, count, firstLine } of counts?.values ?? []) {
      const entry = entryOf(value);
      entry.counts[split] = count;
      entry.firstLines[split] = firstLine;
      entry.sum += count;
    }
  });
  for (const value of content.mapping.keys()) entryOf(value);
  const sorted = [...found].sort(([, a], [, b]) => b.sum - a.sum);
  return sorted.map(([value, { counts, firstLines }]): RawValue => {
    const to = target(value);
    return {
      value,
      counts,
      firstLines,
      state: to === null ? 'dropped' : to === undefined ? 'unmapped' : 'mapped',
      to: to ?? null,
      isExplicit: content.mapping.has(value),
      suggestion: to === undefined ? (resembling(value, classes) ?? null) : null,
    };
  });
}

/** The class that the value is another spelling of. */
export function resembling(value: string, classes: readonly string[]): string | undefined {
  const plain = (text: string): string => text.normalize('NFKC').toLowerCase().replace(/[^\p{L}\p{N}.]+/gu, ''); // prettier-ignore
  const wanted = plain(value);
  if (wanted === '') return undefined;
  const isNumber = (text: string): boolean => text !== '' && Number.isFinite(Number(text));
  const same = classes.find(
    (label) => plain(label) === wanted || (isNumber(wanted) && isNumber(plain(label)) && Number(wanted) === Number(plain(label))), // prettier-ignore
  );
  // One letter off says nothing of short values.
  return same ?? (wanted.length >= 4 && !isNumber(wanted) ? nearestName(value, classes) : undefined);
}

function conflictsOf(
  content: MappingContent,
  classes: readonly string[],
  splits: readonly SplitFacts[],
  main: Target,
  targets: readonly Target[],
): MappingConflict[] {
  const rows = new Map<string, number>();
  for (const { counts } of splits) {
    for (const { value, count } of counts?.values ?? []) rows.set(value, (rows.get(value) ?? 0) + count);
  }
  const rowsOf = (value: string): number => rows.get(value) ?? 0;
  const isClass = new Set(classes);
  const conflicts: MappingConflict[] = [];
  for (const [value, said] of content.twice) {
    conflicts.push({ kind: 'twice', value, targets: said, rows: rowsOf(value) });
  }
  for (const [value, to] of content.mapping) {
    if (to !== null && !isClass.has(to)) conflicts.push({ kind: 'absent', value, to, rows: rowsOf(value) });
  }
  splits.forEach(({ name, own, counts }, split) => {
    if (!own) return;
    for (const { value, count } of counts?.values ?? []) {
      const [here, there] = [targets[split](value), main(value)];
      if (here !== there) {
        conflicts.push({ kind: 'differs', split: name, value, here: here ?? null, there: there ?? null, rows: count });
      }
    }
  });
  return conflicts;
}
