/** Files made to harm, beyond those of the readers' own tests: packed bombs and tensors that claim more than there is. */
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { crc32, createDeflateRaw } from 'node:zlib';
import { openDataFile } from '../../src/data/dataFile';
import { openCheckpoint } from '../../src/models/checkpoint/openCheckpoint';
import { loadTokenizer } from '../../src/tokenization/tokenizer';
import { fails, read } from '../models/checkpoint/support';

interface ZipEntry {
  readonly name: string;
  readonly packed: Buffer;
  readonly method: 0 | 8;
  readonly crc: number;
  /** As the directory says. */
  readonly sizeBytes: number;
}

const stored = (name: string, bytes: Buffer): ZipEntry => ({ name, packed: bytes, method: 0, crc: crc32(bytes), sizeBytes: bytes.length }); // prettier-ignore

/** A zip file of these entries, written out by PKWARE's APPNOTE 4.3. */
function zipOf(entries: readonly ZipEntry[]): Buffer {
  const parts: Buffer[] = [];
  const directory: Buffer[] = [];
  let offset = 0;
  for (const { name, packed, method, crc, sizeBytes } of entries) {
    const common = Buffer.alloc(26);
    common.writeUInt16LE(20, 0);
    common.writeUInt16LE(method, 4);
    common.writeUInt32LE(crc, 10);
    common.writeUInt32LE(packed.length, 14);
    common.writeUInt32LE(sizeBytes, 18);
    common.writeUInt16LE(name.length, 22);
    const local = Buffer.concat([Buffer.from('PK\x03\x04', 'latin1'), common, Buffer.from(name), packed]);
    const where = Buffer.alloc(14);
    where.writeUInt32LE(offset, 10);
    directory.push(Buffer.concat([Buffer.from('PK\x01\x02\x14\0', 'latin1'), common, where, Buffer.from(name)]));
    parts.push(local);
    offset += local.length;
  }
  const central = Buffer.concat(directory);
  const end = Buffer.alloc(22);
  end.write('PK\x05\x06', 'latin1');
  end.writeUInt16LE(entries.length, 8);
  end.writeUInt16LE(entries.length, 10);
  end.writeUInt32LE(central.length, 12);
  end.writeUInt32LE(offset, 16);
  return Buffer.concat([...parts, central, end]);
}

/** `size` zero bytes, packed a thousandfold without ever being in memory. */
async function packedZeros(size: number): Promise<Buffer> {
  const deflate = createDeflateRaw({ level: 9 });
  const piece = Buffer.alloc(2 ** 20);
  const chunks: Buffer[] = [];
  deflate.on('data', (chunk: Buffer) => chunks.push(chunk));
  for (let written = 0; written < size; written += piece.length) {
    if (!deflate.write(piece)) await new Promise((drained) => deflate.once('drain', drained));
  }
  deflate.end();
  await new Promise((ended) => deflate.once('end', ended));
  return Buffer.concat(chunks);
}

const int = (value: number | bigint): string => {
  const bytes = Buffer.alloc(8);
  bytes.writeBigInt64LE(BigInt(value));
  return `\x8a\x08${bytes.toString('latin1')}`;
};
const tuple = (...items: string[]): string => `(${items.join('')}t`;

interface Claim {
  readonly storage?: number | bigint;
  readonly offset?: number | bigint;
  readonly shape: readonly (number | bigint)[];
  readonly stride: readonly (number | bigint)[];
}

/** data.pkl of a state dictionary with one tensor `w` over the storage `0`. */
function pickleOf({ storage = 6, offset = 0, shape, stride }: Claim): Buffer {
  const text = (value: string) => `X${String.fromCharCode(value.length)}\0\0\0${value}`;
  const id = tuple(text('storage'), 'ctorch\nFloatStorage\n', text('0'), text('cpu'), int(storage));
  const rebuilt = tuple(`${id}Q`, int(offset), tuple(...shape.map(int)), tuple(...stride.map(int)), '\x89', 'ccollections\nOrderedDict\n)R'); // prettier-ignore
  return Buffer.from(`\x80\x02}${text('w')}ctorch._utils\n_rebuild_tensor_v2\n${rebuilt}Rs.`, 'latin1');
}

describe('files made to harm', () => {
  let folder: string;
  before(() => void (folder = mkdtempSync(join(tmpdir(), 'medtext-malicious-'))));
  after(() => rmSync(folder, { recursive: true, force: true }));

  const write = (entries: readonly ZipEntry[]): string => {
    const path = join(folder, 'pytorch_model.bin');
    writeFileSync(path, zipOf(entries));
    return path;
  };
  const data = Buffer.from(Float32Array.of(1, 2, 3, 4, 5, 6).buffer);
  const model = (claim: Claim, storage = stored('a/data/0', data)) =>
    write([stored('a/data.pkl', pickleOf(claim)), storage]);
  /** Opening or reading the one tensor is refused. */
  const refuses = async (path: string) =>
    fails('CHECKPOINT_FORMAT', async () => {
      const source = await openCheckpoint(path);
      try {
        await source.tensors.get('w')!.read(new Float32Array(6));
      } finally {
        await source.close();
      }
    });

  it('the same file with true claims is read', async () => {
    const source = await openCheckpoint(model({ shape: [2, 3], stride: [3, 1] }));
    assert.deepEqual(await read(source, 'w'), Float32Array.of(1, 2, 3, 4, 5, 6));
    await source.close();
  });

  const claims: [string, Claim][] = [
    ['a shape whose product overflows 64 bits', { shape: [2n ** 40n, 2n ** 40n], stride: [0, 0] }],
    ['a shape whose product overflows to 6', { shape: [2n ** 32n, 2n ** 32n + 6n], stride: [0, 1] }],
    ['a negative dimension', { shape: [-2, -3], stride: [3, 1] }],
    ['a negative stride', { shape: [2, 3], stride: [-3, 1] }],
    ['a stride beyond the storage', { shape: [2, 3], stride: [2n ** 62n, 1] }],
    ['a negative offset', { offset: -1, shape: [2, 3], stride: [3, 1] }],
    ['an offset beyond the storage', { offset: 2n ** 53n, shape: [2, 3], stride: [3, 1] }],
    ['a storage larger than its entry', { storage: 2n ** 40n, shape: [2n ** 40n], stride: [1] }],
    ['strides for another number of dimensions', { shape: [2, 3], stride: [1] }],
  ];
  for (const [name, claim] of claims) it(`a tensor with ${name}`, () => refuses(model(claim)));

  it('a zip bomb: a small pickle entry that unpacks to 300 MB, whatever size the directory gives', async () => {
    const packed = await packedZeros(300 * 2 ** 20);
    assert.ok(packed.length < 400_000);
    for (const sizeBytes of [300 * 2 ** 20, 100]) {
      const started = performance.now();
      await refuses(write([{ name: 'a/data.pkl', packed, method: 8, crc: 0, sizeBytes }]));
      assert.ok(performance.now() - started < 20_000);
    }
  }).timeout(120_000);

  it('a pickle that copies one text over and over', async () => {
    // `encode(text, 'latin1')` of a text in the memo, as often as three bytes can say: an hour for every kilobyte.
    const text = Buffer.concat([Buffer.from('X\x00\x00\x10\x00', 'latin1'), Buffer.alloc(2 ** 20, 0x61)]);
    const start = Buffer.concat([Buffer.from('\x80\x02c_codecs\nencode\nq\x00', 'latin1'), text, Buffer.from('q\x010X\x06\0\0\0latin1q\x020')]); // prettier-ignore
    for (const call of ['h\x00h\x01h\x02\x86R0', 'h\x00h\x01\x85R0']) {
      const pickle = Buffer.concat([start, Buffer.from(call.repeat(100_000), 'latin1'), Buffer.from('N.')]);
      const started = performance.now();
      await refuses(write([stored('a/data.pkl', pickle)]));
      assert.ok(performance.now() - started < 20_000);
    }
  });

  it('packed storages of zeros, of which the tensors need next to nothing', async () => {
    const packed = await packedZeros(300 * 2 ** 20);
    const claim: Claim = { storage: 75 * 2 ** 20, shape: [2, 3], stride: [3, 1] };
    const started = performance.now();
    await refuses(model(claim, { name: 'a/data/0', packed, method: 8, crc: 0, sizeBytes: 300 * 2 ** 20 }));
    assert.ok(performance.now() - started < 10_000);
  }).timeout(120_000);

  it('a workbook nested without end, and a number format of nothing but brackets', async () => {
    const part = (name: string, xml: string): ZipEntry => stored(name, Buffer.from(xml));
    const workbook = (sheet: string, styles = '<styleSheet/>'): ZipEntry[] => [
      part('[Content_Types].xml', '<Types/>'),
      part('xl/_rels/workbook.xml.rels', '<Relationships><Relationship Id="r1" Target="worksheets/sheet1.xml"/></Relationships>'), // prettier-ignore
      part('xl/workbook.xml', '<workbook xmlns:r="r"><sheets><sheet name="a" r:id="r1"/></sheets></workbook>'),
      part('xl/styles.xml', styles),
      part('xl/worksheets/sheet1.xml', sheet),
    ];
    const row =
      '<worksheet><sheetData><row r="1"><c r="A1" t="inlineStr"><is><t>a</t></is></c></row></sheetData></worksheet>';
    const path = join(folder, 'book.xlsx');
    writeFileSync(path, zipOf(workbook(row.replace('<row', `${'<x>'.repeat(2_000_000)}<row`))));
    const started = performance.now();
    await fails('DATA_FORMAT', () => openDataFile(path));
    const format = `<numFmt numFmtId="200" formatCode="${'['.repeat(400_000)}"/>`;
    const styles = `<styleSheet><numFmts>${format}</numFmts><cellXfs>${'<xf numFmtId="200"/>'.repeat(1000)}</cellXfs></styleSheet>`;
    writeFileSync(path, zipOf(workbook(row, styles)));
    assert.deepEqual((await openDataFile(path)).columns, ['0']);
    assert.ok(performance.now() - started < 20_000);
  });

  it('a vocabulary whose tokens are as long as texts', () => {
    const tokens = [
      '[PAD]',
      '[UNK]',
      '[CLS]',
      '[SEP]',
      'a',
      '##a',
      `b${'a'.repeat(60_000)}`,
      `##${'a'.repeat(60_000)}c`,
    ];
    const tokenizerJson = {
      added_tokens: tokens.slice(0, 4).map((content, id) => ({ id, content, special: true })), // prettier-ignore
      normalizer: { type: 'BertNormalizer', lowercase: true },
      pre_tokenizer: { type: 'BertPreTokenizer' },
      model: { type: 'WordPiece', unk_token: '[UNK]', continuing_subword_prefix: '##', max_input_chars_per_word: 1e9, vocab: Object.fromEntries(tokens.map((token, id) => [token, id])) }, // prettier-ignore
    };
    const started = performance.now();
    assert.equal(loadTokenizer({ tokenizerJson }, 'm').countTokens('a'.repeat(59_000)), 59_000);
    assert.ok(performance.now() - started < 10_000);
  });

  it('a zip bomb: a storage that unpacks to more than the directory says, or says more than can be', async () => {
    const packed = await packedZeros(300 * 2 ** 20);
    const claim: Claim = { shape: [2, 3], stride: [3, 1] };
    for (const sizeBytes of [24, 2 ** 32 - 2]) {
      await refuses(model(claim, { name: 'a/data/0', packed, method: 8, crc: 0, sizeBytes }));
    }
  }).timeout(120_000);
});
