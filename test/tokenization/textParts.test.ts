/** BERT's pipeline by parts gives what it gives for the whole text. */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { loadTokenizer, type Tokenizer } from '../../src/tokenization/tokenizer';

const vocabTxt = readFileSync(join(__dirname, '../../samples/structbert-tiny/vocab.txt'), 'utf8');
const tokens = vocabTxt.split('\n').filter((line) => line !== '');

interface Options {
  readonly lowercase?: boolean;
  readonly strip_accents?: boolean | null;
  readonly handle_chinese_chars?: boolean;
  readonly added?: readonly object[];
}

/** By parts, and the same pipeline in a form that is read whole. */
function both({ added = [], ...options }: Options = {}): [Tokenizer, Tokenizer] {
  const normalizer = { type: 'BertNormalizer', clean_text: true, handle_chinese_chars: true, strip_accents: null, lowercase: true, ...options }; // prettier-ignore
  const special = ['[PAD]', '[UNK]', '[CLS]', '[SEP]', '[MASK]'].map((content) => ({ content, id: tokens.indexOf(content), special: true, normalized: false })); // prettier-ignore
  const json = {
    added_tokens: [...special, ...added],
    pre_tokenizer: { type: 'BertPreTokenizer' },
    model: {
      type: 'WordPiece',
      unk_token: '[UNK]',
      continuing_subword_prefix: '##',
      vocab: Object.fromEntries(tokens.map((token, id) => [token, id])),
    },
  };
  const made = (one: object) => loadTokenizer({ tokenizerJson: { ...json, normalizer: one } }, 'test');
  return [made(normalizer), made({ type: 'Sequence', normalizers: [normalizer] })];
}

function assertEqual([parts, whole]: readonly [Tokenizer, Tokenizer], text: string): void {
  assert.deepEqual(parts.ids(text), whole.ids(text), JSON.stringify(text));
  const [a, b] = [parts, whole].map((one) => one.encodeWithOffsets(text, undefined, Infinity));
  assert.deepEqual([...a.inputIds], [...b.inputIds], JSON.stringify(text));
  assert.deepEqual([...a.starts], [...b.starts], JSON.stringify(text));
  assert.deepEqual([...a.ends], [...b.ends], JSON.stringify(text));
}

const OPTIONS: readonly Options[] = [
  {},
  { lowercase: false },
  { handle_chinese_chars: false },
  { strip_accents: false },
];

describe('BERT by parts', () => {
  it('reads every character of the basic plane among letters and ideographs as the whole pipeline does', () => {
    for (const [at, options] of OPTIONS.entries()) {
      const pair = both(options);
      // All of them once; the other options change few.
      for (let unit = at; unit < 0x10000; unit += at === 0 ? 1 : 7)
        assertEqual(pair, `糖a${String.fromCharCode(unit)}b1尿`);
    }
  }).timeout(300_000);

  it('reads random texts as the whole pipeline does, with every limit', () => {
    const letters = [...'糖尿病高血压患者1234.5mgABCμg/L％，。！？ \t\u3000\u00a0-_[]()αβΣσéÉ\u0301\u200b\u200d한カが々〇ﬁİ①℃Ⅱ𠀀😀豈𝐀', '[MASK]', '[SEP]', '二甲双胍', 'COVID-19']; // prettier-ignore
    let state = 7;
    const next = (n: number) => (state = Math.imul(state, 1664525) + 1013904223) >>> 0 && (state >>> 8) % n;
    const pairs = OPTIONS.map(both);
    for (let i = 0; i < 4000; i++) {
      const text = Array.from({ length: next(24) }, () => letters[next(letters.length)]).join('');
      for (const pair of pairs) assertEqual(pair, text);
      const [a, b] = pairs[0].map((one) => one.encodePair(text, 'a', 3 + (i % 9)));
      assert.deepEqual(a, b);
    }
  }).timeout(60_000);

  it('finds added tokens that go across its parts, however they are written', () => {
    const token = { single_word: false, lstrip: false, rstrip: false, normalized: true, special: false };
    const contents = ['二甲双胍', 'COVID-19', 'é', 'type 2'];
    const added = contents.map((content, i) => ({ ...token, content, id: tokens.length + i }));
    const pair = both({ added });
    for (const text of ['口服二甲双胍0.5g', 'covid-19 阳性', 'COVID-19', 'café', 'cafe', 'Type 2', '二 甲双胍', '2型']) assertEqual(pair, text); // prettier-ignore
    assert.ok(pair[0].ids('口服二甲双胍').includes(tokens.length));
  });
});
