import assert from 'node:assert/strict';
import { existsSync, lstatSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'; // prettier-ignore
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { replaceFolder, restoreFolder } from '../../src/models/checkpoint/replaceFolder';

describe('a folder that is there as a whole or not at all', () => {
  let parent: string;
  let folder: string;
  beforeEach(() => {
    parent = mkdtempSync(join(tmpdir(), 'medtext-replace-'));
    folder = join(parent, 'model');
  });
  afterEach(() => rmSync(parent, { recursive: true, force: true }));

  const fill = (text: string) => async (temporary: string) => writeFileSync(join(temporary, 'a'), text);
  const content = () => readFileSync(join(folder, 'a'), 'utf8');
  const left = (name: string, text: string) => {
    mkdirSync(join(parent, name));
    writeFileSync(join(parent, name, 'a'), text);
  };

  it('takes the place of what was there, and leaves it where the new one fails', async () => {
    await replaceFolder(folder, fill('1'));
    await replaceFolder(folder, fill('2'));
    assert.equal(content(), '2');
    const failed = replaceFolder(folder, async () => Promise.reject(new Error('no')));
    await assert.rejects(failed, /no/);
    assert.equal(content(), '2');
    assert.deepEqual(readdirSync(parent), ['model']);
  });

  it('a link to a folder stays, and the folder that it leads to is replaced, or made', async () => {
    mkdirSync(join(parent, 'disk'));
    const target = join(parent, 'disk', 'there');
    symlinkSync(target, folder, 'junction');
    for (const text of ['1', '2']) {
      await replaceFolder(folder, fill(text));
      assert.equal(readFileSync(join(target, 'a'), 'utf8'), text);
      assert.ok(lstatSync(folder).isSymbolicLink());
      assert.deepEqual(readdirSync(join(parent, 'disk')), ['there']);
      assert.deepEqual(readdirSync(parent).sort(), ['disk', 'model']);
    }
  });

  it('is written by one at a time', async () => {
    const results = await Promise.allSettled(['1', '2', '3'].map((text) => replaceFolder(folder, fill(text))));
    const codes = results.map((result) => (result.status === 'rejected' ? result.reason.code : 'done'));
    assert.deepEqual(codes.sort(), ['BUSY', 'BUSY', 'done']);
    assert.deepEqual(readdirSync(parent), ['model']);
  });

  it('killed between the two renames: what was there is there again; what was half written goes', async () => {
    left('.model.writing-0123456789ab', 'new');
    left('.model.writing-0123456789ab.old', 'old');
    left('.other.writing-0123456789ab', 'another’s');
    await restoreFolder(folder);
    assert.equal(content(), 'old');
    assert.deepEqual(readdirSync(parent).sort(), ['.other.writing-0123456789ab', 'model']);
    left('.model.writing-0123456789ab', 'half');
    left('.model.writing-ba9876543210.old', 'older');
    await restoreFolder(folder);
    assert.equal(content(), 'old');
    await replaceFolder(folder, fill('new'));
    assert.equal(content(), 'new');
  });

  it('keeps what was there under another name, the first of them', async () => {
    const kept = join(parent, 'before');
    for (const text of ['1', '2', '3']) await replaceFolder(folder, fill(text), { keepOldAs: kept });
    assert.equal(content(), '3');
    assert.equal(readFileSync(join(kept, 'a'), 'utf8'), '1');
    assert.deepEqual(readdirSync(parent).sort(), ['before', 'model']);
  });

  it('says of a full disk where it is, how much is needed and how much is free', async () => {
    const full = async () => Promise.reject(Object.assign(new Error('ENOSPC: no space left on device, write'), { code: 'ENOSPC' })); // prettier-ignore
    await assert.rejects(replaceFolder(folder, full, { sizeBytes: 409_000_000 }), (error: any) => {
      assert.equal(error.code, 'DISK_FULL');
      assert.ok(error.message.startsWith(`The disk is full: ${folder} could not be written. It takes 409 MB. `), error.message); // prettier-ignore
      assert.match(error.message, /[\d.]+ .?B are free there\.$/);
      assert.equal(error.detail.neededBytes, 409_000_000);
      return true;
    });
    assert.equal(existsSync(folder), false);
  });
});
