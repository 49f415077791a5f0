import assert from 'node:assert/strict';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { MedTextError } from '../../../src/base/errors';
import { keyOf, RandomStream } from '../../../src/base/random';
import { openCheckpoint } from '../../../src/models/checkpoint/openCheckpoint';
import { elementCount } from '../../../src/onnx/dataType';
import { fixture } from './support';

const CODES = new Set(['CHECKPOINT_FORMAT', 'CHECKPOINT_UNSAFE', 'UNSUPPORTED', 'IO', 'ONNX_FORMAT', 'NOT_FOUND']);

/** Changes a few bytes, mostly where the format's structure lies: near the beginning and the end. */
function mutated(bytes: Buffer, random: RandomStream): Buffer {
  const copy = Buffer.from(bytes);
  const interesting = [0, 1, 0x2e, 0x28, 0x52, 0x63, 0x7f, 0x80, 0x94, 0xff];
  for (let edits = 1 + random.integer(4); edits > 0; edits--) {
    const zone = Math.min(copy.length, 6000);
    const at = random.integer(2) ? random.integer(zone) : copy.length - 1 - random.integer(zone);
    switch (random.integer(5)) {
      case 0:
        copy[at] ^= 1 << random.integer(8);
        break;
      case 1:
        copy[at] = interesting[random.integer(interesting.length)];
        break;
      case 2: // A lying length.
        copy.fill(random.integer(2) ? 0xff : 0, at, at + 1 + random.integer(8));
        break;
      case 3: // A piece from elsewhere.
        copy.copy(copy, at, random.integer(copy.length), Math.min(copy.length, random.integer(copy.length) + 16));
        break;
      default:
        return copy.subarray(0, at);
    }
  }
  return copy;
}

describe('mutated checkpoints', () => {
  let folder: string;
  before(() => (folder = mkdtempSync(join(tmpdir(), 'medtext-'))));
  after(() => rmSync(folder, { recursive: true, force: true }));

  const files: [string, number][] = [
    ['views.bin', 800],
    ['views-legacy.bin', 800],
    ['nested.bin', 400],
    ['deflated.bin', 400],
    ['model.safetensors', 600],
    ['traced.onnx', 300],
  ];
  for (const [file, count] of files) {
    it(`${count} of ${file}: read, or refused with a code`, async () => {
      const original = readFileSync(fixture(file));
      const random = new RandomStream(keyOf(20260101, original.length));
      let refused = 0;
      const path = join(folder, file);
      for (let i = 0; i < count; i++) {
        writeFileSync(path, mutated(original, random));
        try {
          const source = await openCheckpoint(path);
          try {
            for (const tensor of source.tensors.values()) {
              // A caller allocates what its own configuration says, never what a file says.
              if (elementCount(tensor.shape) < 2 ** 20) await tensor.read(new Float32Array(elementCount(tensor.shape)));
            }
          } finally {
            await source.close();
          }
        } catch (error) {
          assert.ok(error instanceof MedTextError, `mutation ${i}: ${(error as Error).stack}`);
          assert.ok(CODES.has(error.code), `mutation ${i}: ${error.code}: ${error.message}`);
          refused++;
        }
      }
      assert.ok(refused > count / 10 && refused < count, `${refused} of ${count} refused`);
    });
  }
});
