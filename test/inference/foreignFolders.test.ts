/** Folders as other programs write them answer as those programs answer (test/fixtures/foreignFolders/make.py). */
import assert from 'node:assert/strict';
import { copyFileSync, cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { exportModel } from '../../src/exports/exportModel';
import { openEmbedder } from '../../src/inference/embedder';
import { openClassifier } from '../../src/inference/openClassifier';
import { openPairScorer } from '../../src/inference/pairScorer';
import { writeSafetensors } from '../../src/models/checkpoint/writeSafetensors';
import { openCheckpoint } from '../../src/models/checkpoint/openCheckpoint';
import { importModel } from '../../src/models/importModel';
import { openModelFolder } from '../../src/models/modelFolder';
import { elementCount } from '../../src/onnx/dataType';

const fixtures = join(__dirname, '..', 'fixtures', 'foreignFolders');
const expected = JSON.parse(readFileSync(join(fixtures, 'expected.json'), 'utf8'));
/** float32 of other kernels, written with six decimals. */
function near(found: Iterable<number>, right: readonly number[], what: string): void {
  [...found].forEach((value, i) => assert.ok(Math.abs(value - right[i]) < 5e-6, `${what}: ${value} ≈ ${right[i]}`));
  assert.equal([...found].length, right.length, what);
}

describe('folders as other programs write them', () => {
  let home: string;
  beforeEach(() => void (home = mkdtempSync(join(tmpdir(), 'medtext-foreign-'))));
  afterEach(() => rmSync(home, { recursive: true, force: true }));

  /** The folder itself, and what an import and an export make of it. */
  async function forms(name: string): Promise<string[]> {
    const folder = join(fixtures, name);
    const [imported, exported] = [join(home, name), join(home, `${name}-exported`)];
    await importModel(folder, imported);
    await exportModel(folder, exported, { format: 'huggingface' });
    return [folder, imported, exported];
  }

  async function logitsOf(folder: string, pairs: readonly [string, string][]): Promise<number[][]> {
    const scorer = await openPairScorer(folder, { device: 'cpu' });
    const scores = await scorer.score(pairs.map(([first, second]) => ({ first, second })));
    await scorer.close();
    return scores.map(({ logits }) => [...logits]);
  }

  it('added_tokens.json and special_tokens_map.json: ids and logits', async () => {
    const { pairs, ids, logits } = expected['added tokens'];
    for (const folder of await forms('added-tokens')) {
      const classifier = await openClassifier(folder, { device: 'cpu' });
      const found = pairs.map(([a, b]: [string, string]) => [...classifier.tokenizer.encodePair(a, b, 40).inputIds]);
      await classifier.close();
      assert.deepEqual(found, ids, folder);
      (await logitsOf(folder, pairs)).forEach((row, i) => near(row, logits[i], folder));
    }
    const onnx = join(home, 'onnx');
    await exportModel(join(fixtures, 'added-tokens'), onnx, { format: 'onnx' });
    (await logitsOf(onnx, pairs)).forEach((row, i) => near(row, logits[i], 'ONNX'));
  });

  it('several labels a text: each the sigmoid of its logit, as transformers’ pipeline gives them, also after an import', async () => {
    const { texts, labels, logits, probabilities } = expected['several labels'];
    for (const folder of await forms('several-labels')) {
      const scorer = await openPairScorer(folder, { device: 'cpu' });
      const scores = await scorer.score(texts.map((first: string) => ({ first })));
      await scorer.close();
      assert.deepEqual([scorer.task, scorer.labels], ['multi-label-classification', labels], folder);
      scores.forEach((score, row) => {
        near(score.logits, logits[row], folder);
        near(labels.map((label: string) => score.probabilities[label]), probabilities[row], folder); // prettier-ignore
        assert.deepEqual(score.chosen, labels.filter((_: string, id: number) => probabilities[row][id] >= 0.5), folder); // prettier-ignore
      });
      const { problem_type } = JSON.parse(readFileSync(join(folder, 'config.json'), 'utf8'));
      assert.equal(problem_type, 'multi_label_classification', folder);
    }
  });

  it('id2label of config.json', async () => {
    const { labels, pairs, logits, ...config } = expected.id2label;
    assert.deepEqual(
      Object.keys(config['config.label2id']),
      ['LABEL_0', 'LABEL_1', 'LABEL_2'],
      'what transformers wrote',
    );
    for (const folder of await forms('id2label')) {
      assert.deepEqual((await openModelFolder(folder)).labels, labels, folder);
      (await logitsOf(folder, pairs)).forEach((row, i) => near(row, logits[i], folder));
    }
  });

  it('one token type: both texts of a pair are of it, in our graph and in an exported one', async () => {
    const { pairs, ...right } = expected['one token type'];
    for (const name of ['one-type-bert', 'one-type-roberta']) {
      const onnx = join(home, `${name}-onnx`);
      await exportModel(join(fixtures, name), onnx, { format: 'onnx' });
      for (const folder of [...(await forms(name)), onnx]) {
        (await logitsOf(folder, pairs)).forEach((row, i) => near(row, right[name][i], folder));
      }
    }
  });

  it('word embeddings that are stored once, under the name of the head', async () => {
    for (const [name, key] of [
      ['tied-bert', 'tied-bert'],
      ['tied-roberta', 'tied-roberta'],
      ['tied-no-alias', 'tied-bert'],
    ]) {
      const { shape, stored, 'first row': row } = expected[key];
      assert.equal(stored.length, 1, 'safetensors kept one name');
      const { report } = await importModel(join(fixtures, name), join(home, name));
      assert.deepEqual(report.leftOver.filter(({ reason }) => !/buffer|tied|same/.test(reason)), [], name); // prettier-ignore
      const source = await openCheckpoint(join(home, name, 'model.safetensors'));
      const tensor = [...source.tensors].find(([tensorName]) => tensorName.endsWith('word_embeddings.weight'))![1];
      const values = new Float32Array(elementCount(tensor.shape));
      await tensor.read(values);
      await source.close();
      assert.deepEqual(tensor.shape, shape, name);
      near(values.subarray(5 * shape[1], 6 * shape[1]), row, name);
    }
  });

  it("sentence-transformers': its length, lower case and prompt, wherever a version keeps them", async () => {
    const { texts, ...right } = expected['sentence-transformers'];
    for (const name of ['plain', 'sentence-6', 'sentence-older']) {
      const { vectors } = right[name];
      const exported = join(home, `${name}-exported`);
      await exportModel(join(fixtures, name), exported, { format: 'sentence-transformers' });
      const imported = join(home, name);
      await importModel(join(fixtures, name), imported);
      for (const folder of [join(fixtures, name), imported, exported]) {
        const embedder = await openEmbedder(folder, { device: 'cpu' });
        const found = await embedder.embed(texts.slice(0, vectors.length));
        await embedder.close();
        near(found, vectors.flat(), `${name} from ${folder}`);
      }
      const written = JSON.parse(readFileSync(join(exported, 'sentence_bert_config.json'), 'utf8'));
      assert.equal(written.max_seq_length, right[name].max_seq_length, name);
    }
  });

  it('refuses a default prompt that is not there, and pooling without the prompt', async () => {
    const folder = join(home, 'sentence');
    cpSync(join(fixtures, 'sentence-6'), folder, { recursive: true });
    const settings = join(folder, 'config_sentence_transformers.json');
    const { prompts } = JSON.parse(readFileSync(settings, 'utf8'));
    writeFileSync(settings, JSON.stringify({ prompts, default_prompt_name: 'other' }));
    await assert.rejects(openEmbedder(folder), { code: 'MODEL_CONFIG', message: /"other"/ });
    writeFileSync(settings, JSON.stringify({ prompts, default_prompt_name: 'query' }));
    writeFileSync(
      join(folder, '1_Pooling', 'config.json'),
      JSON.stringify({ pooling_mode: 'mean', include_prompt: false }),
    );
    await assert.rejects(openEmbedder(folder), { code: 'UNSUPPORTED', message: /include_prompt/ });
  });

  it('refuses weights of other frameworks by name, and says what converts them', async () => {
    const config = readFileSync(join(fixtures, 'plain', 'config.json'));
    const kinds: [files: string[], named: RegExp][] = [
      [
        ['bert_model.ckpt.index', 'bert_model.ckpt.data-00000-of-00001', 'bert_model.ckpt.meta'],
        /only in bert_model\.ckpt\.index, a checkpoint of TensorFlow.*convert_bert_original_tf/,
      ],
      [['tf_model.h5'], /only in tf_model\.h5, TensorFlow's.*from_tf=True/],
      [['flax_model.msgpack'], /only in flax_model\.msgpack, Flax's.*from_flax=True/],
      [['model_state.pdparams'], /only in model_state\.pdparams, PaddlePaddle's.*paddle2onnx/],
      [['model.keras'], /only in model\.keras,/],
      [['saved_model.pb'], /only in saved_model\.pb,/],
      [['rust_model.ot'], /only in rust_model\.ot,/],
      [['openvino_model.xml', 'openvino_model.bin'], /only in openvino_model\.(xml|bin),/],
      [
        ['adapter_config.json', 'adapter_model.safetensors'],
        /only in adapter_config\.json, an adapter of PEFT.*merge_and_unload/,
      ],
    ];
    for (const [files, named] of kinds) {
      for (const described of [true, false]) {
        const folder = join(home, `${files[0]}-${described}`);
        mkdirSync(folder);
        if (described) writeFileSync(join(folder, 'config.json'), config);
        for (const file of files) writeFileSync(join(folder, file), 'x');
        await assert.rejects(openModelFolder(folder), { code: 'UNSUPPORTED', message: named });
        await assert.rejects(importModel(folder, join(home, 'never')), { code: 'UNSUPPORTED' });
      }
    }
    // Beside weights that are read they do no harm.
    const both = join(home, 'both');
    cpSync(join(fixtures, 'plain'), both, { recursive: true });
    for (const [files] of kinds) for (const file of files) writeFileSync(join(both, file), 'x');
    assert.equal((await openModelFolder(both)).weightsPath, join(both, 'model.safetensors'));
    await assert.rejects(openModelFolder(join(both, 'tf_model.h5')), { code: 'UNSUPPORTED', message: /TensorFlow/ });
  });

  it('names a vocabulary that is not read, at import and before a training', async () => {
    for (const names of [['sentencepiece.bpe.model'], ['vocab.json', 'merges.txt']]) {
      const folder = join(home, names[0]);
      cpSync(join(fixtures, 'cross-encoder'), folder, { recursive: true });
      rmSync(join(folder, 'vocab.txt'));
      for (const name of names) writeFileSync(join(folder, name), 'x');
      const wanted = {
        code: 'TOKENIZER',
        message: new RegExp(`only in ${names.join(', ').replaceAll('.', '\\.')}\\..*save_pretrained`),
      };
      await assert.rejects(importModel(folder, join(home, 'never')), wanted);
      await assert.rejects(openClassifier(folder), wanted);
    }
  });

  it('names the shards that are missing', async () => {
    const folder = join(home, 'sharded');
    cpSync(join(__dirname, '..', 'fixtures', 'checkpoints', 'sharded'), folder, { recursive: true });
    const index = JSON.parse(readFileSync(join(folder, 'model.safetensors.index.json'), 'utf8'));
    const shards = [...new Set(Object.values<string>(index.weight_map))];
    assert.ok(shards.length > 1);
    rmSync(join(folder, shards[1]));
    const wanted = {
      code: 'NOT_FOUND',
      message: new RegExp(
        `names ${shards.length} files of weights; missing beside it: ${shards[1].replaceAll('.', '\\.')}`,
      ),
    };
    await assert.rejects(importModel(folder, join(home, 'never')), wanted);
  });

  it("names an ONNX file's external data that is missing", async () => {
    const file = join(home, 'dynamo.onnx');
    copyFileSync(join(__dirname, '..', 'fixtures', 'checkpoints', 'dynamo.onnx'), file);
    await assert.rejects(openCheckpoint(file), { code: 'NOT_FOUND', message: /keeps weights in dynamo\.onnx\.data, which is missing beside it/ }); // prettier-ignore
  });

  it('tokens that are only named, and for which the embeddings have no row, are none', async () => {
    const folder = join(home, 'named');
    cpSync(join(fixtures, 'id2label'), folder, { recursive: true });
    const settings = { tokenizer_class: 'BertTokenizer', additional_special_tokens: ['[NEW]', '肺'] };
    writeFileSync(join(folder, 'tokenizer_config.json'), JSON.stringify(settings));
    writeFileSync(join(folder, 'added_tokens.json'), '');
    const { pairs, logits } = expected.id2label;
    (await logitsOf(folder, pairs)).forEach((row, i) => near(row, logits[i], folder));
    const { tokenizer, ...classifier } = await openClassifier(folder, { device: 'cpu' });
    assert.equal(tokenizer.tokenId('[NEW]'), undefined);
    assert.equal(tokenizer.vocabSize, classifier.folder.config.vocabSize);
    writeFileSync(join(folder, 'added_tokens.json'), JSON.stringify({ '[NEW]': 39 }));
    await assert.rejects(openClassifier(folder), { code: 'TOKENIZER', message: /knows 40 tokens/ });
  });

  describe('weights that are no numbers', () => {
    async function damaged(tensor: string, value: number): Promise<string> {
      const folder = join(home, 'damaged');
      mkdirSync(folder);
      for (const name of ['config.json', 'vocab.txt', 'tokenizer_config.json'])
        copyFileSync(join(fixtures, 'id2label', name), join(folder, name));
      const source = await openCheckpoint(join(fixtures, 'id2label', 'model.safetensors'));
      const tensors = [...source.tensors.values()].map(({ name, shape, read }) => ({
        name,
        shape,
        values: async () => {
          const values = new Float32Array(elementCount(shape));
          await read(values);
          if (name === tensor) values[3] = value;
          return values;
        },
      }));
      await writeSafetensors(join(folder, 'model.safetensors'), tensors);
      await source.close();
      return folder;
    }

    const tensor = 'bert.encoder.layer.0.output.dense.weight';
    for (const value of [NaN, Infinity, -Infinity]) {
      it(`${value}: import and every opening name the tensor, and write nothing`, async () => {
        const folder = await damaged(tensor, value);
        const wanted = {
          code: 'CHECKPOINT_FORMAT',
          message: new RegExp(`"${tensor.replaceAll('.', '\\.')}" holds ${value} \\(element 3 of 512\\)`),
        };
        await assert.rejects(importModel(folder, join(home, 'imported')), wanted);
        await assert.rejects(openClassifier(folder), wanted);
        await assert.rejects(openEmbedder(folder), wanted);
        for (const format of ['huggingface', 'onnx', 'sentence-transformers'] as const) {
          await assert.rejects(exportModel(folder, join(home, 'exported'), { format }), wanted);
        }
        assert.throws(() => readFileSync(join(home, 'imported', 'config.json')));
        assert.throws(() => readFileSync(join(home, 'exported', 'config.json')));
      });
    }

    it('finite weights whose answer overflows: an error with a code, no label', async () => {
      const folder = await damaged('bert.encoder.layer.0.intermediate.dense.weight', 3e38);
      const scorer = await openPairScorer(folder, { device: 'cpu' });
      const answer = scorer.score([{ first: '肺炎', second: '感冒' }]);
      await assert.rejects(answer, { code: 'DIVERGED', message: /output for row 1 is NaN/ });
      await scorer.close();
    });
  });
});
