import assert from 'node:assert/strict';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { openEmbedder } from '../../src/inference/embedder';
import { pruneModel } from '../../src/library/pruneModel';
import { openCheckpoint } from '../../src/models/checkpoint/openCheckpoint';
import { medtext, medtextFails, medtextJson } from '../cli/support/commandLine';
import { VOCABULARY, writeTinyModel } from '../cli/support/tinyModel';

const vectorOf = async (folder: string, text: string) => {
  const embedder = await openEmbedder(folder, { device: 'cpu', threads: 1 });
  try {
    return await embedder.embed([text]);
  } finally {
    await embedder.close();
  }
};

describe('pruning a model', () => {
  let home: string;
  let model: string;
  beforeEach(async () => {
    home = mkdtempSync(join(tmpdir(), 'medtext-prune-'));
    model = await writeTinyModel(join(home, 'model'), { layers: 2 });
  });
  afterEach(() => rmSync(home, { recursive: true, force: true }));

  it('keeps what the texts need: their vectors are the same bit for bit', async () => {
    const output = join(home, 'small');
    const texts = ['肺炎怎么治疗', '感冒吃什么药'];
    const { vocabulary, changes } = await pruneModel(model, output, { texts, minCount: 1, classes: [], pieces: new Set(['胃']) }); // prettier-ignore
    const needed = new Set([...texts.join(''), '胃']).size + 5;
    assert.deepEqual(vocabulary, { before: VOCABULARY.length, after: needed });
    assert.deepEqual([changes.texts, changes.changed, changes.newUnknown], [2, 0, 0]);
    for (const text of texts) assert.deepEqual(await vectorOf(output, text), await vectorOf(model, text));
    const config = JSON.parse(readFileSync(join(output, 'config.json'), 'utf8'));
    assert.equal(config.vocab_size, needed);
  });

  it('reports texts that have other tokens than before', async () => {
    const texts = ['肺炎', '肺炎', '头痛'];
    const { changes } = await pruneModel(model, join(home, 'small'), { texts, minCount: 2, classes: [], pieces: new Set() }); // prettier-ignore
    assert.deepEqual([changes.texts, changes.changed, changes.newUnknown], [3, 1, 2]);
    assert.deepEqual(changes.examples, [{ text: '头痛', before: ['头', '痛'], after: ['[UNK]', '[UNK]'] }]);
  });

  it('the command: pieces of a file with a BOM, a model by its name in the library, names that are none', async () => {
    const pieces = join(home, '保留 的 字.txt');
    writeFileSync(pieces, '\ufeff胃\r\n痛\r\n');
    const texts = join(home, '文本.txt');
    writeFileSync(texts, '\ufeff肺炎\n');
    const env = { MEDTEXT_MODELS: home };
    const small = ['--texts', texts, '--keep', pieces, '--output', join(home, '小 模型')];
    const [result] = await medtextJson(['prune', 'model', ...small], { env });
    assert.deepEqual(result.vocabulary, { before: VOCABULARY.length, after: 4 + 5 });
    assert.equal(result.changes.changed, 0);
    const wrong = await medtextFails(['prune', model, '--keep', 'character', '--output', join(home, 'x')], 2, 'USAGE');
    assert.match(
      wrong,
      /"character", which is no file and none of characters, ascii, punctuation\. Did you mean characters\?/,
    );
    assert.match(await medtextFails(['prune', model, '--output', texts], 1, 'IO'), /文本\.txt is not a folder/);
  });

  it('the command: layers by choice, from data files, and what it refuses', async () => {
    const texts = join(home, 'texts.jsonl');
    writeFileSync(texts, '{"query":"肺炎怎么治疗","label":"甲"}\n{"query":"头痛","label":"乙"}\n');
    const output = join(home, 'small');
    const [result] = await medtextJson(['prune', model, '--texts', texts, '--keep', '', '--layers', '1,', '--output', output]); // prettier-ignore
    assert.deepEqual(result.layers, { before: 2, after: 1 });
    assert.equal(result.vocabulary.after, new Set('肺炎怎么治疗头痛').size + 5);
    assert.equal(result.changes.texts, 2);
    // Layer 1 is the new layer 0: its weights are the old ones.
    const read = async (folder: string, name: string) => {
      const source = await openCheckpoint(join(folder, 'model.safetensors'));
      const tensor = source.tensors.get(name)!;
      const values = new Float32Array(tensor.shape.reduce((a, b) => a * b, 1));
      await tensor.read(values);
      await source.close();
      return values;
    };
    const part = (layer: number) => `bert.encoder.layer.${layer}.attention.self.query.weight`;
    assert.deepEqual(await read(output, part(0)), await read(model, part(1)));
    writeFileSync(texts, '{"query":"头痛"}\n{"query": }\n{"query":7}\n');
    const { stdout, stderr } = await medtext(['prune', model, '--texts', texts, '--keep', '', '--output', output, '--json']); // prettier-ignore
    assert.equal(JSON.parse(stdout).changes.texts, 2);
    assert.match(stderr, /texts\.jsonl: 1 row left out/);
    await medtextFails(['prune', model, '--texts', texts, '--layers', '5,', '--output', join(home, 'x')], 2, 'USAGE');
    await medtextFails(['prune', model, '--texts', texts, '--layers', '1,0', '--output', join(home, 'x')], 2, 'USAGE');
    await medtextFails(['prune', model, '--texts', texts, '--output', model], 2, 'USAGE');
  });
});
