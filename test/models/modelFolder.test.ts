import assert from 'node:assert/strict';
import {
  copyFileSync,
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { openCheckpoint } from '../../src/models/checkpoint/openCheckpoint';
import { importModel } from '../../src/models/importModel';
import { loadParameters, openModelFolder } from '../../src/models/modelFolder';
import { encoderParameterSpecs } from '../../src/models/parameterNames';
import { Parameters } from '../../src/models/parameters';
import { configurationJson, writeModelFolder } from '../../src/models/writeModelFolder';
import { sequenceHead } from '../../src/models/heads/sequence';
import { fails, fixture, read, valuesOf } from './checkpoint/support';
import { allValues } from '../support/allValues';

describe('model folder', () => {
  let temporary: string;
  beforeEach(() => (temporary = mkdtempSync(join(tmpdir(), 'medtext-'))));
  afterEach(() => rmSync(temporary, { recursive: true, force: true }));

  /** The structbert fixture's folder with other weights in it. */
  const folderWith = (weights: string, name = 'pytorch_model.bin') => {
    const folder = join(temporary, 'source');
    mkdirSync(folder);
    for (const file of ['config.json', 'configuration.json', 'vocab.txt']) {
      copyFileSync(fixture('structbert', file), join(folder, file));
    }
    copyFileSync(fixture(weights), join(folder, name));
    return folder;
  };
  const specsOf = async (folder: string, labels = 3) => {
    const model = await openModelFolder(folder);
    return {
      model,
      specs: [...encoderParameterSpecs(model.config), ...sequenceHead.specs(model.config, labels)],
    };
  };

  it("opens ModelScope's layout", async () => {
    const model = await openModelFolder(fixture('structbert'));
    assert.equal(model.config.modelType, 'structbert');
    assert.deepEqual(model.labels, ['0', '1', '2']);
    assert.equal(model.weightsPath, fixture('structbert', 'pytorch_model.bin'));
    assert.deepEqual(model.tokenizerFiles, [fixture('structbert', 'vocab.txt')]);
    assert.deepEqual(model.cardFiles, [fixture('structbert', 'README.md')]);
    assert.equal((model.configuration!.train as { max_epochs: number }).max_epochs, 3);
  });

  it('opens a weights file with its config.json beside it', async () => {
    const file = fixture('structbert', 'pytorch_model.bin');
    assert.equal((await openModelFolder(file)).weightsPath, file);
  });

  it("takes a file of any name for the weights, but a .bin beside a graph for that graph's tensors", async () => {
    const folder = folderWith('structbert/pytorch_model.bin', 'weights.bin');
    assert.equal((await openModelFolder(folder)).weightsPath, join(folder, 'weights.bin'));
    writeFileSync(join(folder, 'encoder.onnx'), '');
    assert.equal((await openModelFolder(folder)).weightsPath, join(folder, 'encoder.onnx'));
  });

  it('says what is not there', async () => {
    await fails('NOT_FOUND', () => openModelFolder(join(temporary, 'absent')));
    assert.match((await fails('NOT_FOUND', () => openModelFolder(temporary))).message, /config\.json/);
    writeFileSync(join(temporary, 'config.json'), '{');
    await fails('MODEL_CONFIG', () => openModelFolder(temporary));
    writeFileSync(join(temporary, 'config.json'), '[]');
    await fails('MODEL_CONFIG', () => openModelFolder(temporary));
    cpSync(fixture('structbert', 'config.json'), join(temporary, 'config.json'));
    writeFileSync(join(temporary, 'a.bin'), '');
    writeFileSync(join(temporary, 'b.bin'), '');
    assert.match((await fails('NOT_FOUND', () => openModelFolder(temporary))).message, /a\.bin, b\.bin/);
  });

  for (const weights of [
    'structbert/pytorch_model.bin',
    'legacy.bin',
    'half.bin',
    'bfloat16-legacy.bin',
    'nested.bin',
  ]) {
    it(`loads every parameter of ${weights}`, async () => {
      const { model, specs } = await specsOf(folderWith(weights));
      const { parameters, report } = await loadParameters(model, specs, { seed: 1 });
      for (const { name, shape } of specs) assert.deepEqual(parameters.values(name), valuesOf(name, shape), name);
      assert.equal(report.used.length, 41);
      assert.deepEqual(report.missing, []);
      for (const { reason } of report.leftOver) assert.match(reason, /computed/);
    });
  }

  for (const weights of ['traced.onnx', 'dynamo.onnx']) {
    it(`loads every parameter of ${weights}`, async () => {
      const folder = folderWith(weights, weights);
      rmSync(join(folder, weights));
      // optimum's layout: the graph one folder below config.json.
      mkdirSync(join(folder, 'onnx'));
      copyFileSync(fixture(weights), join(folder, 'onnx', 'model.onnx'));
      copyFileSync(fixture('dynamo.onnx.data'), join(folder, 'onnx', 'dynamo.onnx.data'));
      const { model, specs } = await specsOf(folder);
      const { parameters, report } = await loadParameters(model, specs, { seed: 1 });
      for (const { name, shape } of specs) assert.deepEqual(parameters.values(name), valuesOf(name, shape), name);
      assert.deepEqual(report.missing, []);
      for (const { reason } of report.leftOver) assert.match(reason, /computed/);
      assert.equal((await openModelFolder(join(folder, 'onnx', 'model.onnx'))).path, folder);
    });
  }

  it("loads RoBERTa under the engine's names", async () => {
    const { model, specs } = await specsOf(fixture('roberta'));
    assert.deepEqual(model.labels, ['LABEL_0', 'LABEL_1', 'LABEL_2']);
    const { parameters, report } = await loadParameters(model, specs, { seed: 1 });
    assert.deepEqual([report.missing, report.leftOver], [[], []]);
    assert.deepEqual(parameters.values('bert.pooler.dense.weight'), valuesOf('classifier.dense.weight', [8, 8]));
    assert.deepEqual(parameters.values('classifier.bias'), valuesOf('classifier.out_proj.bias', [3]));
    const positions = 'embeddings.position_embeddings.weight';
    assert.deepEqual(parameters.values(`bert.${positions}`), valuesOf(`roberta.${positions}`, [18, 8]));
  });

  it('drops a classifier of other labels and draws a new one, the same for the same seed', async () => {
    const { model, specs } = await specsOf(fixture('structbert'), 5);
    const load = async (seed: number) => loadParameters(model, specs, { seed });
    const { parameters, report } = await load(7);
    assert.deepEqual(
      report.missing.map(({ name }) => name),
      ['classifier.weight', 'classifier.bias'],
    );
    assert.ok(
      report.leftOver.some(
        ({ name, reason }) => name === 'classifier.weight' && /3 labels; this model has 5/.test(reason),
      ),
    );
    const drawn = parameters.values('classifier.weight');
    assert.ok(drawn.every((value) => value !== 0 && Math.abs(value) < 0.1));
    assert.ok(parameters.values('classifier.bias').every((value) => value === 0));
    assert.deepEqual((await load(7)).parameters.values('classifier.weight'), drawn);
    assert.notDeepEqual((await load(8)).parameters.values('classifier.weight'), drawn);
  });

  it('initialises a whole model when there are no weights', async () => {
    const config = {
      vocab_size: 1000,
      hidden_size: 32,
      num_hidden_layers: 1,
      num_attention_heads: 2,
      intermediate_size: 64,
    };
    writeFileSync(join(temporary, 'config.json'), JSON.stringify({ ...config, pad_token_id: 2 }));
    const { model, specs } = await specsOf(temporary);
    const { parameters, report } = await loadParameters(model, specs, { seed: 1 });
    assert.equal(report.missing.length, specs.length);
    const words = parameters.values('bert.embeddings.word_embeddings.weight');
    assert.ok(words.subarray(64, 96).every((value) => value === 0));
    assert.ok(words.subarray(0, 64).every((value) => value !== 0));
    const mean = words.reduce((sum, value) => sum + value, 0) / words.length;
    const deviation = Math.sqrt(words.reduce((sum, value) => sum + (value - mean) ** 2, 0) / words.length);
    // 32,000 draws: the mean's standard error is 1.1e-4, the deviation's 8e-5.
    assert.ok(Math.abs(mean) < 5e-4 && Math.abs(deviation - 0.02) < 4e-4, `${mean} ${deviation}`);
    assert.ok(parameters.values('bert.embeddings.LayerNorm.weight').every((value) => value === 1));
  });

  it('refuses weights of another architecture', async () => {
    const folder = folderWith('legacy.bin');
    const config = JSON.parse(readFileSync(join(folder, 'config.json'), 'utf8'));
    const load = async (changes: object) => {
      writeFileSync(join(folder, 'config.json'), JSON.stringify({ ...config, ...changes }));
      const { model, specs } = await specsOf(folder);
      return loadParameters(model, specs, { seed: 1 });
    };
    const shape = await fails('CHECKPOINT_MISMATCH', () => load({ vocab_size: 33 }));
    assert.match(shape.message, /word_embeddings.* is \[32,8\].* \[33,8\]/);
    const deeper = await fails('CHECKPOINT_MISMATCH', () => load({ num_hidden_layers: 3 }));
    assert.match(deeper.message, /bert\.encoder\.layer\.2/);
    const { report } = await load({ num_hidden_layers: 1 });
    assert.equal(report.leftOver.filter(({ reason }) => /has 1 layers/.test(reason)).length, 16);
  });

  describe('writing', () => {
    const contents = async () => {
      const { model, specs } = await specsOf(fixture('structbert'));
      const { parameters } = await loadParameters(model, specs, { seed: 1 });
      return {
        parameters,
        config: model.config,
        labels: ['different', 'related', 'same'],
        task: 'sentence-similarity',
        copies: model.tokenizerFiles,
      };
    };

    it('writes what it opens, under a model type that transformers knows', async () => {
      const folder = join(temporary, 'new', 'model');
      const given = await contents();
      await writeModelFolder(folder, { ...given, extraFiles: { 'README.md': '# hello\n' } });
      assert.deepEqual(readdirSync(folder).sort(), [
        'README.md',
        'config.json',
        'configuration.json',
        'label_mapping.json',
        'model.safetensors',
        'tokenizer_config.json',
        'vocab.txt',
      ]);
      assert.deepEqual(readdirSync(join(temporary, 'new')), ['model']);
      const config = JSON.parse(readFileSync(join(folder, 'config.json'), 'utf8'));
      assert.deepEqual(
        [
          config.model_type,
          config.architectures,
          config.num_labels,
          config.problem_type,
          config.medtext.source_model_type,
        ],
        ['bert', ['BertForSequenceClassification'], 3, 'single_label_classification', 'structbert'],
      );
      // What ModelScope's trainer and pipeline look for (tried with modelscope 1.36.3).
      const configuration = JSON.parse(readFileSync(join(folder, 'configuration.json'), 'utf8'));
      assert.deepEqual(Object.keys(configuration.train.dataloader), ['batch_size_per_gpu', 'workers_per_gpu']);
      assert.deepEqual(Object.keys(configuration.evaluation.dataloader), ['batch_size_per_gpu', 'workers_per_gpu', 'shuffle']); // prettier-ignore
      assert.ok(configuration.train.max_epochs > 0 && configuration.train.optimizer.type === 'AdamW');
      assert.equal(configuration.preprocessor.max_length, undefined);
      const withLength = configurationJson({ config: given.config, usage: { max_length: 36 } }, ['a', 'b']);
      assert.deepEqual(withLength.preprocessor, { type: 'sen-cls-tokenizer', max_length: 36 });
      const { model, specs } = await specsOf(folder);
      assert.deepEqual(model.config, { ...given.config, modelType: 'bert' });
      assert.deepEqual(model.labels, given.labels);
      const { parameters, report } = await loadParameters(model, specs, { seed: 2 });
      assert.deepEqual(allValues(parameters), allValues(given.parameters));
      assert.deepEqual([report.missing, report.leftOver], [[], []]);
    });

    it('replaces its own folder and no other', async () => {
      const folder = join(temporary, 'model');
      const given = await contents();
      await writeModelFolder(folder, { ...given, extraFiles: { 'note.txt': 'old' } });
      await writeModelFolder(folder, given);
      assert.ok(!existsSync(join(folder, 'note.txt')));
      const foreign = join(temporary, 'foreign');
      mkdirSync(foreign);
      writeFileSync(join(foreign, 'thesis.docx'), 'precious');
      assert.match((await fails('IO', () => writeModelFolder(foreign, given))).message, /thesis\.docx/);
      cpSync(fixture('roberta'), join(temporary, 'roberta'), { recursive: true });
      await fails('IO', () => writeModelFolder(join(temporary, 'roberta'), given));
      assert.deepEqual(readdirSync(temporary).sort(), ['foreign', 'model', 'roberta']);
    });

    it('leaves the earlier folder when it fails or is cancelled', async () => {
      const folder = join(temporary, 'model');
      const given = await contents();
      await writeModelFolder(folder, given);
      const before = readFileSync(join(folder, 'config.json'), 'utf8');
      await fails('NOT_FOUND', () => writeModelFolder(folder, { ...given, copies: [join(temporary, 'absent.txt')] }));
      const signal = AbortSignal.abort();
      await fails('CANCELLED', () => writeModelFolder(folder, given, { signal }));
      assert.equal(readFileSync(join(folder, 'config.json'), 'utf8'), before);
      assert.deepEqual(readdirSync(temporary), ['model']);
    });

    it("writes RoBERTa under RoBERTa's names", async () => {
      const { model, specs } = await specsOf(fixture('roberta'));
      const { parameters } = await loadParameters(model, specs, { seed: 1 });
      const folder = join(temporary, 'model');
      await writeModelFolder(folder, { parameters, config: model.config, labels: model.labels, copies: [] });
      const [written, original] = [
        await openCheckpoint(join(folder, 'model.safetensors')),
        await openCheckpoint(fixture('roberta', 'model.safetensors')),
      ];
      assert.deepEqual([...written.tensors.keys()].sort(), [...original.tensors.keys()].sort());
      for (const name of written.tensors.keys())
        assert.deepEqual(await read(written, name), await read(original, name), name);
      await written.close();
      await original.close();
      const config = JSON.parse(readFileSync(join(folder, 'config.json'), 'utf8'));
      assert.deepEqual(
        [config.architectures, config.max_position_embeddings],
        [['RobertaForSequenceClassification'], 18],
      );
    });

    it('refuses labels that are not one a row', async () => {
      const given = await contents();
      await fails('INTERNAL', () => writeModelFolder(join(temporary, 'model'), { ...given, labels: ['one'] }));
    });
  });

  it("says where the model of a work_dir of ModelScope's trainer is", async () => {
    const work = join(temporary, 'work_dir');
    mkdirSync(join(work, 'output'), { recursive: true });
    writeFileSync(join(work, 'epoch_1.pth'), 'x');
    writeFileSync(join(work, 'output', 'config.json'), '{}');
    const error = await fails('NOT_FOUND', () => openModelFolder(work));
    assert.equal(error.detail.model, join(work, 'output'));
  });

  describe('import', () => {
    it('makes a clean folder, with progress', async () => {
      const progress: number[] = [];
      const folder = join(temporary, 'model');
      const onProgress = ({ doneBytes, totalBytes }: { doneBytes: number; totalBytes: number }) =>
        progress.push(doneBytes / totalBytes);
      const { report, parameterCount } = await importModel(fixture('structbert'), folder, { onProgress });
      assert.equal(progress.at(-1), 1);
      assert.equal(parameterCount, new Parameters((await specsOf(folder)).specs).elementCount);
      assert.deepEqual(
        report.leftOver.map(({ name }) => name),
        ['bert.embeddings.position_ids'],
      );
      assert.equal(readFileSync(join(folder, 'README.md'), 'utf8'), '# a tiny model\n');
      assert.deepEqual(
        readFileSync(join(folder, 'configuration.json')),
        readFileSync(fixture('structbert', 'configuration.json')),
      );
      const { model, specs } = await specsOf(folder);
      assert.deepEqual(model.labels, ['0', '1', '2']);
      const { parameters } = await loadParameters(model, specs, { seed: 1 });
      for (const { name, shape } of specs) assert.deepEqual(parameters.values(name), valuesOf(name, shape), name);
    });

    it('keeps a masked-language-model head but not its tied copy of the embeddings', async () => {
      const folder = join(temporary, 'model');
      const { report } = await importModel(fixture('masked-lm'), folder);
      assert.deepEqual(
        report.missing.map(({ name }) => name),
        ['bert.pooler.dense.weight', 'bert.pooler.dense.bias'],
      );
      assert.deepEqual(report.leftOver, [
        { name: 'cls.predictions.decoder.bias', reason: 'the same parameter as cls.predictions.bias' },
        { name: 'cls.predictions.decoder.weight', reason: 'tied to the word embeddings' },
      ]);
      const source = await openCheckpoint(join(folder, 'model.safetensors'));
      assert.deepEqual(await read(source, 'cls.predictions.bias'), valuesOf('cls.predictions.bias', [32]));
      await source.close();
      const config = JSON.parse(readFileSync(join(folder, 'config.json'), 'utf8'));
      assert.deepEqual(config.architectures, ['BertForMaskedLM']);
    });

    it('reads shards', async () => {
      const folder = join(temporary, 'model');
      await importModel(fixture('sharded'), folder);
      assert.deepEqual((await openModelFolder(folder)).labels, ['no', 'partly', 'yes']);
    });

    it('refuses itself as the target, unsafe files and folders without weights', async () => {
      const folder = folderWith('unsafe-zip.bin');
      await fails('USAGE', () => importModel(folder, folder));
      const linked = join(temporary, 'linked');
      symlinkSync(temporary, linked, 'junction');
      await fails('USAGE', () => importModel(folder, join(linked, 'source')));
      rmSync(linked);
      await fails('CHECKPOINT_UNSAFE', () => importModel(folder, join(temporary, 'model')));
      rmSync(join(folder, 'pytorch_model.bin'));
      await fails('NOT_FOUND', () => importModel(folder, join(temporary, 'model')));
      assert.deepEqual(readdirSync(temporary), ['source']);
    });
  });
});
