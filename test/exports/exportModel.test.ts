import assert from 'node:assert/strict';
import { cpSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { MedTextError } from '../../src/base/errors';
import { evaluateModel } from '../../src/evaluation/evaluateModel';
import type { ScoredPair } from '../../src/inference/labelScores';
import { openClassifier } from '../../src/inference/openClassifier';
import { openCheckpoint } from '../../src/models/checkpoint/openCheckpoint';
import { importModel } from '../../src/models/importModel';
import { loadNetwork } from '../../src/models/loadNetwork';
import { openModelFolder } from '../../src/models/modelFolder';
import { sequenceHead } from '../../src/models/heads/sequence';
import { readModel } from '../../src/onnx/readModel';
import { exportModel } from '../../src/exports/exportModel';
import type { ClassificationReport, RegressionReport } from '../../src/protocol/evaluation';
import { loadTokenizer } from '../../src/tokenization/tokenizer';
import { writeTinyModel } from '../cli/support/tinyModel';

const PAIRS = [
  { first: '肺炎怎么治疗', second: '肺炎的治疗方法' },
  { first: '头痛', second: '头痛挂什么科' },
  { first: '高血压吃什么药能治', second: '糖尿病有不' },
];

async function logitsOf(folder: string, pairs: readonly ScoredPair[] = PAIRS): Promise<Float32Array> {
  const classifier = await openClassifier(folder, { threads: 1 });
  try {
    return await classifier.logits(pairs);
  } finally {
    await classifier.close();
  }
}

const apart = (a: Float32Array, b: Float32Array) => Math.max(...a.map((value, i) => Math.abs(value - b[i])));

/** Multiplies a tensor's values in the file. */
function scaleTensor(weights: string, name: string, by: number): void {
  const bytes = readFileSync(weights);
  const headerBytes = Number(bytes.readBigUInt64LE(0));
  const header = JSON.parse(bytes.toString('utf8', 8, 8 + headerBytes)) as Record<string, { data_offsets: number[] }>;
  const [begin, end] = header[name].data_offsets;
  for (let at = 8 + headerBytes + begin; at < 8 + headerBytes + end; at += 4) bytes.writeFloatLE(by * bytes.readFloatLE(at), at); // prettier-ignore
  writeFileSync(weights, bytes);
}

describe('exportModel', () => {
  let folder: string;
  let model: string;
  let expected: Float32Array;
  const at = (name: string) => join(folder, name);
  before(async () => {
    folder = mkdtempSync(join(tmpdir(), 'medtext-formats-'));
    const usage = { task: 'sentence-similarity', max_length: 24 };
    model = await writeTinyModel(at('model'), { labels: ['0', '1', '2'], layers: 2, usage });
    expected = await logitsOf(model);
  });
  after(() => rmSync(folder, { recursive: true, force: true }));

  it('says in a card of its own what the model is for and what it reads, by its task', async () => {
    const cardOf = async (task: string, usage: object = {}) => {
      const labels = task === 'ranking' ? ['score'] : ['0', '1'];
      const path = await writeTinyModel(at(`card-${task}`), { labels, usage: { task, ...usage } });
      rmSync(join(path, 'README.md'), { force: true });
      const written = at(`card-${task}-exported`);
      await exportModel(path, written, { format: 'huggingface', threads: 1 });
      const card = readFileSync(join(written, 'README.md'), 'utf8');
      return [/pipeline_tag: (\S+)/.exec(card)![1], /## Inputs\s+([^,]*)/.exec(card)![1]];
    };
    assert.deepEqual(await cardOf('ranking'), ['text-ranking', 'Pairs of texts']);
    assert.deepEqual(await cardOf('text-classification'), ['text-classification', 'A text']);
    assert.deepEqual(await cardOf('multi-label-classification', { reads_pairs: true }), ['text-classification', 'Pairs of texts']); // prettier-ignore
  });

  it('shows in that card how an encoder gives states and a model of single texts gives logits', async () => {
    const cardOf = async (name: string, model: Parameters<typeof writeTinyModel>[1]) => {
      const path = await writeTinyModel(at(name), model);
      rmSync(join(path, 'README.md'), { force: true });
      await exportModel(path, at(`${name}-exported`), { format: 'huggingface' });
      return readFileSync(join(at(`${name}-exported`), 'README.md'), 'utf8');
    };
    const encoder = await cardOf('headless', {});
    assert.match(encoder, /pipeline_tag: feature-extraction/);
    assert.match(
      encoder,
      /AutoModel\.from_pretrained[^]*last_hidden_state = model\(\*\*tokenizer\("肺炎怎么治疗", return_tensors/,
    );
    const single = await cardOf('single', { labels: ['a', 'b'], usage: { task: 'text-classification', reads_pairs: false } }); // prettier-ignore
    assert.match(
      single,
      /AutoModelForSequenceClassification[^]*logits = model\(\*\*tokenizer\("肺炎怎么治疗", return_tensors/,
    );
  });

  it('half precision: float16 weights, float32 where rows are summed, nearly the same logits, opened again', async () => {
    const exported = await exportModel(model, at('fp16'), { format: 'onnx-fp16', threads: 1 });
    assert.ok(exported.files.includes('model_fp16.onnx') && !exported.files.includes('model.onnx'));
    const { graph } = readModel(readFileSync(at('fp16/model_fp16.onnx')));
    const typeOf = (name: string) => graph.initializers.get(name)?.dataType;
    assert.equal(typeOf('bert.encoder.layer.0.attention.self.query.weight'), 'float16');
    assert.equal(typeOf('bert.encoder.layer.0.output.LayerNorm.weight'), 'float32');
    assert.equal(graph.outputs[0].dataType, 'float32');
    const difference = apart(await logitsOf(at('fp16')), expected);
    assert.ok(difference > 0 && difference < 0.01, `${difference}`);
    assert.ok(exported.largestDifference! < 0.01);
  });

  it('quantised: int8 weights behind DynamicQuantizeLinear, opened again, and not to be fine-tuned', async () => {
    await exportModel(model, at('int8'), { format: 'onnx-int8', threads: 1 });
    const { graph } = readModel(readFileSync(at('int8/model_int8.onnx')));
    const count = (opType: string) => graph.nodes.filter((node) => node.opType === opType).length;
    // Six linear layers a layer, the pooler; the classifier's three outputs stay float32.
    assert.equal(count('MatMulInteger'), 13);
    assert.equal(count('Gemm'), 1);
    // Query, key and value read one quantised activation; the last layer's query reads the first rows alone.
    assert.equal(count('DynamicQuantizeLinear'), 4 + 5 + 1);
    const int8 = [...graph.initializers.values()].filter(({ dataType }) => dataType === 'int8');
    assert.equal(int8.length, 13);
    assert.ok(int8.every(({ data }) => data.every((value) => Math.abs(Number(value)) <= 63)));
    const difference = apart(await logitsOf(at('int8')), expected);
    assert.ok(difference > 0 && difference < 0.3, `${difference}`);
    const opened = await openModelFolder(at('int8'));
    await assert.rejects(loadNetwork(opened, sequenceHead, 3, { seed: 0 }), { code: 'UNSUPPORTED', message: /quantised.*not be fine-tuned/ }); // prettier-ignore
  });

  it("optimum's and transformers.js' layout: a quantised graph below onnx/ scores, by folder and by file", async () => {
    await exportModel(model, at('flat'), { format: 'onnx-int8', threads: 1 });
    cpSync(at('flat'), at('nested'), { recursive: true });
    mkdirSync(at('nested/onnx'));
    renameSync(at('nested/model_int8.onnx'), at('nested/onnx/model_quantized.onnx'));
    const wanted = await logitsOf(at('flat'));
    assert.deepEqual(await logitsOf(at('nested')), wanted);
    assert.deepEqual(await logitsOf(at('nested/onnx')), wanted);
    assert.deepEqual(await logitsOf(at('nested/onnx/model_quantized.onnx')), wanted);
    // Of two precisions none is taken by chance.
    cpSync(at('nested/onnx/model_quantized.onnx'), at('nested/onnx/model_int8.onnx'));
    await assert.rejects(openClassifier(at('nested')), { code: 'NOT_FOUND', message: /several weights files/ });
  });

  it('a model that half precision cannot hold is refused before anything is written', async () => {
    const large = await writeTinyModel(at('large'), { labels: ['a', 'b'] });
    const weights = join(large, 'model.safetensors');
    const bytes = readFileSync(weights);
    const headerBytes = Number(bytes.readBigUInt64LE(0));
    const header = JSON.parse(bytes.toString('utf8', 8, 8 + headerBytes)) as Record<string, { data_offsets: number[] }>;
    bytes.writeFloatLE(1e6, 8 + headerBytes + header['classifier.weight'].data_offsets[0]);
    writeFileSync(weights, bytes);
    await assert.rejects(exportModel(large, at('refused'), { format: 'onnx-fp16' }), {
      code: 'UNSUPPORTED',
      message: /classifier\.weight.*holds 1000000/,
    });
    assert.ok(!readdirSync(folder).includes('refused'));
  });

  it('a value that leaves half precision on the way is named, and nothing is written', async () => {
    const large = await writeTinyModel(at('overflowing'), { labels: ['0', '1', '2'], layers: 2 });
    scaleTensor(join(large, 'model.safetensors'), 'bert.encoder.layer.1.output.dense.weight', 1e5);
    // LayerNorm brings the rows back: in float32 the answers are as good as any.
    assert.ok((await logitsOf(large)).every(Number.isFinite));
    await assert.rejects(exportModel(large, at('never'), { format: 'onnx-fp16' }), (error: MedTextError) => {
      assert.equal(error.code, 'UNSUPPORTED');
      assert.match(
        error.message,
        /"bert\.encoder\.layer\.1\.output\/.*" reaches \d{6,}, but the largest value in half precision is 65504/,
      );
      return true;
    });
    assert.ok(!readdirSync(folder).includes('never'));
    await exportModel(large, at('whole'), { format: 'onnx' });
  });

  describe('says what an ONNX file changes', () => {
    const data = PAIRS.flatMap(({ first, second }, i) => [[first, second, i % 3], [second, first, (i + 1) % 3], [first + second, second, 2]]); // prettier-ignore
    const json = (rows: typeof data) => JSON.stringify(rows.map(([query1, query2, label]) => ({ query1, query2, label: String(label) }))); // prettier-ignore

    /** A model in the folder of a run with such a recipe. */
    function runOf(name: string, dataset: object): string {
      const run = at(name);
      mkdirSync(run);
      cpSync(model, join(run, 'model'), { recursive: true });
      writeFileSync(join(run, 'recipe.medtext.json'), JSON.stringify({ task: 'sentence-similarity', model, dataset }));
      const record = { format: 1, id: name, status: 'finished', startedAt: '', updatedAt: '', task: 'sentence-similarity', labels: ['0', '1', '2'], model: { path: model, parameterCount: 1, trainedCount: 1 }, maxLength: 24, totalSteps: 1, step: 1, data: {}, environment: {}, best: null }; // prettier-ignore
      writeFileSync(join(run, 'run.json'), JSON.stringify(record));
      return run;
    }

    const labelled = (file: string) => ({ file, labels: ['0', '1', '2'] });
    before(() => {
      writeFileSync(at('all.json'), json(data));
      writeFileSync(at('some.json'), json(data.slice(0, 4)));
      writeFileSync(at('bare.jsonl'), data.map(([query1, query2]) => JSON.stringify({ query1, query2 })).join('\n'));
    });

    it('on the validation rows of the run: the accuracy is that of the exported folder', async () => {
      const run = runOf('run', { train: labelled(at('some.json')), validation: labelled(at('all.json')) });
      const { accuracy } = (await evaluateModel(run, at('all.json'), { device: 'cpu' })) as ClassificationReport;
      for (const format of ['onnx', 'onnx-fp16', 'onnx-int8'] as const) {
        const output = at(`run-${format}`);
        const { checked, largestDifference } = await exportModel(run, output, { format, threads: 1 });
        const after = (await evaluateModel(output, at('all.json'), { device: 'cpu' })) as ClassificationReport;
        assert.deepEqual([checked!.rows, checked!.of], [data.length, 'validation']);
        assert.deepEqual(checked!.metric, { name: 'accuracy', before: accuracy, after: after.accuracy }, format);
        assert.equal(checked!.largestDifference, largestDifference);
        const pairs = data.map(([first, second]) => ({ first: String(first), second: String(second) }));
        const [mine, its] = [await logitsOf(model, pairs), await logitsOf(output, pairs)];
        if (format !== 'onnx-fp16') assert.ok(Math.abs(largestDifference! - apart(mine, its)) < 1e-6);
        const best = (logits: Float32Array, row: number) => [0, 1, 2].reduce((a, b) => (logits[3 * row + b] > logits[3 * row + a] ? b : a)); // prettier-ignore
        assert.equal(checked!.changedAnswers, pairs.filter((_, row) => best(mine, row) !== best(its, row)).length);
      }
    });

    it('else on those held out, else on the first that it learned from, else on a file or texts of its own', async () => {
      const checkedOf = async (run: string, options: { data?: string; log?: (line: string) => void } = {}) => {
        const { checked } = await exportModel(run, `${run}-${options.data ? 'data' : 'out'}`, {
          format: 'onnx',
          ...options,
        });
        return checked!;
      };
      const split = { validation: 0.5, seed: 1, stratify: false };
      const held = await checkedOf(runOf('held', { train: labelled(at('all.json')), split }));
      assert.deepEqual([held.of, held.rows > 0 && held.rows < data.length], ['validation', true]);
      const learned = await checkedOf(runOf('learned', { train: labelled(at('some.json')) }));
      assert.deepEqual([learned.of, learned.rows, learned.metric !== undefined], ['train', 4, true]);
      const log: string[] = [];
      const gone = await checkedOf(runOf('gone', { train: labelled(at('not-there.json')) }), { log: (line) => log.push(line) }); // prettier-ignore
      assert.deepEqual([gone.of, gone.metric], ['samples', undefined]);
      assert.match(log.join(), /cannot be read \(.*not-there\.json/);
      const file = await checkedOf(at('gone'), { data: at('all.json') });
      assert.deepEqual([file.of, file.rows, file.metric !== undefined], ['file', data.length, true]);
      const bare = await checkedOf(at('learned'), { data: at('bare.jsonl') });
      assert.deepEqual([bare.of, bare.rows, bare.metric], ['file', data.length, undefined]);
    });

    it('of a regression: the correlation', async () => {
      const regression = await writeTinyModel(at('regression'), { labels: ['score'], usage: { task: 'regression' } });
      writeFileSync(at('scores.jsonl'), data.map(([query1, query2], i) => JSON.stringify({ query1, query2, score: i / 3 })).join('\n')); // prettier-ignore
      const { checked } = await exportModel(regression, at('regression-int8'), {
        format: 'onnx-int8',
        data: at('scores.jsonl'),
      });
      const report = (await evaluateModel(at('regression-int8'), at('scores.jsonl'), {
        device: 'cpu',
      })) as RegressionReport;
      assert.equal(checked!.changedAnswers, undefined);
      assert.ok(Math.abs(checked!.metric!.after - report.pearson!) < 1e-9);
    });
  });

  it('every format has a tokenizer.json that splits as vocab.txt does, and a card that names no folder', async () => {
    const texts = PAIRS.map(({ first, second }) => ({ a: first, b: second }));
    const vocabTxt = readFileSync(join(model, 'vocab.txt'), 'utf8');
    const wanted = await loadTokenizer({ vocabTxt }, 'vocab.txt').encodeAll(texts, 24);
    for (const format of ['huggingface', 'modelscope', 'onnx', 'sentence-transformers'] as const) {
      const output = at(`whole-${format}`);
      await exportModel(model, output, { format, threads: 1 });
      const tokenizerJson = readFileSync(join(output, 'tokenizer.json'), 'utf8');
      assert.deepEqual(await loadTokenizer({ tokenizerJson }, output).encodeAll(texts, 24), wanted, format);
      assert.equal(JSON.parse(tokenizerJson).version, '1.0');
      const config = JSON.parse(readFileSync(join(output, 'tokenizer_config.json'), 'utf8'));
      assert.deepEqual([config.pad_token, config.mask_token, config.do_lower_case], ['[PAD]', '[MASK]', true], format);
      const card = readFileSync(join(output, 'README.md'), 'utf8');
      assert.match(card, /^---\nlanguage: zh\n[^]*\n---\n\n# model\n/, format);
      assert.ok(!card.includes(folder), format);
      assert.equal(/\| 2 \| 2 \|/.test(card), format !== 'sentence-transformers', format);
    }
  });

  it("a card of the model's own stays", async () => {
    cpSync(model, at('carded'), { recursive: true });
    writeFileSync(at('carded/README.md'), '# Mine\n');
    await exportModel(at('carded'), at('carded-out'), { format: 'huggingface' });
    assert.equal(readFileSync(at('carded-out/README.md'), 'utf8'), '# Mine\n');
  });

  it('sentence-transformers: encoder, pooling and modules; importing it keeps them', async () => {
    await exportModel(model, at('sentences'), { format: 'sentence-transformers' });
    for (const name of [at('sentences'), at('sentences-again')]) {
      if (name.endsWith('again')) await importModel(at('sentences'), name);
      const json = (file: string) => JSON.parse(readFileSync(join(name, file), 'utf8'));
      const modules = json('modules.json') as { type: string; path: string }[];
      assert.deepEqual(
        modules.map(({ path }) => path),
        ['', '1_Pooling'],
      );
      const pooling = json('1_Pooling/config.json');
      assert.equal(pooling.pooling_mode_mean_tokens, true);
      assert.equal(pooling.pooling_mode_cls_token, false);
      assert.equal(pooling.word_embedding_dimension, 16);
      assert.equal(json('sentence_bert_config.json').max_seq_length, 40);
      assert.deepEqual(json('config.json').architectures, ['BertModel']);
      const checkpoint = await openCheckpoint(join(name, 'model.safetensors'));
      assert.ok(![...checkpoint.tensors.keys()].some((tensor) => tensor.startsWith('classifier.')));
      await checkpoint.close();
    }
  });

  it('sentence-transformers: poolings and modules that are not known are named', async () => {
    await exportModel(model, at('odd'), { format: 'sentence-transformers' });
    const pooling = at('odd/1_Pooling/config.json');
    const settings = JSON.parse(readFileSync(pooling, 'utf8'));
    writeFileSync(pooling, JSON.stringify({ ...settings, pooling_mode_max_tokens: true }));
    const again = (output: string) => exportModel(at('odd'), at(output), { format: 'sentence-transformers' });
    await assert.rejects(again('odd-1'), { code: 'UNSUPPORTED', message: /mean_tokens, .*max/ });
    for (const [path, code] of [
      ['../elsewhere', 'MODEL_CONFIG'],
      ['/etc', 'MODEL_CONFIG'],
    ]) {
      writeFileSync(at('odd/modules.json'), JSON.stringify([{ type: 'sentence_transformers.models.Pooling', path }]));
      await assert.rejects(importModel(at('odd'), at('odd-2')), { code });
    }
    writeFileSync(at('odd/modules.json'), JSON.stringify([{ type: 'sentence_transformers.models.Dense', path: '2_Dense' }])); // prettier-ignore
    await assert.rejects(again('odd-3'), { code: 'UNSUPPORTED', message: /Dense/ });
    // To fine-tune the encoder is enough, and it is said what is left behind.
    const { report } = await importModel(at('odd'), at('odd-4'));
    assert.match(report.leftOver.find(({ name }) => name === 'modules.json')!.reason, /Dense.*Only the encoder/);
    assert.ok(!readdirSync(at('odd-4')).includes('modules.json'));
  });

  it('never writes over other files', async () => {
    mkdirSync(at('used'));
    writeFileSync(at('used/mine.txt'), 'mine');
    for (const format of ['onnx-int8', 'sentence-transformers'] as const) {
      await assert.rejects(exportModel(model, at('used'), { format }), { code: 'IO' });
    }
    assert.deepEqual(readdirSync(at('used')), ['mine.txt']);
  });
});
