/** An encoder as the training and inference graphs use it, whatever it was made from. */
import type { Value } from '../onnx/graphBuilder';
import type { Operators } from '../onnx/operators';
import { buildBert, buildClassifier, buildHeadLayer, buildPooler, type BertOptions, type EncoderInputs } from './bert';
import { modelFamily } from './configJson';
import type { EncoderConfig } from './encoderConfig';
import { overTokens } from './pooling';

export interface SequenceClassifier {
  readonly config: EncoderConfig;
  readonly labelCount: number;
  /** The logits [batch, labels]. */
  build(g: Operators, inputs: EncoderInputs, options: BertOptions): Value;
}

/**
 * As Hugging Face's BertForSequenceClassification (encoder, tanh pooler over [CLS], dropout, linear), or RoBERTa's, ELECTRA's;
 * with `headPooling` a dropout and a linear layer on the first token or the mean of all.
 */
export function bertClassifier(config: EncoderConfig, labelCount: number): SequenceClassifier {
  return {
    config,
    labelCount,
    build: (g, inputs, options) => {
      return buildClassifier(g, pooled(g, config, inputs, options), config, options);
    },
  };
}

/** What the classifier reads: [batch, hidden]. */
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

/** The encoder's inputs, declared for a static (batch, length). */
export function declareInputs(g: Operators, batch: number, length: number): Required<EncoderInputs> {
  return {
    inputIds: g.input('inputIds', 'int32', [batch, length]),
    tokenTypeIds: g.input('tokenTypeIds', 'int32', [batch, length]),
    attentionMask: g.input('attentionMask', 'int32', [batch, length]),
  };
}
