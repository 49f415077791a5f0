import { buildBert } from '../bert';
import { linearSpecs, type Head } from './head';
import { buildClassifier, CLASSIFIER_WEIGHT } from './sequence';

/**
 * One answer a token: [rows, length, columns]. As Hugging Face's BertForTokenClassification (encoder, dropout, linear),
 * and RoBERTa's, ELECTRA's, whose names are the same. There is no pooler.
 */
export const tokenHead: Head = {
  id: 'token',
  classSuffix: 'ForTokenClassification',
  problemType: () => undefined,
  isKnownToTransformers: () => true,
  pools: false,
  readsPooler: () => false,
  specs: (config, columns) => linearSpecs('classifier', columns, config.hiddenSize),
  owns: (name) => name.startsWith('classifier.'),
  columnsOf: (shapeOf) => shapeOf(CLASSIFIER_WEIGHT)?.[0],
  fileName(name) {
    return this.owns(name) ? name : undefined;
  },
  engineName: (inFile) => (/^classifier\.(weight|bias)$/.test(inFile) ? inFile : undefined),
  output: (columns) => ({ name: 'logits', axes: ['rows', 'length', columns] }),
  build(g, config, inputs, options) {
    const states = buildBert(g, config, inputs, { ...options, rows: 'all' });
    const read = options.tokens?.(states) ?? states;
    const logits = buildClassifier(g, read, config, options);
    if (read !== states) return logits;
    const [batch, length] = inputs.inputIds.shape;
    return g.reshape(logits, [batch, length, logits.shape[1]]);
  },
};
