import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { MaskFiller } from '../../src/inference/maskFiller';
import { extendModel } from '../../src/library/extendModel';
import { openCheckpoint } from '../../src/models/checkpoint/openCheckpoint';
import { networkParameterSpecs } from '../../src/models/encoder';
import { maskedLanguageHead, WORD_EMBEDDINGS } from '../../src/models/heads/maskedLanguage';
import { openModelFolder, readTokenizerFiles } from '../../src/models/modelFolder';
import { Parameters } from '../../src/models/parameters';
import { writeModelFolder } from '../../src/models/writeModelFolder';
import { extendVocabulary } from '../../src/tokenization/extendVocabulary';
import { loadTokenizer } from '../../src/tokenization/tokenizer';
import { medtextFails, medtextJson } from '../cli/support/commandLine';
import { VOCABULARY, writeTinyModel } from '../cli/support/tinyModel';
import { setAll } from '../support/allValues';

describe('extending a vocabulary', () => {
  let home: string;
  let model: string;
  beforeEach(async () => {
    home = mkdtempSync(join(tmpdir(), 'medtext-extend-'));
    const classifier = await openModelFolder(await writeTinyModel(join(home, 'classifier'), { layers: 1 }));
    const parameters = new Parameters(networkParameterSpecs(classifier.config, maskedLanguageHead, 0));
    setAll(parameters, (i) => Math.sin(i) / 4);
    model = join(home, 'model');
    const contents = {
      parameters,
      config: classifier.config,
      head: maskedLanguageHead,
      copies: classifier.tokenizerFiles,
    };
    await writeModelFolder(model, contents);
  });
  afterEach(() => rmSync(home, { recursive: true, force: true }));

  const tokenizerOf = async (path: string) =>
    loadTokenizer(await readTokenizerFiles(await openModelFolder(path)), path);
  async function tensor(path: string, name: string): Promise<{ shape: readonly number[]; values: Float32Array }> {
    const checkpoint = await openCheckpoint(join(path, 'model.safetensors'));
    const { shape, read } = checkpoint.tensors.get(name)!;
    const values = new Float32Array(shape.reduce((a, b) => a * b));
    await read.call(checkpoint.tensors.get(name), values);
    await checkpoint.close();
    return { shape, values };
  }

  it('adds what is split or unknown, each as the mean of its pieces, in the bias of the decoder too', async () => {
    const output = join(home, 'extended');
    // XLM-R and its like have a binary file beside the others.
    const binary = Buffer.from(Array.from({ length: 256 }, (_, byte) => byte));
    writeFileSync(join(model, 'sentencepiece.bpe.model'), binary);
    const { vocabulary, tokens } = await extendModel(model, output, ['肺炎', '炎', '鱻', '肺炎']);
    assert.deepEqual(vocabulary, { before: VOCABULARY.length, after: VOCABULARY.length + 2 });
    assert.deepEqual(tokens, [
      { token: '肺炎', pieces: ['肺', '炎'] },
      { token: '鱻', pieces: ['[UNK]'] },
    ]);
    assert.deepEqual(readFileSync(join(output, 'sentencepiece.bpe.model')), binary);
    const before = await tokenizerOf(model);
    const after = await tokenizerOf(output);
    assert.deepEqual(after.ids('头痛肺炎鱻'), [...before.ids('头痛'), VOCABULARY.length, VOCABULARY.length + 1]);
    assert.deepEqual(after.ids('肺'), before.ids('肺'));

    const pieces = before.ids('肺炎');
    for (const name of [WORD_EMBEDDINGS, 'cls.predictions.bias']) {
      const [old, now] = [await tensor(model, name), await tensor(output, name)];
      const width = old.values.length / old.shape[0];
      assert.deepEqual(now.shape, [VOCABULARY.length + 2, ...old.shape.slice(1)]);
      assert.deepEqual(now.values.subarray(0, old.values.length), old.values);
      for (let at = 0; at < width; at++) {
        const mean = (old.values[pieces[0] * width + at] + old.values[pieces[1] * width + at]) / 2;
        assert.ok(Math.abs(now.values[old.values.length + at] - mean) < 1e-6);
      }
    }
    assert.equal(JSON.parse(readFileSync(join(output, 'config.json'), 'utf8')).vocab_size, VOCABULARY.length + 2);
    const filler = await MaskFiller.open(output);
    const [{ tokens: filled }] = await filler.fill('肺[MASK]怎么治疗', VOCABULARY.length + 2);
    assert.ok(filled.some(({ text }) => text === '肺炎'));
    await filler.close();
  });

  it('a word that SentencePiece knows inside a text is a token, though a text that is the word alone has a mark before it', async () => {
    const starter = join(__dirname, '..', '..', 'starter');
    const tokenizer = await tokenizerOf(starter);
    assert.deepEqual(tokenizer.tokens('治疗'), ['▁', '治疗']);
    writeFileSync(join(home, 'a.txt'), '肺炎的治疗');
    const [{ words: gaps }] = await medtextJson(['extend', starter, '--texts', join(home, 'a.txt')]);
    assert.deepEqual(gaps, [{ text: '肺炎', count: 1, pieces: ['肺', '炎'], isUnknown: false }]);
    const files = await readTokenizerFiles(await openModelFolder(starter));
    const { tokens, pieces } = extendVocabulary(files, ['治疗', '肺炎'], starter);
    assert.deepEqual([tokens, pieces], [['肺炎'], [tokenizer.ids('肺炎').slice(1)]]);
  });

  it('the command: lists what texts lack, with counts, and adds what a file lists', async () => {
    mkdirSync(join(home, 'texts'));
    writeFileSync(join(home, 'texts/a.txt'), '肺炎怎么治疗。肺炎，肺炎！\n鱻鱻头痛');
    writeFileSync(join(home, 'terms.txt'), '肺炎\n鱻鱻\n');
    const [{ words: gaps }] = await medtextJson(['extend', model, '--texts', join(home, 'texts'), '--terms', join(home, 'terms.txt')]); // prettier-ignore
    assert.deepEqual([gaps[0].text, gaps[0].isUnknown, gaps[1].text, gaps[1].count], ['鱻鱻', true, '肺炎', 3]);
    const output = join(home, 'extended');
    await medtextJson(['extend', model, '--add', join(home, 'terms.txt'), '--output', output]);
    assert.equal((await tokenizerOf(output)).tokens('肺炎').length, 1);
    assert.match(await medtextFails(['extend', model], 2, 'USAGE'), /Give --texts PATH/);
    const again = ['extend', output, '--add', join(home, 'terms.txt'), '--output', join(home, 'b')];
    assert.match(await medtextFails(again, 2, 'USAGE'), /single token already/);
  });
});
