import { durationText } from '../../src/base/durationText';
import type { Translate } from '../../src/base/translate';
import { translated } from '../../src/base/words';
import { choiceText, computingText, deviceText, lostDeviceText } from '../../src/protocol/deviceWords';
import { fieldWords } from '../../src/protocol/fieldGuess';
import { evaluationProgressText, lossPartText, metricText, testMetricText } from '../../src/protocol/runWords';
import { findTask } from '../../src/protocol/tasks';
import type { KnobField, ShownRun, TrainingAction, TrainingSnapshot } from '../../src/protocol/trainingView';
import { bytesText, learningRateText, rateText, valueText } from '../shared/numberText';

/** What the view says, as plain data: nothing here knows a document. */
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

/** What can be done now; the first is the one most wanted. */
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

/** Its process works, and has not come to its first step. */
export const isPreparing = (run: ShownRun): boolean =>
  (run.phase === 'starting' || run.phase === 'running') && run.step === 0 && run.totalSteps === 0;

/** One sentence on where the run stands. */
export function progressText(run: ShownRun, t: Translate): string {
  if (isPreparing(run)) return t('Reading data and building the graph…');
  const parts: string[] = [];
  if (run.totalSteps > 0) parts.push(t('Step {0} of {1}', run.step, run.totalSteps));
  if (run.epoch !== undefined) {
    const epoch = run.epoch.toFixed(2);
    parts.push(run.totalEpochs ? t('epoch {0} of {1}', epoch, run.totalEpochs) : t('epoch {0}', epoch));
  }
  if (run.stoppedEarly) parts.push(t('stopped early: no more improvement'));
  return parts.join(' · ');
}

/** One sentence on time: what is left while it runs, what it took when it has ended. */
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

/** What the estimate of the memory means for the person, where it means anything; `grave` when the run may not fit. */
export function memoryNotice({ memoryPlan }: ShownRun, t: Translate): { text: string; grave: boolean } | undefined {
  if (!memoryPlan) return undefined;
  const { estimatedBytes, availableBytes = Infinity, batchSize, microBatchSize } = memoryPlan;
  if (estimatedBytes > availableBytes) {
    const [needed, free] = [bytesText(estimatedBytes), bytesText(availableBytes)];
    return { text: t('This may take {0} of memory, and {1} are free: train less of the model, shorten the max length, or close other programs.', needed, free), grave: true }; // prettier-ignore
  }
  if (microBatchSize >= batchSize) return undefined;
  return { text: t('Batches of {0} are computed in parts of {1}, for the memory; the result is the same.', batchSize, microBatchSize), grave: false }; // prettier-ignore
}

/** What a person who believes in a pretrained model must know. */
export function startNotice({ randomStart }: ShownRun, t: Translate): string | undefined {
  return randomStart ? t('This training starts from random weights: the model folder has none.') : undefined;
}

/** That the run goes on elsewhere than it began; undefined while it has its device. */
export function deviceNotice({ lostDevice, device }: ShownRun, t: Translate): string | undefined {
  return lostDevice === undefined ? undefined : lostDeviceText(lostDevice, device ?? '', t);
}

/** Which device was chosen, and why no other; empty where the recipe names one. */
export function deviceReasons({ chosenDevice }: ShownRun, t: Translate): readonly string[] {
  return chosenDevice ? choiceText(chosenDevice, t) : [];
}

/** The columns that the run reads, why they were taken, and its labels with their counts; empty where that is not known. */
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

/** A field's name, what an empty one means, and the values to choose from where they are few. */
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
