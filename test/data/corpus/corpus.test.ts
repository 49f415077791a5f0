import assert from 'node:assert/strict';
import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { MedTextError } from '../../../src/base/errors';
import { findCorpusFiles } from '../../../src/data/corpus/corpusFiles';
import { CorpusIndex, prepareCorpusIndex, type IndexOptions } from '../../../src/data/corpus/corpusIndex';
import { documentRuleOf, type DocumentRule } from '../../../src/data/corpus/corpusLines';
import { CorpusSequences, heldOutDocuments } from '../../../src/data/corpus/corpusSequences';
import { sentencesOf } from '../../../src/data/corpus/sentences';
import { readTerms, WordBoundaries } from '../../../src/data/corpus/wordBoundaries';

const isMedTextError = (error: unknown, code: string) => error instanceof MedTextError && error.code === code;

/** One id a character, its code; every character a word but those that follow a letter. */
const encode = (text: string) => {
  const characters = [...text].filter((character) => /\S/.test(character));
  return { ids: characters.map((c) => c.codePointAt(0)!), wordStarts: characters.map(() => 1) };
};

describe('corpora', () => {
  let folder: string;
  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'medtext-corpus-'));
  });
  afterEach(() => rm(folder, { recursive: true, force: true }));

  const put = async (name: string, content: string | Uint8Array): Promise<string> => {
    const path = join(folder, 'texts', name);
    await mkdir(join(path, '..'), { recursive: true });
    await writeFile(path, content);
    return path;
  };

  const options = (more: Partial<IndexOptions> = {}): IndexOptions & { unknownTokenId: undefined } => ({
    key: 'k',
    reading: { rule: 'file' },
    onBadRow: 'stop',
    encode,
    icu: null,
    unknownTokenId: undefined,
    ...more,
  });

  const documentsOf = (index: CorpusIndex): string[] =>
    Array.from({ length: index.documentCount }, (_, document) => {
      const { ids } = index.tokens(index.starts[document], index.starts[document + 1] - index.starts[document]);
      return Array.from(ids, (id) => String.fromCodePoint(id)).join('');
    });

  const documents = async (
    paths: string[],
    wanted: DocumentRule,
    column?: string,
    encoding?: string,
  ): Promise<string[]> => {
    const corpus = await findCorpusFiles(paths);
    const rule = await documentRuleOf(corpus, wanted, encoding);
    const index = await prepareCorpusIndex(join(folder, `index-${Math.random()}`), corpus, options({ reading: { rule, column, encoding } })); // prettier-ignore
    index.close();
    return documentsOf(await CorpusIndex.open(index.folder, index.facts));
  };

  describe('documents', () => {
    it('are found in the encoding that is named, where the file does not tell it', async () => {
      const file = join(folder, 'utf16.txt');
      await writeFile(file, Buffer.from('甲\n甲二\n\n乙\n', 'utf16le'));
      assert.deepEqual(await documents([file], 'auto', undefined, 'utf-16le'), ['甲甲二', '乙']);
      await rm(file);
    });

    it('are files of a folder, in the order of their paths, at any depth', async () => {
      await put('b.txt', '乙\n\n乙二');
      await put('a/z.md', '# 甲\n文');
      await put('a.csv', 'id,text\n1,"丙\n三"\n2,丁');
      await put('c.pdf', '%PDF');
      await put('.hidden.txt', '藏');
      await put('model/config.json', '{}');
      await put('model/vocab.txt', '[PAD]');
      await put('notes.medtext.json', '{}');
      await put('empty.txt', '');
      const found = await findCorpusFiles([join(folder, 'texts')]);
      assert.equal(found.passedOver, 3);
      assert.deepEqual(await documents([join(folder, 'texts')], 'auto', undefined), ['丙三丁', '#甲文', '乙乙二']);
    });

    it('of one file are parted by blank lines, or are its lines where it has none', async () => {
      const blank = await put('blank.txt', '\n\n一\n二\n \t\n三\r\n\r\n\r\n四\n\n');
      assert.deepEqual(await documents([blank], 'auto'), ['一二', '三', '四']);
      assert.deepEqual(await documents([blank], 'line'), ['一', '二', '三', '四']);
      assert.deepEqual(await documents([blank], 'file'), ['一二三四']);
      const lines = await put('lines.txt', '一\n二\n三\n\n');
      assert.deepEqual(await documents([lines], 'auto'), ['一', '二', '三']);
      const oldMac = await put('mac.txt', '一\r二\r');
      assert.deepEqual(await documents([oldMac], 'auto'), ['一', '二']);
    });

    it('of a table are its rows', async () => {
      const rows = await put('rows.jsonl', '{"n":1,"text":"一\\n二"}\n{"n":2,"text":"三"}\n{"n":3,"text":null}\n');
      assert.deepEqual(await documents([rows], 'auto'), ['一二', '三']);
      const two = await put('two.jsonl', '{"a":"一","b":"二"}\n');
      assert.deepEqual(await documents([two], 'auto', 'b'), ['二']);
      assert.deepEqual(await documents([two], 'auto', '1'), ['二']);
      const twins = await put('twins.csv', 'text,text\n一,二\n');
      await assert.rejects(documents([twins], 'auto', 'text'), (e) => isMedTextError(e, 'DATA_FORMAT') && /columns 1 and 2 are all named "text"/.test(String(e))); // prettier-ignore
      await assert.rejects(documents([two], 'auto'), (e) => isMedTextError(e, 'DATA_FORMAT') && /a, b.*first_sequence/.test(String(e))); // prettier-ignore
      await assert.rejects(documents([two], 'auto', 'c'), (e) => isMedTextError(e, 'NOT_FOUND') && /no column "c"/.test(String(e))); // prettier-ignore
    });

    it('are read in GB18030 and UTF-16, and a line of any length in pieces that lose nothing', async () => {
      const gb = await put('gb.txt', Buffer.from([0xcc, 0xc7, 0xc4, 0xf2, 0xb2, 0xa1, 0x0a]));
      assert.deepEqual(await documents([gb], 'file'), ['糖尿病']);
      const long = '糖𠀀尿'.repeat(150_000);
      const path = await put('long.txt', `${long}\n末`);
      assert.deepEqual(await documents([path], 'line'), [long, '末']);
    });

    it('that are nowhere are an error with the place', async () => {
      await assert.rejects(findCorpusFiles([join(folder, 'none')]), (e) => isMedTextError(e, 'NOT_FOUND'));
      await mkdir(join(folder, 'texts'), { recursive: true });
      await assert.rejects(findCorpusFiles([join(folder, 'texts')]), (e) => isMedTextError(e, 'DATA_FORMAT'));
      await put('notes/config.json', '{}');
      await put('notes/a.txt', '发热');
      await assert.rejects(
        findCorpusFiles([join(folder, 'texts', 'notes')]),
        /notes holds config\.json, as the folder of a model or a run does/,
      );
      const blank = await put('blank.txt', ' \n\n ');
      await assert.rejects(documents([blank], 'auto'), (e) => isMedTextError(e, 'DATA_FORMAT'));
    });

    it('with bytes that are no text stop the preparation, or are counted and left out', async () => {
      const path = await put('bad.txt', Buffer.concat([Buffer.from('好的一行\n'.repeat(50)), Buffer.from([0xff, 0xfe, 0x41, 0x0a]), Buffer.from('末行')])); // prettier-ignore
      const corpus = await findCorpusFiles([path]);
      const reading = { rule: 'line', encoding: 'utf-8' } as const;
      await assert.rejects(prepareCorpusIndex(join(folder, 'a'), corpus, options({ reading })), (e) => isMedTextError(e, 'DATA_FORMAT') && /bad\.txt, line 51: bytes/.test(String(e))); // prettier-ignore
      const index = await prepareCorpusIndex(join(folder, 'b'), corpus, options({ reading, onBadRow: 'skip' }));
      assert.equal(index.facts.badRows, 1);
      assert.equal(index.facts.documents, 51);
      index.close();
    });
  });

  it('a preparation that is interrupted anywhere gives the same index', async () => {
    for (let i = 0; i < 6; i++) await put(`${i}.txt`, Array.from({ length: 60 }, (_, n) => `第${i}份第${n}行。还有一句！${n % 7 ? '' : '\n'}`).join('\n')); // prettier-ignore
    const corpus = await findCorpusFiles([join(folder, 'texts')]);
    const reading = { rule: 'blank-line' } as const;
    const whole = await prepareCorpusIndex(join(folder, 'whole'), corpus, options({ reading }));
    let calls = 0;
    let stops = 0;
    for (let limit = 100; ; limit += 130) {
      // Fails as a killed process would: without a message to the index.
      const failing = (text: string) => {
        if (++calls > limit) throw new Error('killed');
        return encode(text);
      };
      calls = 0;
      try {
        const index = await prepareCorpusIndex(join(folder, 'cut'), corpus, options({ reading, encode: failing, saveEveryMs: 0 })); // prettier-ignore
        index.close();
        break;
      } catch (error) {
        assert.match(String(error), /killed/);
        stops++;
      }
    }
    assert.ok(stops >= 3, `${stops} interruptions`);
    for (const name of ['tokens.bin', 'documents.bin', 'index.json']) {
      assert.deepEqual(await readFile(join(folder, 'cut', name)), await readFile(join(folder, 'whole', name)), name);
    }
    whole.close();
  });

  it('a preparation that is cancelled is gone on with, not begun anew', async () => {
    for (let i = 0; i < 4; i++) await put(`${i}.txt`, `第${i}份。\n`.repeat(20));
    const corpus = await findCorpusFiles([join(folder, 'texts')]);
    const stop = new AbortController();
    let calls = 0;
    const encodeOnce = (text: string) => {
      if (++calls === 50) stop.abort();
      return encode(text);
    };
    const cut = options({ encode: encodeOnce, signal: stop.signal });
    await assert.rejects(prepareCorpusIndex(join(folder, 'i'), corpus, cut), (e) => isMedTextError(e, 'CANCELLED'));
    const index = await prepareCorpusIndex(join(folder, 'i'), corpus, options({ encode: encodeOnce }));
    assert.equal(index.facts.documents, 4);
    assert.equal(calls, 80);
    index.close();
  });

  it('a damaged index is refused', async () => {
    const corpus = await findCorpusFiles([await put('a.txt', '一\n二')]);
    const index = await prepareCorpusIndex(join(folder, 'i'), corpus, options());
    index.close();
    await writeFile(join(folder, 'i', 'tokens.bin'), 'short');
    await assert.rejects(prepareCorpusIndex(join(folder, 'i'), corpus, options()), (e) => isMedTextError(e, 'IO'));
  });

  it('holds out a share of the documents, one at least, never all, equal ones together', () => {
    const hashes = Uint32Array.from({ length: 1000 }, (_, i) => Math.imul(i % 500, 2654435761));
    const isHeldOut = heldOutDocuments({ hashes, folder: '' }, 0.1, 42);
    const count = isHeldOut.reduce((sum, one) => sum + one, 0);
    assert.ok(count >= 100 && count <= 102, `${count}`);
    for (let i = 0; i < 500; i++) assert.equal(isHeldOut[i], isHeldOut[i + 500]);
    assert.notDeepEqual(isHeldOut, heldOutDocuments({ hashes, folder: '' }, 0.1, 43));
    assert.equal(
      heldOutDocuments({ hashes: Uint32Array.of(1, 2, 3), folder: '' }, 0.01, 1).reduce((a, b) => a + b),
      1,
    );
    for (let seed = 0; seed < 20; seed++) {
      for (const [own, share] of [
        [[1, 2, 2, 2], 0.5],
        [[1, 2, 3], 0.9],
      ] as const) {
        assert.ok(heldOutDocuments({ hashes: Uint32Array.from(own), folder: '' }, share, seed).includes(0));
      }
    }
    for (const few of [[1], [5, 5, 5]]) assert.throws(() => heldOutDocuments({ hashes: Uint32Array.from(few), folder: '' }, 0.1, 1), (e) => isMedTextError(e, 'DATA_FORMAT')); // prettier-ignore
  });

  it('cuts documents into sequences that do not cross them', () => {
    const sequences = new CorpusSequences({ starts: Float64Array.of(0, 10, 11, 30) }, (document) => document !== 1, 8);
    assert.deepEqual([...sequences.starts], [0, 8, 11, 19, 27]);
    assert.deepEqual([...sequences.lengths], [8, 2, 8, 8, 3]);
    assert.deepEqual([...sequences.documents], [0, 0, 2, 2, 2]);
  });

  it('cuts lines into sentences without losing a character', () => {
    for (const [text, sentences] of [
      ['患者男。“胸闷！”查体：正常；BP 1.5 mg. Then', ['患者男。', '“胸闷！”', '查体：正常；', 'BP 1.5 mg.', ' Then']],
      ['。。。', ['。。。']],
      ['', []],
    ] as const) assert.deepEqual(sentencesOf(text), sentences); // prettier-ignore
  });

  describe('words', () => {
    const cut = (text: string, terms: string[] = []): string[] => {
      const starts = new WordBoundaries(terms).of(text);
      const parts: string[] = [];
      for (let at = 0; at < text.length; at++) {
        if (starts[at]) parts.push('');
        parts[parts.length - 1] += text[at];
      }
      return parts;
    };

    it('are those of the segmenter over the whole text, though it is asked by parts', () => {
      const segmenter = new Intl.Segmenter('zh', { granularity: 'word' });
      const boundaries = new WordBoundaries();
      const compare = (text: string): void => {
        const whole = new Uint8Array(text.length + 1);
        whole[text.length] = 1;
        for (const { index } of segmenter.segment(text)) whole[index] = 1;
        assert.deepEqual(boundaries.of(text), whole, JSON.stringify(text));
      };
      for (let unit = 0x20; unit < 0x10000; unit++) {
        const character = String.fromCharCode(unit);
        compare(`糖尿${character}病人a${character}1${character}${character}高血压${character}`);
      }
      const letters = [...'糖尿病高血压患者甲状腺结节12.5mgμ/L％，。（）？ \u3000-_\'"\u0301\u200d々〇ガなй😀é'];
      for (let i = 0; i < 5000; i++) {
        compare(Array.from({ length: i % 20 }, (_, at) => letters[(Math.imul(i * 31 + at + 1, 2654435761) >>> 8) % letters.length]).join('')); // prettier-ignore
      }
    }).timeout(60_000);

    it('are joined by listed terms, the longest first, whatever the segmenter says', () => {
      const text = '口服二甲双胍治疗，甲状腺结节TI-RADS 4a类';
      assert.deepEqual(cut(text, ['二甲双胍', '甲状腺', '甲状腺结节', 'ti-rads 4A']), ['口服', '二甲双胍', '治疗', '，', '甲状腺结节', 'TI-RADS 4a', '类']); // prettier-ignore
      assert.notDeepEqual(cut(text), cut(text, ['二甲双胍']));
    });

    it('that a term overlaps are cut at its ends', () => {
      assert.deepEqual(cut('糖尿病人', ['病人']).at(-1), '病人');
    });

    it('come from a list of a term a line', () => {
      assert.deepEqual(readTerms('# 词表\n二甲双胍\n\n 甲状腺结节 \r\n二甲双胍\n', 'x'), ['二甲双胍', '甲状腺结节']);
      assert.throws(() => readTerms('# nothing\n', 'terms.txt'), (e) => isMedTextError(e, 'DATA_FORMAT') && /terms\.txt/.test(String(e))); // prettier-ignore
    });
  });
});
