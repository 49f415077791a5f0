import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { MedTextError } from '../../src/base/errors';
import { holdsCString, readElfNeeds } from '../../src/gpuRuntime/elf';
import { runtimeLibraryPath, runtimeVersion } from '../../src/inference/session';
import { elfLibrary } from './support/wheels';

describe('shared libraries', () => {
  let folder: string;
  beforeEach(() => (folder = mkdtempSync(join(tmpdir(), 'medtext-elf-'))));
  afterEach(() => rmSync(folder, { recursive: true, force: true }));
  const written = (content: Buffer): string => {
    const path = join(folder, 'lib.so');
    writeFileSync(path, content);
    return path;
  };

  it('say what they need and are called; the runtime’s own as readelf prints it', async function () {
    if (process.platform !== 'linux' || process.arch !== 'x64') return;
    const { needed, soname } = await readElfNeeds(runtimeLibraryPath());
    assert.equal(soname, 'libonnxruntime.so.1');
    assert.ok(needed.includes('libc.so.6') && needed.includes('libstdc++.so.6'), needed.join(' '));
    assert.ok(
      needed.every((name) => /^(lib|ld-)[\w+.-]+\.so\.\d+$/.test(name)),
      needed.join(' '),
    );
    // The native library's version stands in it; another one's does not.
    assert.equal(await holdsCString(runtimeLibraryPath(), runtimeVersion()), true);
    assert.equal(await holdsCString(runtimeLibraryPath(), '1.29.99'), false);
  });

  it('are refused with a code when they are damaged anywhere, in bounded memory', async () => {
    const whole = elfLibrary(['libcublas.so.13', 'libc.so.6']);
    assert.deepEqual((await readElfNeeds(written(whole))).needed, ['libcublas.so.13', 'libc.so.6']);
    const fails = async (content: Buffer, text = /not a library for x86-64 Linux/) =>
      assert.rejects(readElfNeeds(written(content)), (error: MedTextError) => {
        assert.equal(error.code, 'INTEGRITY');
        assert.match(error.message, text);
        return true;
      });
    await fails(Buffer.from('#!/bin/sh\n'), /cut short/);
    await fails(Buffer.alloc(200), /not an ELF file/);
    const arm = Buffer.from(whole);
    arm.writeUInt16LE(183, 18);
    await fails(arm, /another machine/);
    for (let length = 0; length < whole.length - 3; length += 7) await fails(whole.subarray(0, length));
    // Every byte of the headers turned over: a result or a coded error, never anything else.
    for (let at = 0; at < whole.length; at++) {
      const turned = Buffer.from(whole);
      turned[at] ^= 0xff;
      await readElfNeeds(written(turned)).catch((error: unknown) => {
        assert.ok(error instanceof MedTextError && error.code === 'INTEGRITY', `byte ${at}: ${String(error)}`);
      });
    }
  });

  it('hold a text only as a C string of its own, across the pieces they are read in', async () => {
    const filler = Buffer.alloc((4 << 20) - 4, 1);
    assert.equal(await holdsCString(written(Buffer.concat([filler, Buffer.from('\x001.30.0\0')])), '1.30.0'), true);
    assert.equal(await holdsCString(written(Buffer.from('\x00v1.30.0\0')), '1.30.0'), false);
    assert.equal(await holdsCString(written(Buffer.from('\x001.30.0-dev\0')), '1.30.0'), false);
  });
});
