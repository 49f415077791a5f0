import { count, flag, listOf, nothing, nullable, number, object, oneOf, text, variant, type Checked } from './check';
import { defineContract } from './contract';
import { suspectRow } from './scorer';
import { webviewStart } from './webviewStart';

/** A change to the mapping. Values are raw values of the data; labels are names of classes. */
const mappingOperation = variant({
  /** Maps values to a class; null leaves their rows out. */
  assign: object({ kind: oneOf('assign'), values: listOf(text), to: nullable(text) }),
  /** Removes values from the mapping. A value that is a label's name is that label again; any other is not mapped. */
  unassign: object({ kind: oneOf('unassign'), values: listOf(text) }),
  /** Makes a new class of the values. */
  splitOff: object({ kind: oneOf('splitOff'), values: listOf(text), name: text }),
  add: object({ kind: oneOf('add'), name: text }),
  rename: object({ kind: oneOf('rename'), label: text, name: text }),
  merge: object({ kind: oneOf('merge'), label: text, into: text }),
  /** Removes a class. Its rows are left out. */
  remove: object({ kind: oneOf('remove'), label: text }),
  move: object({ kind: oneOf('move'), label: text, to: count }),
  describe: object({ kind: oneOf('describe'), label: text, description: text }),
  color: object({ kind: oneOf('color'), label: text, color: nullable(text) }),
  /** Sets a class's similarity score; null removes it, so that the label's name decides. */
  score: object({ kind: oneOf('score'), label: text, score: nullable(number) }),
  /** Writes the inferred labels into the recipe. */
  listLabels: object({ kind: oneOf('listLabels') }),
  /** Removes a split's own mapping, so that the training split's mapping applies. */
  adopt: object({ kind: oneOf('adopt'), split: text }),
  /** Removes the repetition of a value that the mapping names twice. */
  once: object({ kind: oneOf('once'), value: text }),
});
export type MappingOperation = Checked<typeof mappingOperation>;

/** An error in the window's language. The code is absent if only the message is known. */
const shownError = object({ message: text }, { code: text });
export type ShownError = Checked<typeof shownError>;

const splitState = object({
  name: text,
  file: text,
  state: oneOf('counting', 'ready', 'unlabelled', 'failed'),
  rows: count,
  badRows: count,
  column: nullable(text),
  error: nullable(shownError),
  /** The number of rows whose values exceed the limit of distinct values. */
  otherRows: count,
  /** For rows with several labels: the most frequent combinations, their number, and the rows without a label. */
  combinations: nullable(
    object({ most: listOf(object({ labels: listOf(text), count })), total: count, withoutLabel: count }),
  ),
});
export type SplitState = Checked<typeof splitState>;

const mappedClass = object({
  name: text,
  description: text,
  color: nullable(text),
  /** The similarity score that a person gave; null if none. */
  score: nullable(number),
  /** The score that the class's name implies; null if it implies none. */
  impliedScore: nullable(number),
  /** Rows by split: `before` by the file on disk, `after` by the edited text. */
  before: listOf(count),
  after: listOf(count),
  /** The class's name on disk if it was only renamed. */
  earlierName: nullable(text),
});
export type MappedClass = Checked<typeof mappedClass>;

const rawValue = object({
  value: text,
  /** The number of rows in each split. */
  counts: listOf(count),
  firstLines: listOf(count),
  /** Whether the value is mapped to a class, left out, or not mapped. */
  state: oneOf('mapped', 'dropped', 'unmapped'),
  to: nullable(text),
  /** The mapping itself names the value. */
  isExplicit: flag,
  /** The class that an unmapped value resembles. */
  suggestion: nullable(text),
});
export type RawValue = Checked<typeof rawValue>;

const conflict = variant({
  /** The mapping names the value several times. */
  twice: object({ kind: oneOf('twice'), value: text, targets: listOf(nullable(text)), rows: count }),
  /** The mapping's target is not a class. */
  absent: object({ kind: oneOf('absent'), value: text, to: text, rows: count }),
  /** A split maps the value otherwise than the training split. */
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
  error: nullable(shownError),
  modelName: text,
  seenInTraining: flag,
  /** The number of rows judged by runs that had not learned from them. */
  outOfFold: count,
  rows: count,
  /** The number of suspect rows. `list` holds the first of them. */
  found: count,
  list: listOf(suspectRow),
  /** Rows whose suggestion was accepted, with the accepted label. */
  accepted: listOf(object({ row: count, label: text })),
  /** The file that keeps the corrections. `isUsed`: the recipe names it. */
  correctionFile: text,
  isUsed: nullable(flag),
});
export type Suspects = Checked<typeof suspects>;

const mappingSnapshot = object({
  kind: oneOf('recipe', 'labels'),
  fileName: text,
  isReadOnly: flag,
  isDirty: flag,
  /** Why the text cannot be shown; the other fields are then empty. */
  problem: nullable(object({ code: text, message: text })),
  /** The task is a regression, so there are no classes. */
  isRegression: flag,
  /** The model compares two texts by classes, so the classes' similarity scores matter. */
  comparesTexts: flag,
  /** Counts are of entities: the classes are their types. */
  countsEntities: flag,
  /** Each row has one class, so a model can find suspect labels. */
  findsSuspects: flag,
  /** The labels file that the recipe names; null if there is none. */
  labelsFile: nullable(text),
  labelsAreInferred: flag,
  splits: listOf(splitState),
  classes: listOf(mappedClass),
  /** Classes on disk that the edited text no longer has. */
  gone: listOf(object({ name: text, before: listOf(count) })),
  values: listOf(rawValue),
  /** The number of values beyond the limit of what is shown. */
  moreValues: count,
  conflicts: listOf(conflict),
  /** Rows by split. `changedRows`: their class differs between disk and text. `dropped`: left out or not mapped. */
  changedRows: listOf(count),
  dropped: object({ before: listOf(count), after: listOf(count) }),
  unmapped: object({ before: listOf(count), after: listOf(count) }),
  /** For a labels file: the recipes that name it. */
  users: listOf(text),
  /** Recipes and models that use the old names of renamed classes; null once the person has decided. */
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
    /** Changes the document. @throws LABELS when the change is not possible · NOT_FOUND when the class no longer exists */
    change: { params: mappingOperation, result: nothing },
    /** Renames the classes in the files of `elsewhere`, or leaves these files unchanged. @throws IO */
    renameElsewhere: { params: object({ isWanted: flag }), result: nothing },
    /** Opens the data at the first row of a value. */
    reveal: { params: object({ split: text, value: text }), result: nothing },
    /** Opens the data at a suspect row. */
    revealRow: { params: object({ split: text, line: count }), result: nothing },
    recount: { params: nothing, result: nothing },
    openText: { params: nothing, result: nothing },
    openLabelsFile: { params: nothing, result: nothing },
    /** Asks the person for a data file and adds it to the labels file. */
    addData: { params: nothing, result: nothing },
    chooseModel: { params: nothing, result: nothing },
    findSuspects: { params: object({ split: text }), result: nothing },
    cancelSuspects: { params: nothing, result: nothing },
    /** Writes corrections. A null label removes a correction. The data file is not changed. */
    correct: { params: object({ rows: listOf(object({ row: count, label: nullable(text) })) }), result: nothing },
    openCorrections: { params: nothing, result: nothing },
    /** Writes the correction file into the recipe. */
    useCorrections: { params: nothing, result: nothing },
  },
  events: { snapshot: mappingSnapshot },
});
export type LabelMappingContract = typeof labelMappingContract;
