/** Encoders that are known to fit. Each fact is worded as in its source. A fact without a source is absent, and shown as unknown. */
import { words, type Words } from '../base/words';

interface Fact {
  readonly value: string;
  /** The source of the fact. */
  readonly from: string;
}

export interface KnownEncoder {
  /** The argument for `medtext import`. */
  readonly source: string;
  readonly language: Words;
  /** The texts that the encoder was trained on. */
  readonly texts: Words;
  readonly textsFrom: string;
  readonly size?: Fact;
  readonly license?: Fact;
  /** How the tokens become one vector, for an encoder that is made for sentence embeddings. */
  readonly pooling?: Fact;
}

export const KNOWN_ENCODERS: readonly KnownEncoder[] = [
  {
    source: 'modelscope:damo/nlp_medical_structbert_backbone_base',
    language: words`Chinese`,
    texts: words`medical text`,
    textsFrom: 'https://www.modelscope.cn/models/damo/nlp_medical_structbert_backbone_base',
  },
  {
    source: 'hf:trueto/medbert-kd-chinese',
    language: words`Chinese`,
    texts: words`clinical text, 650 million characters`,
    textsFrom: 'https://huggingface.co/trueto/medbert-kd-chinese',
  },
  {
    source: 'hf:hfl/chinese-macbert-base',
    language: words`Chinese`,
    texts: words`general text`,
    textsFrom: 'https://github.com/ymcui/MacBERT',
    size: { value: '12 × 768 · 102M', from: 'https://github.com/ymcui/MacBERT' },
    license: { value: 'Apache-2.0', from: 'https://promptlayer.com/models/chinese-macbert-base-d60b' },
  },
  {
    source: 'hf:emilyalsentzer/Bio_ClinicalBERT',
    language: words`English`,
    texts: words`clinical notes (MIMIC-III), after biomedical articles`,
    textsFrom: 'https://huggingface.co/emilyalsentzer/Bio_ClinicalBERT',
    size: { value: '12 × 768', from: 'https://huggingface.co/emilyalsentzer/Bio_ClinicalBERT' },
    license: { value: 'MIT', from: 'https://openllmlist.com/bio-clinicalbert-by-emilyalsentzer' },
  },
  {
    source: 'hf:microsoft/BiomedNLP-BiomedBERT-base-uncased-abstract-fulltext',
    language: words`English`,
    texts: words`biomedical articles (PubMed, PubMed Central)`,
    textsFrom: 'https://huggingface.co/microsoft/BiomedNLP-BiomedBERT-base-uncased-abstract-fulltext',
    license: {
      value: 'mit',
      from: 'https://huggingface.co/microsoft/BiomedNLP-BiomedBERT-base-uncased-abstract-fulltext',
    },
  },
];
