/** An encoder as the training and inference graphs use it, whatever it was made from. */
import type { Value } from '../onnx/graphBuilder';
import type { Operators } from '../onnx/operators';
import { buildBert, buildClassifier, buildPooler, type BertOptions, type EncoderInputs } from './bert';
import type { EncoderConfig } from './encoderConfig';

export interface SequenceClassifier {
  readonly config: EncoderConfig;
  readonly labelCount: number;
  /** The logits [batch, labels]. */
  build(g: Operators, inputs: EncoderInputs, options: BertOptions): Value;
}

/** Encoder, tanh pooler over [CLS], dropout, linear: Hugging Face's BertForSequenceClassification. */
export function bertClassifier(config: EncoderConfig, labelCount: number): SequenceClassifier {
  return {
    config,
    labelCount,
    build: (g, inputs, options) => {
      const firstTokens = buildBert(g, config, inputs, { ...options, rows: 'first' });
      return buildClassifier(g, buildPooler(g, firstTokens, options.parameter), config, options);
    },
  };
}

/** The encoder's inputs, declared for a static (batch, length). */
export function declareInputs(g: Operators, batch: number, length: number): Required<EncoderInputs> {
  return {
    inputIds: g.input('inputIds', 'int32', [batch, length]),
    tokenTypeIds: g.input('tokenTypeIds', 'int32', [batch, length]),
    attentionMask: g.input('attentionMask', 'int32', [batch, length]),
  };
}
