/** A BERT-family encoder's architecture, from `config.json` into our names. */
export interface EncoderConfig {
  /** config.json's `model_type`: bert, structbert, sbert, roberta, xlm-roberta, ... */
  readonly modelType: string;
  readonly vocabSize: number;
  readonly hiddenSize: number;
  /** ELECTRA's embeddings may be narrower than its layers, and are then projected; absent: as wide as those. */
  readonly embeddingSize?: number;
  readonly layerCount: number;
  readonly headCount: number;
  readonly intermediateSize: number;
  readonly activation: 'gelu' | 'gelu_new' | 'relu';
  readonly maxPositions: number;
  readonly typeVocabSize: number;
  /** Added to every position: padding_idx + 1 in RoBERTa (fairseq's convention), 0 in BERT. */
  readonly positionOffset: number;
  readonly padTokenId: number;
  readonly layerNormEps: number;
  readonly hiddenDropout: number;
  readonly attentionDropout: number;
  /** `classifier_dropout`, else the hidden dropout. */
  readonly classifierDropout: number;
  readonly initializerRange: number;
  /** What a classification head reads; absent: what the family's head in transformers reads. */
  readonly headPooling?: HeadPooling;
}

/** `pooler`: tanh(dense([CLS])), or its family's like; `cls`: the first token's state; `mean`: the mean of the tokens' states. */
export const HEAD_POOLINGS = ['pooler', 'cls', 'mean'] as const;
export type HeadPooling = (typeof HEAD_POOLINGS)[number];

/** Whether the head has a layer of its own between the encoder and the classifier. */
export function hasPooler({ headPooling = 'pooler' }: EncoderConfig): boolean {
  return headPooling === 'pooler';
}

/** The width of the embeddings. */
export function embeddingSizeOf({ embeddingSize, hiddenSize }: EncoderConfig): number {
  return embeddingSize ?? hiddenSize;
}
