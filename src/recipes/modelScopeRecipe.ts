import { MedTextError, words } from '../base/errors';
import type { Column, PartialRecipe, RecipeSplit } from '../protocol/recipe';
import type { MetricName, TaskName } from '../protocol/tasks';

/** A configuration.json as defaults for a recipe, and in sentences what of it was not taken over or needs a look. */
export interface ModelScopeDefaults {
  readonly recipe: PartialRecipe;
  readonly notes: readonly string[];
}

type Fields = Readonly<Record<string, unknown>>;

/**
 * ModelScope's configuration.json as defaults to lay a recipe over, meaning what its `nlp-base-trainer` would do with
 * it: AdamW decays every parameter, there is no clipping and no warm-up unless the file asks for them. Placeholders and
 * settings without a counterpart are left out and named in `notes`.
 * Source: modelscope 1.36, trainers/nlp_trainer.py, trainers/optimizer/builder.py, trainers/hooks.
 * @throws RECIPE when the configuration is not a JSON object
 */
export function recipeFromModelScope(configuration: unknown, where = 'configuration.json'): ModelScopeDefaults {
  if (!isFields(configuration)) {
    throw new MedTextError('RECIPE', words`${where} is no ModelScope configuration: a JSON object is expected.`, {
      where,
    });
  }
  const notes: string[] = [];
  const train = fieldsOf(configuration.train);
  const optimizer = optimizerOf(train, notes);
  const scheduler = schedulerOf(train, notes);
  const recipe: PartialRecipe = {
    ...taskOf(configuration, notes),
    ...datasetOf(configuration),
    train: {
      ...whole('max_epochs', train.max_epochs),
      ...whole('batch_size', fieldsOf(train.dataloader).batch_size_per_gpu),
      ...maxLengthOf(configuration),
      ...optimizer,
      ...scheduler,
      ...whole('seed', train.seed, 0),
      ...whole('gradient_accumulation', fieldsOf(fieldsOf(train.optimizer).options).cumulative_iters),
      ...evaluationOf(configuration, train, notes),
      ...earlyStopOf(train, notes),
    },
  };
  if (typeof train.work_dir === 'string') notes.push('train.work_dir was left out: a recipe has its own work_dir.');
  return { recipe: withoutEmpty(recipe), notes };
}

/** Whether a JSON file is a ModelScope configuration and not a recipe. */
export function isModelScopeConfiguration(json: unknown): boolean {
  return isFields(json) && ['framework', 'preprocessor', 'pipeline', 'evaluation'].some((name) => name in json);
}

const tasks: Readonly<Record<string, TaskName>> = {
  'sentence-similarity': 'sentence-similarity',
  nli: 'sentence-similarity',
  'text-classification': 'text-classification',
  'sentiment-classification': 'text-classification',
};

function taskOf({ task }: Fields, notes: string[]): PartialRecipe {
  if (typeof task !== 'string') return {};
  if (Object.hasOwn(tasks, task)) return { task: tasks[task] };
  notes.push(`The task "${task}" was left out: it is what the model was made for, not one that is fine-tuned here.`);
  return {};
}

function datasetOf(configuration: Fields): PartialRecipe {
  const dataset = fieldsOf(configuration.dataset);
  const preprocessor = fieldsOf(configuration.preprocessor);
  const train = splitOf({ ...preprocessor, ...fieldsOf(preprocessor.train), ...fieldsOf(dataset.train) });
  const validation = splitOf(fieldsOf(dataset.val ?? dataset.validation));
  return { dataset: { train, validation } };
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

/** `max_length`, else `sequence_length`, of the preprocessor (for training, where it tells them apart). */
function maxLengthOf({ preprocessor }: Fields): { max_length?: number } {
  const both = fieldsOf(preprocessor);
  const train = fieldsOf(both.train);
  return whole('max_length', train.max_length ?? train.sequence_length ?? both.max_length ?? both.sequence_length, 8);
}

function optimizerOf(train: Fields, notes: string[]): NonNullable<PartialRecipe['train']> {
  const optimizer = fieldsOf(train.optimizer);
  const { type, lr, weight_decay, betas, eps } = optimizer;
  if (type === undefined) return {};
  if (typeof type !== 'string' || type.toLowerCase() !== 'adamw') {
    notes.push(`The optimiser ${JSON.stringify(type)} was left out, with its learning rate: only AdamW is supported.`);
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

function schedulerOf(train: Fields, notes: string[]): NonNullable<PartialRecipe['train']> {
  const scheduler = fieldsOf(train.lr_scheduler);
  const { type, total_iters, T_max, start_factor, end_factor } = scheduler;
  if (type === undefined) return {};
  const options = fieldsOf(scheduler.options);
  const warmup = warmupOf(fieldsOf(options.warmup), notes);
  const isByStep = options.by_epoch === false || options.lr_strategy === 'by_step';
  const leftOut = (reason: string): NonNullable<PartialRecipe['train']> => {
    notes.push(`The schedule ${JSON.stringify(type)} was left out: ${reason}.`);
    return {};
  };
  if (type === 'ConstantLR') return { lr_scheduler: { type: 'constant', warmup } };
  if (type !== 'LinearLR' && type !== 'CosineAnnealingLR') return leftOut('it has no counterpart here');
  if (type === 'LinearLR' && !((start_factor ?? 1 / 3) === 1 && (end_factor ?? 1) === 0)) {
    return leftOut('only a fall from 1.0 to 0.0 has a counterpart here');
  }
  const length = whole('total_iters', type === 'LinearLR' ? total_iters : T_max).total_iters ?? null;
  if (length !== null && !isByStep) {
    notes.push('The schedule changes by epoch there and by step here, so its length was left out.');
  } else if (length !== null) {
    notes.push(
      `train.lr_scheduler.total_iters is ${length}, counted for other data; set it to null to fall to zero at the end of the training.`,
    );
  }
  return {
    lr_scheduler: {
      type: type === 'LinearLR' ? 'linear' : 'cosine',
      warmup,
      total_iters: isByStep ? length : null,
    },
  };
}

function warmupOf({ warmup_iters, type }: Fields, notes: string[]): number {
  if (type === undefined) return 0;
  if (typeof warmup_iters === 'number' && Number.isInteger(warmup_iters) && warmup_iters > 0) return warmup_iters;
  notes.push(`The warm-up ${JSON.stringify(type)} was left out: it does not say for how many steps.`);
  return 0;
}

/** `evaluation.period` of newer files, else the hook of older ones. */
function evaluationOf(configuration: Fields, train: Fields, notes: string[]): NonNullable<PartialRecipe['train']> {
  const period = fieldsOf(fieldsOf(configuration.evaluation).period);
  const when = Object.keys(period).length > 0 ? period : hookOf(train, 'EvaluationHook');
  const best =
    fieldsOf(fieldsOf(train.checkpoint).best).metric_key ??
    hookOf(train, 'BestCkptSaverHook')?.metric_key ??
    hookOf(train, 'EarlyStopHook')?.metric_key;
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
  // Without the hook that trainer never stops early.
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

function hookOf(train: Fields, type: string): Fields | undefined {
  const hooks = Array.isArray(train.hooks) ? train.hooks : [];
  return hooks.find((hook): hook is Fields => isFields(hook) && hook.type === type);
}

/** The field if the value is a whole number that a recipe accepts, else nothing. */
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

/** Without objects that hold nothing: an empty split is no split. */
function withoutEmpty<T>(value: T): T {
  if (!isFields(value)) return value;
  const entries = Object.entries(value)
    .map(([name, inner]) => [name, withoutEmpty(inner)] as const)
    .filter(([, inner]) => !(isFields(inner) && Object.keys(inner).length === 0));
  return Object.fromEntries(entries) as T;
}
