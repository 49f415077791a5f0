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
import { evaluationProgress, memoryPlan } from './trainer';
import { webviewStart } from './webviewStart';

/** The fields of a recipe that the view edits, by their path, in the order shown; the first five are the main ones. */
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

/** A field as a person would write it; `isDefault` when the recipe does not give it. `help`: what the schema says of it. */
const knob = object({ field: oneOf(...knobFields), value: text, isDefault: flag, help: text });
export type Knob = Checked<typeof knob>;

const shownRecipe = object(
  {
    /** Tells one recipe from another; sent back with an edit, never opened. */
    id: text,
    name: text,
    /** Relative to the workspace. */
    path: text,
    task: text,
    model: text,
    train: text,
    validation: nullable(text),
    test: nullable(text),
    knobs: listOf(knob),
    /** Why the recipe cannot run, in the person's words; null when it can. */
    problem: nullable(text),
  },
  {
    /** A run's own copy: shown, and not to be changed. */
    isRecord: flag,
  },
);
export type ShownRecipe = Checked<typeof shownRecipe>;

/** Of a point that is no finite number (a diverged loss) only the step is known: JSON has no word for NaN. */
const value = nullable(number);

const runPhases = ['starting', 'running', 'stopping', 'finished', 'stopped', 'interrupted', 'failed'] as const;
export type RunPhase = (typeof runPhases)[number];

export const evaluationPoint = object({ step: count, epoch: number, metrics: recordOf(value) });
export type EvaluationPoint = Checked<typeof evaluationPoint>;

export const shownRun = object(
  {
    id: text,
    name: text,
    phase: oneOf(...runPhases),
    /** Works without a window: this one only reads what it writes. */
    detached: flag,
    resumable: flag,
    step: count,
    totalSteps: count,
    /** Training loss by optimiser step, thinned to what a screen shows. */
    steps: listOf(count),
    losses: listOf(value),
    evaluations: listOf(evaluationPoint),
    /** The metric that chooses the best checkpoint. */
    metric: text,
    best: nullable(object({ step: count, value: number })),
  },
  {
    epoch: number,
    totalEpochs: number,
    loss: value,
    /** What the loss is made of, where it is made of several. */
    lossParts: recordOf(value),
    learningRate: number,
    gradientNorm: value,
    examplesPerSecond: number,
    secondsLeft: number,
    elapsedSeconds: number,
    sequenceLength: count,
    device: text,
    /** It began with random weights: the model folder has none. */
    randomStart: flag,
    /** Of matrix products, as the run's recipe says. */
    precision: text,
    /** Of the run under way, where its recipe leaves the device open. */
    chosenDevice,
    /** Of the run under way, while it waits for an evaluation. */
    evaluating: evaluationProgress,
    /** Of a run that ended before its last step, because nothing was gained any more. */
    stoppedEarly: flag,
    /** The metric on the test data, of a run that has ended. */
    test: object({ metric: text, value: number }),
    /** The device that the run under way began on and has lost. */
    lostDevice: text,
    memoryBytes: number,
    /** The training data as they were understood; of runs of earlier versions it is not known. */
    understoodData,
    /** Of the run under way. */
    memoryPlan,
    /** Its process gives no sign of life. */
    silence,
    error: object({ code: text, message: text }, { words: anything }),
  },
);
export type ShownRun = Checked<typeof shownRun>;

/** Everything the view shows; always complete. */
export const trainingSnapshot = object({
  recipe: nullable(shownRecipe),
  run: nullable(shownRun),
  /** This window is training; starting another run has to wait. */
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
  'explainError',
  'revealRun',
  'manageTrust',
] as const;
export type TrainingAction = (typeof trainingActions)[number];

export const trainingViewContract = defineContract({
  name: 'training view',
  version: 1,
  requests: {
    initialize: { params: nothing, result: webviewStart(trainingSnapshot) },
    /** Begins it; what comes of it shows in the snapshots. */
    act: { params: object({ action: oneOf(...trainingActions) }), result: nothing },
    /**
     * Writes one field of the recipe; an empty text takes it out, so that the default holds.
     * @throws RECIPE when the value does not fit · NOT_FOUND when another recipe is shown by now
     */
    editRecipe: { params: object({ recipe: text, field: oneOf(...knobFields), value: text }), result: nothing },
  },
  events: { snapshot: trainingSnapshot },
});
export type TrainingViewContract = typeof trainingViewContract;
