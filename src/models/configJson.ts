/** config.json (Hugging Face's fields, ModelScope's too) to our architecture and back. */
import { MedTextError, words } from '../base/errors';
import type { Words } from '../base/words';
import { embeddingSizeOf, HEAD_POOLINGS, type EncoderConfig } from './encoderConfig';

export type JsonObject = Readonly<Record<string, unknown>>;
export type ProblemType = 'single_label_classification' | 'multi_label_classification' | 'regression';

export type ModelFamily = 'bert' | 'roberta' | 'electra';

/** The convention that a model type follows. StructBERT and ERNIE are BERT at inference. */
const FAMILIES: Readonly<Record<string, ModelFamily>> = {
  bert: 'bert',
  structbert: 'bert',
  sbert: 'bert',
  ernie: 'bert',
  electra: 'electra',
  roberta: 'roberta',
  'xlm-roberta': 'roberta',
  camembert: 'roberta',
};

/**
 * `roberta` counts positions from padding_idx + 1 and calls its encoder `roberta.`; `electra` may have embeddings of
 * another width, has no pooler, and a head of its own; all others are `bert`.
 */
export function modelFamily(modelType: string): ModelFamily {
  return Object.hasOwn(FAMILIES, modelType) ? FAMILIES[modelType] : 'bert';
}

/** gelu_python and the tanh forms are other spellings of the same formulas (transformers/activations.py). */
const ACTIVATIONS: Readonly<Record<string, EncoderConfig['activation']>> = {
  gelu: 'gelu',
  gelu_python: 'gelu',
  gelu_new: 'gelu_new',
  gelu_fast: 'gelu_new',
  gelu_pytorch_tanh: 'gelu_new',
  relu: 'relu',
};

/** 8 GB of float32: nothing this program could train. */
const MAX_PARAMETERS = 2 ** 31;

/**
 * The architecture that config.json describes, with Hugging Face's defaults (BertConfig) for what may be left out.
 * @param where the file's name, for messages. @param typeHint the model type when config.json names none.
 * @throws MedTextError MODEL_CONFIG naming the field; UNSUPPORTED naming what differs from BERT.
 */
export function parseEncoderConfig(json: unknown, where: string, typeHint?: string): EncoderConfig {
  if (!isObject(json)) throw new MedTextError('MODEL_CONFIG', words`${where} is not a JSON object.`, { file: where });
  const fields = new Fields(json, where);

  const modelType = modelTypeOf(json, typeHint, where);
  if (!Object.hasOwn(FAMILIES, modelType)) {
    throw fields.unsupported(
      'model_type',
      words`is "${modelType}", but only ${Object.keys(FAMILIES).join(', ')} are supported`,
    );
  }
  const family = modelFamily(modelType);
  const padTokenId = fields.integer('pad_token_id', 0, 2 ** 24, family === 'roberta' ? 1 : 0);
  const positionOffset = family === 'roberta' ? padTokenId + 1 : 0;
  const hiddenSize = fields.integer('hidden_size', 1, 2 ** 15);
  const headCount = fields.integer('num_attention_heads', 1, 2 ** 10);
  if (hiddenSize % headCount) {
    throw fields.wrong('num_attention_heads', words`is ${headCount}, which does not divide hidden_size ${hiddenSize}`);
  }
  const activationName = fields.text('hidden_act', 'gelu');
  if (!Object.hasOwn(ACTIVATIONS, activationName)) {
    throw fields.unsupported(
      'hidden_act',
      words`is "${activationName}", but only ${Object.keys(ACTIVATIONS).join(', ')} are supported`,
    );
  }
  const rows = fields.integer('max_position_embeddings', 1, 2 ** 20, 512);
  if (rows <= positionOffset) {
    throw fields.wrong(
      'max_position_embeddings',
      words`is ${rows}, but the first ${positionOffset} of them are not usable`,
    );
  }
  const hiddenDropout = fields.probability('hidden_dropout_prob', 0.1);
  refuseOtherArchitectures(json, fields);
  const embeddingSize = embeddingSizeIn(fields, family, hiddenSize);

  const config: EncoderConfig = {
    modelType,
    vocabSize: fields.integer('vocab_size', 1, 2 ** 24),
    hiddenSize,
    ...(embeddingSize !== hiddenSize && { embeddingSize }),
    layerCount: fields.integer('num_hidden_layers', 1, 1024),
    headCount,
    intermediateSize: fields.integer('intermediate_size', 1, 2 ** 18),
    activation: ACTIVATIONS[activationName],
    maxPositions: rows - positionOffset,
    typeVocabSize: fields.integer('type_vocab_size', 1, 2 ** 16, 2),
    positionOffset,
    padTokenId,
    layerNormEps: fields.number('layer_norm_eps', 1e-30, 1, 1e-12),
    hiddenDropout,
    attentionDropout: fields.probability('attention_probs_dropout_prob', 0.1),
    classifierDropout: fields.probability('classifier_dropout', hiddenDropout),
    initializerRange: fields.number('initializer_range', 0, 10, 0.02),
    ...headPoolingOf(json.medtext),
  };
  if (config.padTokenId >= config.vocabSize) {
    throw fields.wrong('pad_token_id', words`is ${padTokenId}, but the vocabulary has ${config.vocabSize} entries`);
  }
  if (parameterCount(config) > MAX_PARAMETERS) {
    throw new MedTextError('MODEL_CONFIG', words`${where} describes a model of ${parameterCount(config)} parameters.`, {
      file: where,
    });
  }
  return config;
}

/** The fields that a training of ours wrote; a field that is wrong counts as absent. */
function headPoolingOf(usage: unknown): Pick<EncoderConfig, 'headPooling'> {
  const headPooling = isObject(usage) ? HEAD_POOLINGS.find((pooling) => pooling === usage.pooling) : undefined;
  return headPooling ? { headPooling } : {};
}

/**
 * What config.json says of an encoder whose architecture is not ours to build, for use of its ONNX graph: vocabulary,
 * lengths and padding are read, what only a builder needs is not looked at (sizes that are unknown are 0).
 * @throws MedTextError MODEL_CONFIG naming the field.
 */
export function parseGraphConfig(json: unknown, where: string): EncoderConfig {
  if (!isObject(json)) throw new MedTextError('MODEL_CONFIG', words`${where} is not a JSON object.`, { file: where });
  const fields = new Fields(json, where);
  const first = (names: readonly string[], fallback: string) =>
    names.find((name) => typeof json[name] === 'number') ?? fallback;
  const size = (...names: string[]) => fields.integer(first(names, names[0]), 0, 2 ** 20, 0);
  const modelType = typeof json.model_type === 'string' ? json.model_type : 'unknown';
  const padTokenId = fields.integer('pad_token_id', 0, 2 ** 24, 0);
  // fairseq's descendants count positions from padding_idx + 1.
  const positionOffset = /roberta|camembert|mpnet|longformer|data2vec|luke/.test(modelType) ? padTokenId + 1 : 0;
  const rows = size('max_position_embeddings', 'n_positions', 'max_sequence_length') || 512;
  const dropout = first(['seq_classif_dropout', 'hidden_dropout_prob', 'hidden_dropout', 'dropout'], 'dropout');
  const hiddenDropout = fields.probability(dropout, 0.1);
  return {
    modelType,
    vocabSize: fields.integer('vocab_size', 1, 2 ** 24),
    hiddenSize: size('hidden_size', 'dim', 'd_model'),
    layerCount: size('num_hidden_layers', 'n_layers', 'num_layers'),
    headCount: size('num_attention_heads', 'n_heads', 'num_heads'),
    intermediateSize: size('intermediate_size', 'hidden_dim', 'd_ff'),
    activation: 'gelu',
    maxPositions: Math.max(1, rows - positionOffset),
    typeVocabSize: size('type_vocab_size'),
    positionOffset,
    padTokenId,
    layerNormEps: fields.number('layer_norm_eps', 1e-30, 1, 1e-12),
    hiddenDropout,
    attentionDropout: 0,
    classifierDropout: fields.probability('classifier_dropout', hiddenDropout),
    initializerRange: fields.number('initializer_range', 0, 10, 0.02),
  };
}

/** The inverse of {@link parseEncoderConfig}, for a `model_type` that transformers knows. */
export function encoderConfigJson(config: EncoderConfig, modelType: string): JsonObject {
  return {
    model_type: modelType,
    vocab_size: config.vocabSize,
    hidden_size: config.hiddenSize,
    // ElectraConfig's own default is 128, whatever the hidden size.
    ...(modelFamily(modelType) === 'electra' && { embedding_size: embeddingSizeOf(config) }),
    num_hidden_layers: config.layerCount,
    num_attention_heads: config.headCount,
    intermediate_size: config.intermediateSize,
    hidden_act: config.activation,
    hidden_dropout_prob: config.hiddenDropout,
    attention_probs_dropout_prob: config.attentionDropout,
    classifier_dropout: config.classifierDropout === config.hiddenDropout ? null : config.classifierDropout,
    max_position_embeddings: config.maxPositions + config.positionOffset,
    position_embedding_type: 'absolute',
    type_vocab_size: config.typeVocabSize,
    initializer_range: config.initializerRange,
    layer_norm_eps: config.layerNormEps,
    pad_token_id: config.padTokenId,
  };
}

/** ModelScope's order (modelscope/utils/hub.py get_model_type) after config.json's own word. */
export function modelTypeOfConfiguration(configuration: JsonObject | undefined): string | undefined {
  const model = objectAt(configuration, 'model');
  const backbone = objectAt(model, 'backbone')?.type;
  const names = [backbone, model?.type === undefined ? model?.model_type : undefined, model?.type];
  return names.find((name): name is string => typeof name === 'string');
}

/**
 * A classifier's labels in the order of their ids, by ModelScope's precedence (modelscope/utils/hub.py
 * parse_label_mapping): label_mapping.json, configuration.json's `model`, its `preprocessor`, config.json; then
 * `num_labels` alone, as LABEL_0, LABEL_1, ... Undefined when nothing speaks of labels. In config.json `id2label` counts
 * before `label2id`, as in transformers. Names that nobody gave (LABEL_0, LABEL_1, ...) give way to names that follow:
 * transformers writes such a `label2id` beside a person's `id2label`.
 * @throws MedTextError MODEL_CONFIG when ids are not 0, 1, 2, ... or a label stands twice.
 */
export function parseLabels(
  files: { config?: JsonObject; configuration?: JsonObject; labelMapping?: unknown },
  where: string,
): string[] | undefined {
  const preprocessor = objectAt(files.configuration, 'preprocessor');
  const places: readonly [JsonObject | undefined, string][] = [
    [objectAt(files.configuration, 'model'), 'configuration.json, model'],
    [preprocessor, 'configuration.json, preprocessor'],
    [objectAt(preprocessor, 'val') ?? objectAt(preprocessor, 'train'), 'configuration.json, preprocessor.val'],
    [files.config, 'config.json'],
  ];
  const said = [
    ...(files.labelMapping === undefined
      ? []
      : [() => labelsOfLabel2id(oneNameEach(files.labelMapping, files.config), `${where}: label_mapping.json`)]),
    ...places.flatMap(([place, name]) => labelsAt(place, `${where}: ${name}`)),
  ];
  let nameless: string[] | undefined;
  for (const read of said) {
    const labels = read();
    if (labels.some((label, id) => label !== `LABEL_${id}`)) return labels;
    nameless ??= labels;
  }
  if (nameless) return nameless;
  const count = files.config?.num_labels;
  if (count === undefined || count === null) return undefined;
  if (!Number.isInteger(count) || (count as number) < 1 || (count as number) > 100_000) {
    throw new MedTextError('MODEL_CONFIG', words`${where}: num_labels in config.json is not a count.`, {
      field: 'num_labels',
    });
  }
  return Array.from({ length: count as number }, (_, id) => `LABEL_${id}`);
}

/** config.json's `problem_type`, if it is one. */
export function parseProblemType(config: JsonObject): ProblemType | undefined {
  const known = ['single_label_classification', 'multi_label_classification', 'regression'] as const;
  return known.find((name) => name === config.problem_type);
}

export function isObject(value: unknown): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function objectAt(object: JsonObject | undefined, key: string): JsonObject | undefined {
  const value = object?.[key];
  return isObject(value) ? value : undefined;
}

/**
 * A label that was renamed after training keeps its old name in label_mapping.json, under the same id: config.json's
 * name is the label's own, else the one written last.
 */
function oneNameEach(labelMapping: unknown, config: JsonObject | undefined): unknown {
  if (!isObject(labelMapping)) return labelMapping;
  const names = new Map<unknown, string>();
  const own = objectAt(config, 'id2label');
  for (const [name, id] of Object.entries(labelMapping)) {
    const kept = names.get(id);
    if (kept === undefined || kept !== own?.[String(id)]) names.set(id, name);
  }
  return Object.fromEntries([...names].map(([id, name]) => [name, id]));
}

/** Readers of the labels that one object gives, by precedence. A reader runs only when its labels are asked for. */
function labelsAt(place: JsonObject | undefined, where: string): (() => string[])[] {
  const { id2label, label2id } = place ?? {};
  return [
    ...(isObject(id2label) ? [() => labelsOfId2label(id2label, `${where}, id2label`)] : []),
    ...(isObject(label2id) ? [() => labelsOfLabel2id(label2id, `${where}, label2id`)] : []),
  ];
}

function labelsOfLabel2id(label2id: unknown, where: string): string[] {
  const entries = isObject(label2id) ? Object.entries(label2id) : [];
  return labelsOfPairs(
    entries.map(([label, id]) => [id, label]),
    where,
  );
}

function labelsOfId2label(id2label: JsonObject, where: string): string[] {
  return labelsOfPairs(Object.entries(id2label), where);
}

function labelsOfPairs(pairs: readonly (readonly [id: unknown, label: unknown])[], where: string): string[] {
  const labels: string[] = [];
  const wrong = () =>
    new MedTextError(
      'MODEL_CONFIG',
      words`${where} does not give one label to each id from 0 to ${pairs.length - 1}.`,
      {
        field: where,
      },
    );
  if (pairs.length === 0) throw new MedTextError('MODEL_CONFIG', words`${where} is not a mapping of labels to ids.`);
  for (const [rawId, label] of pairs) {
    const id = typeof rawId === 'string' && /^\d{1,6}$/.test(rawId) ? Number(rawId) : rawId;
    const valid = Number.isInteger(id) && (id as number) >= 0 && (id as number) < pairs.length;
    if (!valid || labels[id as number] !== undefined || (typeof label !== 'string' && typeof label !== 'number'))
      throw wrong();
    labels[id as number] = String(label);
  }
  if (new Set(labels).size !== labels.length) throw wrong();
  return labels;
}

function modelTypeOf(json: JsonObject, hint: string | undefined, where: string): string {
  const named = json.model_type;
  if (named !== undefined && typeof named !== 'string') {
    throw new MedTextError('MODEL_CONFIG', words`${where}: model_type is not a string.`, {
      file: where,
      field: 'model_type',
    });
  }
  // Google's own bert_config.json has no model_type.
  if (named) return named;
  if (hint !== undefined && Object.hasOwn(FAMILIES, hint)) return hint;
  const architecture = Array.isArray(json.architectures) ? String(json.architectures[0]) : 'Bert';
  const known = /^(Bert|SBert|SbertFor|StructBert|Roberta|XLMRoberta|Electra|Ernie)/i
    .exec(architecture)?.[1]
    .toLowerCase();
  if (known === undefined) return architecture;
  return { xlmroberta: 'xlm-roberta', sbertfor: 'sbert' }[known] ?? known;
}

/** ElectraConfig's default is 128; BERT's embeddings are as wide as its layers. */
function embeddingSizeIn(fields: Fields, family: ModelFamily, hiddenSize: number): number {
  const size = fields.integer('embedding_size', 1, 2 ** 15, family === 'electra' ? 128 : hiddenSize);
  if (family === 'electra' || size === hiddenSize) return size;
  throw fields.unsupported(
    'embedding_size',
    words`is ${size}, but only the value of hidden_size (${hiddenSize}) is supported`,
  );
}

function refuseOtherArchitectures(json: JsonObject, fields: Fields): void {
  const positions = json.position_embedding_type;
  if (positions !== undefined && positions !== null && positions !== 'absolute') {
    throw fields.unsupported(
      'position_embedding_type',
      words`is "${String(positions)}", but only "absolute" is supported`,
    );
  }
  for (const flag of ['is_decoder', 'add_cross_attention', 'is_encoder_decoder']) {
    if (json[flag]) throw fields.unsupported(flag, words`is on, but only plain encoders are supported`);
  }
}

function parameterCount(config: EncoderConfig): number {
  const { hiddenSize, intermediateSize } = config;
  const rows = config.vocabSize + config.maxPositions + config.positionOffset + config.typeVocabSize;
  return (
    rows * embeddingSizeOf(config) +
    config.layerCount * (4 * hiddenSize * hiddenSize + 2 * hiddenSize * intermediateSize)
  );
}

/** Reads fields one by one; an error names file and field. */
class Fields {
  constructor(
    private readonly json: JsonObject,
    private readonly where: string,
  ) {}

  integer(field: string, low: number, high: number, fallback?: number): number {
    const value = this.number(field, low, high, fallback);
    if (Number.isInteger(value)) return value;
    throw this.wrong(field, words`is ${value}, not an integer`);
  }

  probability(field: string, fallback: number): number {
    const value = this.number(field, 0, 1, fallback);
    if (value < 1) return value;
    throw this.wrong(field, words`is 1, which drops everything`);
  }

  number(field: string, low: number, high: number, fallback?: number): number {
    const value = this.json[field] ?? fallback;
    if (value === undefined) throw this.wrong(field, words`is missing`);
    if (typeof value !== 'number' || !Number.isFinite(value)) throw this.wrong(field, words`is not a number`);
    if (value < low || value > high) throw this.wrong(field, words`is ${value}, not between ${low} and ${high}`);
    return value;
  }

  text(field: string, fallback: string): string {
    const value = this.json[field] ?? fallback;
    if (typeof value === 'string') return value;
    throw this.wrong(field, words`is not a string`);
  }

  wrong(field: string, what: Words): MedTextError {
    return new MedTextError('MODEL_CONFIG', words`${this.where}: ${field} ${what}.`, { file: this.where, field });
  }

  unsupported(field: string, what: Words): MedTextError {
    return new MedTextError('UNSUPPORTED', words`${this.where}: ${field} ${what}.`, { file: this.where, field });
  }
}
