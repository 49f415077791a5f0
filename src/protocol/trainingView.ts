import {
  anything,
  count,
  flag,
  listOf,
  nothing,
  nullable,
  number,
  object,
  oneOf,
  recordOf,
  text,
  type Checked,
} from './check';
import { defineContract } from './contract';
import { chosenDevice } from './deviceWords';
import { understoodData } from './fieldGuess';
import { silence } from './silence';
import { ANSWER_KINDS } from './tasks';
import { evaluationProgress, memoryPlan, preparationProgress } from './trainer';
import { webviewStart } from './webviewStart';

/** Paths of the recipe fields that the view edits, in the order shown. The first five are always shown. */
export const knobFields = [
  'train.max_epochs',
  'train.batch_size',
  'train.optimizer.lr',
  'train.max_length',
  'train.seed',
  'train.evaluate_every',
  'train.lr_scheduler.warmup',
  'train.optimizer.weight_decay',
  'train.dropout',
  'train.trainable',
  'device',
  'train.precision',
  'dataset.train.on_bad_row',
] as const;
export type KnobField = (typeof knobFields)[number];
export const mainKnobCount = 5;

/** A field with its value as a person would write it. `isDefault`: the recipe does not give it. `help`: the schema's description. */
const knob = object({ field: oneOf(...knobFields), value: text, isDefault: flag, help: text });
export type Knob = Checked<typeof knob>;

const shownRecipe = object(
  {
    /** The recipe's id. The page sends it back with an edit; the host never opens it as a path. */
    id: text,
    name: text,
    /** The path relative to the workspace. */
    path: text,
    task: text,
    model: text,
    train: text,
    validation: nullable(text),
    test: nullable(text),
    knobs: listOf(knob),
    /** Why the recipe cannot run, in the window's language; null when it can. */
    problem: nullable(text),
  },
  {
    /** The recipe is a run's own copy, which is not edited. */
    isRecord: flag,
  },
);
export type ShownRecipe = Checked<typeof shownRecipe>;

/** A value of a curve. Null stands for NaN and infinities, which JSON cannot hold: a loss may diverge. */
const value = nullable(number);

const runPhases = ['starting', 'running', 'stopping', 'finished', 'stopped', 'interrupted', 'failed'] as const;
export type RunPhase = (typeof runPhases)[number];

export const evaluationPoint = object({ step: count, epoch: number, metrics: recordOf(value) });
export type EvaluationPoint = Checked<typeof evaluationPoint>;

/** What trains a run that this window did not start. `alone`: a process whose window has closed. */
const runPlace = object(
  { program: oneOf('window', 'alone', 'terminal', 'unknown') },
  {
    /** The name of the machine, where it is another one that shares the folder. */
    machine: text,
  },
);
export type RunPlace = Checked<typeof runPlace>;

/** F1 by name of what the task tells apart, at one evaluation: highest first, without names that no row has. */
export const namedScores = object({
  step: count,
  /** The kind of the names: classes, labels, types. */
  answer: oneOf(...ANSWER_KINDS),
  highest: listOf(object({ name: text, f1: number, support: count })),
  /** Names between the highest and the lowest, which are not sent. */
  leftOut: count,
  lowest: listOf(object({ name: text, f1: number, support: count })),
});
export type NamedScores = Checked<typeof namedScores>;

export const shownRun = object(
  {
    id: text,
    name: text,
    phase: oneOf(...runPhases),
    resumable: flag,
    step: count,
    totalSteps: count,
    /** The training loss by optimiser step, thinned to the points that a screen can show. */
    steps: listOf(count),
    losses: listOf(value),
    evaluations: listOf(evaluationPoint),
    /** The metric that chooses the best checkpoint. */
    metric: text,
    best: nullable(object({ step: count, value: number })),
  },
  {
    /** Set while another process trains the run and this window only watches it. */
    place: runPlace,
    epoch: number,
    totalEpochs: number,
    loss: value,
    /** Of the best evaluation; of the latest where none is the best. */
    scores: namedScores,
    /** The parts of a loss that is a sum of several. */
    lossParts: recordOf(value),
    learningRate: number,
    gradientNorm: value,
    examplesPerSecond: number,
    secondsLeft: number,
    elapsedSeconds: number,
    sequenceLength: count,
    device: text,
    /** The run began with random weights because the model folder has none. */
    randomStart: flag,
    /** The precision of matrix products, from the run's recipe. */
    precision: text,
    /** The device chosen for the current run, where its recipe says `auto`. */
    chosenDevice,
    /** How far the corpus is prepared; set only while the run prepares it. */
    preparing: preparationProgress,
    /** How far an evaluation is; set only while the run waits for it. */
    evaluating: evaluationProgress,
    /** The run ended before its last step because its metric no longer improved. */
    stoppedEarly: flag,
    /** The metric on the test data, once the run has ended. */
    test: object({ metric: text, value: number }),
    /** The device that the current run began on and that failed. */
    lostDevice: text,
    memoryBytes: number,
    /** How the training data were read. Absent for runs of earlier versions. */
    understoodData,
    /** The memory estimate of the current run. */
    memoryPlan,
    /** Set while the run's process gives no sign of life. */
    silence,
    error: object({ code: text, message: text }, { words: anything }),
  },
);
export type ShownRun = Checked<typeof shownRun>;

/** A run that another process trains. */
const otherRun = object({ id: text, name: text, place: runPlace, step: count, totalSteps: count });
export type OtherRun = Checked<typeof otherRun>;

/** Everything the view shows. Each snapshot is complete. */
export const trainingSnapshot = object({
  recipe: nullable(shownRecipe),
  run: nullable(shownRun),
  /** Runs that train at the moment, without the shown one. */
  others: listOf(otherRun),
  /** This window is training, so it cannot start another run. */
  busy: flag,
  hasModels: flag,
  trusted: flag,
});
export type TrainingSnapshot = Checked<typeof trainingSnapshot>;

const trainingActions = [
  'start',
  'stop',
  'stopNow',
  'resume',
  'chooseRecipe',
  'createRecipe',
  'openRecipe',
  'trySample',
  'openLog',
  'revealRun',
  'manageTrust',
] as const;
export type TrainingAction = (typeof trainingActions)[number];

export const trainingViewContract = defineContract({
  name: 'training view',
  version: 1,
  requests: {
    initialize: { params: nothing, result: webviewStart(trainingSnapshot) },
    /** Begins the action. Its result appears in later snapshots. */
    act: { params: object({ action: oneOf(...trainingActions) }), result: nothing },
    /** Shows another run. @throws NOT_FOUND when the list no longer has the run */
    showRun: { params: object({ id: text }), result: nothing },
    /**
     * Writes one field of the recipe. An empty text removes the field, so that its default applies.
     * @throws RECIPE when the value does not fit the schema · NOT_FOUND when the view now shows another recipe
     */
    editRecipe: { params: object({ recipe: text, field: oneOf(...knobFields), value: text }), result: nothing },
  },
  events: { snapshot: trainingSnapshot },
});
export type TrainingViewContract = typeof trainingViewContract;
