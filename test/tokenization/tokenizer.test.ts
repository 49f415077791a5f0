import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { MedTextError, type ErrorCode } from '../../src/base/errors';
import { bertNormalize, bertSplit } from '../../src/tokenization/bertWords';
import { loadTokenizer } from '../../src/tokenization/tokenizer';
import type { JsonObject } from '../../src/tokenization/tokenizerJson';
import { vocabularyToTokenizerJson } from '../../src/tokenization/vocabularyToTokenizerJson';

const fixtures = join(__dirname, '../fixtures/tokenization');
const readText = (name: string) => readFileSync(join(fixtures, name), 'utf8');
const vocabTxt = readText('vocab.txt');
const bpe = JSON.parse(readText('byteLevelBpe.json')) as {
  tokenizerJson: JsonObject;
  pairs: [string, string, number, string][];
};
const reference = JSON.parse(readText('reference.json')) as {
  everyCodePoint: { options: Record<string, boolean | null>; sha256: string }[];
  texts: [string, string][];
  variants: { options: JsonObject; texts: [string, string][] }[];
  pairs: [string, string, number, string, number][];
  singles: [string, number, string][];
};
const tokenizer = loadTokenizer({ vocabTxt }, 'fixture');

function idsOf(text: string, by = tokenizer): string {
  return by.encodePair(text, undefined, Infinity).inputIds.subarray(1, -1).join(' ');
}

function raises(code: ErrorCode, pattern: RegExp, action: () => unknown): void {
  assert.throws(action, (error: unknown) => {
    assert.ok(error instanceof MedTextError, String(error));
    assert.equal(error.code, code);
    assert.match(error.message, pattern);
    return true;
  });
}

describe('tokenizer', () => {
  it("gives the ids of Python's BertTokenizer on real and nasty strings", () => {
    assert.ok(reference.texts.length >= 2000);
    for (const [text, ids] of reference.texts) assert.equal(idsOf(text), ids, JSON.stringify(text));
  });

  it('treats every Unicode code point as Python does', () => {
    for (const { options, sha256 } of reference.everyCodePoint) {
      const normalizer = {
        cleanText: options.clean_text!,
        handleChineseChars: options.handle_chinese_chars!,
        stripAccents: options.strip_accents,
        lowercase: options.lowercase!,
      };
      const hash = createHash('sha256');
      let lines: string[] = [];
      for (let point = 0; point < 0x110000; point++) {
        if (point >= 0xd800 && point <= 0xdfff) continue;
        const words = bertSplit(bertNormalize({ text: `A${String.fromCodePoint(point)}b` }, normalizer));
        lines.push(words.map(({ text }) => text).join(' ') + '\n');
        if (lines.length === 10_000) {
          hash.update(lines.join(''));
          lines = [];
        }
      }
      assert.equal(hash.update(lines.join('')).digest('hex'), sha256, JSON.stringify(options));
    }
  });

  it('honours lower case, accents and Chinese characters in tokenizer_config.json', () => {
    for (const { options, texts } of reference.variants) {
      assert.ok(texts.length >= 20);
      const variant = loadTokenizer({ vocabTxt, tokenizerConfig: options }, 'fixture');
      const synthesised = vocabularyToTokenizerJson(
        vocabTxt,
        { config: {}, specialTokensMap: {}, addedTokens: {} },
        'fixture',
      ) as unknown as JsonObject;
      const overridden = loadTokenizer(
        { tokenizerJson: JSON.stringify(synthesised), tokenizerConfig: options },
        'fixture',
      );
      for (const [text, ids] of texts) {
        assert.equal(idsOf(text, variant), ids, `${JSON.stringify(options)} ${JSON.stringify(text)}`);
        assert.equal(idsOf(text, overridden), ids, `${JSON.stringify(options)} ${JSON.stringify(text)}`);
      }
    }
  });

  it("adds a space before a text where a RoBERTa's tokenizer_config.json says so, as transformers does", () => {
    const idsWith = (tokenizerConfig: JsonObject, tokenizerJson = bpe.tokenizerJson) =>
      ['hello world', ' Hi'].map((text) =>
        loadTokenizer({ tokenizerJson, tokenizerConfig }, 'fixture').ids(text).join(' '),
      );
    const spaced = { ...bpe.tokenizerJson, pre_tokenizer: { type: 'ByteLevel', add_prefix_space: true } };
    const plain = ['76 73 425 83 225 91 440 80 72', '225 44 77'];
    assert.deepEqual(idsWith({ tokenizer_class: 'RobertaTokenizer' }), plain);
    assert.deepEqual(idsWith({ tokenizer_class: 'RobertaTokenizer' }, spaced), plain);
    assert.deepEqual(idsWith({}, spaced), [`225 ${plain[0]}`, plain[1]]);
    assert.deepEqual(idsWith({ tokenizer_class: 'PreTrainedTokenizerFast', add_prefix_space: true }), plain);
    for (const name of ['RobertaTokenizer', 'RobertaTokenizerFast']) {
      assert.deepEqual(idsWith({ tokenizer_class: name, add_prefix_space: true }), [`225 ${plain[0]}`, plain[1]]);
    }
  });

  it('truncates at the left where the files say so, as transformers does', () => {
    const vocab = ['[PAD]', '[UNK]', '[CLS]', '[SEP]', '[MASK]', ...'肺炎感冒高血压糖尿病怎么'];
    const left = { vocabTxt: vocab.join('\n'), tokenizerConfig: { truncation_side: 'left' } };
    // In tokenizer.json alone, where tokenizer_config.json does not override it.
    const tokenizerJson = { ...vocabularyToTokenizerJson(left.vocabTxt, { config: {}, specialTokensMap: {}, addedTokens: {} }, 'made'), truncation: { direction: 'Left' } }; // prettier-ignore
    const [a, b] = ['肺炎感冒高血压糖尿病怎么', '尿糖压血高冒感炎肺'];
    const expected: [number, string, string][] = [
      [6, '2 13 14 15 16 3', '2 15 16 3 5 3'],
      [9, '2 10 11 12 13 14 15 16 3', '2 14 15 16 3 7 6 5 3'],
      [10, '2 9 10 11 12 13 14 15 16 3', '2 13 14 15 16 3 7 6 5 3'],
    ];
    for (const files of [left, { tokenizerJson }]) {
      const tokenizer = loadTokenizer(files, 'made');
      for (const [maxLength, single, pair] of expected) {
        assert.equal(tokenizer.encodePair(a, undefined, maxLength).inputIds.join(' '), single);
        assert.equal(tokenizer.encodePair(a, b, maxLength).inputIds.join(' '), pair);
        const { inputIds, starts, ends, textIndex } = tokenizer.encodeWithOffsets(a, b, maxLength);
        assert.equal(inputIds.join(' '), pair);
        inputIds.forEach((id, at) => textIndex[at] >= 0 && assert.equal([a, b][textIndex[at]].slice(starts[at], ends[at]), vocab[id])); // prettier-ignore
      }
    }
    const right = loadTokenizer({ tokenizerJson, tokenizerConfig: { truncation_side: 'right' } }, 'made');
    assert.equal(right.encodePair(a, undefined, 6).inputIds.join(' '), '2 5 6 7 8 3');
  });

  it('truncates pairs and single texts as truncation=True does', () => {
    for (const [a, b, maxLength, ids, zeros] of reference.pairs) {
      const encoded = tokenizer.encodePair(a, b, maxLength);
      const message = JSON.stringify([a, b, maxLength]);
      assert.equal(encoded.inputIds.join(' '), ids, message);
      assert.equal(encoded.length, encoded.inputIds.length);
      assert.deepEqual(
        [...encoded.tokenTypeIds],
        [...encoded.inputIds].map((_, i) => (i < zeros ? 0 : 1)),
        message,
      );
      assert.equal(encoded.truncated, tokenizer.encodePair(a, b, Infinity).length > maxLength, message);
    }
    for (const [text, maxLength, ids] of reference.singles) {
      assert.equal(tokenizer.encodePair(text, undefined, maxLength).inputIds.join(' '), ids, JSON.stringify(text));
    }
  });

  it("gives the ids of Python's byte-level BPE with RoBERTa's special tokens", () => {
    const roberta = loadTokenizer({ tokenizerJson: bpe.tokenizerJson }, 'fixture');
    for (const [a, b, maxLength, ids] of bpe.pairs) {
      const encoded = roberta.encodePair(a, b, maxLength);
      assert.equal(encoded.inputIds.join(' '), ids, JSON.stringify([a, b, maxLength]));
      assert.ok(encoded.tokenTypeIds.every((type) => type === 0));
    }
    assert.equal(roberta.padTokenId, 1);
    assert.equal(roberta.vocabSize, 700);
  });

  it('drops lone surrogates, which Python cannot encode', () => {
    assert.equal(idsOf('糖\ud800尿\udc00病'), idsOf('糖尿病'));
    const roberta = loadTokenizer({ tokenizerJson: bpe.tokenizerJson }, 'fixture');
    assert.equal(idsOf('a\ud800b', roberta), idsOf('a\ufffdb', roberta));
  });

  it('shows tokens, counts and ids', () => {
    assert.deepEqual(tokenizer.tokens('糖尿病 5mg/kg·d [SEP]'), [
      '糖',
      '尿',
      '病',
      '5m',
      '##g',
      '/',
      'kg',
      '·',
      'd',
      '[SEP]',
    ]);
    assert.equal(tokenizer.countTokens('糖尿病 5mg'), 5);
    assert.equal(tokenizer.vocabSize, 21128);
    assert.deepEqual(tokenizer.specialIds, { cls: 101, sep: 102, pad: 0, unk: 100, mask: 103 });
    assert.deepEqual([tokenizer.specialTokenCount(false), tokenizer.specialTokenCount(true)], [2, 3]);
    assert.equal(tokenizer.tokenId('糖'), 5131);
    assert.equal(tokenizer.tokenText(5131), '糖');
    assert.equal(tokenizer.modelMaxLength, undefined);
    const config = { model_max_length: 512 };
    assert.equal(loadTokenizer({ vocabTxt, tokenizerConfig: config }, 'fixture').modelMaxLength, 512);
  });

  it('finds added tokens by their flags', () => {
    const added = (content: string, flags: JsonObject) => ({ content, special: false, normalized: false, ...flags });
    const tokenizerConfig = {
      added_tokens_decoder: {
        '21128': added('<药品>', { normalized: true }),
        '21129': added('mmol', { single_word: true }),
        '21130': added('<s>', { lstrip: true, rstrip: true, special: true }),
        '21131': added('ABC', { normalized: true }),
      },
    };
    const { encodePair, vocabSize } = bind(loadTokenizer({ vocabTxt, tokenizerConfig }, 'fixture'));
    assert.equal(vocabSize, 21132);
    assert.deepEqual(encodePair('病<药品>病'), [101, 4567, 21128, 4567, 102]);
    assert.deepEqual(encodePair('5 mmol'), [101, 126, 21129, 102]);
    assert.ok(!encodePair('commol').includes(21129));
    assert.deepEqual(encodePair('病 <s> <s> 病'), [101, 4567, 21130, 21130, 4567, 102]);
    // A normalised token is looked for in normalised text, in any case.
    assert.deepEqual(encodePair('病aBC'), [101, 4567, 21131, 102]);
  });

  it("adds the tokens that Python adds, with Python's ids, from vocab.txt and from the tokenizer.json made of it", () => {
    const { vocabulary, texts, cases } = JSON.parse(readText('addedTokens.json'));
    const own = `${vocabulary.join('\n')}\n`;
    for (const { name, ids, ...given } of cases) {
      const { tokenizer_config: config = {}, special_tokens_map: specialTokensMap = {}, added_tokens: addedTokens = {} } = given; // prettier-ignore
      const declaring = { config, specialTokensMap, addedTokens };
      const files = { tokenizerConfig: config, specialTokensMap, addedTokens };
      const tokenizerJson = vocabularyToTokenizerJson(own, declaring, name) as unknown as JsonObject;
      for (const loaded of [
        loadTokenizer({ vocabTxt: own, ...files }, name),
        loadTokenizer({ tokenizerJson, ...files }, name),
      ]) {
        const found = texts.map((text: string) => [...loaded.encodePair(text, undefined, Infinity).inputIds]);
        assert.deepEqual(found, ids, name);
      }
    }
  });

  it('encodes in the background, reports progress and can be cancelled', async () => {
    const pairs = reference.pairs.flatMap(([a, b]) => Array.from({ length: 30 }, () => ({ a, b })));
    const reports: number[] = [];
    let turns = 0;
    const timer = setInterval(() => turns++, 1);
    const encoded = await tokenizer.encodeAll(pairs, 32, (done) => reports.push(done));
    clearInterval(timer);
    assert.equal(encoded.length, pairs.length);
    assert.deepEqual(encoded[77], tokenizer.encodePair(pairs[77].a, pairs[77].b, 32));
    assert.equal(reports.at(-1), pairs.length);
    assert.ok(turns > 0, 'the event loop never turned');

    const controller = new AbortController();
    const cancelled = tokenizer.encodeAll(pairs, 32, () => controller.abort(), controller.signal);
    await assert.rejects(cancelled, (error: MedTextError) => error.code === 'CANCELLED');
  });

  it('takes a megabyte of text without effort', () => {
    const started = performance.now();
    const text = '1a'.repeat(49).concat(' ').repeat(10_000);
    assert.equal(tokenizer.encodePair(text, text, 511).length, 511);
    // An odd token goes to the longer text, which must then be counted further.
    const shorter = text.slice(0, 50_000);
    assert.deepEqual([...tokenizer.encodePair(shorter, text, 512).tokenTypeIds].lastIndexOf(0), 255);
    assert.deepEqual([...tokenizer.encodePair(text, shorter, 512).tokenTypeIds].lastIndexOf(0), 256);
    assert.ok(performance.now() - started < 10_000);
  });

  it('names what is wrong with a vocabulary', () => {
    const load = (text: string) => () => loadTokenizer({ vocabTxt: text }, 'models/bad');
    raises('TOKENIZER', /models\/bad: vocab\.txt is empty/, load('\n\n'));
    raises('TOKENIZER', /no \[CLS\]/, load(vocabTxt.replace('[CLS]\n', '[CLASS]\n')));
    raises('TOKENIZER', /"糖" twice, in lines 5132 and 21129/, load(`${vocabTxt}糖\n`));
    raises('TOKENIZER', /not UTF-8/, load(vocabTxt.replace(/[一-龥]/g, '\uFFFD\uFFFD')));
    raises('TOKENIZER', /not UTF-8|NUL/, load(Buffer.from(vocabTxt, 'utf8').toString('latin1').replaceAll('[', '\0[')));
    raises('TOKENIZER', /neither tokenizer\.json nor vocab\.txt/, () => loadTokenizer({}, 'models/bad'));
    raises('TOKENIZER', /no room/, () => tokenizer.encodePair('a', 'b', 2));
    raises('TOKENIZER', /no room/, () => tokenizer.encodePair('a', 'b', NaN));
  });

  it('reads a vocabulary with CRLF line ends, a byte order mark and a blank line at its place', () => {
    const crlf = loadTokenizer({ vocabTxt: '\uFEFF' + vocabTxt.replaceAll('\n', '\r\n') }, 'fixture');
    assert.equal(idsOf('糖尿病5mg', crlf), idsOf('糖尿病5mg'));
    const blank = loadTokenizer({ vocabTxt: vocabTxt.replace('[unused1]', '') }, 'fixture');
    assert.equal(idsOf('糖尿病5mg', blank), idsOf('糖尿病5mg'));
  });

  it("uses a model's own names for the special tokens", () => {
    const renamed = vocabTxt.replace('[CLS]\n', '<cls>\n').replace('[PAD]\n', '<pad>\n');
    const specialTokensMap = { pad_token: { content: '<pad>' } };
    const own = loadTokenizer(
      { vocabTxt: renamed, tokenizerConfig: { cls_token: '<cls>' }, specialTokensMap },
      'fixture',
    );
    assert.deepEqual([...own.encodePair('<cls>', undefined, 9).inputIds], [101, 101, 102]);
    assert.equal(own.padTokenId, 0);
  });

  it('names what is wrong with a tokenizer.json', () => {
    const good = vocabularyToTokenizerJson(
      vocabTxt,
      { config: {}, specialTokensMap: {}, addedTokens: {} },
      'fixture',
    ) as unknown as JsonObject;
    const load = (tokenizerJson: string | JsonObject) => () => loadTokenizer({ tokenizerJson }, 'models/bad');
    raises('TOKENIZER', /tokenizer\.json is not valid JSON/, load('{"model": '));
    raises('TOKENIZER', /does not hold a JSON object/, load('[]'));
    raises('TOKENIZER', /"model" must be/, load({ ...good, model: null }));
    raises('TOKENIZER', /"model\.vocab" must be/, load({ ...good, model: { type: 'WordPiece', vocab: 3 } }));
    raises('TOKENIZER', /token id/, load({ ...good, model: { type: 'WordPiece', vocab: { a: -1 } } }));
    raises('TOKENIZER', /added_tokens\[0\]/, load({ ...good, added_tokens: [{ id: 'x', content: 'y' }] }));
    raises('TOKENIZER', /"normalizer" must be/, load({ ...good, normalizer: 'none' }));
    raises(
      'TOKENIZER',
      /post_processor\.pair/,
      load({ ...good, post_processor: { ...(good.post_processor as JsonObject), pair: [] } }),
    );
    raises('UNSUPPORTED', /Surprise/, load({ ...good, post_processor: { type: 'Surprise' } }));
    raises('UNSUPPORTED', /normalizer "Surprise"/, load({ ...good, normalizer: { type: 'Surprise' } }));
    raises(
      'TOKENIZER',
      /no \[UNK\]/,
      load({ ...good, model: { type: 'WordPiece', unk_token: '[UNK]', vocab: { '[PAD]': 0 } } }),
    );
  });
});

function bind(by: ReturnType<typeof loadTokenizer>) {
  return {
    vocabSize: by.vocabSize,
    encodePair: (text: string) => [...by.encodePair(text, undefined, Infinity).inputIds],
  };
}
