import { count, flag, listOf, nothing, nullable, number, object, oneOf, text, variant, type Checked } from './check';
import { defineContract } from './contract';
import { suspectRow } from './scorer';
import { webviewStart } from './webviewStart';

/** A change to the mapping; values are raw values of the data, labels are names of classes. */
const mappingOperation = variant({
  /** To a class, or (null) left out. */
  assign: object({ kind: oneOf('assign'), values: listOf(text), to: nullable(text) }),
  /** No longer said: a value that is a label's name is that label again, another is not mapped. */
  unassign: object({ kind: oneOf('unassign'), values: listOf(text) }),
  /** A class of their own. */
  splitOff: object({ kind: oneOf('splitOff'), values: listOf(text), name: text }),
  add: object({ kind: oneOf('add'), name: text }),
  rename: object({ kind: oneOf('rename'), label: text, name: text }),
  merge: object({ kind: oneOf('merge'), label: text, into: text }),
  /** The class goes; rows that had it are left out. */
  remove: object({ kind: oneOf('remove'), label: text }),
  move: object({ kind: oneOf('move'), label: text, to: count }),
  describe: object({ kind: oneOf('describe'), label: text, description: text }),
  color: object({ kind: oneOf('color'), label: text, color: nullable(text) }),
  /** Null: as the labels' names say again. */
  score: object({ kind: oneOf('score'), label: text, score: nullable(number) }),
  /** Writes the labels that were taken from the data until now. */
  listLabels: object({ kind: oneOf('listLabels') }),
  /** Takes out what a split says for itself: it has the training split's mapping then. */
  adopt: object({ kind: oneOf('adopt'), split: text }),
  /** A value that is said twice is said once. */
  once: object({ kind: oneOf('once'), value: text }),
});
export type MappingOperation = Checked<typeof mappingOperation>;

const splitState = object({
  name: text,
  file: text,
  state: oneOf('counting', 'ready', 'unlabelled', 'failed'),
  rows: count,
  badRows: count,
  column: nullable(text),
  error: nullable(text),
  /** Rows with values beyond the limit of distinct ones. */
  otherRows: count,
  /** Where rows have several labels: the most frequent combinations, how many there are, and rows without a label. */
  combinations: nullable(
    object({ most: listOf(object({ labels: listOf(text), count })), total: count, withoutLabel: count }),
  ),
});
export type SplitState = Checked<typeof splitState>;

const mappedClass = object({
  name: text,
  description: text,
  color: nullable(text),
  /** Null: nobody said one. */
  score: nullable(number),
  /** What it counts for then, by its name; null: nobody can say. */
  impliedScore: nullable(number),
  /** Rows by split, as the file on disk says and as this text says. */
  before: listOf(count),
  after: listOf(count),
  /** Its name on disk, where it was renamed only. */
  earlierName: nullable(text),
});
export type MappedClass = Checked<typeof mappedClass>;

const rawValue = object({
  value: text,
  /** By split. */
  counts: listOf(count),
  firstLines: listOf(count),
  /** A class, null: left out, absent: not mapped. */
  state: oneOf('mapped', 'dropped', 'unmapped'),
  to: nullable(text),
  /** Said in the mapping, and not only by being a label's name. */
  isExplicit: flag,
  /** The class that it resembles, for one that is not mapped. */
  suggestion: nullable(text),
});
export type RawValue = Checked<typeof rawValue>;

const conflict = variant({
  /** Said several times in the mapping. */
  twice: object({ kind: oneOf('twice'), value: text, targets: listOf(nullable(text)), rows: count }),
  /** The mapping leads to what is no class. */
  absent: object({ kind: oneOf('absent'), value: text, to: text, rows: count }),
  /** A split says otherwise than the training split. */
  differs: object({
    kind: oneOf('differs'),
    split: text,
    value: text,
    here: nullable(text),
    there: nullable(text),
    rows: count,
  }),
});
export type MappingConflict = Checked<typeof conflict>;

const suspects = object({
  split: text,
  state: oneOf('searching', 'ready', 'failed'),
  done: count,
  total: nullable(number),
  error: nullable(text),
  modelName: text,
  seenInTraining: flag,
  /** Rows judged by runs that had not learned from them. */
  outOfFold: count,
  rows: count,
  /** All there are; the list holds the first of them. */
  found: count,
  list: listOf(suspectRow),
  /** Rows whose suggestion was accepted, with the label that was accepted. */
  accepted: listOf(object({ row: count, label: text })),
  /** Where corrections are kept, and whether the recipe uses them. */
  correctionFile: text,
  isUsed: nullable(flag),
});
export type Suspects = Checked<typeof suspects>;

const mappingSnapshot = object({
  kind: oneOf('recipe', 'labels'),
  fileName: text,
  isReadOnly: flag,
  isDirty: flag,
  /** Why the text cannot be shown; the rest is empty then. */
  problem: nullable(object({ code: text, message: text })),
  /** Regression: there are no classes. */
  isRegression: flag,
  /** Its model compares two texts by classes: what they count for matters. */
  comparesTexts: flag,
  /** Its rows have one class each, whose suspect ones a model can find. */
  findsSuspects: flag,
  /** The recipe keeps its labels in this file. */
  labelsFile: nullable(text),
  labelsAreInferred: flag,
  splits: listOf(splitState),
  classes: listOf(mappedClass),
  /** Classes on disk that are no more. */
  gone: listOf(object({ name: text, before: listOf(count) })),
  values: listOf(rawValue),
  /** Values beyond the limit of what is shown. */
  moreValues: count,
  conflicts: listOf(conflict),
  /** Rows by split whose class differs between disk and text, and those left out or not mapped, before and after. */
  changedRows: listOf(count),
  dropped: object({ before: listOf(count), after: listOf(count) }),
  unmapped: object({ before: listOf(count), after: listOf(count) }),
  /** Recipes that name this file, for a labels file. */
  users: listOf(text),
  /** Recipes and models that know renamed classes by their earlier names, until the person has decided. */
  elsewhere: nullable(
    object({ renamed: listOf(object({ from: text, to: text })), recipes: listOf(text), models: listOf(text) }),
  ),
  model: nullable(object({ name: text, hasHead: flag })),
  suspects: nullable(suspects),
});
export type MappingSnapshot = Checked<typeof mappingSnapshot>;

export const labelMappingContract = defineContract({
  name: 'label mapping editor',
  version: 1,
  requests: {
    initialize: { params: nothing, result: webviewStart(mappingSnapshot) },
    /** Changes the document. @throws LABELS when the change makes no sense · NOT_FOUND when the class is gone by now */
    change: { params: mappingOperation, result: nothing },
    /** Renames the classes in `elsewhere`, too, or leaves these files as they are. @throws IO */
    renameElsewhere: { params: object({ isWanted: flag }), result: nothing },
    /** Shows the first row of a value. */
    reveal: { params: object({ split: text, value: text }), result: nothing },
    /** Shows a suspect row. */
    revealRow: { params: object({ split: text, line: count }), result: nothing },
    recount: { params: nothing, result: nothing },
    openText: { params: nothing, result: nothing },
    openLabelsFile: { params: nothing, result: nothing },
    /** Asks for a data file and writes it into a labels file. */
    addData: { params: nothing, result: nothing },
    chooseModel: { params: nothing, result: nothing },
    findSuspects: { params: object({ split: text }), result: nothing },
    cancelSuspects: { params: nothing, result: nothing },
    /** Writes corrections (label null: takes one back); the data file stays as it is. */
    correct: { params: object({ rows: listOf(object({ row: count, label: nullable(text) })) }), result: nothing },
    openCorrections: { params: nothing, result: nothing },
    /** Writes the correction file into the recipe. */
    useCorrections: { params: nothing, result: nothing },
  },
  events: { snapshot: mappingSnapshot },
});
export type LabelMappingContract = typeof labelMappingContract;
