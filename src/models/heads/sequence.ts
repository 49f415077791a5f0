import type { Value } from '../../onnx/graphBuilder';
import type { Operators } from '../../onnx/operators';
import { buildBert, buildHeadLayer, buildPooler, linear, type BertOptions, type EncoderInputs } from '../bert';
import { modelFamily } from '../configJson';
import { hasPooler, type EncoderConfig } from '../encoderConfig';
import { overTokens } from '../pooling';
import { linearSpecs, type Head } from './head';

const LAYER = 'classifier';
export const CLASSIFIER_WEIGHT = `${LAYER}.weight`;
export const CLASSIFIER_BIAS = `${LAYER}.bias`;

/**
 * One answer a text: [rows, columns]. As Hugging Face's BertForSequenceClassification (encoder, tanh pooler over [CLS],
 * dropout, linear), or RoBERTa's, ELECTRA's; with `headPooling` a dropout and a linear layer on the first token or the mean
 * of all.
 */
export const sequenceHead: Head = {
  id: 'sequence',
  classSuffix: 'ForSequenceClassification',
  // A head of one column may be a regression's or a cross-encoder's, so nothing is written where nobody said which.
  problemType: (columns) => (columns > 1 ? 'single_label_classification' : undefined),
  // transformers has no class whose head reads anything but its family's pooler.
  isKnownToTransformers: hasPooler,
  pools: true,
  readsPooler: hasPooler,
  specs: (config, columns) => linearSpecs(LAYER, columns, config.hiddenSize),
  owns: (name) => name.startsWith(`${LAYER}.`),
  columnsOf: (shapeOf) => shapeOf(CLASSIFIER_WEIGHT)?.[0],
  // RoBERTa's and ELECTRA's head holds the dense layer that BERT calls pooler, then `out_proj`: the same computation.
  fileName(name, family) {
    if (family === 'bert') return undefined;
    if (name.startsWith('bert.pooler.dense.')) return name.replace('bert.pooler.', `${LAYER}.`);
    return this.owns(name) ? name.replace(`${LAYER}.`, `${LAYER}.out_proj.`) : undefined;
  },
  engineName(inFile, family) {
    // ELECTRA's classifiers of texts have two layers; a single one is that of tokens.
    if (/^classifier\.(weight|bias)$/.test(inFile)) return family === 'electra' ? undefined : inFile;
    if (family === 'bert') return undefined;
    const part = /^classifier\.(dense|out_proj)\.(weight|bias)$/.exec(inFile);
    if (!part) return undefined;
    return part[1] === 'dense' ? `bert.pooler.dense.${part[2]}` : `${LAYER}.${part[2]}`;
  },
  output: (columns) => ({ name: 'logits', axes: ['rows', columns] }),
  build(g, config, inputs, options) {
    return buildClassifier(g, pooled(g, config, inputs, options), config, options);
  },
};

/** The states that the classifier reads: [batch, hidden]. */
function pooled(g: Operators, config: EncoderConfig, inputs: EncoderInputs, options: BertOptions): Value {
  if (config.headPooling === 'mean') {
    const states = buildBert(g, config, inputs, { ...options, rows: 'all' });
    return g.scope('pooling', () => overTokens(g, states, inputs.attentionMask, 'mean'));
  }
  const firstTokens = buildBert(g, config, inputs, { ...options, rows: 'first' });
  if (config.headPooling === 'cls') return firstTokens;
  switch (modelFamily(config.modelType)) {
    case 'electra':
      // GELU, whatever the encoder's activation.
      return buildHeadLayer(g, firstTokens, config, { ...options, activation: (x) => g.gelu(x) });
    case 'roberta':
      return buildHeadLayer(g, firstTokens, config, { ...options, activation: (x) => g.tanh(x) });
    default:
      return buildPooler(g, firstTokens, options.parameter);
  }
}

/** Dropout, then a linear layer: [rows of `x`, columns]. */
export function buildClassifier(g: Operators, x: Value, config: EncoderConfig, options: BertOptions): Value {
  return g.scope(LAYER, () => {
    const dropped = options.dropout?.(x, config.classifierDropout, LAYER) ?? x;
    return linear(g, dropped, LAYER, options.parameter);
  });
}
