import assert from 'node:assert/strict';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { MedTextError } from '../../../src/base/errors';
import { keyOf, uniformAt } from '../../../src/base/random';
import {
  BLOCK_BYTES,
  narrowToFourBit,
  widenFourBit,
  writeFourBit,
  type StoredTensor,
} from '../../../src/models/checkpoint/fourBit';
import { openCheckpoint } from '../../../src/models/checkpoint/openCheckpoint';

describe('weights in four bits', () => {
  let home: string;
  beforeEach(() => void (home = mkdtempSync(join(tmpdir(), 'medtext-four-bit-'))));
  afterEach(() => rmSync(home, { recursive: true, force: true }));

  it('a block is a half-precision scale, then values 0 to 15 in low halves and 16 to 31 in high ones', () => {
    const block = new Uint8Array(BLOCK_BYTES);
    block.set([0x00, 0x38]); // 0.5
    block[2] = 0xf0; // value 0: (0 - 8) / 2, value 16: (15 - 8) / 2
    block.fill(0x88, 3); // zeros
    const values = new Float32Array(32);
    widenFourBit(block, values);
    assert.deepEqual([values[0], values[16], values[1], values[17]], [-4, 3.5, 0, 0]);
  });

  it('narrows to the nearest of 16 levels: half a step at most, a sixteenth of the largest value; the largest stays', () => {
    const values = Float32Array.from({ length: 320 }, (_, i) => uniformAt(keyOf(1), i) - 0.5);
    values[5] = 2;
    values.fill(0, 64, 96);
    const widened = new Float32Array(320);
    widenFourBit(narrowToFourBit(values), widened);
    for (let block = 0; block < 10; block++) {
      const part = values.subarray(32 * block, 32 * block + 32);
      const largest = Math.max(...part.map(Math.abs));
      // The scale is rounded to half precision (2^-11), and +8 is no level: what is opposite to the largest loses a step.
      const bound = largest / 8 + largest * 2 ** -9;
      part.forEach((value, i) => assert.ok(Math.abs(value - widened[32 * block + i]) <= bound, `${block} ${i}`));
    }
    assert.equal(widened[5], 2);
    assert.ok(widened.subarray(64, 96).every((value) => value === 0));
    // Blocks are levels already: narrowing again changes nothing.
    const again = new Float32Array(320);
    widenFourBit(narrowToFourBit(widened), again);
    assert.deepEqual(again, widened);
  });

  const tensors = (): StoredTensor[] => [
    { name: 'table', shape: [2, 32], storage: 'Q4', bytes: narrowToFourBit(Float32Array.from({ length: 64 }, (_, i) => i - 32)) }, // prettier-ignore
    { name: 'bias', shape: [3], storage: 'F32', bytes: new Uint8Array(Float32Array.of(1, -2, 0.25).buffer) },
  ];

  it('is a checkpoint like others, whatever the file is called', async () => {
    const path = join(home, 'weights');
    await writeFourBit(path, tensors());
    const source = await openCheckpoint(path);
    assert.equal(source.format, 'four-bit');
    assert.deepEqual([...source.tensors].map(([name, { shape }]) => [name, shape]), [['table', [2, 32]], ['bias', [3]]]); // prettier-ignore
    const bias = new Float32Array(3);
    await source.tensors.get('bias')!.read(bias);
    assert.deepEqual([...bias], [1, -2, 0.25]);
    const table = new Float32Array(64);
    await source.tensors.get('table')!.read(table);
    assert.equal(table[0], -32);
    await source.close();
  });

  it('refuses a file of which one bit, or the end, is not what was written', async () => {
    const path = join(home, 'model.q4');
    await writeFourBit(path, tensors());
    const right = readFileSync(path);
    const damaged = [
      ...[5, 20, right.length - 60, right.length - 1].map((at) => Buffer.from(right).fill(right[at] ^ 1, at, at + 1)),
      right.subarray(0, right.length - 1),
      right.subarray(0, 6),
      Buffer.concat([right, Buffer.alloc(1)]),
    ];
    for (const content of damaged) {
      writeFileSync(path, content);
      await assert.rejects(openCheckpoint(path), (error) => error instanceof MedTextError && error.code === 'CHECKPOINT_FORMAT'); // prettier-ignore
    }
  });

  it('writes no tensor whose rows are no whole blocks', async () => {
    const odd: StoredTensor = { name: 'odd', shape: [2, 16], storage: 'Q4', bytes: new Uint8Array(BLOCK_BYTES) };
    await assert.rejects(writeFourBit(join(home, 'odd'), [odd]), /odd/);
  });
});
