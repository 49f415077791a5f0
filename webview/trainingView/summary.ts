import { durationText } from '../../src/base/durationText';
import type { Translate } from '../../src/base/translate';
import { translated } from '../../src/base/words';
import { choiceText, computingText, deviceText, lostDeviceText } from '../../src/protocol/deviceWords';
import { fieldWords } from '../../src/protocol/fieldGuess';
import { disturbanceOfParts, LOSS_WORK } from '../../src/protocol/lossWork';
import {
  evaluationProgressText,
  lossPartText,
  metricText,
  preparationText,
  testMetricText,
} from '../../src/protocol/runWords';
import { findTask } from '../../src/protocol/tasks';
import type { KnobField, ShownRun, TrainingAction, TrainingSnapshot } from '../../src/protocol/trainingView';
import { bytesText, learningRateText, rateText, valueText } from '../shared/numberText';

// The contents of the view as plain data without HTML, so that tests can compare them.

export interface ActionButton {
  readonly action: TrainingAction;
  readonly label: string;
  readonly primary: boolean;
  readonly enabled: boolean;
}

export interface Fact {
  readonly name: string;
  readonly value: string;
}

export const isActive = ({ phase }: ShownRun): boolean => ['starting', 'running', 'stopping'].includes(phase);

/** The buttons for what a person can do now. The first one is what most people want. */
export function actionButtons({ recipe, run, busy, trusted }: TrainingSnapshot, t: Translate): readonly ActionButton[] {
  const button = (action: TrainingAction, label: string, primary: boolean, enabled = true): ActionButton => ({
    action,
    label,
    primary,
    enabled,
  });
  if (run && isActive(run)) {
    const stop = button('stop', t('Stop'), true, run.phase !== 'stopping');
    return [stop, button('stopNow', t('Stop Now'), false)];
  }
  const canStart = recipe !== null && recipe.problem === null && trusted && !busy;
  if (run?.resumable) {
    return [
      button('resume', t('Resume'), true, trusted && !busy),
      button('start', t('Start New Run'), false, canStart),
    ];
  }
  return recipe ? [button('start', run ? t('Start Again') : t('Start'), true, canStart)] : [];
}

/** Whether the run's process is at work before the first step. */
export const isPreparing = (run: ShownRun): boolean =>
  (run.phase === 'starting' || run.phase === 'running') && run.step === 0 && run.totalSteps === 0;

/** How far the run is, in one line. */
export function progressText(run: ShownRun, t: Translate): string {
  if (isPreparing(run)) return run.preparing ? preparationText(run.preparing, t) : t('Reading data and building the graph…'); // prettier-ignore
  const parts: string[] = [];
  if (run.totalSteps > 0) parts.push(t('Step {0} of {1}', run.step, run.totalSteps));
  if (run.epoch !== undefined) {
    const epoch = run.epoch.toFixed(2);
    parts.push(run.totalEpochs ? t('epoch {0} of {1}', epoch, run.totalEpochs) : t('epoch {0}', epoch));
  }
  if (run.stoppedEarly) parts.push(t('stopped early, without further improvement'));
  return parts.join(' · ');
}

/** The time that a run still needs, or the time that it took if it has ended. */
export function timeText(run: ShownRun, t: Translate): string {
  if (isActive(run) && run.evaluating) return evaluationProgressText(run.evaluating, t);
  const parts: string[] = [];
  if (run.phase === 'stopping') parts.push(t('Finishing the step and saving…'));
  else if (isActive(run) && run.secondsLeft !== undefined) parts.push(t('{0} left', durationText(run.secondsLeft, t)));
  if (!isActive(run) && run.elapsedSeconds !== undefined)
    parts.push(t('took {0}', durationText(run.elapsedSeconds, t)));
  if (isActive(run) && run.examplesPerSecond !== undefined) {
    parts.push(t('{0} examples a second', rateText(run.examplesPerSecond)));
  }
  return parts.join(' · ');
}

export function runFacts(run: ShownRun, t: Translate): readonly Fact[] {
  const facts: Fact[] = [];
  const add = (name: string, value: string | undefined): void => {
    if (value !== undefined) facts.push({ name, value });
  };
  if (run.best) add(t('Best {0}', metricText(run.metric, t)), `${valueText(run.best.value)} @ ${run.best.step}`);
  if (run.test) add(testMetricText(run.test.metric, t), valueText(run.test.value));
  if (run.loss !== undefined) add(t('Loss'), valueText(run.loss));
  for (const [part, value] of Object.entries(run.lossParts ?? {})) add(lossPartText(part, t), valueText(value));
  const disturbance = disturbanceOfParts(run.lossParts);
  if (disturbance)
    add(t('Work of a step'), t('about {0} times that of a plain loss', LOSS_WORK[disturbance].toFixed(1)));
  add(t('Learning rate'), run.learningRate === undefined ? undefined : learningRateText(run.learningRate));
  if (run.gradientNorm !== undefined) add(t('Gradient norm'), valueText(run.gradientNorm));
  add(t('Tokens a row'), run.sequenceLength?.toString());
  const { examplesPerSecond, sequenceLength } = run;
  if (isActive(run) && examplesPerSecond !== undefined && sequenceLength !== undefined) {
    add(t('Tokens a second'), rateText(examplesPerSecond * sequenceLength));
  }
  const device = run.device ?? run.chosenDevice?.device;
  add(t('Device'), device && computingText(device, run.precision, t));
  add(t('Memory'), run.memoryBytes === undefined ? undefined : bytesText(run.memoryBytes));
  add(t('Memory expected'), run.memoryPlan && bytesText(run.memoryPlan.estimatedBytes));
  return facts;
}

/**
 * A notice about the estimated memory, if the person should know it. `grave` means that the run may not fit the memory.
 */
export function memoryNotice({ memoryPlan }: ShownRun, t: Translate): { text: string; grave: boolean } | undefined {
  if (!memoryPlan) return undefined;
  const { estimatedBytes, availableBytes = Infinity, batchSize, microBatchSize } = memoryPlan;
  if (estimatedBytes > availableBytes) {
    const [needed, free] = [bytesText(estimatedBytes), bytesText(availableBytes)];
    return { text: t('This may take {0} of memory, but only {1} are free. Train fewer parameters, shorten the max length, or close other programs.', needed, free), grave: true }; // prettier-ignore
  }
  if (microBatchSize >= batchSize) return undefined;
  return { text: t('To save memory, batches of {0} are computed in parts of {1}. The result is the same.', batchSize, microBatchSize), grave: false }; // prettier-ignore
}

/** A notice for people who expect a pretrained model: the training starts from random weights. */
export function startNotice({ randomStart }: ShownRun, t: Translate): string | undefined {
  return randomStart ? t('This training starts from random weights, because the model folder has none.') : undefined;
}

/** A notice that the run's device failed and the run goes on with another device; undefined if no device failed. */
export function deviceNotice({ lostDevice, device }: ShownRun, t: Translate): string | undefined {
  return lostDevice === undefined ? undefined : lostDeviceText(lostDevice, device ?? '', t);
}

/** Which device was chosen, and why each other was not. Empty if the recipe names the device. */
export function deviceReasons({ chosenDevice }: ShownRun, t: Translate): readonly string[] {
  return chosenDevice ? choiceText(chosenDevice, t) : [];
}

/**
 * How the run reads its data: columns, why these, and labels with their counts. Empty before the run has read the data.
 */
export function understoodText({ understoodData }: ShownRun, t: Translate): readonly string[] {
  if (!understoodData) return [];
  const { task, rows, fields, labels, labelCount } = understoodData;
  const lines = [
    `${taskText(task, t)} · ${t('{0} rows', rows)}`,
    ...fields.map((field) => translated(fieldWords(field), t)),
  ];
  if (labelCount === 0) return lines;
  const counted = labels.map(({ name, count }) => `${name} (${count})`).join(', ');
  return [...lines, t('{0} labels: {1}', labelCount, labels.length < labelCount ? `${counted}, …` : counted)];
}

export function taskText(task: string, t: Translate): string {
  const title = findTask(task)?.title;
  return title ? translated(title, t) : task;
}

/** Words of a field of the recipe. `hint` says what an empty field means. `choices` are the values, if they are few. */
export interface KnobWords {
  readonly label: string;
  readonly hint?: string;
  readonly choices?: readonly { readonly value: string; readonly label: string }[];
}

export function knobWords(field: KnobField, t: Translate): KnobWords {
  const devices = ['auto', 'cpu', 'webgpu', 'cuda', 'dml', 'coreml'];
  const words: Readonly<Record<KnobField, KnobWords>> = {
    'train.max_epochs': { label: t('Epochs') },
    'train.batch_size': { label: t('Batch size') },
    'train.optimizer.lr': { label: t('Learning rate') },
    'train.max_length': { label: t('Max length'), hint: t('tokens, or auto') },
    'train.seed': { label: t('Seed') },
    'train.evaluate_every': { label: t('Evaluate every'), hint: t('steps, or epoch') },
    'train.lr_scheduler.warmup': { label: t('Warm-up'), hint: t('share below 1, or steps') },
    'train.optimizer.weight_decay': { label: t('Weight decay') },
    'train.dropout': { label: t('Dropout'), hint: t('as in the model') },
    'train.trainable': {
      label: t('Trained part'),
      choices: [
        { value: 'all', label: t('everything') },
        { value: 'head', label: t('classifier only') },
        { value: 'no-embeddings', label: t('all but embeddings') },
      ],
    },
    device: { label: t('Device'), choices: devices.map((value) => ({ value, label: deviceText(value, t) })) },
    'train.precision': {
      label: t('Precision'),
      choices: [
        { value: 'float32', label: t('full (float32)') },
        { value: 'tf32', label: t('TF32, on NVIDIA GPUs') },
        { value: 'float16', label: t('half (float16), on GPUs') },
      ],
    },
    'dataset.train.on_bad_row': {
      label: t('Rows that cannot be read'),
      choices: [
        { value: 'stop', label: t('stop the training') },
        { value: 'skip', label: t('leave them out') },
      ],
    },
  };
  return words[field];
}
