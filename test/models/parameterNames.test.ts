import assert from 'node:assert/strict';
import { parseEncoderConfig } from '../../src/models/configJson';
import { sequenceHead } from '../../src/models/heads/sequence';
import {
  encoderParameterSpecs,
  fileParameterName,
  loadReportLines,
  mapParameterNames,
} from '../../src/models/parameterNames';
import { elementCount } from '../../src/onnx/dataType';
import { fails } from './checkpoint/support';

const BASE = {
  vocab_size: 21128,
  hidden_size: 768,
  num_hidden_layers: 12,
  num_attention_heads: 12,
  intermediate_size: 3072,
};

describe('parameter specs', () => {
  it('of BERT-base with 21,128 words are 102,267,648 elements', () => {
    const specs = encoderParameterSpecs(parseEncoderConfig(BASE, 'c'));
    assert.equal(specs.length, 199);
    assert.equal(
      specs.reduce((sum, spec) => sum + elementCount(spec.shape), 0),
      102_267_648,
    );
  });

  it("have RoBERTa's unused position rows", () => {
    const config = parseEncoderConfig({ ...BASE, model_type: 'roberta', max_position_embeddings: 514 }, 'c');
    const positions = encoderParameterSpecs(config).find(({ name }) => name.includes('position'));
    assert.deepEqual(positions?.shape, [514, 768]);
    assert.deepEqual(sequenceHead.specs(config, 3)[0].shape, [3, 768]);
  });
});

describe('mapParameterNames', () => {
  const small = {
    ...BASE,
    vocab_size: 9,
    hidden_size: 4,
    num_hidden_layers: 2,
    num_attention_heads: 1,
    intermediate_size: 4,
  };
  const encoder = encoderParameterSpecs(parseEncoderConfig(small, 'c')).map(({ name }) => name);

  for (const prefix of [
    '',
    'bert.',
    'encoder.',
    'roberta.',
    'electra.',
    'ernie.',
    'model.',
    'module.bert.',
    '0.auto_model.',
    'encoder.bert.',
  ]) {
    it(`finds the encoder under "${prefix}"`, () => {
      const names = encoder.map((name) => name.replace(/^bert\./, prefix));
      const { fromOurs, leftOver } = mapParameterNames(names, 'bert', 'f', sequenceHead);
      assert.deepEqual([...fromOurs.keys()], encoder);
      assert.deepEqual([...fromOurs.values()], names);
      assert.deepEqual(leftOver, []);
    });
  }

  it('finds the classifier beside or inside the prefix', () => {
    for (const [prefix, classifier] of [
      ['bert.', 'classifier.weight'],
      ['module.bert.', 'module.classifier.weight'],
      ['', 'classifier.weight'],
      ['module.', 'module.classifier.weight'],
      ['encoder.', 'classifier.weight'],
    ]) {
      const names = [...encoder.map((name) => name.replace(/^bert\./, prefix)), classifier];
      assert.equal(
        mapParameterNames(names, 'bert', 'f', sequenceHead).fromOurs.get('classifier.weight'),
        classifier,
        prefix,
      );
    }
  });

  it("finds the classifier in the `head` of ModelScope's trainer", () => {
    // As modelscope 1.36.3 writes output/pytorch_model.bin for a model of the type bert.
    const names = [...encoder, 'head.classifier.weight', 'head.classifier.bias'];
    const { fromOurs, leftOver } = mapParameterNames(names, 'bert', 'c', sequenceHead);
    assert.equal(fromOurs.get('classifier.weight'), 'head.classifier.weight');
    assert.equal(fromOurs.get('classifier.bias'), 'head.classifier.bias');
    assert.deepEqual(leftOver, []);
  });

  it('modernises gamma and beta', () => {
    const names = encoder.map((name) =>
      name.replace(/LayerNorm\.weight/, 'LayerNorm.gamma').replace(/LayerNorm\.bias/, 'LayerNorm.beta'),
    );
    assert.deepEqual([...mapParameterNames(names, 'bert', 'f', sequenceHead).fromOurs.keys()], encoder);
  });

  it('says why the rest is left over', () => {
    const more = [
      'bert.embeddings.position_ids',
      'qa_outputs.bias',
      'bert.adapter.weight',
      'bert.pooler.extra',
    ];
    const { leftOver } = mapParameterNames([...encoder, ...more], 'bert', 'f', sequenceHead);
    assert.deepEqual(
      leftOver.map(({ name }) => name),
      more,
    );
    assert.match(leftOver[0].reason, /computed/);
    assert.match(leftOver[1].reason, /another task/);
    assert.match(leftOver[2].reason, /not part/);
  });

  it("calls pretraining heads as files do, and ModelScope's bias of the decoder as everybody's", () => {
    const more = ['cls.predictions.decoder.weight', 'cls.predictions.decoder.bias', 'cls.seq_relationship.weight'];
    const { fromOurs } = mapParameterNames([...encoder, ...more], 'bert', 'f', undefined);
    assert.equal(fromOurs.get('cls.predictions.bias'), 'cls.predictions.decoder.bias');
    assert.equal(fromOurs.get('cls.seq_relationship.weight'), 'cls.seq_relationship.weight');
  });

  it("takes RoBERTa's head as pooler and classifier, before a pretrained pooler", () => {
    const names = encoder.map((name) => name.replace(/^bert\./, 'roberta.'));
    const head = [
      'classifier.dense.weight',
      'classifier.dense.bias',
      'classifier.out_proj.weight',
      'classifier.out_proj.bias',
    ];
    const { fromOurs, leftOver } = mapParameterNames([...names, ...head], 'roberta', 'f', sequenceHead);
    assert.equal(fromOurs.get('bert.pooler.dense.weight'), 'classifier.dense.weight');
    assert.equal(fromOurs.get('classifier.bias'), 'classifier.out_proj.bias');
    assert.deepEqual(
      leftOver.map(({ name }) => name),
      ['roberta.pooler.dense.weight', 'roberta.pooler.dense.bias'],
    );
    assert.equal(fileParameterName('bert.pooler.dense.weight', 'roberta', sequenceHead), 'classifier.dense.weight');
    assert.equal(fileParameterName('bert.pooler.dense.weight', 'roberta', undefined), 'roberta.pooler.dense.weight');
    assert.equal(fileParameterName('classifier.weight', 'roberta', sequenceHead), 'classifier.out_proj.weight');
    assert.equal(fileParameterName('bert.pooler.dense.weight', 'structbert', sequenceHead), 'bert.pooler.dense.weight');
  });

  it("takes ELECTRA's head of two layers, and leaves its generator and its head for tokens", () => {
    const bare = encoder.filter((name) => !name.includes('.pooler.'));
    const electra = bare.map((name) => name.replace(/^bert\./, 'discriminator.'));
    const head = ['classifier.dense.weight', 'classifier.out_proj.bias'];
    const others = ['generator.embeddings.word_embeddings.weight', 'classifier.weight', 'discriminator_predictions.dense.bias']; // prettier-ignore
    const { fromOurs, leftOver } = mapParameterNames([...electra, ...head, ...others], 'electra', 'f', sequenceHead);
    assert.equal(fromOurs.size, bare.length + 2);
    assert.equal(fromOurs.get('bert.pooler.dense.weight'), 'classifier.dense.weight');
    assert.equal(fromOurs.get('classifier.bias'), 'classifier.out_proj.bias');
    assert.deepEqual(
      leftOver.map(({ name }) => name),
      others,
    );
    assert.match(leftOver[2].reason, /ELECTRA/);
    assert.equal(fileParameterName('bert.embeddings_project.weight', 'electra', sequenceHead), 'electra.embeddings_project.weight'); // prettier-ignore
    assert.equal(fileParameterName('bert.pooler.dense.bias', 'electra', sequenceHead), 'classifier.dense.bias');
  });

  it('refuses a checkpoint without an encoder, or with two', async () => {
    await fails('CHECKPOINT_MISMATCH', () => mapParameterNames(['transformer.wte.weight'], 'bert', 'f', sequenceHead));
    await fails('CHECKPOINT_MISMATCH', () => mapParameterNames([], 'bert', 'f', sequenceHead));
    const two = ['query.embeddings.word_embeddings.weight', 'passage.embeddings.word_embeddings.weight'];
    const error = await fails('CHECKPOINT_MISMATCH', () => mapParameterNames(two, 'bert', 'f', sequenceHead));
    assert.match(error.message, /"query\.", "passage\."/);
  });
});

describe('loadReportLines', () => {
  it('folds long runs of one reason', () => {
    const leftOver = Array.from({ length: 9 }, (_, i) => ({ name: `n${i}`, reason: 'unknown' }));
    const missing = [{ name: 'classifier.weight', initializedAs: 'drawn' }];
    assert.deepEqual(loadReportLines({ used: [], missing, leftOver }), [
      '0 parameters read from the checkpoint',
      'missing: classifier.weight: drawn',
      'left over: n0, n1, n2, … (9 in all): unknown',
    ]);
  });
});
