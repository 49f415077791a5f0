import { MedTextError, words } from '../base/errors';
import { answerOf } from '../protocol/answers';
import type { Column, PartialRecipe, RecipeSplit } from '../protocol/recipe';
import type { MetricName, TaskName } from '../protocol/tasks';

/** A configuration.json as defaults for a recipe, with sentences on settings that were left out or need a look. */
export interface ModelScopeDefaults {
  readonly recipe: PartialRecipe;
  readonly notes: readonly string[];
}

type Fields = Readonly<Record<string, unknown>>;

/**
 * Turns ModelScope's configuration.json into defaults to lay a recipe over. They mean what its `nlp-base-trainer` would
 * do: AdamW decays every parameter, there is no clipping and no warm-up unless the file asks for them, and the seed is
 * 42. Placeholders and settings without a counterpart are left out. `notes` names each of them and what takes its
 * place.
 * Source: modelscope 1.36.3, trainers/trainer.py, trainers/nlp_trainer.py, trainers/optimizer/builder.py,
 * trainers/hooks.
 * @throws MedTextError RECIPE when the configuration is not a JSON object
 */
export function recipeFromModelScope(configuration: unknown, where = 'configuration.json'): ModelScopeDefaults {
  if (!isFields(configuration)) {
    throw new MedTextError('RECIPE', words`${where} is not a ModelScope configuration: a JSON object is expected.`, {
      where,
    });
  }
  const notes: string[] = [];
  const train = fieldsOf(configuration.train);
  const optimizer = optimizerOf(train, notes);
  const scheduler = schedulerOf(train, notes);
  const dataloader = fieldsOf(train.dataloader);
  const { task } = taskOf(configuration, notes);
  const recipe: PartialRecipe = {
    ...(task && { task }),
    ...datasetOf(configuration, task, notes),
    train: {
      ...whole('max_epochs', train.max_epochs),
      ...whole('batch_size', dataloader.batch_size_per_gpu),
      ...maxLengthOf(configuration, notes),
      ...optimizer,
      ...scheduler,
      ...seedOf(train, notes),
      ...(dataloader.shuffle === false && { shuffle: false }),
      ...(dataloader.drop_last === true && { drop_last: true }),
      ...whole('gradient_accumulation', fieldsOf(fieldsOf(train.optimizer).options).cumulative_iters),
      ...evaluationOf(configuration, train, notes),
      ...earlyStopOf(train, notes),
    },
  };
  if (typeof train.work_dir === 'string') notes.push('train.work_dir was left out: a recipe has its own work_dir.');
  notes.push(...leftOver(configuration));
  return { recipe: withoutEmpty(recipe), notes };
}

/** The default seed of EpochBasedTrainer.__init__ in trainers/trainer.py. */
const TRAINER_SEED = 42;

function seedOf(train: Fields, notes: string[]): { seed?: number } {
  const given = whole('seed', train.seed, 0);
  if ('seed' in given || !('max_epochs' in train)) return given;
  notes.push(`train.seed is not given: ${TRAINER_SEED}, the seed of ModelScope's trainer, is used.`);
  return { seed: TRAINER_SEED };
}

/** Whether a JSON file is a ModelScope configuration and not a recipe. */
export function isModelScopeConfiguration(json: unknown): boolean {
  return isFields(json) && ['framework', 'preprocessor', 'pipeline', 'evaluation'].some((name) => name in json);
}

/** ModelScope's own, and those of the configurations that this program writes beside its models. */
const tasks: Readonly<Record<string, TaskName>> = {
  'sentence-similarity': 'sentence-similarity',
  nli: 'sentence-similarity',
  'text-classification': 'text-classification',
  'sentiment-classification': 'text-classification',
  'multi-label-classification': 'multi-label-classification',
  regression: 'regression',
  'text-ranking': 'ranking',
  'token-classification': 'token-classification',
  'named-entity-recognition': 'token-classification',
};

function taskOf({ task }: Fields, notes: string[]): { readonly task?: TaskName } {
  if (typeof task !== 'string') return {};
  if (Object.hasOwn(tasks, task)) return { task: tasks[task] };
  notes.push(`The task "${task}" was left out: it describes the pretrained model, not what a model is to learn here.`);
  return {};
}

/** Whether the names of the head's columns are the labels of data: those of a tagger are tags, that of a number is none. */
const namesLabels = ({ column, hasNames }: ReturnType<typeof answerOf>): boolean =>
  column === 'cells' && hasNames === true;

function datasetOf(configuration: Fields, task: TaskName | undefined, notes: string[]): PartialRecipe {
  const dataset = fieldsOf(configuration.dataset);
  const preprocessor = fieldsOf(configuration.preprocessor);
  const labels = labelsOf(fieldsOf(configuration.model)) ?? labelsOf(preprocessor);
  const named = { ...(labels && { labels }), ...fieldsOf(dataset.train) };
  const train = splitOf({ ...preprocessor, ...fieldsOf(preprocessor.train), ...named });
  const validation = splitOf(fieldsOf(dataset.val ?? dataset.validation));
  const answer = task && answerOf(task);
  if (!answer || namesLabels(answer)) return { dataset: { train, validation } };
  if (answer.hasNames && train.labels) notes.push('The labels were left out: they are tags, and the types are those of the data.'); // prettier-ignore
  const withoutLabels = ({ labels: _, ...split }: Partial<RecipeSplit>) => split;
  return { dataset: { train: withoutLabels(train), validation: withoutLabels(validation) } };
}

/** The labels in the order of their ids, from `label2id`, else from `id2label` (utils/hub.py, parse_label_mapping). */
function labelsOf({ label2id, id2label }: Fields): readonly string[] | undefined {
  const pairs = isFields(label2id)
    ? Object.entries(label2id).map(([label, id]) => [Number(id), label] as const)
    : Object.entries(fieldsOf(id2label)).map(([id, label]) => [Number(id), String(label)] as const);
  const labels = pairs.sort(([a], [b]) => a - b);
  // Ids with gaps or duplicates belong to another head.
  return labels.length > 0 && labels.every(([id], at) => id === at) ? labels.map(([, label]) => label) : undefined;
}

function splitOf(fields: Fields): Partial<RecipeSplit> {
  const column = (name: 'first_sequence' | 'second_sequence' | 'label'): Partial<Record<typeof name, Column>> =>
    typeof fields[name] === 'string' && fields[name] !== '' ? { [name]: fields[name] } : {};
  const { labels } = fields;
  const isList = Array.isArray(labels) && labels.length > 0;
  const areNames = isList && labels.every((label) => typeof label === 'string' || typeof label === 'number');
  return {
    ...column('first_sequence'),
    ...column('second_sequence'),
    ...column('label'),
    ...(areNames && { labels: labels.map(String) }),
  };
}

/**
 * The preprocessors of TextClassificationTransformersPreprocessor in
 * preprocessors/nlp/text_classification_preprocessor.py.
 */
const PREPROCESSORS = new Set(['sen-sim-tokenizer', 'nli-tokenizer', 'bert-seq-cls-tokenizer', 'sen-cls-tokenizer']);
const PREPROCESSOR_LENGTH = 128;

/**
 * The preprocessor's `max_length`, else its `sequence_length`, else its default of 128. Fields for training go first.
 */
function maxLengthOf({ preprocessor }: Fields, notes: string[]): { max_length?: number } {
  const both = fieldsOf(preprocessor);
  const train = fieldsOf(both.train);
  const given = whole('max_length', train.max_length ?? train.sequence_length ?? both.max_length ?? both.sequence_length, 8); // prettier-ignore
  const type = train.type ?? both.type;
  if ('max_length' in given || typeof type !== 'string' || !PREPROCESSORS.has(type)) return given;
  notes.push(`preprocessor.max_length is not given: ${PREPROCESSOR_LENGTH} tokens, the default of "${type}".`);
  return { max_length: PREPROCESSOR_LENGTH };
}

function optimizerOf(train: Fields, notes: string[]): NonNullable<PartialRecipe['train']> {
  const optimizer = fieldsOf(train.optimizer);
  const { type, lr, weight_decay, betas, eps } = optimizer;
  if (type === undefined) return {};
  if (typeof type !== 'string' || type.toLowerCase() !== 'adamw') {
    notes.push(
      `The optimiser ${JSON.stringify(type)} and its learning rate were left out. AdamW is used instead, with lr 3e-5, weight decay 0.01 (0 for biases and LayerNorm) and gradients clipped to the norm 1.`,
    );
    return {};
  }
  const clip = fieldsOf(optimizer.options).grad_clip;
  return {
    optimizer: {
      type: 'AdamW',
      ...(isPositive(lr) && lr <= 1 && { lr }),
      weight_decay: weight_decay === 0 || (isPositive(weight_decay) && weight_decay <= 1) ? weight_decay : 0.01,
      ...(isPairOfRates(betas) && { betas }),
      ...(isPositive(eps) && eps <= 1 && { eps }),
      no_decay: [],
    },
    max_grad_norm: isFields(clip) && isPositive(clip.max_norm) ? clip.max_norm : null,
  };
}

type Scheduler = NonNullable<NonNullable<PartialRecipe['train']>['lr_scheduler']>;

function schedulerOf(train: Fields, notes: string[]): NonNullable<PartialRecipe['train']> {
  const scheduler = fieldsOf(train.lr_scheduler);
  const { type } = scheduler;
  if (type === undefined) return {};
  const options = fieldsOf(scheduler.options);
  const isByStep = options.by_epoch === false || options.lr_strategy === 'by_step';
  const lr = fieldsOf(train.optimizer).lr;
  const found = decayOf(scheduler, isByStep, isPositive(lr) ? lr : undefined, notes);
  if (typeof found === 'string') {
    notes.push(
      `The schedule ${JSON.stringify(type)} was left out: ${found}. Instead, the learning rate rises over the first tenth of the steps and then falls linearly to 0.`,
    );
    return {};
  }
  const warmup = warmupOf(fieldsOf(options.warmup), isByStep, notes);
  if (warmup && found.warmup) {
    notes.push(`The warm-up ${JSON.stringify(fieldsOf(options.warmup).type)} was left out: the schedule itself begins low.`); // prettier-ignore
  }
  return { lr_scheduler: { warmup: 0, ...found, ...(!found.warmup && warmup) } };
}

/** The schedule without its warm-up; or a sentence on why there is none. */
function decayOf(scheduler: Fields, isByStep: boolean, lr: number | undefined, notes: string[]): Scheduler | string {
  const { type } = scheduler;
  if (type === 'ConstantLR' || type === 'LinearLR') {
    // The defaults of torch.optim.lr_scheduler: ConstantLR(factor=1/3, total_iters=5), LinearLR(start_factor=1/3,
    // end_factor=1, total_iters=5).
    const start = numberOr(type === 'ConstantLR' ? scheduler.factor : scheduler.start_factor, 1 / 3);
    const end = type === 'ConstantLR' ? 1 : numberOr(scheduler.end_factor, 1);
    const length = whole('total_iters', scheduler.total_iters ?? 5).total_iters;
    if (start === 1 && end === 1) return { type: 'constant' };
    if (end === 1 && start >= 0 && start < 1) {
      if (!isByStep) return 'it rises by epoch, and here the rate changes by step';
      const warmup_type = type === 'ConstantLR' ? ('constant' as const) : ('linear' as const);
      // A warm-up of one step is written as a number of steps, like every warm-up.
      return { type: 'constant', warmup: length ?? 5, warmup_type, warmup_start: start };
    }
    if (start !== 1 || end < 0 || end > 1) return 'only a fall from 1, or a rise to 1, has a counterpart here';
    if (end > 0 && lr === undefined) return 'its end is a share of a learning rate that was left out';
    return { type: 'linear', ...lengthOf(scheduler.total_iters ?? 5, isByStep, notes), ...(end > 0 && { eta_min: end * lr! }) }; // prettier-ignore
  }
  if (type !== 'CosineAnnealingLR') return 'it has no counterpart here';
  const { eta_min } = scheduler;
  const isBelow = isPositive(eta_min) && (lr === undefined || eta_min <= lr);
  if (isByStep) notes.push('CosineAnnealingLR rises again after T_max there; here the rate stays at its lowest.');
  return { type: 'cosine', ...lengthOf(scheduler.T_max, isByStep, notes), ...(isBelow && { eta_min }) };
}

function lengthOf(given: unknown, isByStep: boolean, notes: string[]): { total_iters: number | null } {
  const length = whole('total_iters', given).total_iters ?? null;
  if (length === null) return { total_iters: null };
  if (!isByStep) {
    notes.push('The schedule changes by epoch there and by step here, so its length was left out.');
    return { total_iters: null };
  }
  notes.push(
    `train.lr_scheduler.total_iters is ${length}, counted for other data; set it to null to fall to zero at the end of the training.`,
  );
  return { total_iters: length };
}

const WARMUPS: Readonly<Record<string, NonNullable<Scheduler['warmup_type']>>> = {
  LinearWarmup: 'linear',
  ConstantWarmup: 'constant',
  ExponentialWarmup: 'exponential',
};

/**
 * The warm-up of trainers/lrscheduler/warmup/warmup.py. It begins at `warmup_ratio`, 0.1, of the rate. The decay counts
 * from the first step.
 */
function warmupOf(
  { warmup_iters, warmup_ratio, type }: Fields,
  isByStep: boolean,
  notes: string[],
): Scheduler | undefined {
  if (type === undefined) return undefined;
  const leftOut = (why: string): undefined =>
    void notes.push(`The warm-up ${JSON.stringify(type)} was left out: ${why}.`);
  if (typeof type !== 'string' || !Object.hasOwn(WARMUPS, type)) return leftOut('it has no counterpart here');
  if (!isByStep) return leftOut('it counts epochs there, and here the rate changes by step');
  const warmup = whole('warmup', warmup_iters).warmup;
  if (warmup === undefined) return leftOut('it does not say for how many steps');
  const start = numberOr(warmup_ratio, 0.1);
  if (start < 0 || start > 1 || (start === 0 && type === 'ExponentialWarmup')) return leftOut(`it begins at ${start} of the rate`); // prettier-ignore
  return { warmup, warmup_type: WARMUPS[type], warmup_start: start, decay_from: 'start' };
}

function numberOr(value: unknown, otherwise: number): number {
  return typeof value === 'number' && Number.isFinite(value) ? value : otherwise;
}

/** The evaluation interval of `evaluation.period` in newer files, else of the hook in older files. */
function evaluationOf(configuration: Fields, train: Fields, notes: string[]): NonNullable<PartialRecipe['train']> {
  const period = fieldsOf(fieldsOf(configuration.evaluation).period);
  const when = Object.keys(period).length > 0 ? period : hookOf(train, 'EvaluationHook');
  const best =
    fieldsOf(fieldsOf(train.checkpoint).best).metric_key ??
    hookOf(train, 'BestCkptSaverHook')?.metric_key ??
    hookOf(train, 'EarlyStopHook')?.metric_key;
  const keepsBest = 'best' in fieldsOf(train.checkpoint) || hookOf(train, 'BestCkptSaverHook') !== undefined;
  if ('max_epochs' in train && !keepsBest) {
    notes.push(
      "ModelScope's trainer keeps the last checkpoint. Here the checkpoint with the best validation metric is kept.",
    );
  }
  return { ...(when && evaluateEvery(when, notes)), ...metricOf(best, notes) };
}

function evaluateEvery(
  { interval, by_epoch, eval_strategy }: Fields,
  notes: string[],
): { evaluate_every?: 'epoch' | number } {
  if (by_epoch === false || eval_strategy === 'by_step') return whole('evaluate_every', interval);
  if (typeof interval === 'number' && interval > 1) {
    notes.push(`The evaluation every ${interval} epochs became one after each epoch.`);
  }
  return { evaluate_every: 'epoch' };
}

const metrics: Readonly<Record<string, MetricName>> = {
  accuracy: 'accuracy',
  'macro-f1': 'macroF1',
  'micro-f1': 'microF1',
  'binary-f1': 'binaryF1',
  loss: 'loss',
};

function metricOf(name: unknown, notes: string[]): { metric_for_best?: MetricName } {
  if (typeof name !== 'string') return {};
  if (Object.hasOwn(metrics, name)) return { metric_for_best: metrics[name] };
  notes.push(`The metric "${name}" for the best checkpoint was left out: it has no counterpart here.`);
  return {};
}

function earlyStopOf(train: Fields, notes: string[]): NonNullable<PartialRecipe['train']> {
  const hook = hookOf(train, 'EarlyStopHook');
  // ModelScope's trainer stops early only with this hook.
  if (hook === undefined) return 'max_epochs' in train ? { early_stopping: null } : {};
  const { patience, min_delta } = hook;
  if (hook.check_finite === false) notes.push('EarlyStopHook.check_finite was left out.');
  return {
    early_stopping: {
      patience: 3,
      ...whole('patience', patience),
      ...(typeof min_delta === 'number' && min_delta >= 0 && { min_delta }),
    },
  };
}

/** Settings that are applied or that do not change what is learned. Hooks have a list of their own. */
const UNDERSTOOD: readonly RegExp[] = [
  /^(framework|task|pipeline|version|huggingface_transformers|allow_remote)(\.|$)/,
  /^model\.(?!lora|adapter)/,
  /^preprocessor\.((train|val)\.)?(type|max_length|sequence_length|padding|truncation|first_sequence|second_sequence|label|labels|label2id|id2label|use_fast|mode)(\.|$)/,
  /^dataset\.(train|val|validation)\.(first_sequence|second_sequence|label|labels)(\.|$)/,
  /^train\.(max_epochs|seed|work_dir|logging)(\.|$)/,
  /^train\.dataloader\.(batch_size_per_gpu|workers_per_gpu|shuffle|drop_last|pin_memory|persistent_workers)$/,
  /^train\.optimizer\.(type|lr|weight_decay|betas|eps|options\.cumulative_iters|options\.grad_clip\.(max_norm|norm_type))(\.|$)/,
  // Settings of a schedule or an optimiser are reported where they are read.
  /^train\.lr_scheduler\.(type|total_iters|T_max|start_factor|end_factor|factor|eta_min|options\.(by_epoch|lr_strategy|warmup\.(type|warmup_iters|warmup_ratio)))$/,
  /^train\.checkpoint\.(best\.metric_key|best\.rule|period|best\.(by_epoch|interval|save_dir|max_checkpoint_num))/,
  /^evaluation\.(dataloader\.(batch_size_per_gpu|workers_per_gpu|shuffle|pin_memory)|metrics|period\.(interval|by_epoch|eval_strategy))(\.|$)/,
];
const UNDERSTOOD_HOOKS = new Set(['CheckpointHook', 'TextLoggerHook', 'IterTimerHook', 'TensorboardHook', 'EvaluationHook', 'BestCkptSaverHook', 'EarlyStopHook', 'OptimizerHook', 'LrSchedulerHook']); // prettier-ignore
/** Remarks on some settings that are left out. Other settings are only named. */
const REMARKS: readonly (readonly [RegExp, string])[] = [
  [/fp16|AMP/i, 'half precision is train.precision here, and only on GPUs'],
  [/lora|adapter|tuner/i, 'all parameters are trained, or those that train.trainable names'],
  [/train_iters_per_epoch/, 'an epoch is all of the training data'],
  [/norm_type/, 'gradients are clipped by the norm of order 2'],
];

/** A note for each setting that is on and is not applied. */
function leftOver(configuration: Fields): string[] {
  const remark = (name: string): string =>
    REMARKS.find(([pattern]) => pattern.test(name))?.[1] ?? 'it has no counterpart here';
  const hooks = fieldsOf(configuration.train).hooks;
  const types = (Array.isArray(hooks) ? hooks : []).flatMap((hook) =>
    isFields(hook) && typeof hook.type === 'string' ? [hook.type] : [],
  );
  return [
    ...leavesOf(configuration)
      .filter((path) => !path.startsWith('train.hooks') && !UNDERSTOOD.some((pattern) => pattern.test(path)))
      .map((path) => `${path} was left out: ${remark(path)}.`),
    ...[...new Set(types)]
      .filter((type) => !UNDERSTOOD_HOOKS.has(type))
      .map((type) => `The hook ${type} was left out: ${remark(type)}.`),
    ...normTypeNote(configuration),
  ];
}

function normTypeNote({ train }: Fields): string[] {
  const { norm_type } = fieldsOf(fieldsOf(fieldsOf(fieldsOf(train).optimizer).options).grad_clip);
  return norm_type === undefined || norm_type === 2 ? [] : [`train.optimizer.options.grad_clip.norm_type ${JSON.stringify(norm_type)} was left out: ${REMARKS.at(-1)![1]}.`]; // prettier-ignore
}

/** The paths of the settings that are on. `false`, `null`, '' and empty lists count as absent. A list is one leaf. */
function leavesOf(value: unknown, path = '', depth = 0): string[] {
  if (value === false || value === null || value === '' || (Array.isArray(value) && value.length === 0)) return [];
  if (!isFields(value) || depth > 8) return path === '' ? [] : [path.slice(0, 200)];
  return Object.entries(value).flatMap(([name, inner]) =>
    leavesOf(inner, path === '' ? name : `${path}.${name}`, depth + 1),
  );
}

function hookOf(train: Fields, type: string): Fields | undefined {
  const hooks = Array.isArray(train.hooks) ? train.hooks : [];
  return hooks.find((hook): hook is Fields => isFields(hook) && hook.type === type);
}

/** An object with the field if the value is a whole number that a recipe accepts, else an empty object. */
function whole<K extends string>(name: K, value: unknown, minimum = 1): { [P in K]?: number } {
  const isWhole = typeof value === 'number' && Number.isInteger(value) && value >= minimum;
  return (isWhole ? { [name]: value } : {}) as { [P in K]?: number };
}

function isPositive(value: unknown): value is number {
  return typeof value === 'number' && value > 0 && Number.isFinite(value);
}

function isPairOfRates(value: unknown): value is [number, number] {
  return (
    Array.isArray(value) && value.length === 2 && value.every((rate) => rate === 0 || (isPositive(rate) && rate < 1))
  );
}

function isFields(value: unknown): value is Fields {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function fieldsOf(value: unknown): Fields {
  return isFields(value) ? value : {};
}

/** The object without fields whose value is an empty object, so that an empty split does not count. */
function withoutEmpty<T>(value: T): T {
  if (!isFields(value)) return value;
  const entries = Object.entries(value)
    .map(([name, inner]) => [name, withoutEmpty(inner)] as const)
    .filter(([, inner]) => !(isFields(inner) && Object.keys(inner).length === 0));
  return Object.fromEntries(entries) as T;
}
