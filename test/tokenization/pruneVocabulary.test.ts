import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { MedTextError } from '../../src/base/errors';
import { PIECE_CLASSES, pruneVocabulary } from '../../src/tokenization/pruneVocabulary';
import { loadTokenizer } from '../../src/tokenization/tokenizer';

const UNIGRAM = {
  version: '1.0',
  added_tokens: [
    { id: 0, content: '<s>', special: true },
    { id: 1, content: '<pad>', special: true },
    { id: 2, content: '</s>', special: true },
    { id: 3, content: '<unk>', special: true },
    { id: 12, content: '<mask>', special: true, lstrip: true },
  ],
  normalizer: null,
  pre_tokenizer: { type: 'Metaspace', replacement: '▁', prepend_scheme: 'always', split: true },
  post_processor: {
    type: 'Sequence',
    processors: [
      {
        type: 'TemplateProcessing',
        single: [{ SpecialToken: { id: '<s>', type_id: 0 } }, { Sequence: { id: 'A', type_id: 0 } }, { SpecialToken: { id: '</s>', type_id: 0 } }], // prettier-ignore
        pair: [{ SpecialToken: { id: '<s>', type_id: 0 } }, { Sequence: { id: 'A', type_id: 0 } }, { SpecialToken: { id: '</s>', type_id: 0 } }, { Sequence: { id: 'B', type_id: 0 } }, { SpecialToken: { id: '</s>', type_id: 0 } }], // prettier-ignore
        special_tokens: {
          '<s>': { id: '<s>', ids: [0], tokens: ['<s>'] },
          '</s>': { id: '</s>', ids: [2], tokens: ['</s>'] },
        },
      },
    ],
  },
  decoder: null,
  model: {
    type: 'Unigram',
    unk_id: 3,
    vocab: [
      ['<s>', 0],
      ['<pad>', 0],
      ['</s>', 0],
      ['<unk>', 0],
      ['▁', -2],
      ['привет', -3],
      ['糖', -5],
      ['尿', -5],
      ['病', -5],
      ['糖尿病', -6],
      ['▁CT', -6],
      ['。', -4],
      ['<mask>', 0],
    ],
  },
};
const CONFIG = {
  unk_token: '<unk>',
  pad_token: '<pad>',
  cls_token: '<s>',
  sep_token: '</s>',
  mask_token: '<mask>',
  added_tokens_decoder: { 0: { content: '<s>' }, 12: { content: '<mask>' } },
};

describe('cutting a vocabulary', () => {
  it('Unigram: the same pipeline over the pieces that stay, renumbered everywhere', () => {
    const files = { tokenizerJson: UNIGRAM, tokenizerConfig: CONFIG };
    const keeps = ({ text }: { text: string }) => PIECE_CLASSES.characters(text);
    const pruned = pruneVocabulary(files, keeps, 'unigram');
    assert.deepEqual(pruned.rows, [0, 1, 2, 3, 4, 6, 7, 8, 11, 12]);
    assert.equal(pruned.newId.get(12), 9);
    const before = loadTokenizer(files, 'unigram');
    const after = loadTokenizer({ tokenizerJson: pruned.files['tokenizer.json'], tokenizerConfig: pruned.files['tokenizer_config.json'] }, 'unigram'); // prettier-ignore
    assert.deepEqual(before.tokens('糖尿病。'), ['▁', '糖尿病', '。']);
    assert.deepEqual(after.tokens('糖尿病。'), ['▁', '糖', '尿', '病', '。']);
    // A text whose pieces all stay has the same tokens under new ids.
    const [old, now] = [before, after].map((tokenizer) => [...tokenizer.encodePair('糖。', '病', 20).inputIds]);
    assert.deepEqual(
      now,
      old.map((id) => pruned.newId.get(id)),
    );
    assert.equal(after.specialIds.mask, 9);
    assert.equal(after.vocabSize, 10);
    const config = JSON.parse(pruned.files['tokenizer_config.json']);
    assert.deepEqual(Object.keys(config.added_tokens_decoder), ['0', '9']);
  });

  it('WordPiece: from vocab.txt alone, ids of a text that stays as they are among the rows', () => {
    const vocabTxt = readFileSync(join(__dirname, '../fixtures/tokenization/vocab.txt'), 'utf8');
    const before = loadTokenizer({ vocabTxt }, 'wordpiece');
    const kept = new Set(before.ids('肺炎怎么治疗'));
    const pruned = pruneVocabulary({ vocabTxt }, ({ id }) => kept.has(id), 'wordpiece');
    assert.ok(pruned.rows.length < 20, String(pruned.rows.length));
    const after = loadTokenizer({ vocabTxt: pruned.files['vocab.txt'] }, 'wordpiece');
    assert.equal(after.vocabSize, pruned.rows.length);
    assert.deepEqual(after.tokens('肺炎怎么治疗'), before.tokens('肺炎怎么治疗'));
    assert.deepEqual(after.ids('肺炎怎么治疗').map((id) => pruned.rows[id]), before.ids('肺炎怎么治疗')); // prettier-ignore
    const json = loadTokenizer({ tokenizerJson: pruned.files['tokenizer.json'] }, 'wordpiece');
    assert.deepEqual(json.ids('肺炎怎么治疗'), after.ids('肺炎怎么治疗'));
  });

  it('refuses a BPE by name', () => {
    const tokenizerJson = { ...UNIGRAM, model: { type: 'BPE', vocab: { a: 0, b: 1, ab: 2 }, merges: ['a b'] } };
    assert.throws(
      () => pruneVocabulary({ tokenizerJson }, () => true, 'bpe'),
      (error) => {
        assert.equal((error as MedTextError).code, 'UNSUPPORTED');
        assert.match(String(error), /BPE/);
        return true;
      },
    );
  });

  it('classes: Chinese, Latin and Greek characters and signs are kept, other alphabets and longer pieces not', () => {
    const { characters, ascii, punctuation } = PIECE_CLASSES;
    assert.deepEqual(['糖', 'A', 'β', '，', '5', '', '㎎', '𠮷'].map(characters), Array(8).fill(true));
    assert.deepEqual(['糖尿', 'п', 'あ', '한', 'ก', '٣'].map(characters), Array(6).fill(false));
    assert.deepEqual(['CT', 'é', ''].map(ascii), [true, false, false]);
    assert.deepEqual(['。。', '+', 'a。'].map(punctuation), [true, true, false]);
  });
});
