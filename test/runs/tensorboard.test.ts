import assert from 'node:assert/strict';
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { crc32c, encodeEvent, frameRecord, TensorBoardWriter } from '../../src/runs/tensorboard';

describe('TensorBoard event files', () => {
  let folder: string;
  beforeEach(() => (folder = mkdtempSync(join(tmpdir(), 'medtext-events-'))));
  afterEach(() => rmSync(folder, { recursive: true, force: true }));

  it("are byte for byte those of TensorBoard's own writer", () => {
    const times = [1700000000.25, 1700000000.25, 1700000001.5, 1700000002];
    const writer = TensorBoardWriter.open(folder, { step: 250, wallTime: () => times.shift()! });
    writer.scalars(300, { 'train/loss': 0.6931472, 学习率: 3e-5 });
    writer.close();
    const expected = readFileSync(join(__dirname, '../fixtures/tensorboard/events.hex'), 'utf8').trim();
    assert.equal(readFileSync(writer.file).toString('hex'), expected);
  });

  it('start anew with each session, in the order of their names', () => {
    const files = [1, 1, 2].map((seconds) => {
      const writer = TensorBoardWriter.open(join(folder, 'events'), { wallTime: () => seconds });
      writer.close();
      return basename(writer.file);
    });
    assert.equal(new Set(files).size, 3);
    assert.deepEqual(readdirSync(join(folder, 'events')).sort(), files);
    assert.ok(files.every((file) => file.includes('tfevents')));
  });

  it('carry any number', () => {
    for (const value of [NaN, Infinity, 1e300, -0, 1e-300]) {
      assert.ok(encodeEvent({ wallTime: 1, step: 1, scalars: { x: value } }).length > 10);
    }
  });

  it('use the Castagnoli checksum (RFC 3720, B.4) over length and data', () => {
    assert.equal(crc32c(new Uint8Array(32)), 0x8a9136aa);
    assert.equal(crc32c(new Uint8Array(32).fill(0xff)), 0x62a8ab43);
    assert.equal(crc32c(new TextEncoder().encode('123456789')), 0xe3069283);
    assert.equal(frameRecord(new Uint8Array(5)).length, 21);
  });

  it('say so when they cannot be written', () => {
    writeFileSync(join(folder, 'file'), '');
    assert.throws(() => TensorBoardWriter.open(join(folder, 'file')), { code: 'IO' });
  });
});
