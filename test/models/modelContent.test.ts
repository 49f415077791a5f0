import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { cpSync, ftruncateSync, mkdirSync, mkdtempSync, openSync, closeSync, readFileSync, renameSync, rmSync, symlinkSync, writeFileSync, writeSync } from 'node:fs'; // prettier-ignore
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { keyOf, RandomStream } from '../../src/base/random';
import { MedTextError } from '../../src/base/errors';
import { externalFilesOf } from '../../src/models/checkpoint/onnxFiles';
import { readOnnxFile } from '../../src/models/checkpoint/onnxWeights';
import { modelContent } from '../../src/models/modelContent';
import { openModelFolder } from '../../src/models/modelFolder';
import { readModel } from '../../src/onnx/readModel';
import { MessageWriter } from '../../src/onnx/wire';
import { writeModel } from '../../src/onnx/writeModel';
import { mutatedBytes } from '../fuzz/mutations';

const FIXTURES = join(__dirname, '../fixtures');

/** One tensor of a message that a graph holds. */
function tensor(w: MessageWriter, name: string, location?: string, place = 1): MessageWriter {
  w.integer(1, 2).integer(2, 1).string(8, name);
  if (location === undefined) return w.bytes(9, new Uint8Array(8));
  return w.message(13, (entry) => entry.string(1, 'location').string(2, location)).integer(14, place);
}

describe('what a model is', () => {
  let home: string;
  const at = (name: string) => join(home, name);
  before(() => {
    home = mkdtempSync(join(tmpdir(), 'medtext-content-'));
  });
  after(() => rmSync(home, { recursive: true, force: true }));

  function folderWith(name: string, files: Readonly<Record<string, string | Uint8Array>>): string {
    mkdirSync(at(name));
    for (const file of ['config.json', 'vocab.txt']) cpSync(join(FIXTURES, 'checkpoints/structbert', file), at(`${name}/${file}`)); // prettier-ignore
    for (const [file, content] of Object.entries(files)) {
      mkdirSync(dirname(at(`${name}/${file}`)), { recursive: true });
      writeFileSync(at(`${name}/${file}`), content);
    }
    return at(name);
  }

  /** The exported encoder with its large tensors in another file. */
  function encoderWith(location: string): Record<string, Uint8Array> {
    const model = readModel(readFileSync(join(FIXTURES, 'onnx/optimum.onnx')));
    const { bytes, externalData } = writeModel(model, { externalThresholdBytes: 512, externalLocation: location });
    return { 'model.onnx': bytes, [location]: Buffer.concat(externalData!.pieces) };
  }

  const contentOf = async (folder: string) => modelContent(await openModelFolder(folder));

  /** As runs and records hold it since the first version. */
  function hashOf(folder: string, ...names: string[]): string {
    const hash = createHash('sha256');
    for (const name of names) {
      const sha256 = createHash('sha256').update(readFileSync(join(folder, name))).digest('hex'); // prettier-ignore
      hash.update(`${name}\0${sha256}\n`);
    }
    return `sha256:${hash.digest('hex')}`;
  }

  it('is in the files that its graph names, wherever they lie in its folder', async () => {
    for (const [i, location] of ['model.onnx.data', 'model.onnx_data', 'weights.dat', 'parts/one.bin'].entries()) {
      const folder = folderWith(`named-${i}`, { ...encoderWith(location), 'other.onnx.data': 'x' });
      const names = ['config.json', 'model.onnx', location, 'vocab.txt'].sort();
      const { contentHash, files } = await contentOf(folder);
      assert.deepEqual(files.map(({ name }) => name), names); // prettier-ignore
      assert.equal(contentHash, hashOf(folder, ...names));
      const data = readFileSync(join(folder, location));
      data[data.length >> 1] ^= 1;
      writeFileSync(join(folder, location), data);
      assert.notEqual((await contentOf(folder)).contentHash, contentHash, location);
    }
  });

  it('is the graph alone where it holds all its tensors', async () => {
    const folder = folderWith('alone', { 'model.onnx': readFileSync(join(FIXTURES, 'onnx/optimum.onnx')) });
    assert.equal((await contentOf(folder)).contentHash, hashOf(folder, 'config.json', 'model.onnx', 'vocab.txt'));
  });

  it('is refused where a file is missing or lies elsewhere', async () => {
    const missing = folderWith('missing', encoderWith('weights.dat'));
    renameSync(join(missing, 'weights.dat'), at('weights.dat'));
    await assert.rejects(contentOf(missing), { code: 'NOT_FOUND' });
    symlinkSync(at('weights.dat'), join(missing, 'weights.dat'));
    await assert.rejects(contentOf(missing), { code: 'ONNX_FORMAT', message: /a link that leads out/ });
    const outside = new MessageWriter().message(7, (graph) =>
      graph.message(5, (w) => tensor(w, 'a', '../weights.dat')),
    );
    await assert.rejects(contentOf(folderWith('outside', { 'model.onnx': outside.finish() })), { code: 'ONNX_FORMAT', message: /lies outside/ }); // prettier-ignore
  });

  it('a tensor is found in attributes, subgraphs, sparse tensors and functions, and counts only if it is external', async () => {
    const names = ['initialiser', 'attribute', 'subgraph', 'list', 'sparse', 'function', 'inside'];
    const attribute = (w: MessageWriter, field: number, name: string) =>
      w.message(5, (inner) => inner.message(field, (t) => tensor(t, 'a', name)));
    const model = new MessageWriter()
      .integer(1, 9)
      .message(7, (graph) => {
        graph.message(5, (w) => tensor(w, 'a', 'initialiser')).message(5, (w) => tensor(w, 'b', 'inside', 0));
        graph.message(5, (w) => tensor(w, 'c')).message(5, (w) => tensor(w, 'd', 'initialiser'));
        graph.message(1, (node) => attribute(attribute(node, 5, 'attribute'), 10, 'list').string(4, 'If'));
        graph.message(1, (node) => node.message(5, (a) => a.message(6, (inner) => inner.message(5, (w) => tensor(w, 'e', 'subgraph'))))); // prettier-ignore
        graph.message(15, (sparse) => sparse.message(1, (w) => tensor(w, 'f', 'sparse')));
      })
      .message(25, (body) => body.message(7, (node) => attribute(node, 5, 'function')));
    for (const name of names) writeFileSync(at(name), '');
    writeFileSync(at('everywhere.onnx'), model.finish());
    const found = await externalFilesOf(at('everywhere.onnx'));
    assert.deepEqual(found.sort(), names.filter((name) => name !== 'inside').map(at).sort()); // prettier-ignore
  });

  it('passes over the bytes of tensors, gigabytes of them', async () => {
    const rawBytes = 2 ** 30;
    // A graph of two tensors; the first one's bytes are a hole in the file.
    const last = new MessageWriter().message(5, (w) => tensor(w, 'b', 'weights.dat')).finish();
    const varint = (value: number): number[] => (value < 128 ? [value] : [(value % 128) | 128, ...varint(Math.floor(value / 128))]); // prettier-ignore
    const raw = [0x4a, ...varint(rawBytes)];
    const first = [0x2a, ...varint(raw.length + rawBytes), ...raw];
    const head = Buffer.from([0x3a, ...varint(first.length + rawBytes + last.length), ...first]);
    writeFileSync(at('weights.dat'), '');
    const file = openSync(at('large.onnx'), 'w');
    writeSync(file, head);
    ftruncateSync(file, head.length + rawBytes);
    writeSync(file, last, 0, last.length, head.length + rawBytes);
    closeSync(file);
    const { arrayBuffers } = process.memoryUsage();
    assert.deepEqual(await externalFilesOf(at('large.onnx')), [at('weights.dat')]);
    assert.ok(process.memoryUsage().arrayBuffers - arrayBuffers < 2 ** 24);
  });

  it('of damaged graphs, names what the reader would open, or refuses with a code', async () => {
    const folder = folderWith('damaged', encoderWith('weights.dat'));
    const whole = readFileSync(join(folder, 'model.onnx'));
    let read = 0;
    for (let round = 0; round < 400; round++) {
      writeFileSync(join(folder, 'model.onnx'), mutatedBytes(whole, new RandomStream(keyOf(5, round))));
      const [ours, theirs] = await Promise.all(
        [externalFilesOf(join(folder, 'model.onnx')), readOnnxFile(join(folder, 'model.onnx'))].map((work) =>
          work.catch((error: unknown) => error),
        ),
      );
      if (ours instanceof Error) assert.ok(ours instanceof MedTextError && ours.code !== 'INTERNAL', ours.stack);
      if (theirs instanceof Error) continue;
      read++;
      const { files } = theirs as { files: readonly string[] };
      for (const file of files.slice(1)) assert.ok((ours as readonly string[]).includes(file), `round ${round}: ${String(ours)}`); // prettier-ignore
    }
    assert.ok(read > 20, `${read}`);
  });
});
