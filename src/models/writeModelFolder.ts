/** Writes a model folder that transformers, ModelScope and this program load as it is. */
import { mkdir, open } from 'node:fs/promises';
import { basename, dirname, join, resolve } from 'node:path';
import { copyRegularFile, readTextFile } from '../base/textFile';
import { MedTextError, words } from '../base/errors';
import { namesIn, replaceFolder } from './checkpoint/replaceFolder';
import { writeSafetensors, type WritableTensor } from './checkpoint/writeSafetensors';
import { writeTorchZip } from './checkpoint/writeTorchZip';
import { encoderConfigJson, modelFamily, type JsonObject, type ProblemType } from './configJson';
import type { EncoderConfig } from './encoderConfig';
import type { Head } from './heads/head';
import { sequenceHead } from './heads/sequence';
import { fileAlias, fileParameterName, MASKED_LM_HEAD } from './parameterNames';
import { Parameters } from './parameters';

export interface ModelFolderContents {
  /** The values by the engine's own names; {@link WritableTensor}s are made and written one by one. */
  readonly parameters: Parameters | readonly WritableTensor[];
  readonly config: EncoderConfig;
  /** The head that is among the parameters; absent: that of texts, if its weights are there. */
  readonly head?: Head;
  /** The labels in the order of their ids; a head has one column for each. */
  readonly labels?: readonly string[];
  readonly problemType?: ProblemType;
  /** ModelScope's name of the task (`sentence-similarity`, `text-classification`, ...). */
  readonly task?: string;
  /** Paths of files that are copied under their own names. */
  readonly copies: readonly string[];
  /** The weights file: model.safetensors unless told, or pytorch_model.bin. */
  readonly weightsFormat?: 'safetensors' | 'torch';
  /** Further files by name (`1_Pooling/config.json`); they replace generated ones of the same name. */
  readonly extraFiles?: Readonly<Record<string, string | Uint8Array>>;
  /** What this program needs to use the model later (task, max_length, ...), under config.json's `medtext`. */
  readonly usage?: JsonObject;
  /** Further fields of config.json (bos_token_id, ...). */
  readonly configFields?: JsonObject;
}

export interface WriteOptions {
  readonly onProgress?: (progress: { readonly doneBytes: number; readonly totalBytes: number }) => void;
  readonly signal?: AbortSignal;
  /** Where the earlier folder is moved to, in place of being removed. */
  readonly keepOldAs?: string;
}

/** config.json's mark of this program, and where it keeps the model type that transformers does not know. */
export const ORIGIN_FIELD = 'medtext';

/**
 * Writes `folder` whole or not at all: config.json, model.safetensors (float32), label_mapping.json and
 * configuration.json, the copies and the extra files. An earlier model folder of ours, or an empty one, is replaced.
 * @throws MedTextError IO when the folder holds anything else, DISK_FULL, CANCELLED.
 */
export async function writeModelFolder(
  folder: string,
  contents: ModelFolderContents,
  options: WriteOptions = {},
): Promise<void> {
  await refuseForeignFolder(folder);
  const tensors = tensorsOf(contents.parameters);
  const head = contents.head ?? (tensors.some(({ name }) => sequenceHead.owns(name)) ? sequenceHead : undefined);
  const labels = checkedLabels(tensors, head, contents.labels);
  const isMasked = tensors.some(({ name }) => name === 'cls.predictions.bias');
  const named = tensors.flatMap((tensor) => {
    const written = { shape: tensor.shape, values: () => tensor.values() };
    const alias = isMasked ? fileAlias(tensor.name, contents.weightsFormat === 'torch') : undefined;
    const name = fileParameterName(tensor.name, contents.config.modelType, head);
    return [{ name, ...written }, ...(alias === undefined ? [] : [{ name: alias, ...written }])];
  });
  const totalBytes = named.reduce((sum, { shape }) => sum + 4 * shape.reduce((product, size) => product * size, 1), 0);
  let doneBytes = 0;
  const onBytes = (bytes: number) => {
    doneBytes += bytes;
    options.onProgress?.({ doneBytes, totalBytes });
  };

  const fill = async (temporary: string): Promise<void> => {
    if (contents.weightsFormat === 'torch') {
      await writeTorchZip(join(temporary, 'pytorch_model.bin'), named, onBytes, options.signal);
    } else {
      await writeSafetensors(join(temporary, 'model.safetensors'), named, onBytes, options.signal);
    }
    const files: Record<string, string | Uint8Array> = {
      'config.json': json(configJson(contents, tensors, head, labels)),
      'configuration.json': json(configurationJson(contents, labels)),
      ...(labels && { 'label_mapping.json': json(label2id(labels)) }),
      ...tokenizerConfig(contents),
      ...contents.extraFiles,
    };
    for (const path of contents.copies) {
      if (!Object.hasOwn(files, basename(path))) await copyRegularFile(path, join(temporary, basename(path)));
    }
    for (const [name, content] of Object.entries(files)) await writeSynced(join(temporary, name), content);
  };
  await replaceFolder(folder, fill, { sizeBytes: totalBytes, keepOldAs: options.keepOldAs });
}

/** transformers' class for the weights that are there. */
function architectureOf(contents: ModelFolderContents, tensors: readonly WritableTensor[], head?: Head): string {
  const prefix = {
    bert: 'Bert',
    electra: 'Electra',
    roberta: { 'xlm-roberta': 'XLMRoberta', camembert: 'Camembert' }[contents.config.modelType] ?? 'Roberta',
  };
  const family = prefix[modelFamily(contents.config.modelType)];
  if (head?.classSuffix !== undefined && head.isKnownToTransformers(contents.config))
    return `${family}${head.classSuffix}`;
  return tensors.some(({ name }) => MASKED_LM_HEAD.test(name)) ? `${family}ForMaskedLM` : `${family}Model`;
}

function configJson(
  contents: ModelFolderContents,
  tensors: readonly WritableTensor[],
  head: Head | undefined,
  labels: readonly string[] | undefined,
): JsonObject {
  const { config } = contents;
  // Transformers calls StructBERT and ERNIE BERT; RoBERTa's kin count positions in their own way, ELECTRA has its own head.
  const modelType = modelFamily(config.modelType) === 'bert' ? 'bert' : config.modelType;
  const problemType = contents.problemType ?? (labels && (head ?? sequenceHead).problemType(labels.length));
  return {
    architectures: [architectureOf(contents, tensors, head)],
    ...contents.configFields,
    ...encoderConfigJson(config, modelType),
    ...(labels && {
      num_labels: labels.length,
      id2label: Object.fromEntries(labels.map((label, id) => [id, label])),
      label2id: label2id(labels),
      ...(problemType && { problem_type: problemType }),
    }),
    dtype: 'float32',
    torch_dtype: 'float32',
    [ORIGIN_FIELD]: { source_model_type: config.modelType, ...contents.usage, ...(config.headPooling && { pooling: config.headPooling }), ...(head && head.classSuffix === undefined && { head: head.id }) }, // prettier-ignore
  };
}

/** ModelScope's, by its tasks (metainfo.py); of others, that of single texts. */
const PREPROCESSORS: Readonly<Record<string, string>> = {
  'sentence-similarity': 'sen-sim-tokenizer',
  'token-classification': 'token-cls-tokenizer',
};

/**
 * ModelScope's configuration.json: its pipeline opens the folder, and its `nlp-base-trainer` trains it further, with the
 * defaults of a recipe here. What both need was tried with modelscope 1.36.3: without `max_length` the pipeline cuts at
 * 512 tokens (pipelines/nlp/text_classification_pipeline.py), without the last two sections the trainer ends at once
 * (trainers/trainer.py, get_train_dataloader and get_eval_data_loader). `total_iters` counts epochs there.
 */
export function configurationJson(
  contents: Pick<ModelFolderContents, 'task' | 'config' | 'usage'>,
  labels: readonly string[] | undefined,
): JsonObject {
  const task = contents.task ?? (labels ? 'text-classification' : 'fill-mask');
  const maxLength = contents.usage?.max_length;
  const epochs = 3;
  return {
    framework: 'pytorch',
    task,
    model: { type: contents.config.modelType, ...(labels && { label2id: label2id(labels) }) },
    ...(labels && {
      preprocessor: {
        type: PREPROCESSORS[task] ?? 'sen-cls-tokenizer',
        ...(typeof maxLength === 'number' && { max_length: maxLength }),
      },
    }),
    pipeline: { type: task },
    train: {
      work_dir: 'work_dir',
      max_epochs: epochs,
      dataloader: { batch_size_per_gpu: 16, workers_per_gpu: 0 },
      optimizer: { type: 'AdamW', lr: 3e-5, options: { grad_clip: { max_norm: 1 } } },
      lr_scheduler: {
        type: 'LinearLR',
        start_factor: 1,
        end_factor: 0,
        total_iters: epochs,
        options: { by_epoch: true },
      },
    },
    evaluation: { dataloader: { batch_size_per_gpu: 32, workers_per_gpu: 0, shuffle: false } },
  };
}

/** Settings of BertTokenizer, with its defaults written out, since a vocab.txt alone does not say how to split. */
export function tokenizerConfig(contents: Pick<ModelFolderContents, 'copies' | 'config'>): Record<string, string> {
  const names = contents.copies.map((path) => basename(path));
  if (!names.includes('vocab.txt') || names.includes('tokenizer_config.json')) return {};
  return {
    'tokenizer_config.json': json({
      tokenizer_class: 'BertTokenizer',
      do_lower_case: true,
      tokenize_chinese_chars: true,
      model_max_length: contents.config.maxPositions,
    }),
  };
}

function tensorsOf(parameters: Parameters | readonly WritableTensor[]): readonly WritableTensor[] {
  if (!(parameters instanceof Parameters)) return parameters;
  return parameters.specs.map(({ name, shape }) => ({ name, shape, values: () => parameters.values(name) }));
}

function checkedLabels(
  tensors: readonly WritableTensor[],
  head: Head | undefined,
  labels: readonly string[] | undefined,
): readonly string[] | undefined {
  const rows = head?.columnsOf((wanted) => tensors.find(({ name }) => name === wanted)?.shape);
  if (rows === undefined) return labels;
  const named = labels ?? Array.from({ length: rows }, (_, id) => `LABEL_${id}`);
  if (named.length === rows) return named;
  throw new MedTextError('INTERNAL', `A classifier of ${rows} rows was given ${named.length} labels.`);
}

export function label2id(labels: readonly string[]): JsonObject {
  return Object.fromEntries(labels.map((label, id) => [label, id]));
}

export function json(value: unknown): string {
  return `${JSON.stringify(value, null, 2)}\n`;
}

export async function writeSynced(path: string, content: string | Uint8Array): Promise<void> {
  await mkdir(dirname(path), { recursive: true });
  const file = await open(path, 'w');
  try {
    await file.writeFile(content);
    await file.sync();
  } finally {
    await file.close();
  }
}

/** Replacing a folder deletes what is in it: only ours may go. */
export async function refuseForeignFolder(folder: string): Promise<void> {
  const names = await namesIn(folder);
  if (names.length === 0) return;
  if (
    names.includes('config.json') &&
    names.some((name) => /^(model\.safetensors|[^/]+\.onnx|pytorch_model\.bin)$/.test(name))
  ) {
    try {
      const config = JSON.parse(await readTextFile(join(folder, 'config.json')));
      if (config?.[ORIGIN_FIELD] !== undefined) return;
    } catch {
      // The file is then not one of ours.
    }
  }
  throw new MedTextError(
    'IO',
    words`${resolve(folder)} already holds other files (${names.slice(0, 3).join(', ')}${names.length > 3 ? ', …' : ''}). Choose a new folder.`,
    { file: resolve(folder) },
  );
}
