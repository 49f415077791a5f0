/** An encoder as the training and inference graphs use it, whatever it was made from. */
import type { Value } from '../onnx/graphBuilder';
import type { Operators } from '../onnx/operators';
import { buildBert, buildClassifier, buildHeadLayer, buildPooler, type BertOptions, type EncoderInputs } from './bert';
import { modelFamily } from './configJson';
import type { EncoderConfig } from './encoderConfig';

export interface SequenceClassifier {
  readonly config: EncoderConfig;
  readonly labelCount: number;
  /** The logits [batch, labels]. */
  build(g: Operators, inputs: EncoderInputs, options: BertOptions): Value;
}

/** As Hugging Face's BertForSequenceClassification (encoder, tanh pooler over [CLS], dropout, linear), or RoBERTa's, ELECTRA's. */
export function bertClassifier(config: EncoderConfig, labelCount: number): SequenceClassifier {
  return {
    config,
    labelCount,
    build: (g, inputs, options) => {
      const firstTokens = buildBert(g, config, inputs, { ...options, rows: 'first' });
      return buildClassifier(g, pooled(g, firstTokens, config, options), config, options);
    },
  };
}

/** What the classifier reads: [batch, hidden]. */
function pooled(g: Operators, firstTokens: Value, config: EncoderConfig, options: BertOptions): Value {
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
