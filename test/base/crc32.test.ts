import assert from 'node:assert/strict';
import { crc32, tableCrc32 } from '../../src/base/crc32';

describe('the CRC-32 of a ZIP archive', () => {
  it('is that of the usual check value, at once and in parts, with and without the runtime’s own', () => {
    const text = Buffer.from('123456789');
    for (const crc of [crc32, tableCrc32]) {
      assert.equal(crc(text), 0xcbf43926);
      assert.equal(crc(text.subarray(4), crc(text.subarray(0, 4))), 0xcbf43926);
      assert.equal(crc(new Uint8Array(0)), 0);
    }
  });
});
