import assert from 'node:assert/strict';
import {
  encoderConfigJson,
  modelTypeOfConfiguration,
  parseEncoderConfig,
  parseLabels,
} from '../../src/models/configJson';
import { fails } from './checkpoint/support';

const BERT = {
  model_type: 'bert',
  vocab_size: 21128,
  hidden_size: 768,
  num_hidden_layers: 12,
  num_attention_heads: 12,
  intermediate_size: 3072,
};

const parse = (changes: object, hint?: string) => parseEncoderConfig({ ...BERT, ...changes }, 'config.json', hint);

describe('config.json: architecture', () => {
  it("fills Hugging Face's defaults", () => {
    assert.deepEqual(parse({}), {
      modelType: 'bert',
      vocabSize: 21128,
      hiddenSize: 768,
      layerCount: 12,
      headCount: 12,
      intermediateSize: 3072,
      activation: 'gelu',
      maxPositions: 512,
      typeVocabSize: 2,
      positionOffset: 0,
      padTokenId: 0,
      layerNormEps: 1e-12,
      hiddenDropout: 0.1,
      attentionDropout: 0.1,
      classifierDropout: 0.1,
      initializerRange: 0.02,
    });
  });

  it('takes what is given', () => {
    const config = parse({ hidden_dropout_prob: 0, classifier_dropout: 0.3, layer_norm_eps: 1e-5, hidden_act: 'relu' });
    assert.deepEqual([config.hiddenDropout, config.classifierDropout, config.layerNormEps], [0, 0.3, 1e-5]);
    assert.equal(config.activation, 'relu');
    assert.equal(parse({ hidden_dropout_prob: 0.2, classifier_dropout: null }).classifierDropout, 0.2);
    assert.equal(parse({ hidden_act: 'gelu_pytorch_tanh' }).activation, 'gelu_new');
  });

  it("counts RoBERTa's positions from padding_idx + 1", () => {
    const config = parse({ model_type: 'xlm-roberta', max_position_embeddings: 514 });
    assert.deepEqual([config.padTokenId, config.positionOffset, config.maxPositions], [1, 2, 512]);
    assert.equal(encoderConfigJson(config, 'xlm-roberta').max_position_embeddings, 514);
  });

  it('finds a model type that config.json does not name', () => {
    const { model_type: _, ...rest } = BERT;
    assert.equal(parseEncoderConfig(rest, 'bert_config.json').modelType, 'bert');
    assert.equal(parseEncoderConfig(rest, 'config.json', 'structbert').modelType, 'structbert');
    assert.equal(parseEncoderConfig(rest, 'config.json', 'text-classification').modelType, 'bert');
    assert.equal(parseEncoderConfig({ ...rest, architectures: ['SbertForMaskedLM'] }, 'c').modelType, 'sbert');
    assert.equal(parseEncoderConfig({ ...rest, architectures: ['XLMRobertaModel'] }, 'c').modelType, 'xlm-roberta');
  });

  it('writes what it reads', () => {
    for (const model_type of ['bert', 'roberta', 'structbert', 'electra', 'ernie', 'sbert', 'camembert']) {
      const config = parse({ model_type, classifier_dropout: 0.2, pad_token_id: 3 });
      assert.deepEqual(parseEncoderConfig(encoderConfigJson(config, model_type), 'c'), config);
    }
  });

  const wrong: [object, string][] = [
    [{ vocab_size: undefined }, 'vocab_size'],
    [{ hidden_size: undefined }, 'hidden_size'],
    [{ num_hidden_layers: null }, 'num_hidden_layers'],
    [{ hidden_size: '768' }, 'hidden_size'],
    [{ hidden_size: 767.5 }, 'hidden_size'],
    [{ hidden_size: -768 }, 'hidden_size'],
    [{ hidden_size: 770 }, 'num_attention_heads'],
    [{ num_hidden_layers: 0 }, 'num_hidden_layers'],
    [{ num_hidden_layers: 1e9 }, 'num_hidden_layers'],
    [{ intermediate_size: [3072] }, 'intermediate_size'],
    [{ hidden_dropout_prob: 1 }, 'hidden_dropout_prob'],
    [{ attention_probs_dropout_prob: 'a' }, 'attention_probs_dropout_prob'],
    [{ layer_norm_eps: 0 }, 'layer_norm_eps'],
    [{ hidden_act: 3 }, 'hidden_act'],
    [{ model_type: 7 }, 'model_type'],
    [{ pad_token_id: 21128 }, 'pad_token_id'],
    [{ model_type: 'roberta', max_position_embeddings: 2 }, 'max_position_embeddings'],
  ];
  for (const [changes, field] of wrong) {
    it(`refuses ${JSON.stringify(changes)}, naming ${field}`, async () => {
      const error = await fails('MODEL_CONFIG', () => parse(changes));
      assert.equal(error.detail.field, field);
      assert.match(error.message, new RegExp(field));
    });
  }
  for (const value of [null, [], 'x', 3]) {
    it(`refuses ${JSON.stringify(value)}`, () => fails('MODEL_CONFIG', () => parseEncoderConfig(value, 'config.json')));
  }
  it('refuses a model of absurd size', () =>
    fails('MODEL_CONFIG', () => parse({ hidden_size: 32768, num_attention_heads: 64, num_hidden_layers: 1024 })));

  const unsupported: [object, RegExp][] = [
    [{ model_type: 'deberta-v2' }, /deberta-v2/],
    [{ model_type: 'constructor' }, /constructor/],
    [{ position_embedding_type: 'relative_key_query' }, /relative_key_query/],
    [{ hidden_act: 'swish' }, /swish/],
    [{ hidden_act: 'toString' }, /toString/],
    [{ model_type: 'bert', embedding_size: 128 }, /embedding_size is 128/],
    [{ is_decoder: true }, /is_decoder/],
  ];
  for (const [changes, pattern] of unsupported) {
    it(`does not support ${JSON.stringify(changes)}`, async () => {
      assert.match((await fails('UNSUPPORTED', () => parse(changes))).message, pattern);
    });
  }
});

describe('config.json: labels', () => {
  it('one id may have an old name and a new one: config.json says which is which', () => {
    const labelMapping = { no: 0, yes: 1, same: 1 };
    assert.deepEqual(parseLabels({ labelMapping, config: { id2label: { 0: 'no', 1: 'yes' } } }, 'f'), ['no', 'yes']);
    assert.deepEqual(parseLabels({ labelMapping, config: { id2label: { 0: 'no', 1: 'same' } } }, 'f'), ['no', 'same']);
    assert.deepEqual(parseLabels({ labelMapping }, 'f'), ['no', 'same']);
  });

  const config = { id2label: { 1: 'b', 0: 'a' }, label2id: { a: 0, b: 1 } };

  it("follows ModelScope's precedence", () => {
    const labelMapping = { m0: 0, m1: 1 };
    const configuration = { model: { label2id: { c0: 0 } }, preprocessor: { label2id: { p0: '0' } } };
    assert.deepEqual(parseLabels({ config, configuration, labelMapping }, 'f'), ['m0', 'm1']);
    assert.deepEqual(parseLabels({ config, configuration }, 'f'), ['c0']);
    assert.deepEqual(parseLabels({ config, configuration: { ...configuration, model: {} } }, 'f'), ['p0']);
    assert.deepEqual(parseLabels({ config, configuration: { model: { id2label: { 0: 'x' } } } }, 'f'), ['x']);
    assert.deepEqual(parseLabels({ config, configuration: {} }, 'f'), ['a', 'b']);
  });

  it('takes names that a person gave, wherever they stand, and a model of one label', () => {
    const generic = { label2id: { LABEL_0: 0, LABEL_1: 1 }, id2label: { 0: 'LABEL_0', 1: 'LABEL_1' } };
    const named = { ...generic, id2label: { 0: '不相关', 1: '相关' } };
    assert.deepEqual(parseLabels({ config: named }, 'f'), ['不相关', '相关'], 'as transformers writes it');
    assert.deepEqual(parseLabels({ config: { ...generic, label2id: { no: 0, yes: 1 } } }, 'f'), ['no', 'yes']);
    assert.deepEqual(parseLabels({ config: named, labelMapping: generic.label2id }, 'f'), ['不相关', '相关']);
    assert.deepEqual(parseLabels({ config: named, configuration: { model: generic } }, 'f'), ['不相关', '相关']);
    assert.deepEqual(parseLabels({ config: generic }, 'f'), ['LABEL_0', 'LABEL_1']);
    assert.deepEqual(parseLabels({ config: { id2label: { 0: 'a', 1: 'b' }, label2id: { a: 0, b: 1 } } }, 'f'), [
      'a',
      'b',
    ]);
    assert.deepEqual(parseLabels({ config: { id2label: { 0: 'x', 1: 'y' }, label2id: { a: 0, b: 1 } } }, 'f'), [
      'x',
      'y',
    ]);
    assert.deepEqual(parseLabels({ config: { id2label: { 0: 'x', 1: 'y' }, label2id: { a: 7 } } }, 'f'), ['x', 'y']);
  });

  it('knows a count alone, or nothing', () => {
    assert.deepEqual(parseLabels({ config: { num_labels: 2 } }, 'f'), ['LABEL_0', 'LABEL_1']);
    assert.equal(parseLabels({ config: {} }, 'f'), undefined);
  });

  it('refuses mappings that are not one to one', async () => {
    for (const label2id of [{ a: 0, b: 2 }, { a: 0, b: 0 }, { a: -1 }, { a: 0.5 }, { a: 'zero' }, {}]) {
      await fails('MODEL_CONFIG', () => parseLabels({ config: { label2id } }, 'f'));
    }
    await fails('MODEL_CONFIG', () => parseLabels({ config: { id2label: { 0: 'a', 1: 'a' } } }, 'f'));
    await fails('MODEL_CONFIG', () => parseLabels({ config: { id2label: { 0: null } } }, 'f'));
    await fails('MODEL_CONFIG', () => parseLabels({ labelMapping: ['a'] }, 'f'));
    await fails('MODEL_CONFIG', () => parseLabels({ config: { num_labels: 1e9 } }, 'f'));
  });

  it("reads the model type of ModelScope's configuration", () => {
    assert.equal(
      modelTypeOfConfiguration({ model: { type: 'text-classification', backbone: { type: 'structbert' } } }),
      'structbert',
    );
    assert.equal(modelTypeOfConfiguration({ model: { type: 'structbert' } }), 'structbert');
    assert.equal(modelTypeOfConfiguration({ model: { model_type: 'bert' } }), 'bert');
    assert.equal(modelTypeOfConfiguration(undefined), undefined);
  });
});
