import type { UnderstoodData } from '../../protocol/fieldGuess';
import type { ResolvedRecipe } from '../../protocol/recipe';
import { describeTask } from '../../protocol/tasks';

/** What a script needs to know of a run. */
export interface ScriptedRun {
  readonly recipe: ResolvedRecipe;
  /** The folder that the run began with. */
  readonly model: string;
  readonly labels: readonly string[];
  readonly fields: UnderstoodData['fields'];
}

/** Whether transformers' Trainer does the like: one answer a text or pair, without a loss of its own. */
export function canBeScripted({ recipe }: Pick<ScriptedRun, 'recipe'>): boolean {
  const { head, answer } = describeTask(recipe.task);
  return head === 'sequence' && (answer === 'class' || answer === 'number');
}

/** Python has JSON's literals but three. */
const literal = (value: unknown): string =>
  JSON.stringify(value, undefined, 0).replace(
    /("(?:[^"\\]|\\.)*")|\bnull\b|\btrue\b|\bfalse\b/g,
    (found, string: string | undefined) => string ?? { null: 'None', true: 'True', false: 'False' }[found]!,
  );

/**
 * The same training with transformers: data, labels, batches, optimizer and schedule as the recipe says. What has no
 * counterpart there is named in a comment; the seeds draw other numbers.
 */
export function pythonScript({ recipe, model, labels, fields }: ScriptedRun): string {
  const { train, dataset } = recipe;
  const column = (role: string): string | undefined => fields.find((field) => field.role === role)?.column;
  const isNumber = describeTask(recipe.task).answer === 'number';
  const [first, second, label] = [column('firstSequence'), column('secondSequence'), column('label')];
  const split = (name: 'train' | 'validation'): string => literal(dataset[name]?.file ?? null);
  const { optimizer, lr_scheduler: schedule } = train;
  const accumulation = train.gradient_accumulation ?? 1;
  const warmup = schedule.warmup < 1 ? `round(${schedule.warmup} * STEPS)` : String(schedule.warmup);
  const others = (['adversarial', 'r_drop', 'fgm'] as const).filter((field) => train[field]).map((field) => `train.${field}`); // prettier-ignore
  return `${[
    '# The same training with transformers (pip install torch transformers accelerate pandas scikit-learn).',
    ...(others.length > 0 ? [`# Without counterpart in Trainer, and left out: ${others.join(', ')}.`] : []),
    'import pandas as pd',
    'import torch',
    'from transformers import AutoModelForSequenceClassification, AutoTokenizer, DataCollatorWithPadding, Trainer, TrainingArguments, set_seed',
    '',
    `set_seed(${train.seed})`,
    `MODEL = ${literal(model)}`,
    `LABELS = ${literal(isNumber ? [] : labels)}`,
    `MAPPING = ${literal(dataset.train.label_mapping ?? {})}  # raw value to label; None leaves the row out`,
    `FIRST, SECOND, LABEL = ${literal(first ?? null)}, ${literal(second ?? null)}, ${literal(label ?? null)}`,
    '',
    'def read(path):',
    '    ending = path.rsplit(".", 1)[-1].lower()',
    '    if ending in ("jsonl", "ndjson"): table = pd.read_json(path, lines=True, dtype=str)',
    '    elif ending == "json": table = pd.read_json(path, dtype=str)',
    '    elif ending == "parquet": table = pd.read_parquet(path)',
    '    elif ending == "xlsx": table = pd.read_excel(path, dtype=str)',
    '    else: table = pd.read_csv(path, sep="\\t" if ending in ("tsv", "txt") else ",", dtype=str, keep_default_na=False)',
    '    rows = []',
    '    for _, row in table.iterrows():',
    '        raw = str(row[LABEL]).strip()',
    '        label = MAPPING.get(raw, raw)',
    ...(isNumber
      ? ['        rows.append((row, float(raw)))']
      : ['        if label is not None: rows.append((row, LABELS.index(str(label))))']),
    '    return rows',
    '',
    'tokenizer = AutoTokenizer.from_pretrained(MODEL)',
    '',
    'class Rows(torch.utils.data.Dataset):',
    '    def __init__(self, path): self.rows = read(path)',
    '    def __len__(self): return len(self.rows)',
    '    def __getitem__(self, at):',
    '        row, label = self.rows[at]',
    '        pair = None if SECOND is None else str(row[SECOND])',
    `        return {**tokenizer(str(row[FIRST]), pair, truncation=True${train.max_length === 'auto' ? '' : `, max_length=${train.max_length}`}), "labels": label}`,
    '',
    'def metrics(answer):',
    ...(isNumber
      ? [
          '    from scipy.stats import pearsonr, spearmanr',
          '    given, said = answer.label_ids, answer.predictions[:, 0]',
          '    return {"pearson": pearsonr(given, said)[0], "spearman": spearmanr(given, said)[0]}',
        ]
      : [
          '    from sklearn.metrics import accuracy_score, f1_score',
          '    given, said = answer.label_ids, answer.predictions.argmax(-1)',
          '    return {"accuracy": accuracy_score(given, said), "macroF1": f1_score(given, said, average="macro")}',
        ]),
    '',
    'model = AutoModelForSequenceClassification.from_pretrained(',
    isNumber
      ? '    MODEL, num_labels=1, problem_type="regression", ignore_mismatched_sizes=True)'
      : '    MODEL, id2label=dict(enumerate(LABELS)), label2id={name: i for i, name in enumerate(LABELS)}, ignore_mismatched_sizes=True)',
    `train, validation = Rows(${split('train')}), ${dataset.validation ? `Rows(${split('validation')})` : 'None'}`,
    `STEPS = ${train.max_epochs} * -(-len(train) // ${train.batch_size * accumulation})`,
    'arguments = TrainingArguments(',
    '    "transformers-run",',
    `    num_train_epochs=${train.max_epochs}, per_device_train_batch_size=${train.batch_size},`,
    `    gradient_accumulation_steps=${accumulation}, learning_rate=${optimizer.lr},`,
    `    weight_decay=${optimizer.weight_decay}, warmup_steps=${warmup}, lr_scheduler_type="linear",`,
    `    max_grad_norm=${train.max_grad_norm ?? 0}, label_smoothing_factor=${train.label_smoothing ?? 0}, seed=${train.seed},`,
    '    eval_strategy="epoch" if validation else "no", save_strategy="epoch" if validation else "no",',
    `    load_best_model_at_end=validation is not None, metric_for_best_model=${literal(train.metric_for_best)}, report_to="none")`,
    'trainer = Trainer(model, arguments, train_dataset=train, eval_dataset=validation, processing_class=tokenizer,',
    '                  data_collator=DataCollatorWithPadding(tokenizer), compute_metrics=metrics)',
    'trainer.train()',
    'if validation: print(trainer.evaluate())',
  ].join('\n')}\n`;
}
