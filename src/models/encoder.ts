/** An encoder as the training and inference graphs use it, whatever it was made from. */
import type { Value } from '../onnx/graphBuilder';
import type { Operators } from '../onnx/operators';
import {
  buildBert,
  buildClassifier,
  buildElectraPooler,
  buildPooler,
  type BertOptions,
  type EncoderInputs,
} from './bert';
import { modelFamily } from './configJson';
import type { EncoderConfig } from './encoderConfig';

export interface SequenceClassifier {
  readonly config: EncoderConfig;
  readonly labelCount: number;
  /** The logits [batch, labels]. */
  build(g: Operators, inputs: EncoderInputs, options: BertOptions): Value;
}

/** Encoder, tanh pooler over [CLS], dropout, linear: Hugging Face's BertForSequenceClassification; or ELECTRA's head. */
export function bertClassifier(config: EncoderConfig, labelCount: number): SequenceClassifier {
  return {
    config,
    labelCount,
    build: (g, inputs, options) => {
      const firstTokens = buildBert(g, config, inputs, { ...options, rows: 'first' });
      const pooled =
        modelFamily(config.modelType) === 'electra'
          ? buildElectraPooler(g, firstTokens, config, options)
          : buildPooler(g, firstTokens, options.parameter);
      return buildClassifier(g, pooled, config, options);
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
