import type { UnderstoodData } from '../../protocol/fieldGuess';
import type { ResolvedRecipe } from '../../protocol/recipe';
import { describeTask, type AnswerKind } from '../../protocol/tasks';

/** What a script needs to know of a run. */
export interface ScriptedRun {
  readonly recipe: ResolvedRecipe;
  /** The folder that the run began with. */
  readonly model: string;
  readonly labels: readonly string[];
  readonly fields: UnderstoodData['fields'];
  /** What the head of the model reads, as its config.json says; absent: the pooler. */
  readonly pooling?: string;
}

/** What differs from one kind of answer to another. */
interface ScriptParts {
  readonly labels: boolean;
  /** Takes one row of the table, its label being `label`. */
  readonly row: string;
  readonly metrics: readonly string[];
  /** Arguments of from_pretrained behind the model. */
  readonly model: string;
}

/** Kinds of answers for which transformers' Trainer does the like, without a loss of its own. */
const PARTS: Readonly<Partial<Record<AnswerKind, ScriptParts>>> = {
  class: {
    labels: true,
    row: 'if label is not None: rows.append((row, LABELS.index(str(label))))',
    metrics: [
      'from sklearn.metrics import accuracy_score, f1_score',
      'given, said = answer.label_ids, answer.predictions.argmax(-1)',
      'scores = {f"{name}F1": f1_score(given, said, average=name) for name in ("macro", "micro")}',
      'if len(LABELS) == 2: scores["binaryF1"] = f1_score(given, said)',
      'return {"accuracy": accuracy_score(given, said), **scores}',
    ],
    model: 'id2label=dict(enumerate(LABELS)), label2id={name: i for i, name in enumerate(LABELS)}',
  },
  number: {
    labels: false,
    row: 'rows.append((row, float(raw)))',
    metrics: [
      'from scipy.stats import pearsonr, spearmanr',
      'given, said = answer.label_ids, answer.predictions[:, 0]',
      'errors = {"mse": ((given - said) ** 2).mean(), "mae": abs(given - said).mean()}',
      'return {"pearson": pearsonr(given, said)[0], "spearman": spearmanr(given, said)[0], **errors}',
    ],
    model: 'num_labels=1, problem_type="regression"',
  },
};

const partsOf = ({ recipe: { task } }: Pick<ScriptedRun, 'recipe'>): ScriptParts | undefined => PARTS[describeTask(task).answer]; // prettier-ignore

/** Whether there is a script of the same training. */
export const canBeScripted = (run: Pick<ScriptedRun, 'recipe'>): boolean => partsOf(run) !== undefined;

/** Python has JSON's literals but three. */
const literal = (value: unknown): string =>
  JSON.stringify(value, undefined, 0).replace(
    /("(?:[^"\\]|\\.)*")|\bnull\b|\btrue\b|\bfalse\b/g,
    (found, string: string | undefined) => string ?? { null: 'None', true: 'True', false: 'False' }[found]!,
  );

/** Settings without a counterpart in transformers' Trainer, or that the script leaves out, as fields of the recipe. */
function leftOut({ recipe: { train, dataset }, pooling }: ScriptedRun): string[] {
  const { type, warmup_type, warmup_start, eta_min, decay_from, total_iters } = train.lr_scheduler;
  const isUsualWarmup = warmup_type === 'linear' && warmup_start === 0;
  const isUsualSchedule = isUsualWarmup && eta_min === 0 && decay_from === 'warmup' && total_iters === null;
  const fields: Readonly<Record<string, boolean>> = {
    'train.adversarial': Boolean(train.adversarial),
    'train.r_drop': Boolean(train.r_drop),
    'train.fgm': Boolean(train.fgm),
    'train.class_weights': Boolean(train.class_weights),
    'train.dropout': train.dropout !== null,
    'train.trainable': train.trainable !== 'all',
    'train.shuffle': !train.shuffle,
    [`train.lr_scheduler (${type})`]: !isUsualSchedule,
    'dataset.split (write its validation rows into a file)': !dataset.validation && dataset.split !== undefined,
    'dataset.clean': (dataset.clean ?? []).length > 0,
    'dataset.drop_duplicates': dataset.drop_duplicates === true,
    'dataset.train.corrections': dataset.train.corrections !== undefined,
    'model_head.pooling (transformers’ class reads the pooler)': pooling !== undefined && pooling !== 'pooler',
  };
  return Object.keys(fields).filter((name) => fields[name]);
}

/** Names of Trainer for the schedules of a recipe. */
const SCHEDULES = { linear: 'linear', cosine: 'cosine', constant: 'constant_with_warmup' } as const;

/**
 * The same training with transformers: data, labels, batches, optimizer, schedule and choice of the best model as
 * the recipe says. What has no counterpart there is named in a comment; the seeds draw other numbers.
 */
export function pythonScript(run: ScriptedRun): string {
  const { recipe, model, labels, fields } = run;
  const { train, dataset } = recipe;
  const column = (role: string): string | undefined => fields.find((field) => field.role === role)?.column;
  const parts = partsOf(run)!;
  const [first, second, label] = [column('firstSequence'), column('secondSequence'), column('label')];
  const split = (name: 'train' | 'validation'): string => {
    const { file = null, sheet } = dataset[name] ?? {};
    return sheet === undefined ? literal(file) : `${literal(file)}, ${literal(sheet)}`;
  };
  const { optimizer, lr_scheduler: schedule } = train;
  const accumulation = train.gradient_accumulation ?? 1;
  const warmup = schedule.warmup < 1 ? `round(${schedule.warmup} * STEPS)` : String(schedule.warmup);
  const others = leftOut(run);
  const every = train.evaluate_every;
  const when = every === 'epoch' ? '"epoch"' : '"steps"';
  const steps = every === 'epoch' ? '' : ` eval_steps=${every}, save_steps=${every},`;
  const { early_stopping: early, metric_for_best: best } = train;
  const isLowerBetter = ['loss', 'mse', 'mae'].includes(best);
  return `${[
    '# The same training with transformers (pip install torch transformers accelerate pandas scikit-learn).',
    ...(others.length > 0 ? [`# Not available in Trainer, and left out: ${others.join(', ')}.`] : []),
    'import pandas as pd',
    'import torch',
    'from transformers import AutoModelForSequenceClassification, AutoTokenizer, DataCollatorWithPadding, EarlyStoppingCallback, Trainer, TrainingArguments, set_seed',
    '',
    `set_seed(${train.seed})`,
    `MODEL = ${literal(model)}`,
    `LABELS = ${literal(parts.labels ? labels : [])}`,
    `MAPPING = ${literal(dataset.train.label_mapping ?? {})}  # raw value to label; None leaves the row out`,
    `FIRST, SECOND, LABEL = ${literal(first ?? null)}, ${literal(second ?? null)}, ${literal(label ?? null)}`,
    '',
    'def read(path, sheet):',
    '    ending = path.rsplit(".", 1)[-1].lower()',
    '    if ending in ("jsonl", "ndjson"): table = pd.read_json(path, lines=True, dtype=str)',
    '    elif ending == "json": table = pd.read_json(path, dtype=str)',
    '    elif ending == "parquet": table = pd.read_parquet(path)',
    '    elif ending == "xlsx": table = pd.read_excel(path, sheet_name=sheet, dtype=str)',
    '    else: table = pd.read_csv(path, sep="\\t" if ending in ("tsv", "txt") else ",", dtype=str, keep_default_na=False)',
    '    rows = []',
    '    for _, row in table.iterrows():',
    '        raw = str(row[LABEL]).strip()',
    '        label = MAPPING.get(raw, raw)',
    `        ${parts.row}`,
    '    return rows',
    '',
    'tokenizer = AutoTokenizer.from_pretrained(MODEL)',
    '',
    'class Rows(torch.utils.data.Dataset):',
    '    def __init__(self, path, sheet=0): self.rows = read(path, sheet)',
    '    def __len__(self): return len(self.rows)',
    '    def __getitem__(self, at):',
    '        row, label = self.rows[at]',
    '        pair = None if SECOND is None else str(row[SECOND])',
    `        return {**tokenizer(str(row[FIRST]), pair, truncation=True${train.max_length === 'auto' ? '' : `, max_length=${train.max_length}`}), "labels": label}`,
    '',
    'def metrics(answer):',
    ...parts.metrics.map((line) => `    ${line}`),
    '',
    'model = AutoModelForSequenceClassification.from_pretrained(',
    `    MODEL, ${parts.model}, ignore_mismatched_sizes=True)`,
    `train, validation = Rows(${split('train')}), ${dataset.validation ? `Rows(${split('validation')})` : 'None'}`,
    `STEPS = ${train.max_epochs} * -(-len(train) // ${train.batch_size * accumulation})`,
    'arguments = TrainingArguments(',
    '    "transformers-run",',
    `    num_train_epochs=${train.max_epochs}, per_device_train_batch_size=${train.batch_size},`,
    `    gradient_accumulation_steps=${accumulation}, learning_rate=${optimizer.lr},`,
    `    weight_decay=${optimizer.weight_decay}, warmup_steps=${warmup}, lr_scheduler_type=${literal(SCHEDULES[schedule.type])},`,
    `    adam_beta1=${optimizer.betas[0]}, adam_beta2=${optimizer.betas[1]}, adam_epsilon=${optimizer.eps}, dataloader_drop_last=${train.drop_last ? 'True' : 'False'},`,
    `    max_grad_norm=${train.max_grad_norm ?? 0}, label_smoothing_factor=${train.label_smoothing ?? 0}, seed=${train.seed},`,
    `    eval_strategy=${when} if validation else "no", save_strategy=${when} if validation else "no",${steps}`,
    `    load_best_model_at_end=validation is not None, metric_for_best_model=${literal(best)}, greater_is_better=${isLowerBetter ? 'False' : 'True'}, report_to="none")`,
    'trainer = Trainer(model, arguments, train_dataset=train, eval_dataset=validation, processing_class=tokenizer,',
    '                  data_collator=DataCollatorWithPadding(tokenizer), compute_metrics=metrics,',
    `                  callbacks=${early ? `[EarlyStoppingCallback(${early.patience}, ${early.min_delta})] if validation else []` : '[]'})`,
    'trainer.train()',
    'if validation: print(trainer.evaluate())',
  ].join('\n')}\n`;
}
