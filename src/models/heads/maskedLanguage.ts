import type { Value } from '../../onnx/graphBuilder';
import type { Operators } from '../../onnx/operators';
import { buildBert, buildPooler, linear, type BertOptions } from '../bert';
import { modelFamily, type ModelFamily } from '../configJson';
import { embeddingSizeOf, type EncoderConfig } from '../encoderConfig';
import { MASKED_LM_HEAD } from '../parameterNames';
import type { ParameterSpec } from '../parameters';
import { linearSpecs, type Head } from './head';

/** Names of each family's head; its decoder is the word embedding. */
export const HEAD_NAMES = {
  bert: { dense: 'cls.predictions.transform.dense', norm: 'cls.predictions.transform.LayerNorm', bias: 'cls.predictions.bias' }, // prettier-ignore
  roberta: { dense: 'lm_head.dense', norm: 'lm_head.layer_norm', bias: 'lm_head.bias' },
  electra: { dense: 'generator_predictions.dense', norm: 'generator_predictions.LayerNorm', bias: 'generator_lm_head.bias' }, // prettier-ignore
} as const satisfies Record<ModelFamily, object>;

export const WORD_EMBEDDINGS = 'bert.embeddings.word_embeddings.weight';

export function maskedLanguageSpecs(family: ModelFamily, config: EncoderConfig): ParameterSpec[] {
  const { dense, norm, bias } = HEAD_NAMES[family];
  const width = embeddingSizeOf(config);
  return [
    ...linearSpecs(dense, width, config.hiddenSize),
    { name: `${norm}.weight`, shape: [width], initial: 'ones' },
    { name: `${norm}.bias`, shape: [width], initial: 'zeros' },
    { name: bias, shape: [config.vocabSize], initial: 'zeros' },
  ];
}

/**
 * Dense, activation, LayerNorm, the word embeddings transposed, bias: [rows, vocabulary] of states [rows, hidden]. RoBERTa's
 * and ELECTRA's are GELU whatever the encoder's activation.
 */
export function buildMaskedLanguage(
  g: Operators,
  states: Value,
  family: ModelFamily,
  { activation, layerNormEps }: EncoderConfig,
  parameter: BertOptions['parameter'],
): Value {
  const { dense, norm, bias } = HEAD_NAMES[family];
  return g.scope('maskedLanguage', () => {
    const projected = linear(g, states, dense, parameter);
    const isBert = family === 'bert';
    const active = isBert && activation === 'relu' ? g.relu(projected) : g.gelu(projected, isBert && activation === 'gelu_new' ? 'tanh' : undefined); // prettier-ignore
    const scaled = g.layerNormalization(active, parameter(`${norm}.weight`), parameter(`${norm}.bias`), layerNormEps);
    return g.gemm(scaled, parameter(WORD_EMBEDDINGS), parameter(bias), { transB: true });
  });
}

/**
 * The vocabulary's logits of each token: [rows, length, vocabulary], or of what `tokens` chooses of the states. As Hugging Face's
 * BertForMaskedLM, RobertaForMaskedLM, ElectraForMaskedLM. The pooler, which nothing reads, is kept.
 */
export const maskedLanguageHead: Head = {
  id: 'maskedLanguage',
  classSuffix: 'ForMaskedLM',
  problemType: () => undefined,
  isKnownToTransformers: () => true,
  pools: false,
  readsPooler: () => true,
  specs: (config) => maskedLanguageSpecs(modelFamily(config.modelType), config),
  owns: (name) => MASKED_LM_HEAD.test(name),
  // The head distinguishes no labels.
  columnsOf: () => undefined,
  // The engine calls them as the files do.
  fileName: () => undefined,
  engineName: (inFile) => (MASKED_LM_HEAD.test(inFile) ? inFile : undefined),
  output: (columns) => ({ name: 'logits', axes: ['rows', 'length', columns] }),
  build(g, config, inputs, options) {
    const states = buildBert(g, config, inputs, { ...options, rows: 'all' });
    const read = options.tokens?.(states) ?? states;
    const logits = buildMaskedLanguage(g, read, modelFamily(config.modelType), config, options.parameter);
    if (read !== states) return logits;
    const [batch, length] = inputs.inputIds.shape;
    return g.reshape(logits, [batch, length, config.vocabSize]);
  },
};

const SENTENCE_ORDER = 'cls.seq_relationship';
/** Next, previous, of another document. */
export const SENTENCE_ORDERS = 3;

/** As {@link maskedLanguageHead}, and StructBERT's classes of a pair on the pooled first token, which the objective builds. */
export const structBertHead: Head = {
  ...maskedLanguageHead,
  id: 'structBert',
  specs: (config) => [
    ...maskedLanguageHead.specs(config, config.vocabSize),
    ...linearSpecs(SENTENCE_ORDER, SENTENCE_ORDERS, config.hiddenSize),
  ],
  // A head of two classes beside it (BERT's next sentence) is read, too.
  owns: (name) => name.startsWith(`${SENTENCE_ORDER}.`),
  engineName: (inFile) =>
    inFile.startsWith(`${SENTENCE_ORDER}.`) ? inFile : maskedLanguageHead.engineName(inFile, 'bert'),
};

/** Logits [batch, 3] from the states [batch * length, hidden]. */
export function buildSentenceOrder(
  g: Operators,
  states: Value,
  [batch, length]: readonly number[],
  parameter: BertOptions['parameter'],
): Value {
  const hidden = states.shape[1];
  const firsts = g.reshape(g.slice(g.reshape(states, [batch, length, hidden]), [0], [1], [1]), [batch, hidden]);
  return g.scope('sentenceOrder', () => linear(g, buildPooler(g, firsts, parameter), SENTENCE_ORDER, parameter));
}
